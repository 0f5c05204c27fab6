//go:build linux

package streamer

import (
	"context"
	"fmt"

	"github.com/BurntSushi/xgb/xfixes"

	"github.com/backlot/backlot/internal/wire"
)

// cursor sends the picture of the pointer each time it is woken.
type cursor struct {
	display *display
	link    *link
	wake    chan struct{}
}

func (c *cursor) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c.wake:
		}
		image, err := xfixes.GetCursorImage(c.display.x).Reply()
		if err != nil {
			return fmt.Errorf("ask for the cursor: %w", err)
		}
		c.link.send(cursorMessage(image))
	}
}

// cursorMessage cuts a cursor that is larger than viewers can show. One without
// a visible pixel becomes the hidden cursor.
func cursorMessage(image *xfixes.GetCursorImageReply) wire.Cursor {
	width, height := min(image.Width, wire.MaxCursorSide), min(image.Height, wire.MaxCursorSide)
	m := wire.Cursor{
		Serial: image.CursorSerial,
		HotX:   min(image.Xhot, width), HotY: min(image.Yhot, height),
		Width: width, Height: height,
		Pixels: make([]byte, 0, 4*int(width)*int(height)),
	}
	visible := false
	for y := range int(height) {
		row := image.CursorImage[y*int(image.Width):]
		for _, argb := range row[:width] {
			visible = visible || argb>>24 != 0
			m.Pixels = appendStraight(m.Pixels, argb)
		}
	}
	if !visible {
		return wire.Cursor{Serial: image.CursorSerial}
	}
	return m
}

// appendStraight appends R, G, B, A of a premultiplied ARGB pixel.
func appendStraight(b []byte, argb uint32) []byte {
	a := argb >> 24
	part := func(shift uint) byte {
		if a == 0 {
			return 0
		}
		return byte(min((argb>>shift&0xff)*255/a, 255))
	}
	return append(b, part(16), part(8), part(0), byte(a))
}
