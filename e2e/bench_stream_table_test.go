package e2e_test

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// best is the quality above which no difference counts, in dB: an eye sees none,
// and 8 bits in the range of television hold hardly more.
const best = 50

// gate is the quality by which a changed picture counts as shown: that of the
// first changed frame that noVNC shows, in the median.
func (t *table) gate(of func(*measured) *toPixel) float64 {
	var first []float64
	for _, e := range of(t.noVNC).episodes {
		if len(e.Frames) > 0 {
			first = append(first, min(best, e.Frames[0].PSNR))
		}
	}
	return quantile(first, 0.5)
}

// reaching is when each key's picture was as good as that; infinite for never.
func (p *toPixel) reaching(psnr float64) []float64 {
	var all []float64
	for _, e := range p.episodes {
		at := math.Inf(1)
		for _, f := range e.Frames {
			if f.PSNR >= psnr {
				at = f.At
				break
			}
		}
		all = append(all, at)
	}
	return all
}

// of is one figure of each key that changed something.
func (p *toPixel) of(figure func(episode) float64) []float64 {
	var all []float64
	for _, e := range p.episodes {
		if e.First >= 0 {
			all = append(all, figure(e))
		}
	}
	return all
}

// table is what is printed.
type table struct {
	noVNC, xpra, backlot *measured
	fullColour           []panned // Backlot's, too
	direct               []direct
	steps                map[string]float64
	out                  io.Writer
}

func (t *table) print(out io.Writer) {
	t.out = out
	t.line("1920 x 1080", "Backlot", "noVNC", "xpra", "Backlot / noVNC", "aim")
	t.line("---", "---", "---", "---", "---", "---")
	for _, s := range []struct {
		name string
		aim  string
		of   func(*measured) *toPixel
	}{
		{"full flip", "0.75 × noVNC", func(m *measured) *toPixel { return &m.flip }},
		{"noisy picture", "0.35 × noVNC", func(m *measured) *toPixel { return &m.image }},
		{"64 × 64", "", func(m *measured) *toPixel { return &m.small }},
	} {
		t.toPixel(s.name, s.aim, s.of)
	}
	pan := func(figure func(panned) float64) func(*measured) float64 {
		return func(m *measured) float64 {
			var all []float64
			for _, p := range m.pans {
				all = append(all, figure(p))
			}
			return quantile(all, 0.5)
		}
	}
	t.row("pan: frames/s drawn", "%.1f", "", pan(func(p panned) float64 { return p.drawn }))
	t.row("pan: distinct frames/s seen", "%.1f", "≥ 55", pan(func(p panned) float64 { return p.fps }))
	t.row("pan: age of the picture, median, ms", "%.0f", "", pan(func(p panned) float64 { return p.age }))
	t.row("pan: age of the picture, p95, ms", "%.0f", "", pan(func(p panned) float64 { return p.ageP95 }))
	t.row("pan: PSNR-Y of a distinct frame, median, dB", "%.1f", "≥ 35", pan(func(p panned) float64 { return p.psnr }))
	t.row("pan: PSNR-Y, the worst tenth, dB", "%.1f", "", pan(func(p panned) float64 { return p.worst }))
	t.row("pan: server CPU for a distinct frame, ms", "%.1f", "≤ 7 at 35 dB", pan(func(p panned) float64 { return p.cpu }))
	curve := func(m *measured) string {
		var rounds []string
		for _, p := range m.pans {
			rounds = append(rounds, fmt.Sprintf("%.1f, %.1f, %.1f", p.fps, p.cpu, p.psnr))
		}
		return strings.Join(rounds, "; ")
	}
	t.line("pan: frames/s, CPU ms and dB of each round", curve(t.backlot), curve(t.noVNC), curve(t.xpra), "", "")
	t.row("pan: Mb/s", "%.1f", "", pan(func(p panned) float64 { return p.megabits }))
	t.row("pan: frames the player dropped", "%.0f", "", pan(func(p panned) float64 { return p.dropped }))
	t.row("pan: NACKs and key frames asked for", "%.0f", "", pan(func(p panned) float64 { return p.requests }))
	full := func(figure func(panned) float64) string {
		var all []float64
		for _, p := range t.fullColour {
			all = append(all, figure(p))
		}
		return fmt.Sprintf("%.1f", quantile(all, 0.5))
	}
	t.line("pan in full colour (4:4:4): distinct frames/s seen", full(func(p panned) float64 { return p.fps }), "", "", "", "≥ 45")
	t.line("pan in full colour: PSNR-Y, median, dB", full(func(p panned) float64 { return p.psnr }), "", "", "", "")
	t.line("pan in full colour: server CPU for a distinct frame, ms", full(func(p panned) float64 { return p.cpu }), "", "", "", "")
	t.row("at rest: server CPU, % of a core", "%.1f", "≤ 1", func(m *measured) float64 { return m.idle })
	t.row("at rest: exact pixels, ms after the last change", "%.0f", "≤ 300", func(m *measured) float64 {
		if m.sharpAt < 0 {
			return math.Inf(1)
		}
		return m.sharpAt
	})
	t.row("at rest: pixels that are not exact, %", "%.1f", "0", func(m *measured) float64 { return 100 * m.differ })
	t.row("at rest: furthest off, of 255", "%.0f", "0", func(m *measured) float64 { return float64(m.most) })
	t.ours()
}

func (t *table) toPixel(name, aim string, of func(*measured) *toPixel) {
	gate := t.gate(of)
	reached := func(psnr, part float64) func(*measured) float64 {
		return func(m *measured) float64 { return quantile(of(m).reaching(psnr), part) }
	}
	// noVNC's own first changed frames are what the gate is made of.
	passed := func(part float64) func(*measured) float64 {
		return func(m *measured) float64 {
			if m == t.noVNC {
				return quantile(of(m).reaching(0), part)
			}
			return reached(gate, part)(m)
		}
	}
	first := func(f func(frame) float64) func(*measured) float64 {
		return func(m *measured) float64 {
			return quantile(of(m).of(func(e episode) float64 { return f(e.Frames[0]) }), 0.5)
		}
	}
	t.row(fmt.Sprintf("**%s: key → pixel of %.1f dB, median, ms**", name, gate), "%.1f", aim, passed(0.5))
	t.row(name+": the same, p95", "%.1f", "", passed(0.95))
	t.row(name+": the same, best", "%.1f", "", passed(0))
	t.row(name+": first changed frame, median, ms", "%.1f", "", first(func(f frame) float64 { return f.At }))
	t.row(name+": its PSNR-Y, dB", "%.1f", "", first(func(f frame) float64 { return f.PSNR }))
	t.row(name+": 40 dB, median, ms", "%.1f", "", reached(40, 0.5))
	t.row(name+": of it, page to program", "%.1f", "", func(m *measured) float64 {
		return quantile(of(m).of(func(e episode) float64 { return e.toProgram }), 0.5)
	})
	t.row(name+": of it, drawing", "%.1f", "", func(m *measured) float64 {
		return quantile(of(m).of(func(e episode) float64 { return e.drawn }), 0.5)
	})
}

// ours are rows of Backlot alone.
func (t *table) ours() {
	one := func(name, format, aim string, value float64) {
		t.line(name, figure(format, value), "", "", "", aim)
	}
	for _, b := range t.direct {
		one(b.mode+", no browser: key → first byte, ms", "%.1f", "≤ 8", b.first)
		one(b.mode+", no browser: key → last byte, ms", "%.1f", "", b.last)
		one(b.mode+", no browser: the frame, kB", "%.1f", "", b.kilobytes)
	}
	one("step: capture and convert, full screen, ms", "%.2f", "", t.steps["Capture/full"])
	one("step: of it convert, ms", "%.2f", "", t.steps["Convert/420"])
	one("step: encode, full screen, ms", "%.2f", "", t.steps["Encode/full"])
	one("step: encode, 64 × 64, ms", "%.2f", "", t.steps["Encode/small"])
	flip := t.step(&t.backlot.flip)
	one("step: wait in the jitter buffer (flip), ms", "%.2f", "", flip.WaitMs/flip.Emitted)
	one("step: decode (flip), ms", "%.2f", "", flip.DecodeMs/flip.Decoded)
	picture := t.step(&t.backlot.image)
	one("step: wait in the jitter buffer (noisy), ms", "%.2f", "", picture.WaitMs/picture.Emitted)
	one("step: decode (noisy), ms", "%.2f", "", picture.DecodeMs/picture.Decoded)
	const tick = 1000.0 / 60 / 2
	one("step: page tick of 60 Hz, in the mean, ms", "%.2f", "", tick)
	sum := t.steps["Capture/full"] + t.steps["Encode/full"] + flip.DecodeMs/flip.Decoded + tick
	gate := t.gate(func(m *measured) *toPixel { return &m.flip })
	one("sum of the steps: capture, convert, encode, decode, tick, ms", "%.1f", "", sum)
	one("full flip / sum of the steps", "%.2f", "≤ 1.15", quantile(t.backlot.flip.reaching(gate), 0.5)/sum)
}

func (t *table) step(p *toPixel) rtc {
	var sum rtc
	for _, s := range p.stats {
		sum = s.minus(rtc{}.minus(sum))
	}
	return sum
}

func (t *table) row(name, format, aim string, of func(*measured) float64) {
	ours, theirs := of(t.backlot), of(t.noVNC)
	ratio := ""
	if r := ours / theirs; strings.Contains(format, ".") && !math.IsNaN(r) && !math.IsInf(r, 0) && (!strings.HasSuffix(name, "dB")) {
		ratio = figure("%.2f", r)
	}
	t.line(name, figure(format, ours), figure(format, theirs), figure(format, of(t.xpra)), ratio, aim)
}

func figure(format string, value float64) string {
	switch {
	case math.IsNaN(value):
		return ""
	case math.IsInf(value, 0):
		return "never"
	}
	return fmt.Sprintf(format, value)
}

func (t *table) line(cells ...string) {
	_, _ = fmt.Fprintf(t.out, "| %s |\n", strings.Join(cells, " | "))
}
