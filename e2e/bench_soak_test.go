package e2e_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/backlot/backlot/e2e/scene"
)

var (
	soak     = flag.Duration("soak", 30*time.Minute, "how long BenchmarkSoak streams")
	soakRoad = flag.String("road", "udp", "by which road BenchmarkSoak streams: udp, tcp, websocket")
)

// BenchmarkSoak streams a moving picture with sound for a long time, and tells whether
// memory grows, or sound and picture drift apart: docs/benchmarks.md says what each
// figure is.
func BenchmarkSoak(b *testing.B) {
	needs(b, "pulseaudio", "pacat")
	show, clap := buildScene(b, "show"), buildScene(b, "clap")
	desktop := newBacklot(b)
	page := newBrowser(b, scene.Width, scene.Height, mediaFlags...)
	page.openWithEar(desktop.open(), "")
	page.run(chromedp.Evaluate(fmt.Sprintf(`location.hash = %q`, *soakRoad), nil))
	page.await(fmt.Sprintf(`document.body.dataset.road === %q`, *soakRoad))
	moving := newShow(b, desktop.display(show, "pan"))
	defer moving.end()

	const pause, parts = 2 * time.Second, 15
	cmd := desktop.display(clap, strconv.Itoa(int(*soak/pause)+10), pause.String(), "200")
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	}()
	var mu sync.Mutex
	var claps []float64 // ms, not looked at yet
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if at, err := strconv.ParseFloat(lines.Text(), 64); err == nil {
				mu.Lock()
				claps = append(claps, at/1000)
				mu.Unlock()
			}
		}
	}()

	var rows strings.Builder
	began, frames := time.Now(), 0.0
	for range parts {
		time.Sleep(*soak / parts)
		var seen struct {
			Flashes, Clicks []float64
			Frames          float64
		}
		page.mustEval(`(() => {
			const { flashes, clicks } = claps;
			claps.flashes = [];
			claps.clicks = [];
			return { flashes, clicks, frames: document.querySelector("video").getVideoPlaybackQuality().totalVideoFrames };
		})()`, &seen)
		mu.Lock()
		made := claps
		claps = nil
		mu.Unlock()
		var apart, ages []float64
		for _, at := range made {
			flash, shown := following(seen.Flashes, at)
			if shown {
				ages = append(ages, flash-at)
			}
			click, heard := following(seen.Clicks, at)
			if shown && heard {
				apart = append(apart, click-flash)
			}
		}
		slices.Sort(apart)
		var heap float64
		page.run(heapprofiler.CollectGarbage(), chromedp.ActionFunc(func(ctx context.Context) (err error) {
			heap, _, _, _, err = runtime.GetHeapUsage().Do(ctx)
			return err
		}))
		resident := map[string]int{}
		for _, pid := range desktop.pids() {
			name, kib := residentOf(b, pid)
			resident[name] += kib
		}
		browser := 0
		for _, pid := range trees(b, chromedp.FromContext(page.ctx).Browser.Process().Pid) {
			_, kib := residentOf(b, pid)
			browser += kib
		}
		fmt.Fprintf(&rows, "| %.1f | %.1f | %.1f | %.1f | %.1f | %d | %.1f | %.0f | %.0f | %.1f | %d of %d |\n", time.Since(began).Minutes(),
			float64(resident["streamer"])/1024, float64(resident["backlot"])/1024, float64(resident["Xorg"])/1024,
			heap/(1<<20), browser>>10, (seen.Frames-frames)/(*soak/parts).Seconds(),
			quantile(ages, 0.5), quantile(ages, 0.95), quantile(apart, 0.5), len(apart), len(made))
		frames = seen.Frames
	}
	_, _ = fmt.Fprintf(os.Stdout, "\n| minute | streamer MiB | server MiB | X MiB | page's heap MiB | browser MiB | frames/s | age of the picture ms | p95 | sound after picture ms | claps seen and heard |\n"+
		"| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n%s\n", &rows)
	b.ReportMetric(0, "ns/op") // the whole of it says nothing
}

// residentOf is the name and the memory of a process, in KiB; of one that has ended, nothing.
func residentOf(t testing.TB, pid int) (name string, kib int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return "", 0
	}
	for line := range strings.Lines(string(text)) {
		field, value, _ := strings.Cut(strings.TrimSpace(line), ":\t")
		switch field {
		case "Name":
			name = value
		case "VmRSS":
			kib, _ = strconv.Atoi(strings.Fields(value)[0])
		}
	}
	return name, kib
}
