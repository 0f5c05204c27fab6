// Command clap shows a flash and plays a click at the same moment, several times: it
// turns the screen over, and hands 5 ms of a tone to PulseAudio. It prints, in µs of
// the wall clock, when it did.
//
// usage: clap times pause [side], side being that of a square in the middle, in pixels;
// without it all of the screen is turned over.
package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/BurntSushi/xgb/xproto"

	"github.com/backlot/backlot/internal/streamer/x11"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "clap:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) != 2 && len(args) != 3 {
		return fmt.Errorf("times and a pause are needed")
	}
	times, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	pause, err := time.ParseDuration(args[1])
	if err != nil {
		return err
	}
	side := 0
	if len(args) == 3 {
		if side, err = strconv.Atoi(args[2]); err != nil {
			return err
		}
	}
	flash, err := window(uint16(side))
	if err != nil {
		return err
	}
	player := exec.Command("pacat", "--playback", "--raw", "--format=s16le", "--rate=48000", "--channels=2",
		"--latency-msec=10", "--process-time-msec=5")
	player.Stderr = os.Stderr
	sound, err := player.StdinPipe()
	if err != nil {
		return err
	}
	if err := player.Start(); err != nil {
		return err
	}
	time.Sleep(time.Second)
	for i := range times {
		at := time.Now()
		if err := flash(i%2 == 0); err != nil {
			return err
		}
		if err := binary.Write(sound, binary.LittleEndian, click()); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out, at.UnixMicro()); err != nil {
			return err
		}
		time.Sleep(pause)
	}
	if err := sound.Close(); err != nil {
		return err
	}
	return player.Wait()
}

// click is 5 ms of 2 kHz, and some silence for the player to begin with.
func click() []int16 {
	samples := make([]int16, 2*48*25)
	for i := range 48 * 5 {
		v := int16(24000 * math.Sin(2*math.Pi*2000*float64(i)/48000))
		samples[2*i], samples[2*i+1] = v, v
	}
	return samples
}

// window covers the screen, or a square of that side in its middle; flash makes it white or black.
func window(side uint16) (flash func(white bool) error, err error) {
	x, _, err := x11.Dial(context.Background(), os.Getenv("DISPLAY"))
	if err != nil {
		return nil, err
	}
	screen := xproto.Setup(x).DefaultScreen(x)
	size, err := xproto.GetGeometry(x, xproto.Drawable(screen.Root)).Reply()
	if err != nil {
		return nil, err
	}
	id, err := xproto.NewWindowId(x)
	if err != nil {
		return nil, err
	}
	width, height := size.Width, size.Height
	if side > 0 {
		width, height = side, side
	}
	left, top := int16((size.Width-width)/2), int16((size.Height-height)/2)
	if err := xproto.CreateWindowChecked(x, screen.RootDepth, id, screen.Root, left, top, width, height, 0,
		xproto.WindowClassInputOutput, screen.RootVisual, xproto.CwBackPixel|xproto.CwOverrideRedirect,
		[]uint32{screen.BlackPixel, 1}).Check(); err != nil {
		return nil, err
	}
	if err := xproto.MapWindowChecked(x, id).Check(); err != nil {
		return nil, err
	}
	return func(white bool) error {
		pixel := screen.BlackPixel
		if white {
			pixel = screen.WhitePixel
		}
		xproto.ChangeWindowAttributes(x, id, xproto.CwBackPixel, []uint32{pixel})
		return xproto.ClearAreaChecked(x, false, id, 0, 0, 0, 0).Check()
	}, nil
}
