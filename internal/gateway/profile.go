package gateway

import (
	"bytes"
	"strings"

	"github.com/pion/webrtc/v4"

	"github.com/backlot/backlot/internal/wire"
)

// profile is one of H.264, by its number (ITU-T H.264 section A.2).
type profile byte

const (
	profileBaseline   profile = 66  // constrained baseline: half the colour each way
	profileMain       profile = 77  // the same in fewer bits, which take longer to read
	profileFullColour profile = 244 // High 4:4:4 Predictive
)

// profiles are those that are played, as SDP names them, with the payload types they are
// offered by. They are of level 3.1: players do not go by levels.
var profiles = map[profile]struct {
	id          string
	payloadType webrtc.PayloadType
}{
	profileBaseline:   {"42e01f", 102},
	profileFullColour: {"f4001f", 103},
	profileMain:       {"4d001f", 104},
}

// codec is what is offered of the profile.
func (p profile) codec(feedback []webrtc.RTCPFeedback) webrtc.RTPCodecParameters {
	return webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType:     webrtc.MimeTypeH264,
			ClockRate:    90000,
			SDPFmtpLine:  "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=" + profiles[p].id,
			RTCPFeedback: feedback,
		},
		PayloadType: profiles[p].payloadType,
	}
}

// payloadTypes are the payload types that were agreed on.
func payloadTypes(codecs []webrtc.RTPCodecParameters) map[profile]uint8 {
	agreed := map[profile]uint8{}
	for _, codec := range codecs {
		if codec.MimeType != webrtc.MimeTypeH264 {
			continue
		}
		is := profileBaseline
		for p, named := range profiles {
			if strings.Contains(strings.ToLower(codec.SDPFmtpLine), "profile-level-id="+named.id[:4]) {
				is = p
			}
		}
		if agreed[is] == 0 {
			agreed[is] = uint8(codec.PayloadType)
		}
	}
	if agreed[profileBaseline] == 0 { // whoever plays main plays that
		agreed[profileBaseline] = agreed[profileMain]
	}
	return agreed
}

// profileOf is the profile of a key frame in Annex B form: its SPS tells it
// (ITU-T H.264 section 7.3.2.1.1). What is not known counts as what every player takes.
func profileOf(annexB []byte) profile {
	const sps = 7
	for unit := range units(annexB) {
		if unit[0]&0x1f != sps || len(unit) < 2 {
			continue
		}
		if _, known := profiles[profile(unit[1])]; known {
			return profile(unit[1])
		}
	}
	return profileBaseline
}

// plays says whether v can show a profile by the road that it uses. Where frames come as
// messages, all but full colour: whoever decodes one of the others decodes both.
func (v *viewer) plays(p profile) bool {
	switch {
	case p == profileBaseline:
		return true
	case v.socket:
		return p == profileMain || v.decodesColour
	}
	return v.agreed[p] != 0
}

// everybodyPlays says whether all who watch can show a profile.
func (s *screen) everybodyPlays(p profile) bool {
	for _, v := range s.viewers {
		if v.watches && !v.plays(p) {
			return false
		}
	}
	return true
}

// chooseProfile allows for main if everybody who watches plays it, and asks for full colour if
// who leads wants it and everybody plays that. It says to all what there is.
func (s *screen) chooseProfile() {
	if main := s.everybodyPlays(profileMain); main != s.main && s.watched() {
		s.main = main
		s.tell(wire.Main{On: main})
	}
	possible := s.everybodyPlays(profileFullColour)
	leader := s.leader()
	if full := possible && leader != nil && leader.wantsColour; full != s.colours.asked {
		s.colours.asked = full
		s.tell(wire.Format{FullColour: full})
	}
	now := wire.Append(nil, wire.Colours{Full: s.profile == profileFullColour, Possible: possible})
	if !bytes.Equal(now, s.colours.told) {
		s.colours.told = now
		s.broadcast(now)
	}
}
