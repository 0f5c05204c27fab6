package streamer_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/BurntSushi/xgb/xproto"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/backlot/backlot/internal/wire"
)

// plainPens and fullPens are the X server's devices for pens, of its own driver, and of ours
// in the directory %[2]s. Only the streamer speaks for them, at their sockets in the directory %[1]s.
const (
	plainPens = `
Section "InputDevice"
	Identifier "Backlot Pen stylus"
	Driver "inputtest"
	Option "SocketPath" "%[1]s/pen"
	Option "DeviceType" "PointerAbsoluteProximity"
	Option "PointerHasPressure" "true"
EndSection
Section "InputDevice"
	Identifier "Backlot Pen eraser"
	Driver "inputtest"
	Option "SocketPath" "%[1]s/eraser"
	Option "DeviceType" "PointerAbsoluteProximity"
	Option "PointerHasPressure" "true"
EndSection
`
	fullPens = `
Section "Files"
	ModulePath "%[2]s"
	ModulePath "/usr/lib/xorg/modules"
EndSection
Section "InputDevice"
	Identifier "Backlot Pen stylus"
	Driver "backlotpen"
	Option "SocketPath" "%[1]s/pen"
EndSection
Section "InputDevice"
	Identifier "Backlot Pen eraser"
	Driver "backlotpen"
	Option "SocketPath" "%[1]s/eraser"
	Option "Eraser" "true"
EndSection
`
	otherDevices = `
Section "InputDevice"
	Identifier "Backlot Wheel"
	Driver "inputtest"
	Option "SocketPath" "%[1]s/wheel"
	Option "DeviceType" "Pointer"
EndSection
Section "ServerLayout"
	Identifier "layout"
	Screen "screen"
	InputDevice "Backlot Pen stylus"
	InputDevice "Backlot Pen eraser"
	InputDevice "Backlot Wheel"
EndSection
`
)

// penDriver is a directory with our driver.
func penDriver(t *testing.T) string {
	t.Helper()
	need(t, "cc", "pkg-config")
	if err := exec.CommandContext(t.Context(), "pkg-config", "--exists", "xorg-server").Run(); err != nil {
		t.Skipf("needs xserver-xorg-dev: %v", err)
	}
	dir := openDir(t)
	if out, err := exec.CommandContext(t.Context(), "../../scripts/pen-driver", filepath.Join(dir, "backlotpen_drv.so")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dir
}

// tablet is a desktop with the devices, and what its programs are told of them.
type tablet struct {
	*gateway
	t     *testing.T
	x     *xserver
	told  chan xiEvent
	names map[string]string // by number
}

// xiEvent is what an XInput 2 program is told.
type xiEvent struct {
	kind    string // such as "Motion"
	pointer bool   // it is an event of X's own pointer
	device  string // where it comes from
	detail  int
	x       float64
	axes    map[int]float64
}

func newTablet(t *testing.T) *tablet {
	t.Helper()
	return newTabletOf(t, fullPens, penDriver(t))
}

func newTabletOf(t *testing.T, pens, drivers string) *tablet {
	t.Helper()
	b := tabletOf(t, pens, drivers)
	b.awaitPen()
	return b
}

// tabletOf may have no pen, or not yet.
func tabletOf(t *testing.T, pens, drivers string) *tablet {
	t.Helper()
	need(t, "xinput")
	dir := openDir(t)
	if os.Getuid() == 0 {
		if err := os.Chown(dir, displayID, streamerID); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, 0o750); err != nil {
			t.Fatal(err)
		}
	}
	x := startXWith(t, xorgConfig+fmt.Sprintf(pens+otherDevices+"\n# %[2]s", dir, drivers))
	x.manage(t)
	b := &tablet{t: t, x: x, told: make(chan xiEvent, 100_000), names: map[string]string{}}
	x.input = dir
	b.gateway = startStreamer(t, x)
	await(b.gateway, "ready", anyOf[wire.Ready])
	b.listen()
	return b
}

// awaitPen waits until the pen is one: the streamer opens its devices once it has
// shown the desktop.
func (b *tablet) awaitPen() {
	b.t.Helper()
	eventually(b.t, "a pen", func() bool {
		b.send(wire.Pen{Samples: []wire.PenSample{{X: 9, Y: 9}}}, wire.Pen{}, wire.Pointer{X: 7, Y: 7})
		pen := false
		b.await("the pointer", func(e xiEvent) bool {
			pen = pen || e.device == "Backlot Pen stylus"
			return e.device == "Virtual core XTEST pointer" && e.kind == "Motion" && e.x == 7
		})
		return pen
	})
}

// listen starts the program that is told.
func (b *tablet) listen() {
	t := b.t
	t.Helper()
	env := append(os.Environ(), "DISPLAY="+b.x.display)
	list := exec.CommandContext(t.Context(), "xinput", "list", "--short")
	list.Env = env
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if name, rest, ok := strings.Cut(line, "id="); ok {
			number, _, _ := strings.Cut(rest, "\t")
			b.names[number] = strings.TrimLeft(strings.TrimSpace(name), "⎡⎣⎜∼↳ ")
		}
	}
	c := exec.CommandContext(t.Context(), "stdbuf", "-oL", "xinput", "test-xi2", "--root")
	c.Env = env
	pipe, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	start(t, c)
	going := make(chan struct{})
	go b.read(bufio.NewScanner(pipe), going)
	// Whoever asks for events is told from then on: of the first that is sent again and again.
	for y := int16(0); ; y++ {
		b.send(wire.Pointer{X: 1, Y: 1 + y%2})
		select {
		case <-going:
			b.send(wire.Pointer{X: 7, Y: 7}, wire.Button{Button: 9, Down: true}, wire.Button{Button: 9})
			b.await("the last before the test", func(e xiEvent) bool { return e.kind == "ButtonRelease" && e.detail == 9 })
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// read takes what xinput prints of the events of X's own pointer, as programs get
// them: what an event says ends with its windows.
func (b *tablet) read(lines *bufio.Scanner, going chan struct{}) {
	var e xiEvent
	for lines.Scan() {
		key, value, _ := strings.Cut(strings.TrimSpace(lines.Text()), ": ")
		switch number, err := strconv.Atoi(key); {
		case strings.HasPrefix(key, "EVENT type"):
			_, kind, _ := strings.Cut(key, "(")
			e = xiEvent{kind: strings.TrimSuffix(kind, ")"), axes: map[int]float64{}}
		case key == "device":
			device, source, _ := strings.Cut(value, " ")
			e.pointer, e.device = device == "2", b.names[strings.Trim(source, "()")]
		case key == "detail":
			e.detail, _ = strconv.Atoi(value)
		case key == "root":
			x, _, _ := strings.Cut(value, "/")
			e.x, _ = strconv.ParseFloat(x, 64)
		case err == nil && e.axes != nil:
			e.axes[number], _ = strconv.ParseFloat(value, 64)
		case key == "windows" && e.pointer:
			if going != nil {
				close(going)
				going = nil
			}
			b.told <- e
		}
	}
}

// await returns the next event that suits; those before are lost.
func (b *tablet) await(what string, suits func(xiEvent) bool) xiEvent {
	b.t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		select {
		case e := <-b.told:
			if suits(e) {
				return e
			}
		case <-deadline:
			b.t.Fatalf("it never comes: %s", what)
		}
	}
}

// until returns all events of devices of ours up to the one that suits.
func (b *tablet) until(suits func(xiEvent) bool) (all []xiEvent) {
	b.t.Helper()
	b.await("the last event", func(e xiEvent) bool {
		if strings.HasPrefix(e.device, "Backlot") {
			all = append(all, e)
		}
		return suits(e)
	})
	return all
}

// stroke is a pen's way over the screen: down, a curve of swelling pressure, up.
func stroke(n int) []wire.PenSample {
	samples := []wire.PenSample{{X: 10000, Y: 30000}}
	for i := range n {
		part := float64(i) / float64(n)
		samples = append(samples, wire.PenSample{
			X: uint16(10000 + 40000*part), Y: uint16(30000 + 8000*math.Sin(12*part)),
			Pressure: uint16(65535 * math.Abs(math.Sin(5*part))), TiltX: int8(90 - i%181), TiltY: 20, Buttons: wire.PenTip,
		})
	}
	return append(samples, wire.PenSample{X: 50000, Y: 30000})
}

func (b *tablet) draw(samples []wire.PenSample) {
	b.t.Helper()
	for some := range slices.Chunk(samples, wire.MaxPenSamples) {
		b.send(wire.Pen{Samples: some})
	}
}

// motions are what the events say of these axes, as samples do.
func motions(all []xiEvent, axes ...int) (samples [][]float64) {
	for _, e := range all {
		if e.kind != "Motion" {
			continue
		}
		var at []float64
		for _, axis := range axes {
			at = append(at, e.axes[axis])
		}
		samples = append(samples, at)
	}
	return samples
}

// drawn expects a stroke of a device of our driver.
func (b *tablet) drawn(samples []wire.PenSample, device string) {
	b.t.Helper()
	var want [][]float64
	for _, s := range samples {
		tilt := func(degrees int8) float64 { return float64(max(-64, min(degrees, 63))) }
		want = append(want, []float64{float64(s.X), float64(s.Y), float64(s.Pressure), tilt(s.TiltX), tilt(s.TiltY)})
	}
	b.strokes(want, device, 0, 1, 2, 3, 4)
}

// strokes expects a stroke: these values of these axes.
func (b *tablet) strokes(want [][]float64, device string, axes ...int) {
	t := b.t
	t.Helper()
	all := b.until(func(e xiEvent) bool { return e.kind == "ButtonRelease" && e.detail == 1 })
	// xinput prints hundredths.
	if diff := cmp.Diff(want, motions(all, axes...), cmpopts.EquateApprox(0, 0.011)); diff != "" {
		t.Errorf("the stroke (-drawn +told):\n%s", diff)
	}
	pressed := 0
	for i, e := range all {
		if e.device != device {
			t.Fatalf("event %d is of %q, want %q", i, e.device, device)
		}
		if e.kind == "ButtonPress" {
			if pressed++; e.detail != 1 || i != 2 {
				t.Errorf("event %d presses button %d, want event 2 and 1", i, e.detail)
			}
		}
	}
	if pressed != 1 {
		t.Errorf("pressed %d times", pressed)
	}
}

// TestPenOfTheServersOwnDriver: where there is no driver of ours a pen has no tilt.
func TestPenOfTheServersOwnDriver(t *testing.T) {
	t.Parallel()
	b := newTabletOf(t, plainPens, "")
	samples := stroke(100)
	b.draw(samples)
	var want [][]float64
	for _, s := range samples {
		want = append(want, []float64{float64(s.X), float64(s.Y), float64(s.Pressure) * 1000 / 65535})
	}
	b.strokes(want, "Backlot Pen stylus", 0, 1, 4)
}

// TestPenSampleForSample: more samples at once than X's queue has places.
func TestPenSampleForSample(t *testing.T) {
	t.Parallel()
	b := newTablet(t)
	samples := stroke(3000)
	b.draw(samples)
	b.drawn(samples, "Backlot Pen stylus")
	b.send(wire.Pen{})
	for i := range samples {
		if samples[i].Buttons != 0 {
			samples[i].Buttons = wire.PenEraser
		}
	}
	// The eraser's end is nearer from where it touches to where it leaves.
	erased := samples[1 : len(samples)-1]
	b.draw(erased)
	b.send(wire.Pen{})
	all := b.until(func(e xiEvent) bool { return e.kind == "ButtonRelease" && e.detail == 1 })
	if got := motions(all, 0); len(got) != len(erased) || all[0].device != "Backlot Pen eraser" {
		t.Errorf("%d motions of %q, want %d of the eraser", len(got), all[0].device, len(erased))
	}
}

func TestPenButtonsAndLeaving(t *testing.T) {
	t.Parallel()
	b := newTablet(t)
	at := func(buttons uint8) wire.Pen {
		return wire.Pen{Samples: []wire.PenSample{{X: 32768, Y: 32768, Buttons: buttons}}}
	}
	said := func(want ...string) {
		t.Helper()
		for _, w := range want {
			e := b.await(w, func(e xiEvent) bool { return strings.HasPrefix(e.kind, "Button") })
			if got := fmt.Sprintf("%s %d", strings.TrimPrefix(e.kind, "Button"), e.detail); got != w {
				t.Errorf("%s of %s, want %s", got, e.device, w)
			}
		}
	}
	b.send(at(0), at(wire.PenBarrel), at(wire.PenBarrel|wire.PenTip), at(wire.PenTip|wire.PenSecond), at(0))
	said("Press 3", "Press 1", "Release 3", "Press 2", "Release 1", "Release 2")
	// A mouse, and a pen again: each from where it is.
	b.send(wire.Pointer{X: 50, Y: 50}, wire.Button{Button: 1, Down: true}, wire.Button{Button: 1}, at(wire.PenTip), at(wire.PenEraser))
	said("Press 1", "Release 1", "Press 1", "Release 1", "Press 1")
	// Whoever leaves leaves nothing pressed.
	b.send(wire.ReleaseAll{})
	said("Release 1")
	b.send(at(wire.PenTip|wire.PenBarrel), wire.Pen{})
	said("Press 1", "Press 3", "Release 1", "Release 3")
}

// TestPenAfterACrash: the X server would listen to the dead streamer for ever.
func TestPenAfterACrash(t *testing.T) {
	t.Parallel()
	b := newTablet(t)
	b.send(wire.Pen{Samples: []wire.PenSample{{X: 5, Y: 5, Pressure: 9, Buttons: wire.PenTip}}})
	b.await("a press", func(e xiEvent) bool { return e.kind == "ButtonPress" })
	b.kill()
	b.gateway = startStreamer(t, b.x)
	await(b.gateway, "ready", anyOf[wire.Ready])
	b.awaitPen()
	samples := stroke(10)
	b.draw(samples)
	b.await("the pen", func(e xiEvent) bool { return e.device == "Backlot Pen stylus" && e.axes[0] == 10000 })
	b.await("the end of the stroke", func(e xiEvent) bool { return e.kind == "ButtonRelease" })
	before := busy(t, b.x.command.Process.Pid)
	time.Sleep(300 * time.Millisecond)
	if used := busy(t, b.x.command.Process.Pid) - before; used > 150*time.Millisecond {
		t.Errorf("the X server was busy for %v of 300ms", used)
	}
	// Nor to one that ended in order.
	_ = b.streamer.Process.Signal(syscall.SIGTERM)
	<-b.exited
	before = busy(t, b.x.command.Process.Pid)
	time.Sleep(300 * time.Millisecond)
	if used := busy(t, b.x.command.Process.Pid) - before; used > 150*time.Millisecond {
		t.Errorf("after the streamer's end the X server was busy for %v of 300ms", used)
	}
}

// busy is the time that a process has had of the processors.
func busy(t *testing.T, pid int) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	ticks := 0
	for _, f := range fields[11:13] {
		n, _ := strconv.Atoi(f)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// TestPenWithoutDevices: an X server that has none takes the pen for a mouse.
func TestPenWithoutDevices(t *testing.T) {
	t.Parallel()
	x, g := desktop(t)
	at := func() *xproto.QueryPointerReply {
		p, err := xproto.QueryPointer(x.x, x.root).Reply()
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	g.send(wire.Pen{Samples: []wire.PenSample{{X: 32768, Y: 32768, Pressure: 500, Buttons: wire.PenTip}}})
	eventually(t, "button 1 at the middle", func() bool {
		p := at()
		return p.RootX == 640 && p.RootY == 360 && p.Mask&xproto.KeyButMaskButton1 != 0
	})
	g.send(wire.Pen{})
	eventually(t, "no button", func() bool { return at().Mask&xproto.KeyButMaskButton1 == 0 })
}

// TestWheelWithoutPens: an X server that does without the pens' driver has a wheel all the same.
func TestWheelWithoutPens(t *testing.T) {
	t.Parallel()
	need(t, "xinput")
	pens := strings.ReplaceAll(fullPens, "backlotpen", "nosuchdriver")
	b := tabletOf(t, pens, "/usr/lib/xorg/modules")
	eventually(t, "a wheel that glides", func() bool {
		b.send(wire.Wheel{DY: 30}, wire.Pointer{X: 9, Y: 9}, wire.Pointer{X: 7, Y: 7})
		glides := false
		b.await("the pointer", func(e xiEvent) bool {
			glides = glides || e.device == "Backlot Wheel"
			return e.device == "Virtual core XTEST pointer" && e.kind == "Motion" && e.x == 7
		})
		return glides
	})
}

// TestWheelGlides: fractions of a notch are told as such, and click once they are
// one; whole notches only click.
func TestWheelGlides(t *testing.T) {
	t.Parallel()
	b := newTablet(t)
	b.send(wire.Wheel{DY: 30}, wire.Wheel{DY: 30}, wire.Wheel{DX: -7, DY: 45}, wire.Wheel{DY: 15})
	all := b.until(func(e xiEvent) bool { return e.kind == "ButtonRelease" })
	at, steps := map[int]float64{}, [][2]float64{}
	for _, e := range all {
		if e.kind != "Motion" {
			continue
		}
		maps.Copy(at, e.axes)
		steps = append(steps, [2]float64{at[2], at[3]})
	}
	if diff := cmp.Diff([][2]float64{{0, 30}, {0, 60}, {-7, 105}, {-7, 120}}, steps); diff != "" {
		t.Errorf("the wheel (-turned +told):\n%s", diff)
	}
	if last := all[len(all)-1]; last.detail != 5 {
		t.Errorf("button %d, want 5", last.detail)
	}
	b.send(wire.Wheel{DY: -120})
	if e := b.await("a click", func(e xiEvent) bool { return e.kind == "ButtonPress" }); e.device != "Virtual core XTEST pointer" || e.detail != 4 {
		t.Errorf("a notch is %+v", e)
	}
}

func TestRelativeMotion(t *testing.T) {
	t.Parallel()
	x, g := desktop(t)
	g.send(wire.Pointer{X: 600, Y: 300}, wire.Motion{DX: 40, DY: -25}, wire.Motion{DX: -100, DY: 1})
	eventually(t, "pointer at 540,276", func() bool {
		p, err := xproto.QueryPointer(x.x, x.root).Reply()
		if err != nil {
			t.Fatal(err)
		}
		return p.RootX == 540 && p.RootY == 276
	})
}

// TestPenComesBack: a program of the desktop may turn the pen off, and the streamer
// turns it on again when it is used.
func TestPenComesBack(t *testing.T) {
	t.Parallel()
	b := newTablet(t)
	off := exec.CommandContext(t.Context(), "xinput", "disable", "Backlot Pen stylus")
	off.Env = append(os.Environ(), "DISPLAY="+b.x.display)
	if out, err := off.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	b.awaitPen()
	samples := stroke(50)
	b.draw(samples)
	b.drawn(samples, "Backlot Pen stylus")
}

// TestHandsInConfusion: whatever viewers do, in whatever order, leaves nothing
// pressed and the streamer alive.
func TestHandsInConfusion(t *testing.T) {
	t.Parallel()
	b := newTablet(t)
	random := rand.New(rand.NewPCG(1, 2))
	number := func() uint16 { return uint16(random.Uint32()) }
	for range 3000 {
		down := random.IntN(2) == 0
		switch random.IntN(8) {
		case 0:
			samples := make([]wire.PenSample, random.IntN(wire.MaxPenSamples+1))
			for i := range samples {
				samples[i] = wire.PenSample{X: number(), Y: number(), Pressure: number(), Buttons: uint8(random.IntN(64)) &^ 24}
			}
			b.send(wire.Pen{Samples: samples})
		case 1:
			b.send(wire.Motion{DX: int16(number()), DY: int16(number())})
		case 2:
			b.send(wire.Wheel{DX: int16(random.IntN(500) - 250), DY: int16(random.IntN(500) - 250)})
		case 3:
			b.send(wire.Button{Button: []uint8{1, 2, 3, 8, 9}[random.IntN(5)], Down: down})
		case 4:
			b.send(wire.Key{Code: number() % wire.MaxKeyCode, Keysym: uint32(number()), Down: down})
		case 5:
			b.send(wire.Locks{Caps: down, Num: random.IntN(2) == 0})
		case 6:
			b.send(wire.Pointer{X: int16(number()), Y: int16(number())})
		case 7:
			if random.IntN(100) == 0 {
				b.send(wire.Layout{Name: []string{"us", "de", "jp", "xx"}[random.IntN(4)]})
			}
		}
	}
	b.send(wire.ReleaseAll{}, wire.Pen{}, wire.Ping{})
	await(b.gateway, "pong", anyOf[wire.Pong])
	eventually(t, "nothing pressed", func() bool {
		pointer, err := xproto.QueryPointer(b.x.x, b.x.root).Reply()
		if err != nil {
			t.Fatal(err)
		}
		keys, err := xproto.QueryKeymap(b.x.x).Reply()
		if err != nil {
			t.Fatal(err)
		}
		return pointer.Mask>>8 == 0 && !slices.ContainsFunc(keys.Keys, func(k byte) bool { return k != 0 })
	})
}

// TestPenDriverTakesAnything: whatever comes to its socket, our driver ends no X server, and
// heeds who comes next.
func TestPenDriverTakesAnything(t *testing.T) {
	t.Parallel()
	b := newTablet(t)
	random := rand.New(rand.NewPCG(3, 4))
	kinds := []struct{ kind, size uint32 }{{0, 12}, {1, 8}, {2, 1056}, {3, 1056}, {4, 1064}, {5, 8}, {1 << 31, 8}}
	for range 300 {
		conn, err := net.Dial("unix", filepath.Join(b.x.input, []string{"pen", "eraser"}[random.IntN(2)]))
		if err != nil {
			t.Fatal(err)
		}
		for range random.IntN(8) {
			k := kinds[random.IntN(len(kinds))]
			m := make([]byte, k.size)
			for i := range m {
				m[i] = byte(random.Uint32())
			}
			binary.NativeEndian.PutUint32(m, k.size)
			binary.NativeEndian.PutUint32(m[4:], k.kind)
			switch random.IntN(8) {
			case 0:
				m = m[:random.IntN(len(m)+1)] // the rest never comes, or belongs to the next
			case 1:
				binary.NativeEndian.PutUint32(m, random.Uint32())
			}
			if _, err := conn.Write(m); err != nil {
				break // it was hung up on
			}
		}
		_ = conn.Close()
	}
	// The streamer's own connection was among those that had to make way: it is made anew.
	eventually(t, "the pen draws", func() bool {
		b.send(wire.Pen{Samples: []wire.PenSample{{X: 12345, Y: 9, Buttons: wire.PenTip}}}, wire.Pen{}, wire.Pointer{X: 7, Y: 7})
		drawn := false
		b.await("the pointer", func(e xiEvent) bool {
			drawn = drawn || e.device == "Backlot Pen stylus" && e.kind == "ButtonPress" && e.axes[0] == 12345
			return e.device == "Virtual core XTEST pointer" && e.kind == "Motion" && e.x == 7
		})
		return drawn
	})
}
