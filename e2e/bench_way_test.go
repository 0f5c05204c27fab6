package e2e_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/backlot/backlot/e2e/scene"
)

// BenchmarkWay measures a moving picture over bad networks, by every road:
// docs/benchmarks.md says what each figure is.
func BenchmarkWay(b *testing.B) {
	program := buildScene(b, "show")
	const span, outage = 7 * time.Second, 2 * time.Second
	n := newNetwork(b)
	backlot := newBacklot(b, "--listen", n.server+":0")
	screens := n.browser(scene.Width, scene.Height)
	load := loadAverage(b)
	var rows strings.Builder
	for _, way := range []struct {
		name string
		is   quality
		cut  bool
	}{
		{"nothing added", quality{}, false},
		{"5 % loss, 80 ms round trip", quality{delay: 40 * time.Millisecond, loss: 0.05}, false},
		{"2 Mb/s", quality{bits: 2e6}, false},
		{"300 ms round trip", quality{delay: 150 * time.Millisecond}, false},
		{"away for 2 s", quality{}, true},
	} {
		for _, road := range []string{"udp", "tcp", "websocket"} {
			n.set(way.is)
			l := screens.newLook(backlot, truth{})
			l.do(fmt.Sprintf(`location.hash = %q`, road))
			eventually(b, 10*time.Second, func() error {
				if is := eval[string](l, `document.body.dataset.road`); is != road {
					return fmt.Errorf("by %s", is)
				}
				return nil
			})
			l.mode, l.show = "pan", newShow(b, l.display(program, "pan"))
			time.Sleep(3 * time.Second) // until the road is known
			ctx, end := context.WithCancel(b.Context())
			var back time.Time
			go func() {
				if !way.cut {
					return
				}
				select {
				case <-ctx.Done():
				case <-time.After(3 * time.Second):
					n.cut(true)
					time.Sleep(outage)
					n.cut(false)
					back = time.Now()
				}
			}()
			var seen panSeen
			err := l.try(3*span, chromedp.Evaluate(fmt.Sprintf(`bench.pan(%d, 1000)`, span.Milliseconds()), &seen,
				func(p *cdpruntime.EvaluateParams) *cdpruntime.EvaluateParams { return p.WithAwaitPromise(true) }))
			end()
			row := fmt.Sprintf("| %s | %s | no picture: %v |\n", way.name, road, err)
			if err == nil {
				row = l.fared(way.name, road, seen, back)
			}
			b.Log(row)
			rows.WriteString(row)
			l.leave()
		}
	}
	n.set(quality{})
	_, _ = fmt.Fprintf(os.Stdout, "\nLoad %s at the start, %s at the end.\n\n| network | road | frames/s | age ms | p95 | longest freeze ms | back after ms |\n|---|---|---|---|---|---|---|\n%s\n", load, loadAverage(b), &rows)
	b.ReportMetric(0, "ns/op") // the whole of it says nothing
}

// panSeen is what a page saw of the moving picture: numbers, and when, in µs.
type panSeen struct {
	Ms   float64
	Seen [][2]float64
}

// fared is a row of the table: what was seen of the moving picture.
func (l *look) fared(way, road string, pan panSeen, back time.Time) string {
	distinct := map[int]bool{}
	var ages []float64
	freeze, last, recovered := 0.0, 0.0, -1.0
	for _, s := range pan.Seen {
		drawn, ok := l.show.drawnAt(int(s[0]))
		if !ok || distinct[int(s[0])] {
			continue
		}
		distinct[int(s[0])] = true
		ages = append(ages, (s[1]-drawn)/1000)
		if last > 0 {
			freeze = max(freeze, (s[1]-last)/1000)
		}
		last = s[1]
		if after := s[1]/1000 - float64(back.UnixMicro())/1000; !back.IsZero() && after > 0 && recovered < 0 {
			recovered = after
		}
	}
	again := ""
	if !back.IsZero() {
		again = fmt.Sprintf("%.0f", recovered)
	}
	return fmt.Sprintf("| %s | %s | %.1f | %.0f | %.0f | %.0f | %s |\n", way, road,
		float64(len(distinct))/pan.Ms*1000, quantile(ages, 0.5), quantile(ages, 0.95), freeze, again)
}
