package e2e_test

import (
	"bufio"
	"context"
	_ "embed" // of what listens in the page
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

//go:embed testdata/ear.js
var ear string

// TestSound: a program in a session flashes the screen and plays a click at the same
// moment, and the page shows and plays both as one.
func TestSound(t *testing.T) {
	needs(t, "pulseaudio", "pacat")
	program := buildScene(t, "clap")
	desktop := newBacklot(t)
	for _, road := range []string{"auto", "websocket"} {
		t.Run(road, func(t *testing.T) {
			b := newBrowser(t, 1280, 720, mediaFlags...)
			more := ""
			if road == "websocket" {
				more = `delete globalThis.RTCPeerConnection;`
			}
			t.Log(b.openWithEar(desktop.open(), more))

			// Whatever else the machine is busy with only adds to it.
			for round := 1; ; round++ {
				behind, apart := desktop.claps(b, program)
				problem := ""
				if behind > 60 {
					problem = fmt.Sprintf("sound is %.1f ms behind, want at most 60", behind)
				} else if apart > 40 || apart < -40 {
					problem = fmt.Sprintf("sound and picture are %.1f ms apart, want at most 40", apart)
				}
				if problem == "" || road != "auto" {
					break
				}
				t.Log(problem)
				if round == 3 {
					t.Error(problem)
					break
				}
			}
		})
	}
}

// claps has the program clap some times, and tells by how many ms the sound is behind, and how
// long after the picture: of a quarter of the claps at most that much.
func (s streamer) claps(b browser, program string) (behind, apart float64) {
	const times = 15
	t := b.t
	t.Helper()
	b.mustEval(`(() => { claps.flashes = []; claps.clicks = []; return 0; })()`, new(int))
	cmd := s.display(program, strconv.Itoa(times), "700ms")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	said := &logBuffer{}
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var claps []float64
	for lines := bufio.NewScanner(out); lines.Scan(); {
		at, err := strconv.ParseFloat(lines.Text(), 64)
		if err != nil {
			t.Fatal(err)
		}
		claps = append(claps, at/1000)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, said.tail(20))
	}
	var seen struct{ Flashes, Clicks []float64 }
	b.run(chromedp.Evaluate(`claps`, &seen))
	t.Logf("claps %.0f\nflashes %.0f\nclicks %.0f", relative(claps, claps[0]), relative(seen.Flashes, claps[0]), relative(seen.Clicks, claps[0]))
	var sounds, pictures, between []float64
	for _, at := range claps {
		flash, ok := following(seen.Flashes, at)
		click, heard := following(seen.Clicks, at)
		if !ok || !heard {
			t.Logf("a clap at %.0f: flash %v, click %v", at, ok, heard)
			continue
		}
		pictures, sounds, between = append(pictures, flash-at), append(sounds, click-at), append(between, click-flash)
	}
	if len(sounds) < times-2 {
		t.Fatalf("%d of %d claps were seen and heard", len(sounds), times)
	}
	for _, l := range [][]float64{pictures, sounds, between} {
		slices.Sort(l)
	}
	middle, last := len(sounds)/2, len(sounds)-1
	t.Logf("picture %.1f ms behind (%.1f to %.1f), sound %.1f ms behind (%.1f to %.1f), sound after picture %.1f ms (%.1f to %.1f)",
		pictures[middle], pictures[0], pictures[last], sounds[middle], sounds[0], sounds[last], between[middle], between[0], between[last])
	return sounds[len(sounds)/4], between[len(between)/4]
}

// openWithEar opens a page that notes what it shows and plays, and says how it plays.
// more is a script that is run before the page's own.
func (b browser) openWithEar(url, more string) (how string) {
	b.t.Helper()
	b.run(
		chromedp.ActionFunc(func(ctx context.Context) error {
			if err := page.SetBypassCSP(true).Do(ctx); err != nil { // it forbids to bring worklets along
				return err
			}
			_, err := page.AddScriptToEvaluateOnNewDocument(ear + more).Do(ctx)
			return err
		}),
		chromedp.Navigate(url),
	)
	b.waitForDesktop()
	b.await(`speakerIsThere()`)
	b.run(chromedp.Evaluate(`watchClaps()`, nil))
	b.mustEval(`listenToClaps()`, &how)
	return how
}

// following is the first of times within 300 ms after another, told by another clock: a
// busy browser may take a frame for older than it is.
func following(times []float64, at float64) (float64, bool) {
	for _, t := range times {
		if t > at-100 && t < at+300 {
			return t, true
		}
	}
	return 0, false
}

func relative(times []float64, to float64) []float64 {
	var all []float64
	for _, t := range times {
		all = append(all, t-to)
	}
	return all
}

// TestMicrophone: programs in a session hear the page's microphone once it is turned on, by
// WebRTC and by the WebSocket, and silence before and after.
func TestMicrophone(t *testing.T) {
	needs(t, "pulseaudio", "parec")
	for _, road := range []string{"auto", "websocket"} {
		t.Run(road, func(t *testing.T) {
			s := newServer(t)
			work := s.createSession()
			work.wait("READY", time.Minute)
			b := newBrowser(t, 1280, 720, append(slices.Clone(mediaFlags),
				chromedp.Flag("use-fake-device-for-media-stream", true), chromedp.Flag("use-fake-ui-for-media-stream", true))...)
			b.run(chromedp.Navigate(work.stream()))
			b.waitForDesktop()
			if road != "auto" {
				b.run(chromedp.ActionFunc(func(ctx context.Context) error {
					_, err := page.AddScriptToEvaluateOnNewDocument(`delete globalThis.RTCPeerConnection`).Do(ctx)
					return err
				}), chromedp.Reload())
				b.waitForDesktop()
			}
			// What a program records in a second and a half: its largest sample; -1: nothing.
			loudest := func() int {
				t.Helper()
				recorded := s.inHome(`export XDG_RUNTIME_DIR=/run/user/1000 PULSE_CLIENTCONFIG=/run/backlot/desktop/pulse/client.conf
					timeout 20 parec --raw --format=s16le --rate=48000 --channels=1 --latency-msec=20 2>/dev/null | head -c 144000`)
				most := 0
				for i := 0; i+1 < len(recorded); i += 2 {
					most = max(most, int(int16(uint16(recorded[i])|uint16(recorded[i+1])<<8)))
				}
				if len(recorded) < 144000 {
					return -1
				}
				return most
			}
			if most := loudest(); most != 0 {
				t.Errorf("a microphone that is off is heard: %d", most)
			}
			press := func(name string) {
				t.Helper()
				eventually(t, 10*time.Second, func() error {
					var pressed bool
					err := b.try(5*time.Second, chromedp.Evaluate(fmt.Sprintf(
						`((b) => { b?.click(); return !!b; })([...document.querySelectorAll("button")].find((b) => b.textContent === %q))`, name), &pressed))
					if err != nil || !pressed {
						return errors.Join(fmt.Errorf("no button %q", name), err)
					}
					return nil
				})
			}
			press("Menu")
			press("Turn microphone on")
			eventually(t, 20*time.Second, func() error {
				if most := loudest(); most < 1000 {
					return fmt.Errorf("the microphone is not heard: %d", most)
				}
				return nil
			})
			// A sound server that dies comes back, and the microphone with it.
			s.inHome("kill -9 $(pidof pulseaudio)")
			eventually(t, 20*time.Second, func() error {
				if most := loudest(); most < 1000 {
					return fmt.Errorf("the microphone is not heard after the sound server died: %d", most)
				}
				return nil
			})
			press("Turn microphone off")
			eventually(t, 10*time.Second, func() error {
				if most := loudest(); most != 0 {
					return fmt.Errorf("the microphone is still heard: %d", most)
				}
				return nil
			})
		})
	}
}
