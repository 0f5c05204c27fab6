package e2e_test

import (
	"fmt"
	"image/color"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// desk is a desktop in a browser, and what its programs are told.
type desk struct {
	browser
	server *server
}

func newDesk(t *testing.T, width, height int) desk {
	t.Helper()
	s := newServer(t)
	work := s.createSession()
	work.wait("READY", time.Minute)
	d := desk{newBrowser(t, width, height, mediaFlags...), s}
	d.run(chromedp.Navigate(work.stream()))
	d.waitForDesktop()
	d.typeable()
	return d
}

// program runs a program on the display, as the artist; "&" at its end leaves it running.
func (d desk) program(command string) string {
	d.t.Helper()
	return d.server.inHome("export HOME=/home/artist DISPLAY=:0 XAUTHORITY=/run/backlot/Xauthority LC_ALL=C.UTF-8; " + command)
}

// taker is a terminal that has the keyboard and writes each line to a file.
func (d desk) taker(file string) {
	d.t.Helper()
	d.program("xterm -u8 -e 'cat > " + file + "' >/dev/null 2>&1 &")
	eventually(d.t, 15*time.Second, func() error {
		if active := d.program("xprop -root _NET_ACTIVE_WINDOW; ls " + file + " 2>&1 || true"); !strings.HasSuffix(active, "\n"+file+"\n") || strings.Contains(active, "# 0x0") {
			return fmt.Errorf("no terminal with the keyboard: %s", active)
		}
		return nil
	})
	d.typeable()
}

// press is a key on some keyboard, and the character that comes of it.
type press struct {
	code  string
	key   string
	shift bool
	altGr bool
}

func (d desk) press(p press) {
	d.t.Helper()
	event := func(kind input.KeyType, code, key string, modifiers input.Modifier) chromedp.Action {
		return input.DispatchKeyEvent(kind).WithCode(code).WithKey(key).WithModifiers(modifiers)
	}
	var before, after []chromedp.Action
	var held input.Modifier
	if p.shift {
		held |= input.ModifierShift
		before = append(before, event(input.KeyRawDown, "ShiftLeft", "Shift", held))
		after = append(after, event(input.KeyUp, "ShiftLeft", "Shift", 0))
	}
	if p.altGr {
		held |= input.ModifierAlt // the protocol knows no other
		before = append(before, event(input.KeyRawDown, "AltRight", "AltGraph", held))
		after = append(after, event(input.KeyUp, "AltRight", "AltGraph", 0))
	}
	d.run(append(append(before, event(input.KeyRawDown, p.code, p.key, held), event(input.KeyUp, p.code, p.key, held)), after...)...)
}

func plain(pairs ...string) (all []press) {
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, press{code: pairs[i], key: pairs[i+1]})
	}
	return all
}

func shift(pairs ...string) []press {
	all := plain(pairs...)
	for i := range all {
		all[i].shift = true
	}
	return all
}

func altGr(pairs ...string) []press {
	all := plain(pairs...)
	for i := range all {
		all[i].altGr = true
	}
	return all
}

// TestLayouts types on keyboards of several countries: each key's character arrives,
// by that very key, as the desktop's keyboard is the same.
func TestLayouts(t *testing.T) {
	d := newDesk(t, 1000, 700)
	join := func(all ...[]press) (joined []press) {
		for _, some := range all {
			joined = append(joined, some...)
		}
		return joined
	}
	for i, c := range []struct {
		layout, model string
		keys          []press
		composed      string // by an input method
	}{
		{"us", "us", join(plain("KeyZ", "z", "KeyY", "y", "BracketLeft", "[", "Backslash", "\\", "Quote", "'"), shift("Digit2", "@", "KeyA", "A", "Backquote", "~")), ""},
		{"de", "de", join(
			plain("KeyY", "z", "KeyZ", "y", "Semicolon", "ö", "Quote", "ä", "BracketLeft", "ü", "Minus", "ß", "Backslash", "#", "IntlBackslash", "<"),
			shift("Minus", "?", "Semicolon", "Ö", "Digit7", "/"),
			altGr("KeyQ", "@", "KeyE", "€", "Digit7", "{", "IntlBackslash", "|"),
		), "é"}, // of a dead key
		{"fr", "fr", join(
			plain("KeyQ", "a", "KeyA", "q", "KeyZ", "w", "Semicolon", "m", "Digit2", "é", "Digit1", "&", "Quote", "ù", "Slash", "!", "KeyM", ","),
			shift("Digit2", "2", "KeyM", "?", "Comma", "."), altGr("Digit0", "@", "KeyE", "€", "Digit3", "#"),
		), "ê"},
		{"es", "es", join(plain("Semicolon", "ñ", "Backslash", "ç", "Equal", "¡"), shift("Equal", "¿", "Semicolon", "Ñ", "Digit7", "/"), altGr("Digit2", "@", "Digit3", "#", "KeyE", "€")), "á"},
		{"jp", "jp", join(plain("BracketLeft", "@", "Quote", ":", "BracketRight", "[", "Equal", "^"), shift("Digit2", "\"", "Digit6", "&", "IntlRo", "_")), "日本語とカナ"},
	} {
		d.run(chromedp.Evaluate(`localStorage.setItem("backlot keyboard", "`+c.layout+`")`, nil), chromedp.Reload())
		d.waitForDesktop()
		eventually(t, 10*time.Second, func() error {
			if now := d.program("setxkbmap -query"); !regexp.MustCompile(`(?m)^layout: +` + c.model + `$`).MatchString(now) {
				return fmt.Errorf("the desktop's keyboard: %s", now)
			}
			return nil
		})
		file := fmt.Sprintf("typed-%d", i)
		d.taker(file)
		keys := d.program("xmodmap -pke")
		var line strings.Builder
		for _, p := range c.keys {
			line.WriteString(p.key)
			d.press(p)
		}
		want := line.String()
		d.press(press{code: "Enter", key: "Enter"})
		eventually(t, 10*time.Second, func() error { return d.server.holds(file, want+"\n") })
		if diff := cmp.Diff(keys, d.program("xmodmap -pke")); diff != "" {
			t.Errorf("%s: a key was made another to type that:\n%s", c.layout, diff)
		}
		if c.composed != "" {
			d.run(input.ImeSetComposition("n", 1, 1), input.InsertText(c.composed))
			d.press(press{code: "Enter", key: "Enter"})
			eventually(t, 10*time.Second, func() error { return d.server.holds(file, want+"\n"+c.composed+"\n") })
		}
		d.program("pkill -n xterm")
	}
}

// TestModifiersDoNotStick: nothing is held in the desktop that nobody holds.
func TestModifiersDoNotStick(t *testing.T) {
	d := newDesk(t, 1000, 700)
	down := func() string {
		return strings.Join(regexp.MustCompile(`key\[\d+\]=down`).FindAllString(d.program(`xinput query-state "Virtual core XTEST keyboard"`), -1), " ")
	}
	hold := func() {
		d.run(
			input.DispatchKeyEvent(input.KeyRawDown).WithCode("ControlLeft").WithKey("Control").WithModifiers(input.ModifierCtrl),
			input.DispatchKeyEvent(input.KeyRawDown).WithCode("ShiftLeft").WithKey("Shift").WithModifiers(input.ModifierCtrl|input.ModifierShift),
		)
		eventually(t, 5*time.Second, func() error {
			if down() != "key[37]=down key[50]=down" {
				return fmt.Errorf("held: %q", down())
			}
			return nil
		})
	}
	none := func(why string) {
		t.Helper()
		eventually(t, 5*time.Second, func() error {
			if held := down(); held != "" {
				return fmt.Errorf("%s: still held: %s", why, held)
			}
			return nil
		})
	}
	hold()
	d.run(chromedp.Evaluate(`dispatchEvent(new Event("blur"))`, nil))
	none("the window was left")
	hold()
	d.run(input.DispatchMouseEvent(input.MouseMoved, 300, 300))
	none("the keys were let go elsewhere")
	hold()
	d.run(chromedp.Reload())
	none("the page was loaded anew")
}

// hearing is a program that writes down what happens to X's pointer.
func (d desk) hearing(file string) {
	d.t.Helper()
	d.program("stdbuf -oL xinput test-xi2 --root > " + file + " 2>&1 &")
	eventually(d.t, 10*time.Second, func() error {
		d.run(input.DispatchMouseEvent(input.MouseMoved, 1, 1), input.DispatchMouseEvent(input.MouseMoved, 2, 2))
		if len(d.heard(file)) == 0 {
			return fmt.Errorf("nothing is heard")
		}
		return nil
	})
}

// heardEvent is an event of X's own pointer as programs get it.
type heardEvent struct {
	kind   string
	source string // the number of its device
	detail int
	x, y   float64
	axes   map[int]float64
}

func (d desk) heard(file string) (all []heardEvent) {
	d.t.Helper()
	var e heardEvent
	own := false
	for line := range strings.Lines(d.server.inHome("cat " + file)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch number, err := strconv.Atoi(key); {
		case strings.HasPrefix(key, "EVENT type"):
			_, kind, _ := strings.Cut(key, "(")
			e = heardEvent{kind: strings.TrimSuffix(kind, ")"), axes: map[int]float64{}}
		case key == "device":
			device, source, _ := strings.Cut(value, " ")
			own, e.source = device == "2", strings.Trim(source, "()")
		case key == "detail":
			e.detail, _ = strconv.Atoi(value)
		case key == "root":
			_, _ = fmt.Sscanf(value, "%f/%f", &e.x, &e.y)
		case err == nil && e.axes != nil:
			e.axes[number], _ = strconv.ParseFloat(value, 64)
		case key == "windows" && own:
			all = append(all, e)
		}
	}
	return all
}

// TestPenStroke replays a stroke in the page: programs in the desktop are told all of
// it, sample for sample.
func TestPenStroke(t *testing.T) {
	const width, height = 1280, 800
	d := newDesk(t, width, height)
	d.hearing("pen")
	tip := strings.TrimSpace(d.program("xinput list --id-only 'Backlot Pen stylus'"))

	var want [][5]float64
	var actions []chromedp.Action
	add := func(kind input.MouseType, x, y, force float64, buttons int64) {
		tiltX, tiltY := int64(x)%120-60, 30-int64(y)%60
		actions = append(actions, penEvent(kind, x, y, force, buttons).WithTiltX(float64(tiltX)).WithTiltY(float64(tiltY)))
		want = append(want, [5]float64{x / width * 65536, y / height * 65536, force * 65535, float64(tiltX), float64(tiltY)})
	}
	const samples = 300
	add(input.MouseMoved, 200, 300, 0, 0)
	add(input.MousePressed, 200, 300, 0.1, 1)
	for i := range samples {
		part := float64(i+1) / samples
		add(input.MouseMoved, math.Round(2*(200+800*part))/2, 300+math.Round(150*math.Sin(9*part)), 0.1+0.9*math.Abs(math.Sin(7*part)), 1)
	}
	add(input.MouseReleased, 1000, 300, 0, 0)
	d.run(actions...)
	var got [][5]float64
	var clicks []string
	eventually(t, 10*time.Second, func() error {
		got, clicks = nil, nil
		for _, e := range d.heard("pen") {
			switch {
			case e.source != tip:
			case e.kind == "Motion":
				got = append(got, [5]float64{e.axes[0], e.axes[1], e.axes[2], e.axes[3], e.axes[4]})
			case strings.HasPrefix(e.kind, "Button"):
				clicks = append(clicks, fmt.Sprint(e.kind, e.detail, " after ", len(got)))
			}
		}
		if len(got) < len(want) {
			return fmt.Errorf("%d samples of %d", len(got), len(want))
		}
		return nil
	})
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1)); diff != "" {
		t.Errorf("the stroke (-drawn +told):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"ButtonPress1 after 2", fmt.Sprint("ButtonRelease1 after ", len(want))}, clicks); diff != "" {
		t.Errorf("clicks (-want +got):\n%s", diff)
	}
}

// TestClicksLandOnThePixel: also where a pixel of the desktop is a fraction of one of the page.
func TestClicksLandOnThePixel(t *testing.T) {
	d := newDesk(t, 1280, 800)
	for _, scale := range []float64{2, 1.5, 1} {
		width, height := int64(math.Round(1200/scale)), int64(math.Round(720/scale))
		d.run(chromedp.EmulateViewport(width, height, chromedp.EmulateScale(scale)))
		eventually(t, 10*time.Second, func() error {
			var size []int
			d.run(chromedp.Evaluate(`(v => [v.videoWidth, v.videoHeight])(document.querySelector("video"))`, &size))
			if size[0] != 1200 || size[1] != 720 {
				return fmt.Errorf("the picture is %v", size)
			}
			return nil
		})
		file := fmt.Sprintf("clicks-%v", scale)
		d.hearing(file)
		var want, got [][2]float64
		for _, p := range [][2]float64{{0, 0}, {301, 203}, {302, 202}, {600, 359}, {1199, 719}, {77, 541}} {
			want = append(want, p)
			x, y := p[0]/scale, p[1]/scale
			d.run(
				input.DispatchMouseEvent(input.MouseMoved, x, y),
				input.DispatchMouseEvent(input.MousePressed, x, y).WithButton(input.Back).WithButtons(8),
				input.DispatchMouseEvent(input.MouseReleased, x, y).WithButton(input.Back),
			)
		}
		eventually(t, 10*time.Second, func() error {
			got = nil
			for _, e := range d.heard(file) {
				if e.kind == "ButtonPress" {
					got = append(got, [2]float64{e.x, e.y})
				}
			}
			if len(got) < len(want) {
				return fmt.Errorf("%d clicks of %d", len(got), len(want))
			}
			return nil
		})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("scale %v (-clicked +told):\n%s", scale, diff)
		}
		d.program("pkill -n xinput")
	}
}

// TestGrabbedMouse: a mouse that the page has grabbed moves the pointer by its way.
func TestGrabbedMouse(t *testing.T) {
	d := newDesk(t, 1280, 800)
	d.hearing("way")
	toggle := func(on bool) {
		t.Helper()
		const all = input.ModifierCtrl | input.ModifierAlt | input.ModifierShift
		d.run(input.DispatchKeyEvent(input.KeyRawDown).WithCode("KeyG").WithKey("G").WithModifiers(all),
			input.DispatchKeyEvent(input.KeyUp).WithCode("KeyG").WithKey("G"))
		eventually(t, 5*time.Second, func() error {
			var locked bool
			d.run(chromedp.Evaluate(`document.pointerLockElement !== null`, &locked))
			if locked != on {
				return fmt.Errorf("grabbed: %v", locked)
			}
			return nil
		})
	}
	at := func(x, y float64) {
		t.Helper()
		eventually(t, 5*time.Second, func() error {
			all := d.heard("way")
			if last := all[len(all)-1]; last.x != x || last.y != y {
				return fmt.Errorf("the pointer is at %v,%v, want %v,%v", last.x, last.y, x, y)
			}
			return nil
		})
	}
	d.run(input.DispatchMouseEvent(input.MouseMoved, 400, 300))
	at(400, 300)
	d.run(page.BringToFront(), emulation.SetFocusEmulationEnabled(true)) // or there is no mouse to grab
	toggle(true)
	d.run(input.DispatchMouseEvent(input.MouseMoved, 430, 280))
	at(430, 280)
	d.run(input.DispatchMouseEvent(input.MouseMoved, 440, 300))
	at(440, 300)
	toggle(false)
	d.run(input.DispatchMouseEvent(input.MouseMoved, 100, 120))
	at(100, 120)
}

// TestPaint draws in a real paint program: everywhere the line is as wide as the pen
// was pressed there.
func TestPaint(t *testing.T) {
	const brush = "/usr/share/mypaint-data/2.0/brushes/deevad/brush"
	if _, err := os.Stat(brush + ".myb"); err != nil {
		t.Skipf("needs mypaint and its brushes: %v", err)
	}
	const width, height = 1280, 800
	d := newDesk(t, width, height)
	// Under the name of the one that it begins with.
	d.program(`mine=.local/share/mypaint/brushes/Dieterle; mkdir -p $mine &&
		for end in .myb _prev.png; do cp ` + brush + `$end "$mine/Fan#1$end"; done; mypaint >mypaint.log 2>&1 &`)
	paper := func() color.RGBA { return pixel(d.shot(), 0.5, 0.5) }
	bare := paper()
	eventually(t, 30*time.Second, func() error {
		if paper() == bare {
			return fmt.Errorf("no paper: %s", d.program("cat mypaint.log"))
		}
		return nil
	})
	d.typeable()
	if log := d.program("cat mypaint.log"); !strings.Contains(log, "'Backlot Pen stylus' (GDK_SOURCE_PEN") || !strings.Contains(log, "'Backlot Pen eraser' (GDK_SOURCE_ERASER") {
		t.Errorf("the program knows no pen and eraser:\n%s", log)
	}
	const from, to, y = 300, 900, 400
	pressure := func(x float64) float64 { return 0.2 + 0.8*math.Pow(math.Sin(math.Pi*(x-from)/(to-from)), 2) }
	d.run(penEvent(input.MouseMoved, from, y, 0, 0), penEvent(input.MousePressed, from, y, pressure(from), 1))
	for x := from; x <= to; x += 2 {
		d.run(penEvent(input.MouseMoved, float64(x), y, pressure(float64(x)), 1))
	}
	d.run(penEvent(input.MouseReleased, to, y, 0, 0))
	d.typeable()
	shot := d.shot()
	for x := from + 60; x < to; x += 60 {
		wide := 0
		for at := y - 60; at < y+60; at++ {
			if c := color.GrayModel.Convert(shot.At(x, at)).(color.Gray); c.Y < 120 {
				wide++
			}
		}
		// The brush's radius is e to the power of 1.52 and of -0.86 to 1.5 by pressure.
		want := 2 * math.Exp(1.52-0.859375+2.359375*pressure(float64(x)))
		t.Logf("at %d pressed %.2f: %d pixels wide, want %.1f", x, pressure(float64(x)), wide, want)
		if math.Abs(float64(wide)-want) > 2+0.2*want {
			t.Errorf("at %d the line is %d pixels wide, want %.1f", x, wide, want)
		}
	}
}

// TestPaintInGIMP draws as a hand does, now faster, now slower, in a program that has to be told
// of the pen as docs/streaming.md says. At each place the line is as wide as the samples there.
func TestPaintInGIMP(t *testing.T) {
	needs(t, "gimp")
	docs, err := os.ReadFile("../docs/streaming.md")
	if err != nil {
		t.Fatal(err)
	}
	const stylus = `(GimpDeviceInfo "Backlot Pen stylus"`
	_, told, found := strings.Cut(string(docs), "```\n"+stylus)
	if !found {
		t.Fatal("docs/streaming.md does not say how GIMP is told of the pen")
	}
	told, _, _ = strings.Cut(told, "```")
	const size = 60 // of the brush, where the pen is pressed down all the way
	d := newDesk(t, 1280, 800)
	d.program(`gimp -i -b '(gimp-quit 0)' >gimp.log 2>&1 && cd .config/GIMP/2.10 &&
		echo '(initial-zoom-to-fit no)' >gimprc && echo '(hide-docks yes)' >sessionrc && cat >devicerc <<'END'
` + stylus + `
	(tool-options "GimpPaintOptions" (tool "gimp-paintbrush-tool") (brush "2. Hardness 100") (dynamics "Pressure Size") (brush-size ` + strconv.Itoa(size) + `) (brush-hardness 1))
	(use-brush yes) (use-dynamics yes)` + told + `END
		cd && gimp -n -s -b '(let* ((image (car (gimp-image-new 2400 1600 RGB)))
				(paper (car (gimp-layer-new image 2400 1600 RGB-IMAGE "paper" 100 LAYER-MODE-NORMAL))))
			(gimp-image-insert-layer image paper 0 0)
			(gimp-drawable-fill paper FILL-WHITE)
			(gimp-display-new image))' >gimp.log 2>&1 &`)
	eventually(t, 30*time.Second, func() error {
		if c := pixel(d.shot(), 0.6, 0.6); c != (color.RGBA{255, 255, 255, 255}) {
			return fmt.Errorf("no paper but %v: %s", c, d.program("tail -c 1000 gimp.log"))
		}
		return nil
	})
	d.typeable()
	const from, to, y = 500, 1100, 500
	type sample struct{ x, pressure float64 }
	var stroke []sample
	for x := float64(from); x < to; x += 4 + 3*math.Sin(x/40) {
		x := math.Round(x)
		stroke = append(stroke, sample{x, 0.5 + 0.3*math.Sin(x/37) + 0.1*math.Sin(x/11)})
	}
	d.run(penEvent(input.MouseMoved, from, y, 0, 0), penEvent(input.MousePressed, from, y, stroke[0].pressure, 1))
	for _, s := range stroke[1:] {
		d.run(penEvent(input.MouseMoved, s.x, y, s.pressure, 1))
	}
	d.run(penEvent(input.MouseReleased, stroke[len(stroke)-1].x, y, 0, 0))
	d.typeable()
	shot := d.shot()
	off, most := 0, 0.0
	for _, at := range stroke[2 : len(stroke)-2] {
		wide := 0
		for row := y - size; row < y+size; row++ {
			if c := color.GrayModel.Convert(shot.At(int(at.x), row)).(color.Gray); c.Y < 120 {
				wide++
			}
		}
		want := 0.0 // the round brush reaches to places beside its own
		for _, s := range stroke {
			if r, beside := size*s.pressure/2, at.x-s.x; r > math.Abs(beside) {
				want = max(want, 2*math.Sqrt(r*r-beside*beside))
			}
		}
		most = max(most, math.Abs(float64(wide)-want))
		if math.Abs(float64(wide)-want) > 3+want/20 {
			off++
			t.Errorf("at %.0f pressed %.2f: %d pixels wide, want %.1f", at.x, at.pressure, wide, want)
		}
	}
	t.Logf("%d samples, %d of them drawn too wide or narrow, by %.1f pixels at most", len(stroke), off, most)
}

func penEvent(kind input.MouseType, x, y, force float64, buttons int64) *input.DispatchMouseEventParams {
	e := input.DispatchMouseEvent(kind, x, y).WithPointerType(input.Pen).WithForce(force).WithButtons(buttons)
	if kind != input.MouseMoved {
		e = e.WithButton(input.Left)
	}
	return e
}
