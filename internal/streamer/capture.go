//go:build linux

package streamer

import (
	"fmt"

	"github.com/BurntSushi/xgb/damage"
	"github.com/BurntSushi/xgb/shm"
	"github.com/BurntSushi/xgb/xfixes"
	"github.com/BurntSushi/xgb/xproto"
	"golang.org/x/sys/unix"
)

// capture reads a place of the screen into a picture, through memory shared with the
// X server. One goroutine uses it.
type capture struct {
	display *display
	picture *picture
	at      place // of the screen: the picture may be a pixel narrower
	screen  []byte
	segment shm.Seg
	damage  damage.Damage
	damaged xfixes.Region
}

// newCapture makes a capture of a place, in full colour or not. The picture leaves out
// an odd last row or column: 4:2:0 has none.
func newCapture(d *display, at place, full bool) (*capture, error) {
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
	drawn, err := damage.NewDamageId(d.x)
	if err != nil {
		return nil, err
	}
	// One event when the screen stops being clean: none more until somebody looks.
	if err := damage.CreateChecked(d.x, drawn, xproto.Drawable(d.root), damage.ReportLevelNonEmpty).Check(); err != nil {
		return nil, fmt.Errorf("ask to be told of changes: %w", err)
	}
	screen, err := share(d, segment, at.width*at.height*4)
	if err != nil {
		return nil, err
	}
	return &capture{
		display: d, picture: newPicture(at.width&^1, at.height&^1, full),
		at: at, screen: screen, segment: segment, damage: drawn, damaged: damaged,
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
	damage.Destroy(c.display.x, c.damage)
	xfixes.DestroyRegion(c.display.x, c.damaged)
	_ = unix.SysvShmDetach(c.screen)
	c.picture.close()
}

// stride is how many bytes a row of the screen's has.
func (c *capture) stride() int { return c.at.width * 4 }

// take brings the picture up to date and marks which blocks of it have changed:
// all of them if so asked. It says whether there are any.
func (c *capture) take(everything bool) (changed bool, err error) {
	x, p := c.display.x, c.picture
	// What is drawn after Subtract is damage again: nothing is missed.
	damage.Subtract(x, c.damage, xfixes.RegionNone, c.damaged)
	region, err := xfixes.FetchRegion(x, c.damaged).Reply()
	if err != nil {
		return false, fmt.Errorf("ask what has changed: %w", err)
	}
	p.unmark()
	for _, r := range region.Rectangles {
		p.mark(int(r.X)-c.at.x, int(r.Y)-c.at.y, int(r.Width), int(r.Height))
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
		grabs = append(grabs, grab{top, bottom, shm.GetImage(x, xproto.Drawable(c.display.root), int16(c.at.x), int16(c.at.y+top),
			uint16(c.at.width), uint16(bottom-top), ^uint32(0), xproto.ImageFormatZPixmap, c.segment, uint32(top*c.stride()))})
	}
	for _, g := range grabs {
		if _, err := g.cookie.Reply(); err != nil {
			return false, fmt.Errorf("grab rows %d to %d: %w", g.top, g.bottom, err)
		}
		if err := p.convert(c.screen, c.stride(), g.top, g.bottom); err != nil {
			return false, err
		}
	}
	p.measure()
	return len(grabs) > 0, nil
}
