package gateway

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/wire"
)

// Key frames of constrained baseline and of High 4:4:4 Predictive, as far as that is looked at.
var (
	keyBaseline   = []byte{0, 0, 0, 1, 0x67, 66, 0xc0, 31, 0, 0, 1, 0x65, 1}
	keyFullColour = []byte{0, 0, 0, 1, 0x67, 244, 0, 31, 0, 0, 1, 0x65, 1}
)

func TestFullColourNeedsAllWhoWatch(t *testing.T) {
	t.Parallel()
	s, st := attached(t)
	formats := func() (all []bool) {
		for len(st.out) > 0 {
			if f, ok := (<-st.out).(wire.Format); ok {
				all = append(all, f.FullColour)
			}
		}
		return all
	}
	join := func(able, control bool) (v *viewer, told *wire.Message) {
		v, told = newViewer(wire.Resize{}, newRoad(time.Now())), new(wire.Message)
		v.control = control
		if able {
			v.agreed = map[profile]uint8{profileFullColour: 1}
		}
		v.send = func(b []byte) error {
			if m, err := wire.Decode(b); err == nil && m.Type() == wire.TypeColours {
				*told = m
			}
			return nil
		}
		s.join(v)
		s.watches(v, v.road)
		s.talks(v, v.road)
		return v, told
	}
	expect := func(what string, want ...bool) {
		t.Helper()
		if diff := cmp.Diff(want, formats()); diff != "" {
			t.Errorf("%s: asked for formats (-want +got):\n%s", what, diff)
		}
	}
	show := func(data []byte) {
		s.video(st, wire.Video{Key: true, Width: 640, Height: 360, Data: data})
	}

	artist, told := join(true, true)
	s.input(artist, wire.Colour{Full: true})
	expect("the artist wants full colour", true)
	if *told != (wire.Colours{Possible: true}) {
		t.Errorf("told %v before there is any", *told)
	}
	show(keyFullColour)
	if f := <-artist.frames; f.profile != profileFullColour || *told != (wire.Colours{Full: true, Possible: true}) {
		t.Errorf("a frame of profile %d, told %v", f.profile, *told)
	}

	guest, _ := join(false, false)
	expect("a guest comes who cannot show it", false)
	show(keyFullColour) // that was on its way
	show(keyBaseline)
	if f := <-guest.frames; f.profile != profileBaseline {
		t.Error("who cannot show full colour gets it")
	}
	if *told != (wire.Colours{}) {
		t.Errorf("told %v while it is not possible", *told)
	}
	s.part(guest)
	expect("the guest leaves", true)

	s.attach(&streamer{conn: st.conn, out: st.out})
	expect("another streamer comes", true)
	s.input(artist, wire.Colour{})
	expect("the artist wants it no more", false)
	other, _ := join(true, false)
	s.input(other, wire.Colour{Full: true})
	expect("somebody without control wants it")
}
