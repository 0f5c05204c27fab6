package gateway

import (
	"slices"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/wire"
)

func TestScaleIsForWhoHasControl(t *testing.T) {
	t.Parallel()
	s, st := attached(t)
	join := func(control bool) (*viewer, *[]wire.Message) {
		v, told := newViewer(wire.Resize{}, newRoad(time.Now())), &[]wire.Message{}
		v.control = control
		v.send = func(b []byte) error {
			if m, err := wire.Decode(b); err == nil && m.Type() == wire.TypeScaled {
				*told = append(*told, m)
			}
			return nil
		}
		s.join(v)
		s.talks(v, v.road)
		return v, told
	}
	artist, early := join(true)
	s.draws(st, wire.Scaled{Percent: 150})
	guest, late := join(false)
	for name, told := range map[string][]wire.Message{"who was there": *early, "who came later": *late} {
		if want := []wire.Message{wire.Scaled{Percent: 150}}; !slices.Equal(told, want) {
			t.Errorf("%s was told %v, want %v", name, told, want)
		}
	}
	s.input(guest, wire.Scale{Percent: 50})
	s.input(artist, wire.Scale{Percent: 200})
	var asked []wire.Message
	for len(st.out) > 0 {
		if m := <-st.out; m.Type() == wire.TypeScale {
			asked = append(asked, m)
		}
	}
	if want := []wire.Message{wire.Scale{Percent: 200}}; !slices.Equal(asked, want) {
		t.Errorf("the streamer was asked for %v, want %v", asked, want)
	}
}
