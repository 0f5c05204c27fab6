package gateway

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/wire"
)

// TestSilentPageRepeatsNoKeys: a key that is down when the way to the page breaks does not
// go on repeating; what was begun with the mouse may go on.
func TestSilentPageRepeatsNoKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMonitors(t)
		v := m.page(1, "ada", true)
		m.told()
		s := m.screens[0]
		beat := func(times int) {
			t.Helper()
			for range times {
				time.Sleep(700 * time.Millisecond)
				s.input(v, wire.Echo{})
			}
			synctest.Wait()
		}
		shift, del, button := wire.Key{Code: 42, Keysym: 0xffe1, Down: true}, wire.Key{Code: 111, Keysym: 0xffff, Down: true}, wire.Button{Button: 1, Down: true}
		accent := wire.Key{Keysym: 0xe9, Down: true}
		for _, in := range []wire.Message{shift, del, accent, button} {
			s.input(v, in)
		}
		beat(10)
		m.expect("keys that are held", shift, del, accent, button)
		time.Sleep(silentFor)
		synctest.Wait()
		del.Down, accent.Down = false, false
		got := m.told()
		if len(got) != 2 || got[0] != wire.Message(del) && got[1] != wire.Message(del) || got[0] != wire.Message(accent) && got[1] != wire.Message(accent) {
			t.Errorf("a page that is silent: %v, want the keys lifted, but for Shift", got)
		}

		// It speaks again, and the same goes for what is pressed from then on.
		beat(3)
		m.expect("nothing is lifted twice")
		del.Down = true
		s.input(v, del)
		beat(3)
		m.expect("a key again", del)
		time.Sleep(silentFor)
		synctest.Wait()
		del.Down = false
		m.expect("silence again", del)
		s.part(v)
		shift.Down, button.Down = false, false
		if got := m.told(); len(got) < 2 {
			t.Errorf("left: %v, want Shift and the button lifted", got)
		}
	})
}

// TestControlStays: what was given or taken holds in windows that are opened later.
func TestControlStays(t *testing.T) {
	t.Parallel()
	for _, linked := range []bool{false, true} {
		m := newMonitors(t)
		owner := m.page(1, "ada", true)
		owner.grant.Share = true
		guest := func() *viewer { return m.page(1, "zoe", linked) }
		first := guest()
		wish := wire.WishGive
		if linked {
			wish = wire.WishTake
		}
		m.screens[0].input(owner, wire.Ask{Wish: wish, Person: m.numbers["zoe"]})
		if first.control == linked {
			t.Fatalf("control %v after wish %v", first.control, wish)
		}
		m.screens[0].part(first)
		again := guest()
		if m.screens[0].admitted(again, again.grant); again.control == linked {
			t.Errorf("opened again: control %v, as the link says, want what the owner said", again.control)
		}
		if other := m.page(1, "eve", linked); other.control != linked {
			t.Errorf("somebody else: control %v, want %v", other.control, linked)
		}

		// What the link gives anew holds for who is there, and who is not.
		grant := again.grant
		grant.Control = !linked
		if m.screens[0].admitted(again, grant); again.control == linked {
			t.Errorf("after the link changed: control %v", again.control)
		}
		m.screens[0].part(again)
		m.given["zoe"] = !linked
		m.forgetAbsent()
		if later := guest(); later.control != linked {
			t.Errorf("after the owner shared anew: control %v, want the link's", later.control)
		}
	}
}

// TestVisitorTakesTheScreenAsItIs: an administrator's window does not size the artist's desktop.
func TestVisitorTakesTheScreenAsItIs(t *testing.T) {
	t.Parallel()
	m := newMonitors(t)
	s := m.screens[0]
	visitor := newViewer(wire.Resize{Width: 400, Height: 300}, newRoad(time.Now()))
	visitor.grant, visitor.control = Grant{UserID: "root", Control: true, Visitor: true}, true
	visitor.send = func([]byte) error { return nil }
	m.told()
	s.join(visitor)
	s.input(visitor, wire.Resize{Width: 500, Height: 400})
	s.input(visitor, wire.Key{Code: 30, Down: true})
	m.expect("a visitor who types", wire.Key{Code: 30, Down: true})
	m.page(1, "ada", true)
	s.input(visitor, wire.Key{Code: 31, Down: true})
	m.expect("the owner's window, and the visitor's keys", wire.Resize{Width: 800, Height: 600}, wire.Watch{On: true}, wire.Key{Code: 31, Down: true})
}

// TestLooksWhileAway: the owner is told once of each administrator who has looked meanwhile.
func TestLooksWhileAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMonitors(t)
		s := m.screens[0]
		join := func(userID string, visitor bool) (*viewer, *[]wire.Looked) {
			v, told := newViewer(wire.Resize{}, newRoad(time.Now())), new([]wire.Looked)
			v.grant = Grant{UserID: userID, Name: "name of " + userID, Visitor: visitor}
			v.send = func(b []byte) error {
				if m, err := wire.Decode(b); err == nil {
					if l, ok := m.(wire.Looked); ok {
						*told = append(*told, l)
					}
				}
				return nil
			}
			s.join(v)
			s.talks(v, v.road)
			return v, told
		}
		root, told := join("root", true)
		time.Sleep(time.Minute)
		s.part(root)
		time.Sleep(10 * time.Minute)
		zoe, _ := join("zoe", true)
		time.Sleep(time.Second)
		if len(*told) > 0 {
			t.Errorf("a visitor is told of visitors: %v", *told)
		}
		ada, told := join("ada", false)
		want := []wire.Looked{{SecondsAgo: 601, Name: "name of root"}, {Name: "name of zoe"}}
		if diff := cmp.Diff(want, *told); diff != "" {
			t.Errorf("the owner comes back (-want +told):\n%s", diff)
		}
		s.part(zoe) // whom the owner has seen in the page
		s.part(ada)
		if _, told = join("ada", false); len(*told) > 0 {
			t.Errorf("told again: %v", *told)
		}
	})
}

// TestNarrowWatcher: who only watches, by a narrow way, costs those at work little.
func TestNarrowWatcher(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMonitors(t)
		s := m.screens[0]
		rate := func() (bits int) {
			for len(m.st.out) > 0 {
				if r, ok := (<-m.st.out).(wire.Rate); ok {
					bits = int(r.BitsPerSecond)
				}
			}
			return bits
		}
		narrow := func(v *viewer) {
			v.way.rate = 400_000
			s.delivered(v.road, nil)
		}
		watcher := m.page(1, "zoe", false)
		rate()
		if narrow(watcher); rate() != 400_000 {
			t.Error("who watches alone does not have a rate of its own")
		}
		artist := m.page(1, "ada", true)
		if got := rate(); got != fairRate {
			t.Errorf("with somebody at work the rate is %d, want %d", got, fairRate)
		}

		// What it lost it has back now and then.
		keys := func() (n int) {
			synctest.Wait()
			for len(m.st.out) > 0 {
				if _, ok := (<-m.st.out).(wire.KeyFrame); ok {
					n++
					s.keys.came()
				}
			}
			return n
		}
		loses := func(v *viewer, is bool) {
			m.mu.Lock()
			defer m.mu.Unlock()
			v.needKey = is
		}
		keys()
		for range 20 {
			time.Sleep(time.Second / 2)
			loses(watcher, true)
			s.room(watcher.road, false, 0)
		}
		if n := keys(); n < 4 || n > 6 {
			t.Errorf("%d key frames in 10 s, want one in 2 s", n)
		}
		// A wide way has it at once.
		loses(watcher, false)
		time.Sleep(catchUpEvery)
		keys()
		atOnce := func(what string) {
			t.Helper()
			for range 4 {
				time.Sleep(time.Second)
				loses(artist, true)
				s.room(artist.road, false, 0)
				if n := keys(); n != 1 {
					t.Errorf("%s: asked %d times for a key frame, want once", what, n)
				}
			}
		}
		atOnce("a wide way")
		if narrow(artist); rate() != 400_000 {
			t.Error("who works does not have a rate of its own")
		}
		// Also when its way carries a little less than the streamer was told.
		artist.way.rate = 390_000
		s.delivered(artist.road, nil)
		atOnce("its own rate")
	})
}
