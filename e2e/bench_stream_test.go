package e2e_test

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/backlot/backlot/e2e/scene"
)

var rounds = flag.Int("rounds", 3, "how often BenchmarkStream measures each remote desktop; 1: quickly")

// BenchmarkStream measures what an artist feels of the desktop in the browser,
// Backlot and others in turn: docs/benchmarks.md says what each figure is.
func BenchmarkStream(b *testing.B) {
	program := buildScene(b, "show")
	quick := *rounds == 1
	keys, pictures, hold, pan, idle := 10, 7, 800*time.Millisecond, 5*time.Second, 10*time.Second
	if quick {
		keys, pictures, pan, idle = 5, 4, 3*time.Second, 4*time.Second
	}
	load := loadAverage(b)
	known := newTruth()
	screens := newBrowser(b, scene.Width, scene.Height, mediaFlags...)
	backlot := newBacklot(b)
	all := []*measured{{streamer: newNoVNC(b)}, {streamer: newXpra(b)}, {streamer: backlot}}

	for round := range *rounds {
		for _, m := range all {
			l := screens.newLook(m.streamer, known)
			l.draw(program, scene.Flip)
			m.flip.take(l, keys, 300*time.Millisecond)
			l.draw(program, scene.FlipSmall)
			m.small.take(l, keys, 300*time.Millisecond)
			l.draw(program, scene.FlipImage)
			m.image.take(l, pictures, hold)
			if round == 0 {
				m.atRest(b, l, idle)
			}
			l.draw(program, "pan")
			m.pans = append(m.pans, l.pan(pan, quick))
			l.leave()
		}
	}

	t := &table{noVNC: all[0], xpra: all[1], backlot: all[2]}
	for range *rounds {
		l := screens.newLook(backlot, known)
		l.wantFullColour(true)
		l.draw(program, "pan")
		t.fullColour = append(t.fullColour, l.pan(pan, quick))
		l.wantFullColour(false)
		l.leave()
	}
	for _, mode := range []string{scene.Flip, scene.FlipImage, scene.FlipSmall} {
		t.direct = append(t.direct, withoutBrowser(b, backlot, program, mode, keys))
	}
	t.steps = stepTimes(b)
	_, _ = fmt.Fprintf(os.Stdout, "\n%d rounds, load %s at the start, %s at the end.\n\n", *rounds, load, loadAverage(b))
	t.print(os.Stdout)
	b.ReportMetric(0, "ns/op") // the whole of it says nothing
}

// measured is all that is known of one remote desktop.
type measured struct {
	streamer
	flip, image, small toPixel
	pans               []panned

	idle    float64 // % of a core
	sharpAt float64 // ms from the last change to exact pixels; -1: never
	differ  float64 // part of the page's pixels that were not exact in the end
	most    int     // by how much, of 255
}

// toPixel is what was seen of one scene.
type toPixel struct {
	episodes []episode
	stats    []rtc // of each take
}

// rtc is what WebRTC says of the video: sums since the page was opened.
type rtc struct {
	Bytes, Decoded, DecodeMs, WaitMs, Emitted, Dropped, Keys, Nacks, Plis float64
}

func (a rtc) minus(b rtc) rtc {
	return rtc{
		a.Bytes - b.Bytes, a.Decoded - b.Decoded, a.DecodeMs - b.DecodeMs, a.WaitMs - b.WaitMs, a.Emitted - b.Emitted,
		a.Dropped - b.Dropped, a.Keys - b.Keys, a.Nacks - b.Nacks, a.Plis - b.Plis,
	}
}

func (p *toPixel) take(l *look, n int, hold time.Duration) {
	before := eval[rtc](l, `bench.stats()`)
	p.episodes = append(p.episodes, l.keys(n, hold)...)
	p.stats = append(p.stats, eval[rtc](l, `bench.stats()`).minus(before))
}

// atRest looks at the page after a last change, until it is exact, and at what a
// picture at rest costs.
func (m *measured) atRest(b *testing.B, l *look, span time.Duration) {
	b.Helper()
	const patience = 3 * time.Second
	e := l.press(patience, l.known.hash)
	m.sharpAt = -1
	for _, f := range e.Frames {
		if f.Exact {
			m.sharpAt = f.At
		}
	}
	state := eval[int](l, `bench.bit()`)
	if have, want := l.show.hash(), l.known.hash[named(l.mode, state)]; have != want {
		b.Errorf("%s: the X server does not hold what was drawn", m.name)
	}
	m.differ, m.most = differs(l.shot(), eval[image.Point](l, `bench.place()`), scene.Of(l.mode, state == 1))

	time.Sleep(3 * time.Second)
	before := cpuOf(b, m.pids())
	time.Sleep(span)
	m.idle = 100 * (cpuOf(b, m.pids()) - before) / span.Seconds()
}

// differs tells the part of a page's pixels that are not those of the picture that
// is to be at a place of it, and how far the furthest is off.
func differs(shot image.Image, place image.Point, p scene.Picture) (part float64, most int) {
	wrong, all := 0, 0
	for y := range p.Height {
		for x := range p.Width {
			at := image.Pt(x, y).Add(place)
			if !at.In(shot.Bounds()) {
				continue
			}
			all++
			r, g, b, _ := shot.At(at.X, at.Y).RGBA()
			want := p.Pixels[4*(y*p.Width+x):]
			off := 0
			for i, have := range []uint32{b, g, r} {
				d := int(have>>8) - int(want[i])
				off = max(off, d, -d)
			}
			if off > 0 {
				wrong++
			}
			most = max(most, off)
		}
	}
	return float64(wrong) / float64(all), most
}

// panned is what was seen of the moving picture.
type panned struct {
	drawn, fps        float64 // pictures a second; distinct ones that were seen
	age, ageP95       float64 // ms
	cpu               float64 // ms of the server's for each of them
	psnr, worst       float64 // median, and the tenth of them that is worst, dB
	megabits          float64 // a second
	dropped, requests float64 // frames; nacks and key frame requests
}

func (l *look) pan(span time.Duration, quick bool) panned {
	l.t.Helper()
	b := l.t
	every := 8
	if quick {
		every = 6
	}
	var seen struct {
		Ms   float64
		Seen [][2]float64
	}
	drawn := l.show.pictures()
	stats, sent, used, began := eval[rtc](l, `bench.stats()`), tcpSent(b, l.port), cpuOf(b, l.pids()), time.Now()
	seen = eval[struct {
		Ms   float64
		Seen [][2]float64
	}](l, fmt.Sprintf(`bench.pan(%d, %d)`, span.Milliseconds(), every))
	took := time.Since(began).Seconds()
	drawn = l.show.pictures() - drawn
	used, sent = cpuOf(b, l.pids())-used, tcpSent(b, l.port)-sent
	stats = eval[rtc](l, `bench.stats()`).minus(stats)

	distinct := map[int]bool{}
	var ages []float64
	for _, s := range seen.Seen {
		n := int(s[0])
		if drawn, ok := l.show.drawnAt(n); ok && !distinct[n] {
			distinct[n] = true
			ages = append(ages, (s[1]-drawn)/1000)
		}
	}
	var psnr []float64
	for _, q := range eval[[][2]float64](l, fmt.Sprintf(`bench.quality(%d, %d)`, scene.Step, scene.Period)) {
		if distinct[int(q[0])] {
			psnr = append(psnr, q[1])
		}
	}
	perSecond := float64(len(distinct)) / seen.Ms * 1000
	return panned{
		drawn: float64(drawn) / took, fps: perSecond,
		age: quantile(ages, 0.5), ageP95: quantile(ages, 0.95),
		cpu:  1000 * used / took / perSecond,
		psnr: quantile(psnr, 0.5), worst: quantile(psnr, 0.1),
		megabits: 8 * (stats.Bytes + sent) / took / 1e6,
		dropped:  stats.Dropped, requests: stats.Nacks + stats.Plis,
	}
}

// direct is key to byte without a browser, in ms.
type direct struct {
	mode        string
	first, last float64 // medians
	kilobytes   float64
}

// withoutBrowser presses keys on Backlot from Go.
func withoutBrowser(b *testing.B, s streamer, program, mode string, n int) direct {
	b.Helper()
	c, leave := newClient(b, s.open())
	defer leave()
	drawing := newShow(b, s.display(program, mode))
	defer drawing.end()
	var first, last, size []float64
	for range n {
		from, to, bytes := c.press()
		first = append(first, from.Seconds()*1000)
		last = append(last, to.Seconds()*1000)
		size = append(size, float64(bytes)/1000)
	}
	return direct{mode, quantile(first, 0.5), quantile(last, 0.5), quantile(size, 0.5)}
}

// stepTimes are ms that the steps of a frame take alone, by the streamer's own benchmarks.
func stepTimes(b *testing.B) map[string]float64 {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), "go", "test", "-run", "^$", "-bench", "Capture|Convert|Encode/(full|small)", "-benchtime", "100x", "./internal/streamer")
	cmd.Dir = ".."
	out, err := cmd.CombinedOutput()
	if err != nil {
		b.Fatalf("the streamer's benchmarks: %v\n%s", err, out)
	}
	steps := map[string]float64{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) > 3 && fields[3] == "ns/op" {
			var ns float64
			_, _ = fmt.Sscan(fields[2], &ns)
			name, _, _ := strings.Cut(strings.TrimPrefix(fields[0], "Benchmark"), "-")
			steps[name] = ns / 1e6
		}
	}
	return steps
}

// cpuOf is what processes have used, in seconds.
func cpuOf(b testing.TB, pids []int) float64 {
	b.Helper()
	sum := 0.0
	for _, pid := range pids {
		if _, err := os.Stat(fmt.Sprintf("/proc/%d/stat", pid)); err == nil {
			used, _ := usage(b, pid)
			sum += used
		}
	}
	return sum
}

// tcpSent is how many bytes have gone out of the connections of a port that are open.
func tcpSent(b testing.TB, port string) float64 {
	b.Helper()
	out, err := exec.CommandContext(b.Context(), "ss", "-tinH", "state", "established", "sport = :"+port).Output()
	if err != nil {
		b.Fatalf("ss: %v", err)
	}
	sum := 0.0
	for field := range strings.FieldsSeq(string(out)) {
		if n, ok := strings.CutPrefix(field, "bytes_sent:"); ok {
			var sent float64
			_, _ = fmt.Sscan(n, &sent)
			sum += sent
		}
	}
	return sum
}

func loadAverage(b *testing.B) string {
	b.Helper()
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		b.Fatal(err)
	}
	return string(bytes.Fields(text)[0])
}

// quantile is the value that a part of all do not exceed; NaN of none.
func quantile(all []float64, part float64) float64 {
	if len(all) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(len(sorted)-1, int(part*float64(len(sorted))))]
}
