//go:build linux

package streamer

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"

	"github.com/BurntSushi/xgb/xproto"

	"github.com/backlot/backlot/internal/wire"
)

// What programs read of the X server's resources when they start, and what it is at 100 %.
const (
	dotsPerInch, usualDots  = "Xft.dpi", 96
	cursorSize, usualCursor = "Xcursor.size", 24
)

// resourceBytes bounds the resources: who has more has filled them in vain.
const resourceBytes = 1 << 20

// scale is at what size programs are to draw. The X server keeps it, among the resources
// that programs read.
type scale struct {
	display *display
	link    *link
	log     *slog.Logger
	wake    chan struct{} // when the resources have changed
}

// run tells the gateway each time it is woken.
func (s *scale) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		}
		text, err := s.resources()
		if err != nil {
			s.log.WarnContext(ctx, "the desktop's scale is unknown", "err", err)
			continue
		}
		s.link.send(wire.Scaled{Percent: percentOf(text)})
	}
}

// set changes it for programs that start from now on.
func (s *scale) set(m wire.Scale) {
	text, err := s.resources()
	if err == nil {
		text = withResource(text, dotsPerInch, usualDots*int(m.Percent)/100)
		text = withResource(text, cursorSize, usualCursor*int(m.Percent)/100)
		err = xproto.ChangePropertyChecked(s.display.x, xproto.PropModeReplace, s.display.root, xproto.AtomResourceManager,
			xproto.AtomString, 8, uint32(len(text)), []byte(text)).Check()
	}
	if err != nil {
		s.log.Warn("the desktop keeps its scale", "err", err)
	}
}

func (s *scale) resources() (string, error) {
	p, err := xproto.GetProperty(s.display.x, false, s.display.root, xproto.AtomResourceManager, xproto.AtomString, 0, resourceBytes/4).Reply()
	if err != nil {
		return "", fmt.Errorf("read the X server's resources: %w", err)
	}
	if p.BytesAfter > 0 {
		return "", fmt.Errorf("read the X server's resources: more than %d bytes", resourceBytes)
	}
	return string(p.Value), nil
}

// percentOf is the scale that resources say; 0: they say none.
func percentOf(resources string) (percent uint16) {
	for line := range strings.Lines(resources) {
		name, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(name) != dotsPerInch {
			continue
		}
		percent = 0
		if dots, err := strconv.ParseFloat(strings.TrimSpace(value), 64); err == nil && dots > 0 {
			percent = uint16(math.Round(min(max(dots*100/usualDots, wire.MinScale), wire.MaxScale)))
		}
	}
	return percent
}

// withResource has a name stand for a number in resources.
func withResource(resources, name string, number int) string {
	var b strings.Builder
	for line := range strings.Lines(resources) {
		if of, _, _ := strings.Cut(line, ":"); strings.TrimSpace(of) != name {
			b.WriteString(strings.TrimSuffix(line, "\n") + "\n")
		}
	}
	fmt.Fprintf(&b, "%s:\t%d\n", name, number)
	return b.String()
}
