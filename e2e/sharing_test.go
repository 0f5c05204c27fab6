package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/service/nimblestudio"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestSharing: an owner lets another member watch by a link, gives control, takes it
// back by a key, and ends it; all of it from the bar, and by the keyboard.
func TestSharing(t *testing.T) {
	s := newServer(t)
	session := s.createSession()
	session.wait("READY", time.Minute)
	owner := newBrowser(t, 1000, 700, mediaFlags...)
	owner.run(emulation.SetFocusEmulationEnabled(true), chromedp.Navigate(session.stream()))
	owner.waitForDesktop()
	owner.openTerminal()

	owner.callBar()
	owner.pressControl("Share")
	owner.pressControl("Let others watch")
	owner.await(`document.activeElement.id === "link" && document.querySelector("#link").value.includes("/share/")`)
	owner.shot()
	var link string
	owner.mustEval(`document.querySelector("#link").value`, &link)
	owner.run(chromedp.KeyEvent(kb.Escape), chromedp.KeyEvent(kb.Escape))
	owner.await(`!document.activeElement.closest("nav")`)

	guest := newBrowser(t, 390, 700, mediaFlags...)
	guest.run(emulation.SetFocusEmulationEnabled(true))
	if _, err := s.api(false).PutLaunchProfileMembersWithContext(t.Context(), &nimblestudio.PutLaunchProfileMembersInput{
		StudioId: new(s.env["BACKLOT_STUDIO_ID"]), LaunchProfileId: new(s.env["BACKLOT_LAUNCH_PROFILE_ID"]),
		IdentityStoreId: new(s.env["BACKLOT_IDENTITY_STORE_ID"]),
		Members: []*nimblestudio.NewLaunchProfileMember{{
			Persona: new(nimblestudio.LaunchProfilePersonaUser), PrincipalId: new(strings.Split(s.env["BACKLOT_PRINCIPAL_IDS"], ",")[1]),
		}},
	}); err != nil {
		t.Fatal(err)
	}
	out, err := s.backlot("sign-in-link", "ada", "--data", s.data)
	if err != nil {
		t.Fatal(err, out)
	}
	guest.signIn(strings.TrimSpace(out))
	guest.await(`document.querySelector("#profiles")`)
	guest.run(chromedp.Navigate(link))
	guest.shot()
	guest.run(chromedp.Click("main form button", chromedp.ByQuery))
	guest.waitForDesktop()
	const mark = `document.querySelector("#mark:not([hidden])")?.textContent`
	owner.await(mark + ` === "ada is watching"`)
	guest.await(mark + `?.startsWith("You are watching")`)
	guest.shot()

	var before [2]int
	size := `(v => [v.videoWidth, v.videoHeight])(document.querySelector("video"))`
	owner.mustEval(size, &before)
	if before != [2]int{1000, 700} {
		t.Errorf("the desktop is %v while a guest's window is smaller, want the owner's", before)
	}

	// What a guest types counts when the owner has given control, and not before.
	guest.typeText("echo by who watches > shared.txt\n")
	owner.typeText("echo by the owner >> shared.txt\n")
	eventually(t, 10*time.Second, func() error { return s.holds("shared.txt", "by the owner\n") })
	owner.callBar()
	owner.pressControl("2 people")
	owner.pressControl("Give control to ada")
	guest.await(mark + `?.includes("has control") && !` + mark + `?.startsWith("You are watching")`)
	owner.shot()
	owner.run(chromedp.KeyEvent(kb.Escape), chromedp.KeyEvent(kb.Escape))
	guest.typeText("echo by the guest >> shared.txt\n")
	eventually(t, 10*time.Second, func() error { return s.holds("shared.txt", "by the owner\nby the guest\n") })

	owner.chord("T")
	guest.await(mark + `?.startsWith("You are watching")`)
	guest.typeText("echo too late >> shared.txt\n")
	owner.typeText("echo alone >> shared.txt\n")
	eventually(t, 10*time.Second, func() error { return s.holds("shared.txt", "by the owner\nby the guest\nalone\n") })

	owner.callBar()
	owner.pressControl("2 people")
	owner.pressControl("End sharing")
	guest.await(`document.body.dataset.state !== "live"`)
	guest.shot()
	owner.await(`document.querySelector("#mark").hidden`)
	guest.run(chromedp.Navigate(link))
	guest.await(`document.querySelector("h1").textContent === "This link opens no desktop"`)
}

// callBar shows the bar and takes the keyboard there.
func (b browser) callBar() {
	b.t.Helper()
	b.chord("B")
	b.await(`document.activeElement.closest("nav")`)
}

// chord presses one of the page's own keys.
func (b browser) chord(letter string) {
	b.t.Helper()
	b.mustEval(fmt.Sprintf(`for (const type of ["keydown", "keyup"]) (document.activeElement ?? document.body).dispatchEvent(new KeyboardEvent(type, {
		key: %q, code: "Key" + %[1]q, ctrlKey: true, altKey: true, shiftKey: true, bubbles: true, cancelable: true,
	}))`, letter), nil)
}

// pressControl goes by Tab to the button of that name, and presses it.
func (b browser) pressControl(name string) {
	b.t.Helper()
	b.pressWhere(fmt.Sprintf(`e.getAttribute("aria-label") === %q || e.textContent.trim() === %[1]q`, name))
}

// pressWhere goes by Tab to the element e of which that is true, and presses it.
func (b browser) pressWhere(is string) {
	b.t.Helper()
	for range 60 {
		var there bool
		b.mustEval(fmt.Sprintf(`(e => %s)(document.activeElement)`, is), &there)
		if there {
			b.run(chromedp.KeyEvent(kb.Enter))
			return
		}
		b.run(chromedp.KeyEvent("\t"))
	}
	b.shot()
	b.t.Fatalf("Tab reaches nothing where %s", is)
}

// TestPanel: what the page says of its connection, by each way, chosen in the panel.
func TestPanel(t *testing.T) {
	s := newServer(t)
	session := s.createSession()
	session.wait("READY", time.Minute)
	b := newBrowser(t, 1280, 800, mediaFlags...)
	b.run(emulation.SetFocusEmulationEnabled(true), chromedp.Navigate(session.stream()))
	b.waitForDesktop()
	b.openTerminal()
	b.typeText("while :; do date +%N; done\n")
	b.callBar()
	b.pressWhere(`e.matches("#quality")`) // its words depend on how busy the machine is
	figure := func(name string) string {
		return fmt.Sprintf(`[...document.querySelectorAll("#connection dt")].find(e => e.textContent === %q)?.nextElementSibling.textContent`, name)
	}
	for _, way := range []struct{ choice, says string }{
		{"udp", "WebRTC over UDP"}, {"websocket", "WebSocket"}, {"tcp", "WebRTC over TCP"}, {"auto", "WebRTC over UDP"},
	} {
		b.mustEval(fmt.Sprintf(`{
			const select = document.querySelector('[data-place="way"] select');
			select.value = %q;
			select.dispatchEvent(new Event("change"));
		}`, way.choice), nil)
		b.await(figure("Way") + ` === ` + fmt.Sprintf("%q", way.says))
		for _, name := range []string{"Pictures a second", "Round trip", "Making a picture", "Decoding it", "Data"} {
			b.await(`parseFloat(` + figure(name) + `) > 0`)
		}
		b.await(figure("Codec") + `?.startsWith("H.264")`)
		b.await(figure("Picture") + ` === "1280 × 800"`)
		b.shot()
	}
}
