package streamer

import "context"

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
	c, err := newCapture(d, width, height, false)
	if err != nil {
		d.x.Close()
		return nil, err
	}
	return c.take, nil
}
