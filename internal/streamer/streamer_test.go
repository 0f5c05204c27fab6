package streamer_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/BurntSushi/xgb"
	"github.com/BurntSushi/xgb/xproto"

	"github.com/backlot/backlot/internal/streamer"
	"github.com/backlot/backlot/internal/streamer/x11"
	"github.com/backlot/backlot/internal/wire"
)

func watch(on bool) wire.Watch { return wire.Watch{On: on} }

func TestReadyWaitsForAWindowManager(t *testing.T) {
	t.Parallel()
	x := startX(t)
	g := startStreamer(t, x)
	g.send(wire.Ping{})
	await(g, "pong, and nothing before it", func(wire.Pong) bool { return true })
	x.manage(t)
	if r := await(g, "ready", anyOf[wire.Ready]); r != (wire.Ready{Width: 1280, Height: 720}) {
		t.Errorf("ready with %v", r)
	}
	c := await(g, "the cursor", anyOf[wire.Cursor])
	if c.Width == 0 || len(c.Pixels) != 4*int(c.Width)*int(c.Height) {
		t.Errorf("cursor of %dx%d with %d bytes", c.Width, c.Height, len(c.Pixels))
	}
}

// A window manager names its window at the root before the window names itself.
func TestReadyHoweverSlowTheWindowManager(t *testing.T) {
	t.Parallel()
	x := startX(t)
	g := startStreamer(t, x)
	manager := window(t, x, 0)
	const name = "_NET_SUPPORTING_WM_CHECK"
	atom, err := xproto.InternAtom(x.x, false, uint16(len(name)), name).Reply()
	if err != nil {
		t.Fatal(err)
	}
	for _, on := range []xproto.Window{x.root, manager} {
		for range 3 { // each looks at least once at what is there
			g.send(wire.Ping{})
			await(g, "pong, and nothing before it", func(wire.Pong) bool { return true })
		}
		if err := xproto.ChangePropertyChecked(x.x, xproto.PropModeReplace, on, atom.Atom, xproto.AtomWindow, 32, 1,
			binary.LittleEndian.AppendUint32(nil, uint32(manager))).Check(); err != nil {
			t.Fatal(err)
		}
	}
	await(g, "ready", anyOf[wire.Ready])
}

// It does not run beside the others: see Grab.
func TestCaptureNeedsACommonGroup(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to be in another group than X")
	}
	x := startX(t)
	if _, err := streamer.Grab(t.Context(), x.display); err == nil || !strings.Contains(err.Error(), "group") {
		t.Errorf("got %v", err)
	}
}

func desktop(t testing.TB) (*xserver, *gateway) {
	t.Helper()
	x := startX(t)
	x.manage(t)
	g := startStreamer(t, x)
	await(g, "ready", anyOf[wire.Ready])
	return x, g
}

func TestStillPictureBecomesSharp(t *testing.T) {
	t.Parallel()
	need(t, "ffmpeg")
	x, g := desktop(t)
	x.paint(t, 0, 0, 1280, 720, 1)
	g.send(watch(true))
	first := await(g, "the first frame", anyOf[wire.Video])
	if got, want := nals(first.Data), "7 8 6 5 5"; !first.Key || got != want {
		t.Errorf("first frame: key %v, NAL units %s, want %s", first.Key, got, want)
	}
	g.still()
	x.paint(t, 300, 200, 500, 300, 2)
	g.still()

	want := x.luma(t)
	if db := psnr(decodeLast(t, g.video, len(want)), want); db < 40 {
		t.Errorf("still picture of %.1f dB, want 40", db)
	}
	for _, v := range g.video[1:] {
		if v.Key {
			t.Error("a key frame that nobody asked for")
		}
	}
}

// What the rate does not carry has fewer pixels while it moves, and all of them at rest.
func TestMovementOnANarrowWay(t *testing.T) {
	t.Parallel()
	need(t, "ffmpeg")
	x, g := desktop(t)
	g.send(wire.Rate{BitsPerSecond: 2_000_000, FramesPerSecond: 60}, watch(true))
	g.still()
	before := len(g.video)
	small := func(v wire.Video) bool { return v.Width < 1280 }
	for seed := uint32(1); !slices.ContainsFunc(g.video[before:], small); seed++ {
		if seed > 500 {
			t.Fatal("it keeps all of its pixels")
		}
		x.paint(t, 0, 0, 1280, 720, seed)
		g.send(wire.Ping{})
		await(g, "pong", anyOf[wire.Pong])
	}
	first := g.video[before+slices.IndexFunc(g.video[before:], small)]
	if ratio := float64(first.Width) / float64(first.Height); !first.Key || ratio < 1.7 || ratio > 1.8 {
		t.Errorf("it begins with %d x %d pixels, key frame %v", first.Width, first.Height, first.Key)
	}
	whole := await(g, "all pixels", func(v wire.Video) bool { return v.Width == 1280 && v.Height == 720 })
	if !whole.Key {
		t.Error("it goes on without a key frame")
	}
	begin, want := len(g.video)-1, x.luma(t)
	eventually(t, "a still picture of 35 dB", func() bool {
		await(g, "a frame", anyOf[wire.Video])
		for len(g.messages) > 0 { // decoding takes longer than making it
			await(g, "what came meanwhile", anyOf[wire.Message])
		}
		return psnr(decodeLast(t, g.video[begin:], len(want)), want) > 35
	})
}

// The main profile takes fewer bits and more time: it is for ways that are narrow, if all who watch play it.
func TestMainWhereBitsAreScarce(t *testing.T) {
	t.Parallel()
	need(t, "ffmpeg")
	x, g := desktop(t)
	const baseline, main = 66, 77
	key := func(what string, want byte) {
		t.Helper()
		await(g, what, func(v wire.Video) bool { return v.Key && profile(v) == want })
		begin, luma := len(g.video)-1, x.luma(t)
		g.still()
		if db := psnr(decodeLast(t, g.video[begin:], len(luma)), luma); db < 35 {
			t.Errorf("%s: a still picture of %.1f dB", what, db)
		}
	}
	x.paint(t, 0, 0, 1280, 720, 1)
	rate := func(bitsPerSecond uint32) wire.Rate {
		return wire.Rate{BitsPerSecond: bitsPerSecond, FramesPerSecond: 60}
	}
	g.send(rate(8_000_000), wire.Main{On: true}, watch(true))
	key("a narrow way", main)
	g.send(wire.Main{})
	key("somebody comes who does not play it", baseline)
	g.send(wire.Main{On: true}, watch(false), watch(true))
	key("a narrow way again", main)
	g.send(rate(40_000_000))
	key("the way has become wide", baseline)
	g.send(rate(8_000_000), wire.KeyFrame{})
	key("it is narrow again, and somebody asks for a key frame", main)
	g.send(wire.Main{}, wire.Main{On: true}, wire.Ping{})
	await(g, "pong", anyOf[wire.Pong])
	g.send(rate(8_000_000), wire.Format{FullColour: true})
	key("full colour", 244)
}

func TestNothingIsSentToNobody(t *testing.T) {
	t.Parallel()
	x, g := desktop(t)
	g.send(watch(true))
	g.still()
	g.send(watch(false), wire.Ping{})
	await(g, "pong", anyOf[wire.Pong])
	x.paint(t, 0, 0, 640, 480, 1)
	seen := len(g.video)
	g.send(wire.Ping{})
	await(g, "pong", anyOf[wire.Pong])
	if n := len(g.video) - seen; n > 0 {
		t.Errorf("%d frames while nobody looks", n)
	}
	g.send(watch(true))
	if v := await(g, "a frame", anyOf[wire.Video]); !v.Key {
		t.Error("the first frame for a new viewer is no key frame")
	}
	g.still()
	g.send(watch(false), watch(true))
	if v := await(g, "a frame", anyOf[wire.Video]); !v.Key {
		t.Error("the first frame for a viewer who comes as another leaves is no key frame")
	}
}

func TestKeyFramesOnDemandAreRare(t *testing.T) {
	t.Parallel()
	_, g := desktop(t)
	g.send(watch(true))
	g.still()
	var last uint64
	for range 3 {
		for range 100 {
			g.send(wire.KeyFrame{})
		}
		v := await(g, "a key frame", func(v wire.Video) bool { return v.Key })
		if gap := v.CapturedMicros - last; gap < 490_000 {
			t.Errorf("key frames %d µs apart", gap)
		}
		last = v.CapturedMicros
	}
}

func TestFramesKeepToTheRate(t *testing.T) {
	t.Parallel()
	x, g := desktop(t)
	g.send(wire.Rate{BitsPerSecond: 5_000_000, FramesPerSecond: 20}, watch(true))
	first := await(g, "a frame", anyOf[wire.Video])
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := uint32(0); ; i++ {
			select {
			case <-stop:
				return
			default:
				x.paint(t, 0, 0, 200, 100, i)
			}
		}
	}()
	const frames = 30
	bits := 0
	last := first
	var gaps []uint64
	for range frames {
		v := await(g, "a frame", anyOf[wire.Video])
		gaps = append(gaps, v.CapturedMicros-last.CapturedMicros)
		bits += 8 * len(v.Data)
		last = v
	}
	close(stop)
	<-done
	slices.Sort(gaps)
	// One that only makes a picture better, while painting comes late, may lie between two.
	if gap := gaps[frames/2]; gap < 48_000 || gap > 100_000 {
		t.Errorf("frames %d µs apart, want 50000", gap)
	}
	seconds := float64(last.CapturedMicros-first.CapturedMicros) / 1e6
	if rate := float64(bits) / seconds; rate > 6_500_000 {
		t.Errorf("%.0f bits per second, want 5 million", rate)
	}
}

func TestPointerAndButtons(t *testing.T) {
	t.Parallel()
	x, g := desktop(t)
	at := func() *xproto.QueryPointerReply {
		p, err := xproto.QueryPointer(x.x, x.root).Reply()
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	g.send(wire.Pointer{X: 321, Y: 123})
	eventually(t, "pointer at 321,123", func() bool { p := at(); return p.RootX == 321 && p.RootY == 123 })
	g.send(wire.Pointer{X: -5, Y: 30000})
	eventually(t, "pointer at the edge", func() bool { p := at(); return p.RootX == 0 && p.RootY == 719 })
	g.send(wire.Pointer{X: 600, Y: 300}, wire.Button{Button: 2, Down: true})
	eventually(t, "button 2 down", func() bool { return at().Mask&xproto.KeyButMaskButton2 != 0 })
	g.send(wire.ReleaseAll{})
	eventually(t, "button 2 up", func() bool { return at().Mask&xproto.KeyButMaskButton2 == 0 })
}

// window makes a window at the top left that receives events, above all others.
func window(t *testing.T, x *xserver, events uint32) xproto.Window {
	t.Helper()
	w, err := xproto.NewWindowId(x.x)
	if err != nil {
		t.Fatal(err)
	}
	err = xproto.CreateWindowChecked(x.x, 0, w, x.root, 0, 0, 100, 100, 0, xproto.WindowClassInputOnly, 0,
		xproto.CwOverrideRedirect|xproto.CwEventMask, []uint32{1, events}).Check()
	if err != nil {
		t.Fatal(err)
	}
	if err := xproto.MapWindowChecked(x.x, w).Check(); err != nil {
		t.Fatal(err)
	}
	return w
}

// event returns the next event of its type.
func event[E xgb.Event](t *testing.T, x *xserver) E {
	t.Helper()
	defer time.AfterFunc(10*time.Second, x.hangUp).Stop()
	for {
		e, err := x.x.WaitForEvent()
		if e, ok := e.(E); ok {
			return e
		}
		if _, gone := e.(x11.Gone); gone || err != nil {
			t.Fatalf("no event of type %T: %v", *new(E), err)
		}
	}
}

func TestWheelClicksOncePerNotch(t *testing.T) {
	t.Parallel()
	x, g := desktop(t)
	window(t, x, xproto.EventMaskButtonPress)
	g.send(
		wire.Pointer{X: 50, Y: 50},
		wire.Wheel{DY: 120}, wire.Wheel{DY: -240}, // down, up, up
		wire.Wheel{DY: 100}, wire.Wheel{DY: -20}, wire.Wheel{DY: -99}, // a turn back starts afresh
		wire.Wheel{DX: 60}, wire.Wheel{DX: 60}, // right
		wire.Wheel{DX: -130}, wire.Wheel{DX: -110}, // left, left
		wire.Button{Button: 9, Down: true}, wire.Button{Button: 9},
	)
	for i, want := range []xproto.Button{5, 4, 4, 7, 6, 6, 9} {
		if b := event[xproto.ButtonPressEvent](t, x); b.Detail != want {
			t.Fatalf("click %d is of button %d, want %d", i, b.Detail, want)
		}
	}
}

func TestHeldKeyRepeats(t *testing.T) {
	t.Parallel()
	x, g := desktop(t)
	w := window(t, x, xproto.EventMaskKeyPress)
	if err := xproto.SetInputFocusChecked(x.x, xproto.InputFocusNone, w, xproto.TimeCurrentTime).Check(); err != nil {
		t.Fatal(err)
	}
	g.send(wire.Key{Code: 30, Down: true})
	for range 4 {
		if k := event[xproto.KeyPressEvent](t, x); k.Detail != 30+8 {
			t.Fatalf("key %d, want %d", k.Detail, 30+8)
		}
	}
	g.send(wire.ReleaseAll{})
}

// TestKeysThatAreThoseOfLinuxStay: a display that has the right codes is not made
// to load them, as it answers nobody for as long as that takes.
func TestKeysThatAreThoseOfLinuxStay(t *testing.T) {
	t.Parallel()
	x, _ := desktop(t)
	const name, unused = "_XKB_RULES_NAMES", 220
	atom, err := xproto.InternAtom(x.x, false, uint16(len(name)), name).Reply()
	if err != nil {
		t.Fatal(err)
	}
	rules := func() string {
		p, err := xproto.GetProperty(x.x, false, x.root, atom.Atom, xproto.AtomString, 0, 64).Reply()
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(p.Value), "\x00")
		return first
	}
	eventually(t, "the keymap", func() bool { return rules() == "evdev" })
	if err := xproto.ChangeKeyboardMappingChecked(x.x, 1, unused, 1, []xproto.Keysym{'x'}).Check(); err != nil {
		t.Fatal(err)
	}
	if err := xproto.ChangePropertyChecked(x.x, xproto.PropModeReplace, x.root, atom.Atom, xproto.AtomString, 8, 5, []byte("base\x00")).Check(); err != nil {
		t.Fatal(err)
	}
	startStreamer(t, x)
	eventually(t, "the rules' name", func() bool { return rules() == "evdev" })
	m, err := xproto.GetKeyboardMapping(x.x, unused, 1).Reply()
	if err != nil || m.Keysyms[0] != 'x' {
		t.Errorf("key %d: %v, %v", unused, m, err)
	}
}

// TestKeysAreThoseOfLinux: an X server without devices begins with other codes
// for all that is no letter.
func TestKeysAreThoseOfLinux(t *testing.T) {
	t.Parallel()
	x, _ := desktop(t)
	for code, want := range map[byte]xproto.Keysym{
		30: 'a', 96: 0xff8d, 97: 0xffe4, 99: 0xff61, 100: 0xffea, 102: 0xff50, 103: 0xff52, 104: 0xff55, 105: 0xff51, 106: 0xff53,
		107: 0xff57, 108: 0xff54, 109: 0xff56, 110: 0xff63, 111: 0xffff, 125: 0xffeb, 127: 0xff67,
	} {
		eventually(t, fmt.Sprintf("key %d with symbol 0x%x", code, want), func() bool {
			m, err := xproto.GetKeyboardMapping(x.x, xproto.Keycode(code+8), 1).Reply()
			if err != nil {
				t.Fatal(err)
			}
			return m.Keysyms[0] == want
		})
	}
}

// evdev codes of the keys on a US keyboard.
var codes = map[rune]uint16{
	'b': 48, 'a': 30, 'c': 46, 'k': 37, 'l': 38, 'o': 24, 't': 20, ' ': 57, '1': 2, '\n': 28, '/': 53,
}

func typed(text string) []wire.Message {
	var all []wire.Message
	for _, r := range text {
		code := codes[r]
		all = append(all, wire.Key{Code: code, Down: true}, wire.Key{Code: code})
	}
	return all
}

func symbols(text string) []wire.Message {
	var all []wire.Message
	for _, r := range text {
		sym := uint32(r)
		if r > 0xff {
			sym += 0x1000000
		}
		all = append(all, wire.Key{Keysym: sym, Down: true}, wire.Key{Keysym: sym})
	}
	return all
}

func TestTextReachesATerminal(t *testing.T) {
	t.Parallel()
	x, g := desktop(t)
	file := filepath.Join(t.TempDir(), "typed")
	x.run(t, "xterm", "-u8", "-e", "cat > "+file)
	eventually(t, "a terminal with the focus", func() bool {
		f, err := xproto.GetInputFocus(x.x).Reply()
		if err != nil {
			t.Fatal(err)
		}
		c, err := xproto.GetProperty(x.x, false, f.Focus, xproto.AtomWmClass, xproto.AtomString, 0, 100).Reply()
		return err == nil && strings.Contains(string(c.Value), "xterm")
	})
	const shift, enter = 42, 28
	g.send(typed("backlot 1/")...)
	g.send(wire.Key{Code: shift, Down: true})
	g.send(typed("1a")...)
	g.send(wire.Key{Code: shift})
	g.send(symbols(" A!z{é€ßñ日本語")...)
	// The viewer's keyboard says another character than the desktop's key has.
	for _, m := range []wire.Key{{Code: 52, Keysym: '>'}, {Code: 30, Keysym: 'q'}, {Code: 30, Keysym: 'A'}, {Code: 30, Keysym: 'a'}} {
		g.send(wire.Key{Code: m.Code, Keysym: m.Keysym, Down: true}, m)
	}
	g.send(wire.Key{Code: enter, Keysym: 0xff0d, Down: true}, wire.Key{Code: enter, Keysym: 0xff0d})
	want := "backlot 1/!A A!z{é€ßñ日本語>qAa\n"
	var got []byte
	eventually(t, "what was typed", func() bool {
		got, _ = os.ReadFile(file)
		return len(got) > 0
	})
	if string(got) != want {
		t.Errorf("typed %q, got %q", want, got)
	}
}

func TestHeldKeysAreReleased(t *testing.T) {
	t.Parallel()
	x, g := desktop(t)
	down := func() int {
		k, err := xproto.QueryKeymap(x.x).Reply()
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for i := range 256 {
			n += int(k.Keys[i/8] >> (i % 8) & 1)
		}
		return n
	}
	hold := []wire.Message{wire.Key{Code: 42, Down: true}, wire.Key{Code: 30, Down: true}, wire.Key{Code: 30, Down: true}, wire.Key{Keysym: 0xe9, Down: true}}
	g.send(hold...)
	eventually(t, "three keys down", func() bool { return down() == 3 })
	g.send(wire.ReleaseAll{})
	eventually(t, "all keys up", func() bool { return down() == 0 })

	g.send(hold...)
	eventually(t, "three keys down", func() bool { return down() == 3 })
	if err := g.sock.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all keys up without a gateway", func() bool { return down() == 0 })

	g.accept()
	g.send(hold...)
	eventually(t, "three keys down", func() bool { return down() == 3 })
	if err := g.streamer.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-g.exited
	startStreamer(t, x)
	eventually(t, "all keys up with another streamer", func() bool { return down() == 0 })
}

func TestResize(t *testing.T) {
	t.Parallel()
	x, g := desktop(t)
	g.send(watch(true))
	await(g, "a frame", anyOf[wire.Video])
	for _, c := range []struct{ ask, get wire.Resize }{
		{wire.Resize{Width: 1920, Height: 1080}, wire.Resize{Width: 1920, Height: 1080}},
		{wire.Resize{Width: 801, Height: 603}, wire.Resize{Width: 800, Height: 602}},
		{wire.Resize{Width: 320, Height: 200}, wire.Resize{Width: 320, Height: 200}},
		{wire.Resize{Width: 3840, Height: 2160}, wire.Resize{Width: 3840, Height: 2160}},
		{wire.Resize{Width: 1280, Height: 720}, wire.Resize{Width: 1280, Height: 720}},
	} {
		g.send(c.ask)
		if s := await(g, "the new size", anyOf[wire.Screen]); wire.Resize(s) != c.get {
			t.Errorf("asked for %v, got %v", c.ask, s)
		}
		v := await(g, "a frame of the new size", anyOf[wire.Video])
		if !v.Key || v.Width != c.get.Width || v.Height != c.get.Height {
			t.Errorf("after %v: key %v, %dx%d", c.get, v.Key, v.Width, v.Height)
		}
		if w, h := x.size(t); w != int(c.get.Width) || h != int(c.get.Height) {
			t.Errorf("asked for %v, root window is %dx%d", c.ask, w, h)
		}
	}
	out, err := exec.CommandContext(t.Context(), "xrandr", "-d", x.display).Output()
	if err != nil {
		t.Skipf("needs xrandr: %v", err)
	}
	if n := strings.Count(string(out), "backlot-"); n != 1 {
		t.Errorf("%d modes of ours, want 1:\n%s", n, out)
	}
}

func TestGatewayComesBack(t *testing.T) {
	t.Parallel()
	_, g := desktop(t)
	g.send(watch(true))
	await(g, "a frame", anyOf[wire.Video])
	if err := errors.Join(g.listener.Close(), g.sock.Close()); err != nil {
		t.Fatal(err)
	}
	g.listen()
	start := time.Now()
	g.accept()
	await(g, "ready again", anyOf[wire.Ready])
	await(g, "the cursor again", anyOf[wire.Cursor])
	if d := time.Since(start); d > time.Second {
		t.Errorf("back after %v", d)
	}
	g.send(watch(true))
	if v := await(g, "a frame", anyOf[wire.Video]); !v.Key {
		t.Error("the first frame for a new gateway is no key frame")
	}
}

func TestTriesAgainWhenRefused(t *testing.T) {
	t.Parallel()
	_, g := desktop(t)
	for _, answer := range []wire.Message{nil, wire.Welcome{Version: 99}, wire.Ping{}} {
		_ = g.sock.Close()
		g.sock = g.next()
		if answer != nil {
			if err := wire.NewConn(g.sock).WriteMessage(answer); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = g.sock.Close()
	g.accept()
	await(g, "ready", anyOf[wire.Ready])
}

func TestEndsWithItsXServer(t *testing.T) {
	t.Parallel()
	x, g := desktop(t)
	g.send(watch(true))
	await(g, "a frame", anyOf[wire.Video])
	if err := x.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-g.exited:
		if err == nil {
			t.Error("it ended well without an X server")
		}
	case <-time.After(10 * time.Second):
		t.Error("it runs on without an X server")
	}
}

func TestGarbageDoesNoHarm(t *testing.T) {
	t.Parallel()
	_, g := desktop(t)
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		junk := make([]byte, 1+random.IntN(300))
		for i := range junk {
			junk[i] = byte(random.Uint32())
		}
		if _, err := g.sock.Write(junk); err != nil {
			t.Fatal(err)
		}
		_ = g.sock.Close()
		g.accept()
	}
	// Messages in good form that make no sense: each kind, random fields.
	kinds := []wire.Type{
		wire.TypeHello, wire.TypeWelcome, wire.TypeWatch, wire.TypeKeyFrame, wire.TypeRate, wire.TypeResize,
		wire.TypePointer, wire.TypeButton, wire.TypeWheel, wire.TypeKey, wire.TypeReleaseAll, wire.TypePing,
	}
	for sent := 0; sent < 2000; {
		b := make([]byte, 1+random.IntN(9))
		for i := range b {
			b[i] = byte(random.Uint32() & random.Uint32())
		}
		b[0] = byte(kinds[random.IntN(len(kinds))])
		m, err := wire.Decode(b)
		if err != nil {
			continue
		}
		if r, ok := m.(wire.Resize); ok && int(r.Width)*int(r.Height) > 2000*2000 {
			continue // it would only take time
		}
		g.send(m)
		sent++
	}
	g.send(wire.ReleaseAll{}, watch(false), watch(true))
	await(g, "a frame after all that", anyOf[wire.Video])
}

// nals are the types of the NAL units in an Annex B stream.
func nals(unit []byte) string {
	var types []string
	for _, nal := range bytes.Split(unit, []byte{0, 0, 1})[1:] {
		types = append(types, string('0'+nal[0]&31))
	}
	return strings.Join(types, " ")
}

// decodeLast is the luma of the last frame, as ffmpeg decodes it.
func decodeLast(t testing.TB, video []wire.Video, luma int) []byte {
	t.Helper()
	var stream bytes.Buffer
	for _, v := range video {
		stream.Write(v.Data)
	}
	c := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-f", "h264", "-i", "-", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-")
	c.Stdin = &stream
	out, err := c.Output()
	if err != nil {
		t.Fatalf("ffmpeg: %v", err)
	}
	frame := luma * 3 / 2
	if n := len(out) / frame; n != len(video) || len(out)%frame != 0 {
		t.Fatalf("%d bytes decoded: %d frames, want %d", len(out), n, len(video))
	}
	return out[len(out)-frame:][:luma]
}

func psnr(a, b []byte) float64 {
	var sum float64
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += d * d
	}
	return 10 * math.Log10(255*255*float64(len(a))/sum)
}
