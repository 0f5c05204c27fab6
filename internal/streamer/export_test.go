package streamer

import (
	"context"

	"github.com/backlot/backlot/internal/wire"
)

// Grab opens a capture of a display, for benchmarks. It must not run beside
// other connections to X: see xserver in xserver_test.go.
func Grab(ctx context.Context, name string) (take func(everything bool) error, err error) {
	d, err := openDisplay(ctx, name)
	if err != nil {
		return nil, err
	}
	width, height, err := d.size()
	if err != nil {
		return nil, err
	}
	c, err := newCapture(d, place{size: size{width, height}}, false)
	if err != nil {
		d.hangUp()
		return nil, err
	}
	return func(everything bool) error {
		_, err := c.take(everything)
		return err
	}, nil
}

// Layouts are all that viewers can choose.
func Layouts() (all []wire.Layout) {
	for name, variants := range layouts {
		for _, variant := range append([]string{""}, variants...) {
			all = append(all, wire.Layout{Name: name, Variant: variant})
		}
	}
	return all
}
