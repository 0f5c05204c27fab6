package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// mediaFlags let WebRTC use the loopback interface in a test.
var mediaFlags = []chromedp.ExecAllocatorOption{
	chromedp.Flag("allow-loopback-in-peer-connection", true),
	chromedp.Flag("autoplay-policy", "no-user-gesture-required"),
}

// browser is one Chromium with one page.
type browser struct {
	t   testing.TB
	ctx context.Context //nolint:containedctx // chromedp keeps the browser in it
}

func newBrowser(t testing.TB, width, height int, flags ...chromedp.ExecAllocatorOption) browser {
	t.Helper()
	if _, err := os.Stat("/usr/bin/chromium"); err != nil {
		t.Skip("needs /usr/bin/chromium")
	}
	options := append([]chromedp.ExecAllocatorOption{
		chromedp.ExecPath("/usr/bin/chromium"),
		chromedp.NoSandbox,
		chromedp.NoFirstRun,
		chromedp.Flag("headless", "new"),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-background-timer-throttling", true),
		chromedp.Flag("disable-renderer-backgrounding", true),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.WindowSize(width, height),
	}, flags...)
	allocated, endAllocated := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, end := chromedp.NewContext(allocated)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits until the browser has ended
		end()
		endAllocated()
	})
	b := browser{t, ctx}
	// The browser lives as long as the context of its first run.
	if err := chromedp.Run(ctx); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	b.run(chromedp.EmulateViewport(int64(width), int64(height)))
	return b
}

// window opens another window of the browser: a tab would lie behind the one that is
// there, where Chromium shows no video.
func (b browser) window() browser {
	b.t.Helper()
	var id target.ID
	b.run(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		id, err = target.CreateTarget("about:blank").WithNewWindow(true).Do(cdp.WithExecutor(ctx, chromedp.FromContext(ctx).Browser))
		return err
	}))
	ctx, end := chromedp.NewContext(b.ctx, chromedp.WithTargetID(id))
	b.t.Cleanup(end)
	// The window lives as long as the context of its first run.
	if err := chromedp.Run(ctx); err != nil {
		b.t.Fatalf("open a window: %v", err)
	}
	return browser{b.t, ctx}
}

func (b browser) run(actions ...chromedp.Action) {
	b.t.Helper()
	if err := b.try(60*time.Second, actions...); err != nil {
		b.t.Fatalf("browser: %v", err)
	}
}

func (b browser) try(within time.Duration, actions ...chromedp.Action) error {
	ctx, cancel := context.WithTimeout(b.ctx, within)
	defer cancel()
	return chromedp.Run(ctx, actions...)
}

// shot is the page as a person sees it.
func (b browser) shot() image.Image {
	b.t.Helper()
	picture, err := png.Decode(bytes.NewReader(b.shotBytes()))
	if err != nil {
		b.t.Fatal(err)
	}
	return picture
}

// shotBytes is shot as a PNG: the same picture has the same bytes.
func (b browser) shotBytes() []byte {
	b.t.Helper()
	var text []byte
	b.run(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		text, err = page.CaptureScreenshot().WithFormat(page.CaptureScreenshotFormatPng).Do(ctx)
		return err
	}))
	if dir := os.Getenv("BACKLOT_SCREENSHOTS"); dir != "" {
		name := fmt.Sprintf("%s-%d.png", filepath.Base(b.t.Name()), time.Now().UnixMilli())
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			b.t.Error(err)
		}
	}
	return text
}

// waitForDesktop waits until the page shows a moving picture of a desktop: a
// plain colour that is not black in the middle.
func (b browser) waitForDesktop() {
	b.t.Helper()
	eventually(b.t, 20*time.Second, func() error {
		var width int
		if err := b.try(5*time.Second, chromedp.Evaluate(`document.querySelector("video, canvas")?.videoWidth ?? 0`, &width)); err != nil {
			return err
		}
		if width == 0 {
			return fmt.Errorf("no picture yet")
		}
		shot := b.shot()
		middle := pixel(shot, 0.5, 0.5)
		if middle.R < 16 && middle.G < 16 && middle.B < 16 {
			return fmt.Errorf("the middle of the page is black: %v", middle)
		}
		return nil
	})
}

// pixel is the colour at a place given as parts of width and height.
func pixel(picture image.Image, x, y float64) color.RGBA {
	size := picture.Bounds()
	return color.RGBAModel.Convert(picture.At(int(x*float64(size.Dx())), int(y*float64(size.Dy())))).(color.RGBA)
}
