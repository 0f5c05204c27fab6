//go:build linux

package streamer

import (
	"encoding/binary"
	"errors"

	"github.com/BurntSushi/xgb/xproto"

	"github.com/backlot/backlot/internal/wire"
)

// windowsAtMost is how many windows go with their monitors, framesAtMost how many the
// window manager puts around one.
const (
	windowsAtMost = 200
	framesAtMost  = 8
)

// window is one that the window manager looks after, and where it is.
type window struct {
	id xproto.Window
	at place
}

// windows are those that are on the screen; none where the window manager does not say.
func (d *display) windows() (all []window) {
	list, err := d.atom("_NET_CLIENT_LIST")
	if err != nil {
		return nil
	}
	p, err := xproto.GetProperty(d.x, false, d.root, list, xproto.AtomWindow, 0, windowsAtMost).Reply()
	if err != nil || p.Format != 32 {
		return nil
	}
	for b := p.Value; len(b) >= 4; b = b[4:] {
		id := xproto.Window(binary.LittleEndian.Uint32(b))
		if g, err := d.frame(id); err == nil { // or it has gone
			all = append(all, window{id, place{int(g.X), int(g.Y), size{int(g.Width), int(g.Height)}}})
		}
	}
	return all
}

// frame is where a window is, with what the window manager has put around it.
func (d *display) frame(w xproto.Window) (*xproto.GetGeometryReply, error) {
	for range framesAtMost {
		tree, err := xproto.QueryTree(d.x, w).Reply()
		if err != nil {
			return nil, err
		}
		if tree.Parent == d.root || tree.Parent == 0 {
			return xproto.GetGeometry(d.x, xproto.Drawable(w)).Reply()
		}
		w = tree.Parent
	}
	return nil, errors.New("no window of the window manager's is that deep")
}

// follow asks the window manager to have windows stay where they are on their monitors,
// when these have moved, and to bring those of one that is gone to the first.
func (d *display) follow(windows []window, before, after [wire.MaxMonitors]place) {
	move, err := d.atom("_NET_MOVERESIZE_WINDOW")
	if err != nil {
		return
	}
	for _, w := range windows {
		x, y := followed(w.at, before, after)
		if x == w.at.x && y == w.at.y {
			continue
		}
		const corner, withX, withY, pager = xproto.GravityNorthWest, 1 << 8, 1 << 9, 2 << 12
		e := xproto.ClientMessageEvent{
			Format: 32, Window: w.id, Type: move,
			Data: xproto.ClientMessageDataUnionData32New([]uint32{corner | withX | withY | pager, uint32(x), uint32(y), 0, 0}),
		}
		xproto.SendEvent(d.x, false, d.root, xproto.EventMaskSubstructureNotify|xproto.EventMaskSubstructureRedirect, string(e.Bytes()))
	}
}

// followed is where a window goes with the monitor that its middle is on.
func followed(w place, before, after [wire.MaxMonitors]place) (x, y int) {
	middle := w.x + w.width/2
	for i, was := range before {
		if middle < was.x || middle >= was.x+was.width {
			continue
		}
		is := after[i]
		if is.size != (size{}) {
			return w.x + is.x - was.x, w.y
		}
		is = after[0]
		inside := func(at, size, room int) int { return max(0, min(at, room-size)) }
		return inside(w.x-was.x, w.width, is.width), max(w.y, 0)
	}
	return w.x, w.y
}
