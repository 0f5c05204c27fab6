package gateway

import (
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/wire"
)

// attached is the first screen of a session whose streamer is told by hand.
func attached(t *testing.T) (*screen, *streamer) {
	t.Helper()
	near, far := net.Pipe()
	t.Cleanup(func() {
		_ = near.Close()
		_ = far.Close()
	})
	st := &streamer{conn: near, out: make(chan wire.Message, queuedMessages)}
	s := newSession().screens[0]
	s.attach(st)
	return s, st
}

// monitors is a session whose streamer, told by hand, has several.
type monitors struct {
	*session
	t  *testing.T
	st *streamer
}

func newMonitors(t *testing.T) *monitors {
	t.Helper()
	s, st := attached(t)
	m := &monitors{s.session, t, st}
	m.screens[0].desktop(m.st, wire.Ready{Width: 1280, Height: 720})
	m.plugged(m.st, wire.Monitors{There: 1})
	return m
}

// page is one of a person's that shows a monitor.
func (m *monitors) page(monitor int, user string, control bool) *viewer {
	v := newViewer(wire.Resize{Width: 800, Height: 600}, newRoad(time.Now()))
	v.control = control
	v.grant = Grant{UserID: user, Control: control, Guest: !control}
	v.send = func([]byte) error { return nil }
	s := m.screens[monitor-1]
	s.join(v)
	s.watches(v, v.road)
	s.talks(v, v.road)
	return v
}

// told is what the streamer has been told since, but for rates.
func (m *monitors) told() (got []wire.Message) {
	for len(m.st.out) > 0 {
		told := <-m.st.out
		of := told
		if inner, ok := told.(wire.Monitor); ok {
			of = inner.Message
		}
		switch of.(type) {
		case wire.Rate, wire.KeyFrame, wire.Ping:
		default:
			got = append(got, told)
		}
	}
	return got
}

func (m *monitors) expect(what string, want ...wire.Message) {
	m.t.Helper()
	got := m.told()
	if diff := cmp.Diff(want, got); diff != "" {
		m.t.Errorf("%s: the streamer is told (-want +got):\n%s", what, diff)
	}
}

func second(m wire.Message) wire.Message { return wire.Monitor{Number: 2, Message: m} }

func (v *viewer) ended() error {
	select {
	case <-v.done:
		return v.why
	default:
		return nil
	}
}

func shows(v *viewer) bool {
	select {
	case there := <-v.shown:
		return there
	default:
		return false
	}
}

func TestMonitorLastsAsLongAsItsWindow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMonitors(t)
		m.page(1, "ada", true)
		m.expect("the first window", wire.Resize{Width: 800, Height: 600}, wire.Watch{On: true})
		early := m.page(2, "zoe", false)
		if err := early.ended(); !errors.Is(err, byeClosed) {
			t.Errorf("who watches a monitor that is not there: %v, want %v", err, byeClosed)
		}
		m.screens[1].part(early)
		m.expect("one who only watches", second(wire.Watch{On: true}), second(wire.Watch{}))

		v := m.page(2, "ada", true)
		m.expect("a second window", second(wire.Resize{Width: 800, Height: 600}), second(wire.Watch{On: true}))
		if shows(v) {
			t.Error("it shows something before there is anything")
		}
		m.plugged(m.st, wire.Monitors{There: 3})
		m.expect("the streamer has it, of whom it is asked again", second(wire.Resize{Width: 800, Height: 600}), second(wire.Watch{On: true}))
		if err := m.screens[1].take(m.st, wire.Screen{Width: 800, Height: 600}); err != nil {
			t.Fatal(err)
		}
		guest := m.page(2, "zoe", false)
		if !shows(v) || !shows(guest) {
			t.Error("it does not show the second monitor")
		}
		m.expect("a guest comes", second(wire.Resize{Width: 800, Height: 600}))
		for _, in := range []wire.Message{wire.Pointer{X: 3, Y: 4}, wire.Key{Code: 30, Down: true}} {
			m.screens[1].input(v, in)
			m.screens[1].input(guest, in)
		}
		m.expect("pointer and key", second(wire.Pointer{X: 3, Y: 4}), wire.Key{Code: 30, Down: true})

		// Loaded again, it is the same.
		v.left.Store(true)
		m.screens[1].part(v)
		m.expect("it is closed", wire.Key{Code: 30})
		time.Sleep(closedFor - time.Millisecond)
		v = m.page(2, "ada", true)
		time.Sleep(time.Minute)
		m.expect("and is back", second(wire.Resize{Width: 800, Height: 600}))

		// A connection that is lost has more time.
		m.screens[1].part(v)
		time.Sleep(lostFor - time.Millisecond)
		synctest.Wait()
		m.expect("it is lost")
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		m.expect("for long", second(wire.Unplug{}))
		if guest.ended() != nil {
			t.Error("a guest is sent away before the monitor is gone")
		}
		m.plugged(m.st, wire.Monitors{There: 1})
		if err := guest.ended(); !errors.Is(err, byeClosed) {
			t.Errorf("the guest's window ends with %v, want %v", err, byeClosed)
		}
	})
}

// TestMonitorsOfAnotherStreamer: one that has crashed left its monitors behind.
func TestMonitorsOfAnotherStreamer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMonitors(t)
		v := m.page(2, "ada", true)
		m.expect("a second window", second(wire.Resize{Width: 800, Height: 600}), second(wire.Watch{On: true}))
		m.attach(&streamer{conn: m.st.conn, out: m.st.out})
		m.st = m.streamer
		m.expect("another streamer", second(wire.Resize{Width: 800, Height: 600}), second(wire.Watch{On: true}))
		m.plugged(m.st, wire.Monitors{There: 7})
		time.Sleep(time.Minute)
		synctest.Wait()
		m.expect("a third that nobody needs", second(wire.Resize{Width: 800, Height: 600}), second(wire.Watch{On: true}), wire.Monitor{Number: 3, Message: wire.Unplug{}})
		if v.ended() != nil {
			t.Errorf("the window ends: %v", v.ended())
		}

		// Whoever loses control has no monitor any more.
		m.plugged(m.st, wire.Monitors{There: 3})
		m.mu.Lock()
		m.disarm(v)
		m.keep()
		m.mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		m.expect("control is taken", second(wire.Unplug{}))
	})
}

// TestKeysGoOverToAnotherWindow: what is pressed in the one to which the keyboard went is
// not lifted by the one that it left, whose word may come later.
func TestKeysGoOverToAnotherWindow(t *testing.T) {
	t.Parallel()
	m := newMonitors(t)
	one, two := m.page(1, "ada", true), m.page(2, "ada", true)
	m.expect("two windows", wire.Resize{Width: 800, Height: 600}, wire.Watch{On: true}, second(wire.Resize{Width: 800, Height: 600}), second(wire.Watch{On: true}))
	shift, a := wire.Key{Code: 42, Down: true}, wire.Key{Code: 30, Down: true}
	m.screens[0].input(one, shift)
	m.screens[0].input(one, a)
	m.screens[1].input(two, shift)
	m.expect("pressed in both", shift, a, shift)
	m.screens[0].input(one, wire.ReleaseAll{})
	m.expect("the first loses the keyboard", wire.Key{Code: 30})
	m.screens[1].input(two, wire.ReleaseAll{})
	m.expect("and the second", wire.Key{Code: 42})
}
