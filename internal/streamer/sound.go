//go:build linux

package streamer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/wire"
)

const (
	soundPacket = 10 * time.Millisecond
	// soundSlack is how far the sound may run from the clock before it is set anew.
	soundSlack = 60 * time.Millisecond
	// soundGap is how late sound is that does not follow what came before. The sound
	// server makes up for a shorter pause: what it plays late it plays all the same.
	soundGap = 500 * time.Millisecond
	// soundWatch is how many packets have to be late before it does not.
	soundWatch = 100
	// soundHush is how many packets of silence are sent before none are: the player
	// then knows that it is silence that goes on.
	soundHush = 20
	// pipePause is the time until a pipe that is not there is looked for again.
	pipePause = 500 * time.Millisecond
)

// sound sends what the desktop plays, while somebody listens. The desktop's sound
// server writes it into a pipe: 48 kHz, two channels, 32-bit little-endian.
type sound struct {
	path  string // of the pipe; "": there is none
	link  *link
	log   *slog.Logger
	start time.Time // of the video's clock
	on    atomic.Bool
	wake  chan struct{}
}

func newSound(c Config, l *link, start time.Time) *sound {
	s := &sound{link: l, log: c.Log, start: start, wake: make(chan struct{}, 1)}
	if c.SoundDir != "" {
		s.path = filepath.Join(c.SoundDir, "out")
	}
	return s
}

// listen says whether somebody listens.
func (s *sound) listen(on bool) {
	if s.on.Swap(on) != on {
		poke(s.wake)
	}
}

func (s *sound) run(ctx context.Context) error {
	if s.path == "" {
		return nil
	}
	for ctx.Err() == nil {
		if s.on.Load() {
			s.hear(ctx)
			continue
		}
		select {
		case <-ctx.Done():
		case <-s.wake:
		}
	}
	return nil
}

// hear sends sound until ctx ends, or something changes.
func (s *sound) hear(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer stop()
	watch.Go(func() {
		select {
		case <-ctx.Done():
		case <-s.wake:
			stop()
		}
	})
	for ctx.Err() == nil {
		// Its writer may come and go: a reader that could write as well sees no end.
		err := withPipe(ctx, s.path, unix.O_RDWR, func(pipe *os.File) error { return s.send(ctx, pipe) })
		if err != nil && !errors.Is(err, unix.ENOENT) && ctx.Err() == nil {
			s.log.DebugContext(ctx, "no sound", "err", err)
		}
		rest(ctx, pipePause)
	}
}

// send encodes and sends what comes out of the pipe.
func (s *sound) send(ctx context.Context, pipe *os.File) error {
	if err := drain(pipe); err != nil {
		return err
	}
	encoder, err := newOpusEncoder()
	if err != nil {
		return err
	}
	defer encoder.close()
	var (
		raw     [soundFrame * soundChannels * 4]byte
		samples [soundFrame * soundChannels]float32
		next    time.Duration // when the next packet's first sample is played, since start
		clock   soundClock
		hush    int // packets of silence, one after the other
	)
	for {
		if _, err := io.ReadFull(pipe, raw[:]); err != nil {
			return fmt.Errorf("read sound: %w", err)
		}
		next += clock.behind(time.Since(s.start) - soundPacket - next)
		if early := next + soundPacket - time.Since(s.start); early > soundSlack {
			// It was late once, or somebody writes to the pipe himself. To go on with all of
			// it would be to stay behind.
			if err := drain(pipe); err != nil {
				return err
			}
			rest(ctx, soundPacket)
			continue
		}
		at := next
		next += soundPacket
		if silent := unpack(&samples, &raw); !silent {
			hush = 0
		} else if hush++; hush > soundHush {
			continue
		}
		packet, err := encoder.encode(&samples)
		if err != nil {
			return err
		}
		s.link.send(wire.Sound{CapturedMicros: uint64(at.Microseconds()), Data: packet})
	}
}

// soundClock keeps the times of packets those of their sound: packets come in blocks,
// and late when the machine is busy.
type soundClock struct {
	packets int
	least   time.Duration // that one of them was late
}

// behind is told how late a packet is, and says by how much the times are to be set on.
func (c *soundClock) behind(late time.Duration) time.Duration {
	if c.packets == 0 || late < c.least {
		c.least = late
	}
	c.packets++
	switch {
	case late > soundGap:
		*c = soundClock{}
		return late
	case c.packets < soundWatch:
		return 0
	}
	least := c.least
	*c = soundClock{}
	if least < soundSlack {
		return 0
	}
	return least
}

// unpack turns the pipe's samples into those of the encoder, and says whether there
// is nothing to hear.
func unpack(samples *[soundFrame * soundChannels]float32, raw *[soundFrame * soundChannels * 4]byte) (silent bool) {
	var any int32
	for i := range samples {
		v := int32(binary.LittleEndian.Uint32(raw[4*i:]))
		any |= v
		samples[i] = float32(v) / (1 << 31)
	}
	return any == 0
}

// withPipe opens a named pipe that lies where a desktop's programs can put anything,
// and calls do with it. Reading and writing fail once ctx has ended.
func withPipe(ctx context.Context, path string, how int, do func(*os.File) error) error {
	pipe, err := os.OpenFile(path, how|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer pipe.Close()
	is, err := pipe.Stat()
	if err != nil {
		return err
	}
	if is.Mode()&os.ModeNamedPipe == 0 {
		return fmt.Errorf("%s is no pipe", filepath.Base(path))
	}
	defer context.AfterFunc(ctx, func() { _ = pipe.SetDeadline(time.Now()) })()
	return do(pipe)
}

// drain throws away what was played while nobody listened.
func drain(pipe *os.File) error {
	raw, err := pipe.SyscallConn()
	if err != nil {
		return err
	}
	old := make([]byte, 64<<10)
	return raw.Control(func(fd uintptr) {
		// It holds no more than this; a writer may fill it as fast.
		for range 1 << 20 / len(old) {
			if n, err := unix.Read(int(fd), old); n <= 0 || err != nil {
				return
			}
		}
	})
}

// rest waits, or until ctx ends.
func rest(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
