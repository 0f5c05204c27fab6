package e2e_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"image"
	"image/png"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/nimblestudio"
	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// allowing changes what the server's only launch profile allows.
func (s *server) allowing(clipboard string, storage *nimblestudio.StreamConfigurationSessionStorage) {
	s.t.Helper()
	api, studio, profile := s.api(false), new(s.env["BACKLOT_STUDIO_ID"]), new(s.env["BACKLOT_LAUNCH_PROFILE_ID"])
	get := func() *nimblestudio.LaunchProfile {
		got, err := api.GetLaunchProfileWithContext(s.t.Context(), &nimblestudio.GetLaunchProfileInput{StudioId: studio, LaunchProfileId: profile})
		if err != nil {
			s.t.Fatal(err)
		}
		return got.LaunchProfile
	}
	is := get().StreamConfiguration
	if _, err := api.UpdateLaunchProfileWithContext(s.t.Context(), &nimblestudio.UpdateLaunchProfileInput{
		StudioId: studio, LaunchProfileId: profile,
		StreamConfiguration: &nimblestudio.StreamConfigurationCreate{
			ClipboardMode: &clipboard, Ec2InstanceTypes: is.Ec2InstanceTypes, StreamingImageIds: is.StreamingImageIds,
			MaxSessionLengthInMinutes: is.MaxSessionLengthInMinutes, SessionStorage: storage,
		},
	}); err != nil {
		s.t.Fatal(err)
	}
	eventually(s.t, 20*time.Second, func() error {
		if state := aws.StringValue(get().State); state != "READY" {
			return fmt.Errorf("the launch profile is %s", state)
		}
		return nil
	})
}

// hear has the page keep what the gateway tells it of clipboard and files, as a page
// of somebody else's would.
const hear = `{
	window.heard = [];
	const keep = ({data}) => { if (data instanceof ArrayBuffer && [0x14, 0x15, 0xd8].includes(new Uint8Array(data)[0])) heard.push(new Uint8Array(data)); };
	for (const c of [RTCDataChannel, WebSocket]) {
		const on = Object.getOwnPropertyDescriptor(c.prototype, "onmessage");
		Object.defineProperty(c.prototype, "onmessage", { ...on, set(f) { this.addEventListener("message", keep); on.set.call(this, f); } });
	}
	window.viewerKey = () => { const m = heard.findLast(m => m[0] === 0xd8); return m ? new TextDecoder().decode(m.slice(2)) : ""; };
	window.ask = async (what, init = {}) => {
		const r = await fetch(location.pathname + "/" + what, { ...init, headers: { ...init.headers, Authorization: "Bearer " + viewerKey() } });
		return r.status;
	};
}`

// openDesktop makes a session and opens it in a browser that grants the page these.
func (s *server) openDesktop(grant ...string) (streamingSession, browser) {
	s.t.Helper()
	session := s.createSession()
	session.wait("READY", time.Minute)
	b := newBrowser(s.t, 1000, 700, mediaFlags...)
	b.run(chromedp.ActionFunc(func(ctx context.Context) error {
		if _, err := page.AddScriptToEvaluateOnNewDocument(hear).Do(ctx); err != nil {
			return err
		}
		ctx = cdp.WithExecutor(ctx, chromedp.FromContext(ctx).Browser)
		for _, name := range grant {
			permission := &cdpbrowser.PermissionDescriptor{Name: name}
			if err := cdpbrowser.SetPermission(permission, cdpbrowser.PermissionSettingGranted).Do(ctx); err != nil {
				return err
			}
		}
		return nil
	}), emulation.SetFocusEmulationEnabled(true), chromedp.Navigate(session.stream()))
	b.waitForDesktop()
	return session, b
}

// eval runs JavaScript that may answer later.
func (b browser) eval(script string, answer any) error {
	return b.try(30*time.Second, chromedp.Evaluate(script, answer, func(p *runtime.EvaluateParams) *runtime.EvaluateParams {
		return p.WithAwaitPromise(true).WithUserGesture(true)
	}))
}

func (b browser) mustEval(script string, answer any) {
	b.t.Helper()
	if err := b.eval(script, answer); err != nil {
		b.t.Fatalf("%.200s: %v", script, err)
	}
}

// localText waits until the browser's clipboard holds a text.
func (b browser) localText(want string) {
	b.t.Helper()
	eventually(b.t, 20*time.Second, func() error {
		var got string
		if err := b.eval("navigator.clipboard.readText()", &got); err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("the browser's clipboard has %d bytes, %.40q, want %d, %.40q", len(got), got, len(want), want)
		}
		return nil
	})
}

const atDisplay = "DISPLAY=:0 XAUTHORITY=/run/backlot/Xauthority "

// copyInside has a program of the desktop copy a file of the artist's.
func (s *server) copyInside(kind, file string) {
	s.t.Helper()
	s.inHome(atDisplay + "xclip -selection clipboard -t " + kind + " -i " + file + " >/dev/null 2>&1")
}

// insideHas waits until a program of the desktop pastes what check accepts.
func (s *server) insideHas(kind string, check func([]byte) error) {
	s.t.Helper()
	eventually(s.t, 20*time.Second, func() error {
		return check([]byte(s.inHome(atDisplay + "timeout 10 xclip -selection clipboard -t '" + kind + "' -o 2>/dev/null || true")))
	})
}

func (s *server) insideHasText(want string) {
	s.t.Helper()
	s.insideHas("UTF8_STRING", func(got []byte) error {
		if string(got) != want {
			return fmt.Errorf("the desktop's clipboard has %d bytes, %.40q, want %d, %.40q", len(got), got, len(want), want)
		}
		return nil
	})
}

// writeInside writes a file into the artist's home, as the artist.
func (s *server) writeInside(file string, content []byte) {
	s.t.Helper()
	enter := exec.CommandContext(s.t.Context(), "nsenter", "--all", "--setuid", "1000", "--setgid", "1000",
		"--target", strconv.Itoa(s.process("openbox")), "--", "sh", "-c", "cat > /home/artist/"+file)
	enter.Stdin = bytes.NewReader(content)
	if out, err := enter.CombinedOutput(); err != nil {
		s.t.Fatalf("write %s: %v\n%s", file, err, out)
	}
}

// noise is a picture that does not compress: its PNG, and the sum of its pixels.
func noise(t *testing.T, width, height int) (file []byte, sum string) {
	t.Helper()
	picture := image.NewNRGBA(image.Rect(0, 0, width, height))
	_, _ = rand.Read(picture.Pix)
	for i := 3; i < len(picture.Pix); i += 4 {
		picture.Pix[i] = 255
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), pixelSum(picture)
}

func pixelSum(picture image.Image) string {
	all := sha256.New()
	size := picture.Bounds()
	for y := size.Min.Y; y < size.Max.Y; y++ {
		for x := size.Min.X; x < size.Max.X; x++ {
			r, g, b, a := picture.At(x, y).RGBA()
			all.Write([]byte{byte(r >> 8), byte(g >> 8), byte(b >> 8), byte(a >> 8)})
		}
	}
	return hex.EncodeToString(all.Sum(nil))
}

// pixelsOf is JavaScript for the sum of the pixels of a PNG.
const pixelsOf = `(async (blob) => {
	const bitmap = await createImageBitmap(blob);
	const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
	const context = canvas.getContext("2d");
	context.drawImage(bitmap, 0, 0);
	const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
	return [...new Uint8Array(await crypto.subtle.digest("SHA-256", data))].map(b => b.toString(16).padStart(2, "0")).join("");
})`

// TestClipboard copies and pastes between a browser and real programs of a desktop.
func TestClipboard(t *testing.T) {
	s := newServer(t)
	session, b := s.openDesktop("clipboard-read", "clipboard-write")
	defer session.delete()

	t.Run("text out", func(*testing.T) {
		s.writeInside("text", []byte("grüße €"))
		s.copyInside("UTF8_STRING", "text")
		b.localText("grüße €")
	})
	t.Run("text in, as the window gets the focus", func(*testing.T) {
		b.mustEval(`navigator.clipboard.writeText("aus dem Browser ✓").then(() => { window.dispatchEvent(new Event("focus")); })`, nil)
		s.insideHasText("aus dem Browser ✓")
	})
	t.Run("text in, pasted", func(*testing.T) {
		b.mustEval(`navigator.clipboard.writeText("pasted by keys")`, nil)
		b.run(chromedp.KeyEvent("v", chromedp.KeyModifiers(2)), chromedp.KeyEvent(kb.Escape))
		s.insideHasText("pasted by keys")
	})
	long := strings.Repeat("0123456789abcdef", 3<<20/16)
	t.Run("long text out", func(*testing.T) {
		s.writeInside("text", []byte(long))
		s.copyInside("UTF8_STRING", "text")
		b.localText(long)
	})
	t.Run("long text in", func(*testing.T) {
		b.mustEval(`navigator.clipboard.writeText("fedcba9876543210".repeat(3 << 16)).then(() => { window.dispatchEvent(new Event("focus")); })`, nil)
		s.insideHasText(strings.Repeat("fedcba9876543210", 3<<16))
	})
	file, sum := noise(t, 1600, 1100)
	t.Run("image out", func(t *testing.T) {
		s.writeInside("picture.png", file)
		s.copyInside("image/png", "picture.png")
		eventually(t, 30*time.Second, func() error {
			var got string
			err := b.eval(`navigator.clipboard.read().then(async ([item]) => item.types.includes("image/png") ? `+pixelsOf+`(await item.getType("image/png")) : item.types.join())`, &got)
			if err == nil && got != sum {
				err = fmt.Errorf("the browser's clipboard has %s, want an image of %s", got, sum)
			}
			return err
		})
	})
	t.Run("image in", func(t *testing.T) {
		file, sum := noise(t, 1300, 900)
		b.mustEval(`(async () => {
			const bytes = Uint8Array.from(atob("`+base64.StdEncoding.EncodeToString(file)+`"), c => c.charCodeAt(0));
			await navigator.clipboard.write([new ClipboardItem({"image/png": new Blob([bytes], {type: "image/png"})})]);
			window.dispatchEvent(new Event("focus"));
		})()`, nil)
		s.insideHas("image/png", func(got []byte) error {
			picture, err := png.Decode(bytes.NewReader(got))
			if err != nil {
				return err
			}
			if is := pixelSum(picture); is != sum {
				return fmt.Errorf("another picture: %v", picture.Bounds())
			}
			return nil
		})
	})
	t.Run("what is too large stays", func(t *testing.T) {
		s.writeInside("text", bytes.Repeat([]byte("x"), 5<<20))
		s.copyInside("UTF8_STRING", "text")
		var status int
		eventually(t, 20*time.Second, func() error {
			b.mustEval(`ask("clipboard")`, &status)
			if status != 502 {
				return fmt.Errorf("5 MiB of text: %d", status)
			}
			return nil
		})
		b.mustEval(`ask("clipboard", {method: "PUT", headers: {"Content-Type": "text/plain"}, body: "x".repeat(4 << 20 | 1)})`, &status)
		if status != 413 {
			t.Errorf("more than 4 MiB of text in: %d", status)
		}
		b.mustEval(`ask("clipboard", {method: "PUT", headers: {"Content-Type": "image/png"}, body: "no picture"})`, &status)
		if status != 502 {
			t.Errorf("something else as a picture: %d", status)
		}
	})
	if said := s.log.tail(1 << 20); strings.Contains(said, "pasted by keys") || strings.Contains(said, "fedcba98") {
		t.Error("the log holds what was in the clipboard")
	}
}

// TestClipboardForbidden looks for a way around a launch profile.
func TestClipboardForbidden(t *testing.T) {
	s := newServer(t)
	s.allowing("DISABLED", nil)
	session, b := s.openDesktop("clipboard-read", "clipboard-write")
	defer session.delete()
	b.mustEval(`navigator.clipboard.writeText("secret of this computer").then(() => { window.dispatchEvent(new Event("focus")); })`, nil)
	s.writeInside("text", []byte("secret of the desktop"))
	s.copyInside("UTF8_STRING", "text")
	b.run(chromedp.KeyEvent("v", chromedp.KeyModifiers(2)))

	for what, init := range map[string]string{
		"clipboard":       `{}`,
		"clipboard?image": `{}`,
		"clipboard ":      `{method: "PUT", headers: {"Content-Type": "text/plain"}, body: "by hand"}`,
		"file?id=0123456789abcdef0123456789abcdef&size=3&offset=0": `{method: "PUT", headers: {"Backlot-Path": "a"}, body: "abc"}`,
		"folder": `{method: "PUT", headers: {"Backlot-Path": "a"}}`,
	} {
		var status int
		b.mustEval(fmt.Sprintf(`ask(%q, %s)`, strings.TrimSpace(what), init), &status)
		if status != 403 {
			t.Errorf("%s by hand: %d", what, status)
		}
	}
	var told int
	b.mustEval(`heard.filter(m => m[0] === 0x15 || m[0] === 0x14 && (m[1] || m[2])).length`, &told)
	if told != 0 {
		t.Error("the page was told of what it may not have")
	}
	s.insideHasText("secret of the desktop")
	b.localText("secret of this computer")
	if out := s.inHome("ls -a"); strings.Contains(out, "Uploads") {
		t.Errorf("there is a folder for uploads: %s", out)
	}
}
