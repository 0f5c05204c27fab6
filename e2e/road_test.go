package e2e_test

import (
	"context"
	"fmt"
	"net/url"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// TestRoads looks at a session over a network: UDP that is dropped without a word costs
// less than two seconds, and a road that is changed shows and takes the same.
func TestRoads(t *testing.T) {
	n := newNetwork(t)
	s := newServerWith(t, "", "--listen", n.server+":0")
	work := s.createSession()
	work.wait("READY", time.Minute)
	b := n.browser(1280, 800)
	b.run(chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(`new MutationObserver(() => {
			if (document.body?.dataset.state === "live") window.lived ??= performance.now();
		}).observe(document, { subtree: true, attributes: true, childList: true });`).Do(ctx)
		return err
	}))
	open := func(what string, q quality) float64 {
		t.Helper()
		n.set(q)
		b.run(chromedp.Navigate("about:blank"), chromedp.Navigate(work.stream()))
		b.waitForDesktop()
		b.await(`window.lived`)
		var lived float64
		var road string
		b.run(chromedp.Evaluate(`window.lived`, &lived), chromedp.Evaluate(`document.body.dataset.road`, &road))
		t.Logf("%s: live by %s after %.0f ms", what, road, lived)
		return lived
	}
	free := open("all", quality{})
	if blocked := open("UDP dropped", quality{udp: true}); blocked-free > 2000 {
		t.Errorf("UDP that is dropped costs %.0f ms", blocked-free)
	}
	open("UDP dropped, 80 ms round trip", quality{udp: true, delay: 40 * time.Millisecond})
	n.set(quality{})

	b.openTerminal()
	for _, road := range []string{"udp", "websocket", "tcp", "websocket", "udp"} {
		b.run(chromedp.Evaluate(fmt.Sprintf(`location.hash = %q`, road), nil))
		eventually(t, 10*time.Second, func() error {
			var is, state string
			if err := b.try(5*time.Second, chromedp.Evaluate(`document.body.dataset.road`, &is), chromedp.Evaluate(`document.body.dataset.state`, &state)); err != nil {
				return err
			}
			if is != road || state != "live" {
				return fmt.Errorf("by %s, %s", is, state)
			}
			return nil
		})
		b.typeText("echo by " + road + " > " + road + ".txt\n")
		eventually(t, 10*time.Second, func() error { return s.holds(road+".txt", "by "+road+"\n") })
		b.shot()
	}

	n.set(quality{udp: true})
	b.run(chromedp.Evaluate(`location.hash = "auto"`, nil))
	b.await(`document.body.dataset.road === "tcp" && document.body.dataset.state === "live"`)
	s.watch(b, "a server that starts anew", func() {
		s.kill(syscall.SIGTERM)
		s.start()
	})
	n.set(quality{})
	s.watch(b, "a network that was away for 2 s", func() {
		n.cut(true)
		time.Sleep(2 * time.Second)
		n.cut(false)
	})
}

// TestOnlyTLS looks at a session through a proxy with TLS, by a network that lets
// nothing else through.
func TestOnlyTLS(t *testing.T) {
	n := newNetwork(t)
	s := newServer(t)
	work := s.createSession()
	work.wait("READY", time.Minute)
	proxy := s.behindTLS(n.server)
	n.set(quality{udp: true, delay: 10 * time.Millisecond})
	b := n.browser(1280, 800)
	stream, err := url.Parse(work.stream())
	if err != nil {
		t.Fatal(err)
	}
	b.run(chromedp.Navigate(proxy + stream.RequestURI()))
	b.waitForDesktop()
	b.await(`document.body.dataset.road === "websocket" && document.body.dataset.state === "live"`)
	b.openTerminal()
	b.typeText("echo through TLS > tls.txt\n")
	eventually(t, 10*time.Second, func() error { return s.holds("tls.txt", "through TLS\n") })
	b.shot()
	s.watch(b, "a network that was away for 2 s", func() {
		n.cut(true)
		time.Sleep(2 * time.Second)
		n.cut(false)
	})
}

// watch tells how long after something the page shows new pictures.
func (s *server) watch(b browser, what string, happens func()) {
	s.t.Helper()
	happens()
	began := time.Now()
	b.run(chromedp.Evaluate(`window.fresh = false;
		(function look() {
			const video = document.querySelector("video");
			if (document.body.dataset.state !== "live") setTimeout(look, 10);
			else video.requestVideoFrameCallback(() => (window.fresh = true));
		})()`, nil))
	eventually(s.t, 20*time.Second, func() error {
		var fresh bool
		var state string
		err := b.try(5*time.Second, chromedp.Evaluate(`window.fresh`, &fresh), chromedp.Evaluate(`document.body.dataset.state`, &state))
		if err == nil && !fresh {
			err = fmt.Errorf("no new picture, the page is %s", state)
		}
		return err
	})
	took := time.Since(began)
	s.t.Logf("%s: pictures %v later", what, took)
	if took > 3*time.Second {
		s.t.Errorf("%s: pictures only %v later", what, took)
	}
}
