package e2e_test

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/backlot/backlot/e2e/scene"
)

//go:embed testdata/probe.js
var probe string

// truth is what the scenes look like.
type truth struct {
	luma map[string]string // base64, by name
	hash map[string]uint32
}

func newTruth() truth {
	t := truth{map[string]string{}, map[string]uint32{}}
	for _, mode := range []string{scene.Flip, scene.FlipImage, scene.FlipSmall} {
		for state := range 2 {
			p := scene.Of(mode, state == 1)
			t.luma[named(mode, state)] = base64.StdEncoding.EncodeToString(p.Luma())
			t.hash[named(mode, state)] = p.Hash()
		}
	}
	texture := scene.Texture()
	luma := texture.Luma()
	twice := make([]byte, 0, 2*len(luma))
	for y := range texture.Height {
		row := luma[y*texture.Width : (y+1)*texture.Width]
		twice = append(append(twice, row...), row...)
	}
	t.luma["pan"] = base64.StdEncoding.EncodeToString(twice)
	return t
}

func named(mode string, state int) string { return fmt.Sprint(mode, state) }

// look is a page that shows a desktop.
type look struct {
	browser
	streamer
	known truth
	show  *show // what draws on it; nil: nothing
	mode  string
}

// newLook opens the page of a streamer in a window of its own.
func (b browser) newLook(s streamer, known truth) *look {
	b.t.Helper()
	window := b.window()
	l := &look{browser: window, streamer: s, known: known}
	l.run(
		chromedp.EmulateViewport(scene.Width, scene.Height),
		chromedp.ActionFunc(func(ctx context.Context) error {
			_, err := page.AddScriptToEvaluateOnNewDocument(probe).Do(ctx)
			return err
		}),
	)
	const tries = 3 // xpra's page sometimes waits for ever
	for range tries {
		l.run(chromedp.Navigate(s.open()))
		for opened := time.Now(); time.Since(opened) < 15*time.Second; time.Sleep(50 * time.Millisecond) {
			if eval[bool](l, `bench.there() && (document.body.dataset.state ?? "live") === "live"`) {
				return l
			}
		}
	}
	b.t.Fatalf("%s shows no picture of %d x %d pixels", s.name, scene.Width, scene.Height)
	return nil
}

// draw has a program draw a scene, in place of the one before, and tells the page
// what it looks like.
func (l *look) draw(program, mode string) {
	l.t.Helper()
	l.rest()
	l.mode, l.show = mode, newShow(l.t, l.display(program, mode))
	names := []string{mode}
	if mode != "pan" {
		names = []string{named(mode, 0), named(mode, 1)}
	}
	for _, name := range names {
		l.do(fmt.Sprintf(`bench.learn(%q, %q)`, name, l.known.luma[name]))
	}
	time.Sleep(500 * time.Millisecond) // until the page has it, and thinks of it what it may
}

// rest ends what draws.
func (l *look) rest() {
	if l.show != nil {
		l.show.end()
		l.show = nil
	}
}

// leave ends what draws and closes the page.
func (l *look) leave() {
	l.t.Helper()
	l.rest()
	if err := chromedp.Cancel(l.ctx); err != nil {
		l.t.Errorf("close the page: %v", err)
	}
}

func (l *look) do(expression string) {
	l.t.Helper()
	l.run(chromedp.Evaluate(expression, nil))
}

func eval[T any](l *look, expression string) T {
	l.t.Helper()
	var value T
	l.run(chromedp.Evaluate(expression, &value, func(p *runtime.EvaluateParams) *runtime.EvaluateParams {
		return p.WithAwaitPromise(true)
	}))
	return value
}

// key presses a key and lets it go, as the browser would on a person's hand.
func (l *look) key() {
	l.t.Helper()
	event := func(kind input.KeyType) *input.DispatchKeyEventParams {
		return input.DispatchKeyEvent(kind).WithKey("a").WithCode("KeyA").WithWindowsVirtualKeyCode('A')
	}
	l.run(event(input.KeyDown).WithText("a"), event(input.KeyUp))
}

// episode is what follows one key. Times are in ms after the page had it.
type episode struct {
	Wall     float64 // when that was, in µs
	Delivery float64 // how long before the browser had made it
	First    float64 // the first frame that has changed; -1: none within two seconds
	Frames   []frame // from that on, until one is as good as can be told
	// What the drawing program says.
	toProgram, drawn float64
}

type frame struct {
	At, PSNR float64
	Exact    bool
}

// keys presses a key so many times, after some that do not count, and looks at
// the frames until hold after it.
func (l *look) keys(n int, hold time.Duration) []episode {
	l.t.Helper()
	const warm = 3
	var all []episode
	for i := range warm + n {
		if e := l.press(hold, nil); i >= warm {
			all = append(all, e)
		}
	}
	return all
}

// press presses a key once; exact, if any, are the pictures' sums to look for.
func (l *look) press(hold time.Duration, exact map[string]uint32) episode {
	l.t.Helper()
	// Not in step with anything.
	time.Sleep(120*time.Millisecond + rand.N(130*time.Millisecond))
	want := 1 - eval[int](l, `bench.bit()`)
	l.do(fmt.Sprintf(`bench.arm(%d)`, want))
	pressed := time.Now()
	l.key()
	for !eval[bool](l, `bench.changed()`) && time.Since(pressed) < 2*time.Second {
		time.Sleep(50 * time.Millisecond)
	}
	time.Sleep(time.Until(pressed.Add(hold)))
	width, height := scene.Changed(l.mode)
	name := named(l.mode, want)
	sum := "undefined"
	if exact != nil {
		sum = fmt.Sprint(exact[name])
	}
	e := eval[episode](l, fmt.Sprintf(`bench.finish(%q, %d, %d, %s)`, name, width, height, sum))
	if came, drawn, ok := l.show.key(e.Wall); ok && e.First >= 0 {
		e.toProgram, e.drawn = (came-e.Wall)/1000, (drawn-came)/1000
	}
	return e
}

// show is the drawing program.
type show struct {
	t     testing.TB
	cmd   *exec.Cmd
	in    io.WriteCloser
	done  chan struct{}
	ready chan struct{}
	sums  chan uint32

	mu      sync.Mutex
	keys    [][2]float64 // when it came and when that was drawn, in µs
	numbers map[int]float64
}

func newShow(t testing.TB, cmd *exec.Cmd) *show {
	t.Helper()
	s := &show{
		t: t, cmd: cmd, done: make(chan struct{}), ready: make(chan struct{}), sums: make(chan uint32, 1),
		numbers: map[int]float64{},
	}
	var err error
	if s.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	said := &logBuffer{}
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			s.heard(lines.Text())
		}
		_ = cmd.Wait() // what it says tells more
		close(s.done)
	}()
	t.Cleanup(s.end)
	select {
	case <-s.ready:
	case <-s.done:
		t.Fatalf("the drawing program ended:\n%s", said.tail(10))
	case <-time.After(30 * time.Second):
		t.Fatalf("the drawing program draws nothing:\n%s", said.tail(10))
	}
	return s
}

func (s *show) heard(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var n int
	var sum uint32
	var a, b float64
	switch word, rest, _ := strings.Cut(line, " "); word {
	case "ready":
		close(s.ready)
	case "key":
		if _, err := fmt.Sscan(rest, &a, &b); err == nil {
			s.keys = append(s.keys, [2]float64{a, b})
		}
	case "n":
		if _, err := fmt.Sscan(rest, &n, &a); err == nil {
			s.numbers[n] = a
		}
	case "hash":
		if _, err := fmt.Sscan(rest, &sum); err == nil {
			s.sums <- sum
		}
	}
}

// key is when the first key after a time came and was drawn.
func (s *show) key(after float64) (came, drawn float64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.keys {
		if k[0] >= after-1000 { // clocks of page and program are read apart
			return k[0], k[1], true
		}
	}
	return 0, 0, false
}

// drawnAt is when the picture of that number was drawn.
func (s *show) drawnAt(n int) (micros float64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	micros, ok = s.numbers[n]
	return micros, ok
}

// pictures is how many pictures with a number were drawn.
func (s *show) pictures() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.numbers)
}

// hash is the sum of what the X server holds.
func (s *show) hash() uint32 {
	s.t.Helper()
	_, _ = io.WriteString(s.in, "\n")
	select {
	case sum := <-s.sums:
		return sum
	case <-time.After(10 * time.Second):
		s.t.Fatal("the drawing program says nothing of the frame buffer")
		return 0
	}
}

func (s *show) end() {
	_ = s.in.Close()
	select {
	case <-s.done:
	case <-time.After(5 * time.Second):
		_ = s.cmd.Process.Kill()
	}
}

// buildScene builds a program that is to be looked at.
func buildScene(t testing.TB, name string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), name)
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./scene/"+name)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", name, err, out)
	}
	return program
}
