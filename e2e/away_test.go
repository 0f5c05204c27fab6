package e2e_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// noteGaps has the page note when, in ms since 1970, it showed a frame of the desktop after
// none for so long, when it last did, and when it last opened a WebSocket.
const noteGaps = `globalThis.gaps = [];
globalThis.opened = globalThis.last = 0;
globalThis.clock = () => performance.timeOrigin + performance.now();
globalThis.WebSocket = class extends WebSocket {
	constructor(address) {
		super(address);
		this.addEventListener("open", () => (opened = clock()));
	}
};
document.addEventListener("DOMContentLoaded", () => {
	const video = document.querySelector("video");
	last = clock();
	const next = () => video.requestVideoFrameCallback(() => {
		next();
		if (document.body.dataset.state !== "live") return;
		if (clock() - last > 300) gaps.push([clock(), clock() - last]);
		last = clock();
	});
	next();
});`

// TestAway: the network of somebody who looks at a moving picture goes away and comes back,
// at once or later, with the same address or another; the computer sleeps meanwhile; the
// server starts anew.
func TestAway(t *testing.T) {
	n := newNetwork(t)
	s := newServerWith(t, "", "--listen", n.server+":0")
	work := s.createSession()
	work.wait("READY", time.Minute)
	b := n.browser(1024, 768)
	b.run(chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(noteGaps).Do(ctx)
		return err
	}), chromedp.Navigate(work.stream()))
	b.waitForDesktop()
	s.inHome(atDisplay + `sh -c 'while xsetroot -solid "#404060" && sleep 0.03 && xsetroot -solid "#604040" && sleep 0.03; do :; done' >/dev/null 2>&1 &`)
	travel := func(choice, road string) {
		t.Helper()
		b.run(chromedp.Evaluate(fmt.Sprintf(`location.hash = %q`, choice), nil))
		b.await(fmt.Sprintf(`document.body.dataset.road === %q && document.body.dataset.state === "live"`, road))
	}
	quick := func(what string, took time.Duration) {
		t.Helper()
		t.Logf("%s: a new picture after %v", what, took.Round(time.Millisecond))
		if took > 4*time.Second { // 3 s, where nothing else is at work
			t.Errorf("%s: a new picture only after %v", what, took)
		}
	}

	for _, event := range []struct {
		choice, road, name string
		happens            func() (since time.Time)
	}{
		{"auto", "udp", "silent for 4 s", func() time.Time {
			n.cut(true)
			time.Sleep(4 * time.Second)
			n.cut(false)
			return time.Now()
		}},
		{"tcp", "tcp", "another address", func() time.Time {
			n.move()
			return time.Now()
		}},
		{"websocket", "websocket", "another address after 3 s", func() time.Time {
			n.cut(true)
			time.Sleep(3 * time.Second)
			n.move()
			n.cut(false)
			return time.Now()
		}},
		{"auto", "udp", "another address after 3 s of sleep", func() time.Time {
			n.cut(true)
			wake := n.sleep()
			time.Sleep(3 * time.Second)
			n.move()
			n.cut(false)
			wake()
			return time.Now()
		}},
		{"tcp", "tcp", "another address, and the server starts anew meanwhile", func() time.Time {
			n.move()
			since := time.Now()
			s.kill(syscall.SIGTERM)
			s.start()
			return since
		}},
	} {
		travel(event.choice, event.road)
		since := event.happens()
		var back float64
		eventually(t, 20*time.Second, func() error {
			err := b.try(5*time.Second, chromedp.Evaluate(fmt.Sprintf(
				`clock() - last < 100 && gaps.findLast(([at]) => at > %d && at < clock() - 700)?.[0] || 0`, since.UnixMilli()), &back))
			if err == nil && back == 0 {
				err = fmt.Errorf("%s, %s: no new picture", event.road, event.name)
			}
			return err
		})
		quick(event.road+", "+event.name, time.UnixMicro(int64(back*1000)).Sub(since))
	}

	// WebRTC takes up with another address by itself. The WebSocket beside it does not, and
	// is made anew.
	travel("auto", "udp")
	began := time.Now()
	n.move()
	b.await(fmt.Sprintf(`opened > %d && document.body.dataset.state === "live"`, began.UnixMilli()))
	var longest float64
	b.run(chromedp.Evaluate(fmt.Sprintf(`Math.max(0, ...gaps.filter(([at]) => at > %d).map(([, took]) => took))`, began.UnixMilli()), &longest))
	quick("udp, another address", time.Duration(longest)*time.Millisecond)
}

// sleep has every program in the namespace stand still.
func (n *network) sleep() (wake func()) {
	n.t.Helper()
	all := func(signal syscall.Signal) {
		n.t.Helper()
		out, err := exec.CommandContext(n.t.Context(), "ip", "netns", "pids", n.name).Output()
		if err != nil {
			n.t.Fatal(err)
		}
		for field := range strings.FieldsSeq(string(out)) {
			if pid, err := strconv.Atoi(field); err == nil && pid != os.Getpid() { // a thread of ours has been there
				_ = syscall.Kill(pid, signal) // it may have ended
			}
		}
	}
	all(syscall.SIGSTOP)
	return func() { all(syscall.SIGCONT) }
}
