// Command show draws a scene of package scene on the display of its environment
// until its input ends. It prints, in µs of the wall clock:
//
//	ready                 the scene is there
//	key <received> <done> a key has come, and what it changed is drawn
//	n <number> <began>    the picture with this number is about to be drawn
//	hash <sum>            what the X server holds: asked for by a line of input
//
// usage: show flip|flipimg|flipsmall|pan
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/BurntSushi/xgb"
	"github.com/BurntSushi/xgb/xproto"

	"github.com/backlot/backlot/e2e/scene"
	"github.com/backlot/backlot/internal/streamer/x11"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "show:", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	if len(args) != 1 {
		return fmt.Errorf("one mode is needed")
	}
	x, _, err := x11.Dial(context.Background(), os.Getenv("DISPLAY"))
	if err != nil {
		return err
	}
	s, err := open(x, out)
	if err != nil {
		return err
	}
	asked := make(chan struct{})
	go func() {
		for lines := bufio.NewScanner(in); lines.Scan(); {
			asked <- struct{}{}
		}
		close(asked)
	}()
	if args[0] == "pan" {
		return s.pan(asked)
	}
	return s.flip(args[0], asked)
}

// screen is a window over everything.
type screen struct {
	x      *xgb.Conn
	out    io.Writer
	root   xproto.Window
	window xproto.Drawable
	gc     xproto.Gcontext
	depth  byte
	most   int // bytes of one request
}

func open(x *xgb.Conn, out io.Writer) (*screen, error) {
	setup := xproto.Setup(x)
	info := setup.DefaultScreen(x)
	s := &screen{x: x, out: out, root: info.Root, depth: info.RootDepth, most: 4*int(setup.MaximumRequestLength) - 64}
	size, err := xproto.GetGeometry(x, xproto.Drawable(s.root)).Reply()
	if err != nil {
		return nil, err
	}
	if size.Width < scene.Width || size.Height < scene.Height {
		return nil, fmt.Errorf("the screen has %d x %d pixels, %d x %d are needed", size.Width, size.Height, scene.Width, scene.Height)
	}
	window, err := xproto.NewWindowId(x)
	if err != nil {
		return nil, err
	}
	if s.gc, err = xproto.NewGcontextId(x); err != nil {
		return nil, err
	}
	s.window = xproto.Drawable(window)
	if err := xproto.CreateWindowChecked(x, s.depth, window, s.root, 0, 0, scene.Width, scene.Height, 0,
		xproto.WindowClassInputOutput, info.RootVisual, xproto.CwOverrideRedirect|xproto.CwEventMask,
		[]uint32{1, xproto.EventMaskKeyPress}).Check(); err != nil {
		return nil, err
	}
	// Copies make no events of what they could not copy: nothing covers anything.
	if err := xproto.CreateGCChecked(x, s.gc, s.window, xproto.GcGraphicsExposures, []uint32{0}).Check(); err != nil {
		return nil, err
	}
	if err := xproto.MapWindowChecked(x, window).Check(); err != nil {
		return nil, err
	}
	// Whatever has the focus, and whoever would give it to another.
	grab, err := xproto.GrabKeyboard(x, false, window, xproto.TimeCurrentTime, xproto.GrabModeAsync, xproto.GrabModeAsync).Reply()
	if err != nil {
		return nil, err
	}
	if grab.Status != xproto.GrabStatusSuccess {
		return nil, fmt.Errorf("grab the keyboard: status %d", grab.Status)
	}
	return s, nil
}

// upload puts a picture into the X server, width pixels wide: what it lacks is repeated.
func (s *screen) upload(p scene.Picture, width int) (xproto.Drawable, error) {
	id, err := xproto.NewPixmapId(s.x)
	if err != nil {
		return 0, err
	}
	if err := xproto.CreatePixmapChecked(s.x, s.depth, id, s.window, uint16(width), uint16(p.Height)).Check(); err != nil {
		return 0, err
	}
	rows := s.most / (4 * p.Width)
	for y := 0; y < p.Height; y += rows {
		n := min(rows, p.Height-y)
		part := p.Pixels[4*y*p.Width : 4*(y+n)*p.Width]
		for left := 0; left < width; left += p.Width {
			if err := xproto.PutImageChecked(s.x, xproto.ImageFormatZPixmap, xproto.Drawable(id), s.gc,
				uint16(p.Width), uint16(n), int16(left), int16(y), 0, s.depth, part).Check(); err != nil {
				return 0, err
			}
		}
	}
	return xproto.Drawable(id), nil
}

// sync waits until everything is drawn.
func (s *screen) sync() error {
	_, err := xproto.GetInputFocus(s.x).Reply()
	return err
}

func (s *screen) say(format string, args ...any) { _, _ = fmt.Fprintf(s.out, format+"\n", args...) }

// flip shows one of two pictures, the other with each key.
func (s *screen) flip(mode string, asked <-chan struct{}) error {
	var pictures [2]xproto.Drawable
	for i := range pictures {
		var err error
		if pictures[i], err = s.upload(scene.Of(mode, i == 1), scene.Width); err != nil {
			return err
		}
	}
	state := 0
	width, height := scene.Changed(mode)
	draw := func(width, height int) error {
		xproto.CopyArea(s.x, pictures[state], s.window, s.gc, 0, 0, 0, 0, uint16(width), uint16(height))
		return s.sync()
	}
	if err := draw(scene.Width, scene.Height); err != nil {
		return err
	}
	s.say("ready")

	keys, lost := make(chan time.Time), make(chan struct{})
	go func() {
		defer close(lost)
		for {
			event, _ := s.x.WaitForEvent()
			switch event.(type) {
			case x11.Gone:
				return
			case xproto.KeyPressEvent:
				keys <- time.Now()
			}
		}
	}()
	for {
		select {
		case came := <-keys:
			state = 1 - state
			if err := draw(width, height); err != nil {
				return err
			}
			s.say("key %d %d", came.UnixMicro(), time.Now().UnixMicro())
		case <-lost:
			return fmt.Errorf("the X server is gone")
		case _, more := <-asked:
			if !more {
				return nil
			}
			if err := s.hash(); err != nil {
				return err
			}
		}
	}
}

// hash prints what the X server holds.
func (s *screen) hash() error {
	shot, err := xproto.GetImage(s.x, xproto.ImageFormatZPixmap, xproto.Drawable(s.root), 0, 0, scene.Width, scene.Height, ^uint32(0)).Reply()
	if err != nil {
		return err
	}
	s.say("hash %d", scene.Picture{Width: scene.Width, Height: scene.Height, Pixels: shot.Data}.Hash())
	return nil
}

// pan moves the texture, 60 times a second.
func (s *screen) pan(asked <-chan struct{}) error {
	const fps = 60
	picture := scene.Texture()
	texture, err := s.upload(picture, 2*scene.Period)
	if err != nil {
		return err
	}
	clean, err := s.upload(scene.Picture{Width: picture.Width, Height: scene.Block, Pixels: picture.Pixels[:4*picture.Width*scene.Block]}, 2*scene.Period)
	if err != nil {
		return err
	}
	const numberWidth = scene.Bits * scene.Block
	left := func(n int) int16 { return int16(scene.Step * n % scene.Period) }
	// The number is written into the texture before, so that number and picture
	// come to the screen by one request: nobody sees one without the other.
	draw := func(n int) error {
		xproto.ChangeGC(s.x, s.gc, xproto.GcForeground, []uint32{0})
		xproto.PolyFillRectangle(s.x, texture, s.gc, []xproto.Rectangle{{X: left(n), Width: numberWidth, Height: scene.Block}})
		var ones []xproto.Rectangle
		for i := range scene.Bits {
			if n>>i&1 == 1 {
				ones = append(ones, xproto.Rectangle{X: left(n) + int16(i*scene.Block), Width: scene.Block, Height: scene.Block})
			}
		}
		if len(ones) > 0 {
			xproto.ChangeGC(s.x, s.gc, xproto.GcForeground, []uint32{0xffffff})
			xproto.PolyFillRectangle(s.x, texture, s.gc, ones)
		}
		xproto.CopyArea(s.x, texture, s.window, s.gc, left(n), 0, 0, 0, scene.Width, scene.Height)
		xproto.CopyArea(s.x, clean, texture, s.gc, left(n), 0, left(n), 0, numberWidth, scene.Block)
		return s.sync()
	}
	if err := draw(0); err != nil {
		return err
	}
	s.say("ready")
	tick := time.NewTicker(time.Second / fps)
	defer tick.Stop()
	for began, last := time.Now(), 0; ; {
		select {
		case _, more := <-asked:
			if !more {
				return nil
			}
		case now := <-tick.C:
			n := int(now.Sub(began) * fps / time.Second)
			if n <= last {
				continue
			}
			last = n
			s.say("n %d %d", n, time.Now().UnixMicro())
			if err := draw(n); err != nil {
				return err
			}
		}
	}
}
