package gateway

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/wire"
)

func TestWhoLeadsChoosesWhatIsKept(t *testing.T) {
	t.Parallel()
	s, st := attached(t)
	expect := func(what string, want ...wire.Message) {
		t.Helper()
		var got []wire.Message
		for len(st.out) > 0 {
			switch m := (<-st.out).(type) {
			case wire.Keep, wire.Rate:
				got = append(got, m)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	join := func(control bool) *viewer {
		v := newViewer(wire.Resize{}, newRoad(time.Now()))
		v.control = control
		v.send = func([]byte) error { return nil }
		s.join(v)
		s.watches(v, v.road)
		s.talks(v, v.road)
		return v
	}
	rate := func(bits uint32) wire.Rate { return wire.Rate{BitsPerSecond: bits, FramesPerSecond: 60} }

	artist := join(true)
	expect("the artist comes", rate(initialRate))
	s.input(artist, wire.Prefer{Keep: wire.KeepFrames, MostBitsPerSecond: 5_000_000})
	expect("the artist chooses", wire.Keep{What: wire.KeepFrames}, rate(5_000_000))
	s.input(artist, wire.Prefer{Keep: wire.KeepFrames, MostBitsPerSecond: 5_000_000})
	expect("the artist says it again")
	guest := join(false)
	s.input(guest, wire.Prefer{Keep: wire.KeepPixels})
	expect("somebody without control chooses")

	s.attach(&streamer{conn: st.conn, out: st.out})
	expect("another streamer comes", rate(initialRate), wire.Keep{What: wire.KeepFrames}, rate(5_000_000))
	s.input(artist, wire.Prefer{MostBitsPerSecond: 1_200_000})
	expect("the artist chooses anew", wire.Keep{}, wire.Rate{BitsPerSecond: 1_200_000, FramesPerSecond: 30})
	s.part(artist)
	expect("the artist leaves", rate(initialRate))
}

func TestLimitHoldsForExactPixels(t *testing.T) {
	t.Parallel()
	s, v := newSession().screens[0], newViewer(wire.Resize{}, newRoad(time.Now()))
	if got := s.pause(v, 1000); got != 0 {
		t.Errorf("without a limit: %v", got)
	}
	s.preferred.MostBitsPerSecond = 8_000_000
	for perSec, want := range map[int]time.Duration{0: time.Millisecond, 6_000_000: 4 * time.Millisecond, 9_000_000: 8 * time.Millisecond} {
		v.way.perSec = perSec
		if got := s.pause(v, 1000); got != want {
			t.Errorf("beside video of %d bits a second: %v, want %v", perSec, got, want)
		}
	}
}
