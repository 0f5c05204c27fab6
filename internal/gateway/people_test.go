package gateway_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/backlot/backlot/internal/gateway"
	"github.com/backlot/backlot/internal/wire"
)

// guestURL is where a guest's stream is, whose ticket opens what the owner shares.
func (s *server) guestURL() string {
	return gateway.StreamURL(s.public, guestStream, ticket, sessionKey)
}

// types presses and releases a key in the page.
func (w *window) types(key string) {
	w.t.Helper()
	w.do(chromedp.KeyEvent(key))
}

// TestSharing is a desktop with its owner and a guest: what each sees of the other,
// and that a guest's hands reach it only while the owner lets them.
func TestSharing(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	d := s.newDesktop()
	owner := newWindow(t, 1280, 800, "", webrtcFlags...)
	owner.do(chromedp.Navigate(s.url()))
	owner.await("live")
	owner.eval(`document.querySelector("#others").click(); return 0`, new(int))
	owner.holds(`document.querySelector("#people li").textContent === "Ada (you): has control"`)
	owner.eval(`document.querySelector('[data-place="share"] button').click(); return 0`, new(int))
	owner.holds(`document.querySelector("#link").value === "https://studio.example/share/a-link"`)

	guest := newWindow(t, 800, 600, "", webrtcFlags...)
	guest.do(chromedp.Navigate(s.guestURL()))
	guest.await("live")
	guest.holds(`document.querySelector("#mark").textContent === "You are watching: Ada has control"`)
	guest.holds(`document.querySelector("#settings").textContent && document.querySelector('[data-place="session"] button').hidden`)
	owner.holds(`[...document.querySelectorAll("#people li span")].map((e) => e.textContent).join() === "Ada (you): has control,Zoé: watches"`)
	owner.holds(`document.querySelector("#mark").textContent === "Zoé is watching"`)
	owner.shot("sharing-owner")
	guest.shot("sharing-guest")

	// raw is what a page would send that minds no rights.
	pressed := wire.Key{Code: 31, Keysym: 's', Down: true}
	lifted := wire.Key{Code: 31, Keysym: 's'}
	marked := func(code uint16) { // what comes before it is through
		t.Helper()
		p := s.newPage(ask{Ticket: ticket})
		defer p.close()
		p.send(t, wire.Key{Code: code, Down: true})
		p.send(t, wire.Key{Code: code})
		for {
			switch m := (<-d.heard).(type) {
			case wire.Key:
				if m == (wire.Key{Code: code}) {
					return
				}
				if m.Code != code {
					t.Fatalf("the desktop got %v from who watches", m)
				}
			case wire.Pointer, wire.Button, wire.Wheel, wire.Motion, wire.Microphone:
				t.Fatalf("the desktop got %v from who watches", m)
			case wire.Resize:
				if m.Width == 800 {
					t.Fatalf("a guest's window sized the screen: %v", m)
				}
			}
		}
	}
	rude := s.newPage(ask{Stream: guestStream, Ticket: ticket, Width: 800, Height: 600})
	for _, m := range []wire.Message{
		pressed,
		lifted,
		wire.Pointer{X: 1, Y: 1},
		wire.Button{Button: 1, Down: true},
		wire.Wheel{DY: 120},
		wire.Resize{Width: 800, Height: 600},
		wire.Microphone{Data: []byte{1}},
		wire.Motion{DX: 1},
	} {
		rude.send(t, m)
	}
	// And what it may not ask for.
	for _, wish := range []wire.Wish{wire.WishStop, wire.WishHelped, wire.WishPrivate, wire.WishControl, wire.WishGive, wire.WishTake} {
		rude.send(t, wire.Ask{Wish: wish, Person: 1})
	}
	guest.types("s")
	marked(2)
	rude.close()

	// Given control, the guest types.
	owner.eval(`document.querySelector("#people li button").click(); return 0`, new(int))
	guest.holds(`document.querySelector("#mark").textContent === "Ada has control too"`)
	owner.holds(`!document.querySelector("#back").hidden`)
	guest.types("s")
	d.expectMessage(t, pressed)
	d.expectMessage(t, lifted)

	// Taken back by keys, it does not, and nothing that it holds stays down.
	guest.eval(`dispatchEvent(new KeyboardEvent("keydown", { code: "KeyS", key: "s" })); return 0`, new(int))
	d.expectMessage(t, pressed)
	owner.eval(`document.activeElement.blur(); return 0`, new(int))
	began := time.Now()
	owner.shortcut("T")
	d.expectMessage(t, lifted)
	if took := time.Since(began); took > time.Second {
		t.Errorf("control was back after %v", took)
	}
	guest.holds(`document.querySelector("#mark").textContent.startsWith("You are watching")`)
	guest.types("s")
	marked(3)

	// Sharing ends: the guest is told, and out.
	owner.eval(`[...document.querySelectorAll('[data-place="share"] button')].at(-1).click(); return 0`, new(int))
	guest.await("unshared")
	owner.holds(`document.querySelectorAll("#people li").length === 1 && document.querySelector("#mark").hidden`)
}

// TestShareOutsideOfThePage: what the domain says anew holds for who is there.
func TestShareEndsElsewhere(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	s.newDesktop()
	s.studio.set(func() { s.studio.sharing = gateway.SharedToWatch })
	guest := newWindow(t, 800, 600, "", webrtcFlags...)
	guest.do(chromedp.Navigate(s.guestURL()))
	guest.await("live")
	s.studio.set(func() { s.studio.sharing = gateway.SharedToControl })
	guest.holds(`document.querySelector("#mark").hidden`) // nobody else is there
	s.studio.set(func() { s.studio.sharing = gateway.NotShared })
	guest.await("unshared")
}

func TestVisitorIsShown(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	s.newDesktop()
	s.newPage(ask{Stream: visitorStream, Ticket: ticket}).close()
	owner := newWindow(t, 1280, 800, "", webrtcFlags...)
	owner.do(chromedp.Navigate(s.url()))
	owner.await("live")
	owner.holds(`document.querySelector(".toasts p")?.textContent === "While you were away Root, an administrator, looked at this desktop: just now."`)
	owner.shot("visitor-was-here")
	visitor := s.newPage(ask{Stream: visitorStream, Ticket: ticket})
	owner.holds(`document.querySelector("#mark").textContent === "Root, an administrator, has control too"`)
	visitor.close()
	owner.holds(`document.querySelector("#mark").hidden`)
}

// TestTimeLeft: a page counts down, warns, and hears of another time.
func TestTimeLeft(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	s.newDesktop()
	s.studio.set(func() { s.studio.ends = time.Now().Add(2 * time.Hour) })
	w := newWindow(t, 1280, 800, "", webrtcFlags...)
	w.do(chromedp.Navigate(s.url()))
	w.await("live")
	w.holds(`document.querySelector("#left").hidden`)
	for _, minutes := range []int{40, 14, 4} {
		s.studio.set(func() { s.studio.ends = time.Now().Add(time.Duration(minutes)*time.Minute - time.Second) })
		w.holds(fmt.Sprintf(`document.querySelector("#left").textContent === "%d min left"`, minutes))
		warned := fmt.Sprintf(`document.querySelector(".toasts").textContent.includes("stops by itself in %d minutes")`, minutes)
		if minutes == 40 {
			warned = `!document.querySelector(".toasts").textContent.includes("by itself")`
		}
		w.holds(warned)
	}
	s.studio.set(func() { s.studio.ends = time.Time{} })
	w.holds(`document.querySelector("#left").hidden`)
}

func TestStopByThePage(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	s.newDesktop()
	w := newWindow(t, 1280, 800, "", webrtcFlags...)
	w.do(chromedp.Navigate(s.url()))
	w.await("live")
	w.eval(`document.querySelector("#settings").click(); document.querySelector('[data-place="session"] button').click(); return 0`, new(int))
	w.holds(`document.activeElement.textContent === "Keep working"`)
	w.eval(`document.activeElement.click(); return 0`, new(int))
	w.holds(`document.activeElement.closest("main")`)
	w.eval(`document.querySelector("#settings").click(); document.querySelector('[data-place="session"] button').click();
		document.querySelector('dialog [value="yes"]').click(); return 0`, new(int))
	w.await("stopped")
}
