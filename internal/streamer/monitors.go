//go:build linux

package streamer

import (
	"context"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/BurntSushi/xgb/damage"

	"github.com/backlot/backlot/internal/wire"
)

// size is that of something in pixels; zero: it is not there.
type size struct{ width, height int }

// place is where a monitor lies on the X server's screen.
type place struct {
	x, y int
	size
}

// sizes are those of the monitors.
type sizes [wire.MaxMonitors]size

// alone says that there is no monitor but the first.
func (s sizes) alone() bool { return s == sizes{s[0]} }

// lay puts the monitors side by side, from left to right, and says how large a screen
// that takes.
func (s sizes) lay() (places [wire.MaxMonitors]place, whole size) {
	for i, one := range s {
		if one == (size{}) {
			continue
		}
		places[i] = place{whole.width, 0, one}
		whole = size{whole.width + one.width, max(whole.height, one.height)}
	}
	return places, whole
}

// on is lay on a screen that may have been changed by others. A monitor alone has all of
// it, and so has one that nothing is left of.
func (s sizes) on(screen size) [wire.MaxMonitors]place {
	places, _ := s.lay()
	for i, p := range places {
		if p.size == (size{}) {
			continue
		}
		p.width, p.height = min(p.width, screen.width-p.x), min(p.height, screen.height)
		if i == 0 && s.alone() || p.width < wire.MinSide || p.height < wire.MinSide {
			p = place{size: screen}
		}
		places[i] = p
	}
	return places
}

// monitors are the parts of the X server's screen that people have windows for, each with
// a video of its own. The first is always there.
type monitors struct {
	display *display
	link    *link
	began   time.Time
	log     *slog.Logger
	start   func(run func(context.Context) error) // has something run beside all else

	told   sync.Mutex // so that the gateway hears of the latest last
	mu     sync.Mutex
	videos [wire.MaxMonitors]*video // nil: not plugged in

	layout sync.Mutex // held while monitors are moved
	sizes  sizes
	places [wire.MaxMonitors]place
	screen size
}

// newMonitors takes over the monitors that a streamer which died may have left.
func newMonitors(d *display, l *link, began time.Time, log *slog.Logger) (*monitors, error) {
	m := &monitors{display: d, link: l, began: began, log: log}
	width, height, err := d.size()
	if err != nil {
		return nil, err
	}
	if m.sizes, err = d.lit(); err != nil {
		return nil, err
	}
	if m.sizes[0] == (size{}) || m.sizes.alone() {
		m.sizes = sizes{{width, height}}
	}
	_, err = m.place(1)
	return m, err
}

// run begins with the monitors that are there.
func (m *monitors) run(start func(run func(context.Context) error)) {
	m.start = start
	for i, one := range m.sizes {
		if one != (size{}) {
			m.plug(uint8(i + 1))
		}
	}
}

// plug has a video made of a monitor, unless there is one.
func (m *monitors) plug(number uint8) *video {
	if v := m.video(number); v != nil {
		return v
	}
	v := newVideo(m, number)
	m.mu.Lock()
	m.videos[number-1] = v
	m.mu.Unlock()
	m.start(v.run)
	m.tell()
	return v
}

// tell tells the gateway which monitors there are.
func (m *monitors) tell() {
	m.told.Lock()
	defer m.told.Unlock()
	there := uint8(0)
	for number := uint8(1); number <= wire.MaxMonitors; number++ {
		if m.video(number) != nil {
			there |= 1 << (number - 1)
		}
	}
	m.link.send(wire.Monitors{There: there})
}

// unplug takes a monitor away.
func (m *monitors) unplug(number uint8) {
	v := m.video(number)
	if v == nil || number == 1 {
		return
	}
	m.mu.Lock()
	m.videos[number-1] = nil
	m.mu.Unlock()
	close(v.unplugged)
	<-v.done
	m.resize(number, size{})
	m.tell()
}

func (m *monitors) video(number uint8) *video {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.videos[number-1]
}

// wish tells all videos something.
func (m *monitors) wish(do func(*wishes)) {
	m.mu.Lock()
	videos := m.videos
	m.mu.Unlock()
	for _, v := range videos {
		if v != nil {
			v.wish(do)
		}
	}
}

// damaged says that what a video's capture looks at has been drawn on.
func (m *monitors) damaged(id damage.Damage) {
	m.mu.Lock()
	videos := m.videos
	m.mu.Unlock()
	for _, v := range videos {
		if v != nil && damage.Damage(v.damage.Load()) == id {
			v.wish(func(w *wishes) { w.damaged = true })
		}
	}
}

// resize gives a monitor a size, and with that perhaps others another place.
func (m *monitors) resize(number uint8, to size) {
	m.layout.Lock()
	defer m.layout.Unlock()
	want := m.sizes
	if want.alone() {
		want[0] = m.screen // whoever made it
	}
	want[number-1] = to
	before := m.places
	var windows []window
	if !m.sizes.alone() {
		windows = m.display.windows()
	}
	if err := m.display.arrange(want); err != nil {
		m.log.Warn("screen keeps its size", "monitor", number, "err", err)
		return
	}
	m.sizes = want
	_, m.screen = want.lay()
	m.places = want.on(m.screen)
	m.display.follow(windows, before, m.places)
	if !want.alone() || to == (size{}) {
		m.wish(func(w *wishes) { w.resized = true })
	}
}

// place is where a monitor lies now; zero: it is not there.
func (m *monitors) place(number uint8) (place, error) {
	m.layout.Lock()
	defer m.layout.Unlock()
	width, height, err := m.display.size()
	if err != nil {
		return place{}, err
	}
	m.screen = size{width, height}
	m.places = m.sizes.on(m.screen)
	return m.places[number-1], nil
}

// whole is an input message about a monitor as one about the screen; false: the monitor is
// not there.
func (m *monitors) whole(number uint8, in wire.Message) (wire.Message, bool) {
	m.layout.Lock()
	defer m.layout.Unlock()
	at := m.places[number-1]
	if at.size == (size{}) {
		return nil, false
	}
	switch in := in.(type) {
	case wire.Pointer:
		return wire.Pointer{X: shifted(in.X, at.x), Y: shifted(in.Y, at.y)}, true
	case wire.Pen:
		if m.sizes.alone() {
			return in, true
		}
		samples := make([]wire.PenSample, len(in.Samples))
		for i, s := range in.Samples {
			s.X = part(int(s.X), at.width, at.x, m.screen.width)
			s.Y = part(int(s.Y), at.height, at.y, m.screen.height)
			samples[i] = s
		}
		return wire.Pen{Samples: samples}, true
	}
	return in, true
}

func shifted(n int16, by int) int16 {
	return int16(min(max(int(n)+by, math.MinInt16), math.MaxInt16))
}

// part is a part of something, in 1/65536, as a part of the whole that it lies in: never
// less, so that the pixel is the same.
func part(of, size, offset, whole int) uint16 {
	return uint16(min((of*size+offset<<16+whole-1)/whole, math.MaxUint16))
}
