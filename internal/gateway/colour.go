package gateway

import (
	"bytes"
	"strings"

	"github.com/pion/webrtc/v4"

	"github.com/backlot/backlot/internal/wire"
)

// Profiles of H.264 as SDP names them, of level 3.1: players do not go by levels.
const (
	profileBaseline   = "42e01f" // constrained baseline: half the colour each way
	profileFullColour = "f4001f" // High 4:4:4 Predictive
)

func h264(profile string, payloadType webrtc.PayloadType, feedback []webrtc.RTCPFeedback) webrtc.RTPCodecParameters {
	return webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType:     webrtc.MimeTypeH264,
			ClockRate:    90000,
			SDPFmtpLine:  "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=" + profile,
			RTCPFeedback: feedback,
		},
		PayloadType: payloadType,
	}
}

// fullColour says whether a codec is High 4:4:4 Predictive.
func fullColour(c webrtc.RTPCodecParameters) bool {
	return strings.Contains(c.SDPFmtpLine, "profile-level-id="+profileFullColour[:4])
}

// inFullColour says whether a key frame in Annex B form is: its SPS tells the
// profile (ITU-T H.264 section 7.3.2.1.1).
func inFullColour(annexB []byte) bool {
	const sps, high444 = 7, 244
	for unit := range units(annexB) {
		if unit[0]&0x1f == sps {
			return len(unit) > 1 && unit[1] == high444
		}
	}
	return false
}

// colours is what of a session's picture has to do with full colour.
type colours struct {
	asked bool   // the streamer for it
	shown bool   // the frames since the last key frame are in it
	told  []byte // what the viewers know
}

// wantsColour takes what a page says of full colour.
func (s *screen) wantsColour(v *viewer, m wire.Colour) {
	v.wantsColour, v.decodesColour = m.Full, m.Decodes
	s.chooseColour()
}

// chooseColour asks for full colour if who leads wants it and everybody who watches
// can show it, and says to all what there is.
func (s *screen) chooseColour() {
	possible := true
	for _, v := range s.viewers {
		possible = possible && (!v.watches || v.showsColour())
	}
	leader := s.leader()
	if full := possible && leader != nil && leader.wantsColour; full != s.colours.asked {
		s.colours.asked = full
		s.tell(wire.Format{FullColour: full})
	}
	now := wire.Append(nil, wire.Colours{Full: s.colours.shown, Possible: possible})
	if !bytes.Equal(now, s.colours.told) {
		s.colours.told = now
		s.broadcast(now)
	}
}

// showsColour says whether v can show full colour by the road that it uses.
func (v *viewer) showsColour() bool {
	if v.socket {
		return v.decodesColour
	}
	return v.fullColour
}
