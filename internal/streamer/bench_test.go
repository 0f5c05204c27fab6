package streamer_test

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/streamer"
	"github.com/backlot/backlot/internal/wire"
)

func desktop1080(b *testing.B) (*xserver, *gateway) {
	b.Helper()
	x, g := desktop(b)
	g.send(wire.Resize{Width: 1920, Height: 1080})
	await(g, "the new size", anyOf[wire.Screen])
	x.paint(b, 0, 0, 1920, 1080, 1)
	return x, g
}

// BenchmarkCapture grabs and converts a screen of 1920x1080.
func BenchmarkCapture(b *testing.B) {
	x, _ := desktop1080(b)
	if os.Getuid() == 0 {
		if err := syscall.Setegid(streamerID); err != nil {
			b.Fatal(err)
		}
		defer func() { _ = syscall.Setegid(0) }()
	}
	take, err := streamer.Grab(b.Context(), x.display)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("full", func(b *testing.B) {
		for b.Loop() {
			if err := take(true); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("small", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			x.paint(b, 1000, 500, 64, 64, 1)
			b.StartTimer()
			if err := take(false); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkDrawToFrame is the time from a program's drawing to the frame at the gateway.
func BenchmarkDrawToFrame(b *testing.B) {
	for _, c := range []struct {
		name       string
		x, y, w, h int
	}{
		{"small", 1000, 500, 64, 64},
		{"window", 300, 200, 800, 600},
		{"full", 0, 0, 1920, 1080},
	} {
		b.Run(c.name, func(b *testing.B) {
			x, g := desktop1080(b)
			g.send(watch(true))
			var bytes, n int
			for b.Loop() {
				b.StopTimer()
				g.still()
				show := x.prepare(b, c.x, c.y, c.w, c.h, uint32(n))
				b.StartTimer()
				show()
				v := await(g, "a frame", anyOf[wire.Video])
				bytes += len(v.Data)
				n++
			}
			b.ReportMetric(float64(bytes)/float64(n), "B/frame")
		})
	}
}

// BenchmarkIdle is what a streamer of 1920x1080 costs over three seconds: nobody
// watching; a still picture watched; a picture of which 800x600 change all the time.
func BenchmarkIdle(b *testing.B) {
	x, g := desktop1080(b)
	pid := g.streamer.Process.Pid
	measure := func(b *testing.B, frames bool, draw func()) {
		b.Helper()
		for b.Loop() {
			before, seen, start := cpu(b, pid), len(g.video), time.Now()
			for time.Since(start) < 3*time.Second {
				draw()
			}
			used := cpu(b, pid) - before
			b.ReportMetric(100*used.Seconds()/time.Since(start).Seconds(), "%core")
			if frames {
				g.send(wire.Ping{})
				await(g, "pong", anyOf[wire.Pong])
				b.ReportMetric(float64(len(g.video)-seen)/time.Since(start).Seconds(), "fps")
				b.ReportMetric(float64(used.Microseconds())/1000/float64(len(g.video)-seen), "cpu-ms/frame")
			}
		}
		b.ReportMetric(rss(b, pid), "MiB")
	}
	rest := func() { time.Sleep(100 * time.Millisecond) }
	b.Run("fresh", func(b *testing.B) { measure(b, false, rest) })
	g.send(watch(true))
	g.still()
	b.Run("watched", func(b *testing.B) { measure(b, true, rest) })
	n := uint32(0)
	b.Run("moving", func(b *testing.B) {
		measure(b, true, func() {
			n++
			x.paint(b, 300, 200, 800, 600, n)
			time.Sleep(12 * time.Millisecond)
		})
	})
	g.send(watch(false))
	b.Run("unwatched", func(b *testing.B) { measure(b, false, rest) })
}

// cpu is what a process has used.
func cpu(t testing.TB, pid int) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')'):])
	const ticksPerSecond = 100
	ticks := 0
	for _, f := range fields[12:14] {
		n, err := strconv.Atoi(string(f))
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond
}

// rss is the memory a process holds, in MiB.
func rss(t testing.TB, pid int) float64 {
	t.Helper()
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(string(bytes.Fields(statm)[1]))
	if err != nil {
		t.Fatal(err)
	}
	return float64(pages) * float64(os.Getpagesize()) / (1 << 20)
}
