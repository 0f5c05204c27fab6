package streamer

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// An encoder that is closed leaves nothing behind, whichever threads it was used by: on a
// way that changes, streamers take a new one up to twice a second. Other tests take memory,
// too, and so run after this one.
func TestEncodersLeaveNoMemory(t *testing.T) {
	work := func(i int) {
		sides := []int{1080, 810, 540, 270}
		height := sides[i%len(sides)]
		p := newPicture(height*16/9&^1, height&^1, false)
		defer p.close()
		p.mark(0, 0, p.width, p.height)
		e, err := newH264(p, newBudget(10_000_000), coding{thorough: i%3 > 0, main: i%3 == 1})
		if err != nil {
			t.Error(err)
			return
		}
		defer e.close()
		for range 3 {
			if _, err := e.encode(p, false, time.Second/60); err != nil {
				t.Error(err)
			}
		}
	}
	freeLargeAtOnce()
	var before int
	for i := range 60 {
		if i == 12 {
			before = resident(t)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			work(i)
		}()
		<-done
	}
	if grown := resident(t) - before; grown > 16<<20 {
		t.Errorf("%d MiB more than after the first twelve", grown>>20)
	}
}

// resident is the memory of this process, in bytes.
func resident(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(b))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}
