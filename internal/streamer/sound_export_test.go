package streamer

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/wire"
)

// Sound is the part of a streamer that has to do with sound, its gateway at the
// other end of conn.
func Sound(dir string, conn net.Conn, log *slog.Logger) (run func(context.Context), listen func(bool), speak func(wire.Microphone)) {
	c := Config{SoundDir: dir, Log: log}
	l := newLink(c)
	l.attach(conn, wire.NewConn(conn))
	s, m := newSound(c, l, time.Now()), newMicrophone(c)
	run = func(ctx context.Context) {
		var group sync.WaitGroup
		group.Go(func() { _ = s.run(ctx) })
		group.Go(func() {
			if err := m.run(ctx); err != nil {
				log.Error("microphone", "err", err)
			}
		})
		group.Wait()
	}
	return run, s.listen, m.hear
}

// NewVoice encodes samples of two channels, 10 ms at a time.
func NewVoice(t testing.TB) func([]int16) []byte {
	e, err := newOpusEncoder()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.close)
	return func(samples []int16) []byte {
		var frame [soundFrame * soundChannels]float32
		for i, v := range samples {
			frame[i] = float32(v) / (1 << 15)
		}
		packet, err := e.encode(&frame)
		if err != nil {
			t.Error(err)
		}
		return append([]byte(nil), packet...)
	}
}

// NewListener puts a voice together again, and returns how many samples each packet makes.
func NewListener(t testing.TB) func(wire.Microphone) int {
	d, err := newOpusDecoder(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.close)
	v := voice{decoder: d}
	return func(m wire.Microphone) int { return len(v.next(m)) }
}

// NewStereo decodes packets of two channels.
func NewStereo(t testing.TB) func([]byte) ([]int16, error) {
	d, err := newOpusDecoder(2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.close)
	return d.decode
}
