//go:build linux

package streamer

import (
	"fmt"

	"github.com/jezek/xgb/damage"
	"github.com/jezek/xgb/shm"
	"github.com/jezek/xgb/xfixes"
	"github.com/jezek/xgb/xproto"
	"golang.org/x/sys/unix"
)

// capture reads a screen of a given size into a picture, through memory shared
// with the X server. One goroutine uses it.
type capture struct {
	display *display
	picture *picture
	width   int // of the screen: the picture may be a pixel narrower
	screen  []byte
	segment shm.Seg
	damaged xfixes.Region
}

// newCapture makes a capture of a screen of width x height pixels, in full colour or
// not. The picture leaves out an odd last row or column: 4:2:0 has none.
func newCapture(d *display, width, height int, full bool) (*capture, error) {
	segment, err := shm.NewSegId(d.x)
	if err != nil {
		return nil, err
	}
	damaged, err := xfixes.NewRegionId(d.x)
	if err != nil {
		return nil, err
	}
	if err := xfixes.CreateRegionChecked(d.x, damaged, nil).Check(); err != nil {
		return nil, fmt.Errorf("make a region: %w", err)
	}
	screen, err := share(d, segment, width*height*4)
	if err != nil {
		return nil, err
	}
	return &capture{
		display: d, picture: newPicture(width&^1, height&^1, full),
		width: width, screen: screen, segment: segment, damaged: damaged,
	}, nil
}

// share makes memory of size bytes that the X server writes to as segment.
func share(d *display, segment shm.Seg, size int) ([]byte, error) {
	// X runs under another id, and has our group.
	id, err := unix.SysvShmGet(unix.IPC_PRIVATE, size, unix.IPC_CREAT|0o660)
	if err != nil {
		return nil, fmt.Errorf("make shared memory of %d bytes: %w", size, err)
	}
	// Once both sides hold it the memory needs no name, and dies with them.
	defer func() { _, _ = unix.SysvShmCtl(id, unix.IPC_RMID, nil) }()
	memory, err := unix.SysvShmAttach(id, 0, 0)
	if err != nil {
		return nil, fmt.Errorf("attach shared memory: %w", err)
	}
	if err := shm.AttachChecked(d.x, segment, uint32(id), false).Check(); err != nil {
		_ = unix.SysvShmDetach(memory)
		return nil, fmt.Errorf("have X attach shared memory (it needs our IPC namespace and group): %w", err)
	}
	return memory, nil
}

func (c *capture) close() {
	shm.Detach(c.display.x, c.segment)
	xfixes.DestroyRegion(c.display.x, c.damaged)
	_ = unix.SysvShmDetach(c.screen)
	c.picture.close()
}

// take brings the picture up to date and marks which blocks of it have changed:
// all of them if so asked.
func (c *capture) take(everything bool) error {
	x, p := c.display.x, c.picture
	// What is drawn after Subtract is damage again: nothing is missed.
	damage.Subtract(x, c.display.damage, xfixes.RegionNone, c.damaged)
	region, err := xfixes.FetchRegion(x, c.damaged).Reply()
	if err != nil {
		return fmt.Errorf("ask what has changed: %w", err)
	}
	p.unmark()
	for _, r := range region.Rectangles {
		p.mark(int(r.X), int(r.Y), int(r.Width), int(r.Height))
	}
	if everything {
		p.mark(0, 0, p.width, p.height)
	}

	// Bands hold blocks beside the marked ones. If one of these was drawn since
	// Subtract, the picture is ahead of its mark; the damage that is reported for
	// it marks it next time.
	type grab struct {
		top, bottom int
		cookie      shm.GetImageCookie
	}
	var grabs []grab
	for top, bottom := range p.bands() {
		grabs = append(grabs, grab{top, bottom, shm.GetImage(x, xproto.Drawable(c.display.root), 0, int16(top),
			uint16(c.width), uint16(bottom-top), ^uint32(0), xproto.ImageFormatZPixmap, c.segment, uint32(top*c.width*4))})
	}
	for _, g := range grabs {
		if _, err := g.cookie.Reply(); err != nil {
			return fmt.Errorf("grab rows %d to %d: %w", g.top, g.bottom, err)
		}
		if err := p.convert(c.screen, c.width*4, g.top, g.bottom); err != nil {
			return err
		}
	}
	p.measure()
	return nil
}
