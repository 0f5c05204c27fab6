package gateway_test

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// webrtcFlags let a page talk to a loopback address, and decode in the background.
var webrtcFlags = []chromedp.ExecAllocatorOption{
	chromedp.Flag("allow-loopback-in-peer-connection", true),
	chromedp.Flag("disable-background-timer-throttling", true),
	chromedp.Flag("disable-renderer-backgrounding", true),
}

// browser starts Chromium and returns the context of its first tab.
func browser(t *testing.T, width, height int, flags ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("needs chromium on PATH")
	}
	options := append([]chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path),
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.NoSandbox,
		chromedp.Flag("headless", "new"),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.WindowSize(width, height),
		chromedp.UserDataDir(t.TempDir()),
	}, flags...)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Run(ctx, chromedp.EmulateViewport(int64(width), int64(height))); err != nil {
		t.Fatal(err)
	}
	return ctx
}

func TestScratch(t *testing.T) {
	for _, host := range []string{"0.0.0.0", "127.0.0.1"} {
		for name, flags := range map[string][]chromedp.ExecAllocatorOption{"flags": webrtcFlags, "none": nil} {
			t.Run(host+name, func(t *testing.T) {
				s := newServer(t, host)
				s.newDesktop()
				ctx := browser(t, 1280, 800, flags...)
				var state string
				var out any
				for range 3 {
					err := chromedp.Run(ctx, chromedp.Navigate(s.url()),
						chromedp.Evaluate(`new Promise(async r => { const v = document.querySelector("video"); for (let i = 0; i < 300 && document.body.dataset.state != "live"; i++) await new Promise(x => setTimeout(x, 5)); r(JSON.stringify([document.body.dataset.state, performance.now(), v.videoWidth, v.videoHeight, document.title, v.getBoundingClientRect()])) })`, &out, awaitPromise),
						chromedp.Evaluate(`document.body.dataset.state`, &state),
					)
					t.Log(state, out, err)
				}
			})
		}
	}
}

func awaitPromise(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
