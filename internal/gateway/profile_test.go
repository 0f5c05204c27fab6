package gateway

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pion/webrtc/v4"

	"github.com/backlot/backlot/internal/wire"
)

// A key frame of the main profile, as far as that is looked at.
var keyMain = []byte{0, 0, 0, 1, 0x67, 77, 0, 31, 0, 0, 1, 0x65, 1}

func TestMainNeedsAllWhoWatch(t *testing.T) {
	t.Parallel()
	s, st := attached(t)
	expect := func(what string, want ...bool) {
		t.Helper()
		var got []bool
		for len(st.out) > 0 {
			if m, ok := (<-st.out).(wire.Main); ok {
				got = append(got, m.On)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: main allowed (-want +got):\n%s", what, diff)
		}
	}
	join := func(socket bool, agreed map[profile]uint8) *viewer {
		v := newViewer(wire.Resize{}, newRoad(time.Now()))
		v.agreed, v.socket = agreed, socket
		v.send = func([]byte) error { return nil }
		s.join(v)
		s.watches(v, v.road)
		return v
	}
	expect("nobody watches")
	join(false, map[profile]uint8{profileBaseline: 102, profileMain: 104})
	join(true, nil)
	expect("both play main", true)
	plain := join(false, map[profile]uint8{profileBaseline: 102})
	expect("one comes who does not", false)
	s.video(st, wire.Video{Key: true, Width: 640, Height: 360, Data: keyMain}) // that was on its way
	s.video(st, wire.Video{Key: true, Width: 640, Height: 360, Data: keyBaseline})
	if f := <-plain.frames; f.profile != profileBaseline {
		t.Errorf("who does not play main gets profile %d", f.profile)
	}
	s.part(plain)
	expect("that one leaves", true)
	s.attach(&streamer{conn: st.conn, out: st.out})
	expect("another streamer comes", true)
}

func TestPayloadTypes(t *testing.T) {
	t.Parallel()
	codec := func(mime, profile string, payloadType webrtc.PayloadType) webrtc.RTPCodecParameters {
		return webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: mime, SDPFmtpLine: "packetization-mode=1;profile-level-id=" + profile},
			PayloadType:        payloadType,
		}
	}
	const h264 = webrtc.MimeTypeH264
	for _, c := range []struct {
		name   string
		codecs []webrtc.RTPCodecParameters
		want   map[profile]uint8
	}{
		{"Chromium", []webrtc.RTPCodecParameters{
			codec(webrtc.MimeTypeVP8, "", 96), codec(h264, "42001f", 97), codec(h264, "42e01f", 98), codec(h264, "4d001f", 99), codec(h264, "f4001f", 100),
		}, map[profile]uint8{profileBaseline: 97, profileMain: 99, profileFullColour: 100}},
		{"of another level", []webrtc.RTPCodecParameters{codec(h264, "42e034", 98), codec(h264, "4d0028", 99)}, map[profile]uint8{profileBaseline: 98, profileMain: 99}},
		{"nothing but main", []webrtc.RTPCodecParameters{codec(h264, "4d001f", 99)}, map[profile]uint8{profileBaseline: 99, profileMain: 99}},
		{"no H.264", []webrtc.RTPCodecParameters{codec(webrtc.MimeTypeOpus, "", 111)}, map[profile]uint8{profileBaseline: 0}},
	} {
		if diff := cmp.Diff(c.want, payloadTypes(c.codecs)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}
