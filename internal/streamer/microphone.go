//go:build linux

package streamer

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/wire"
)

const (
	// microphonePipe is how many bytes wait for a program that records: 42 ms.
	microphonePipe = 4096
	// microphoneQueue is how many packets wait before the oldest is lost.
	microphoneQueue = 4
	// microphoneGap is how long a microphone that is on may say nothing before silence
	// is written in its place, microphoneStep at a time.
	microphoneGap  = 60 * time.Millisecond
	microphoneStep = 20 * time.Millisecond
	// microphoneLost is how many lost packets in a row are made up for.
	microphoneLost = 5
)

// microphone writes what a viewer's microphone hears into the pipe of the desktop's
// sound server: 48 kHz, one channel, 16-bit little-endian. There is always sound in
// that pipe, silence when no microphone is on, so that programs that record do not
// hang. While none does the pipe is full, and nothing is to be done.
type microphone struct {
	path    string // of the pipe; "": there is none
	log     *slog.Logger
	packets chan wire.Microphone
}

func newMicrophone(c Config) *microphone {
	m := &microphone{log: c.Log, packets: make(chan wire.Microphone, microphoneQueue)}
	if c.SoundDir != "" {
		m.path = filepath.Join(c.SoundDir, "in")
	}
	return m
}

// hear takes a packet, without waiting. Only one goroutine may call it.
func (m *microphone) hear(p wire.Microphone) {
	p.Data = bytes.Clone(p.Data)
	for {
		select {
		case m.packets <- p:
			return
		default:
		}
		select {
		case <-m.packets:
		default:
		}
	}
}

func (m *microphone) run(ctx context.Context) error {
	if m.path == "" {
		return nil
	}
	decoder, err := newOpusDecoder(1)
	if err != nil {
		return err
	}
	defer decoder.close()
	for ctx.Err() == nil {
		err := withPipe(ctx, m.path, unix.O_WRONLY, func(pipe *os.File) error { return m.speak(ctx, pipe, decoder) })
		switch {
		case ctx.Err() != nil, errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENXIO), errors.Is(err, unix.EPIPE):
			// The sound server is not there, or not any more.
		default:
			m.log.DebugContext(ctx, "no microphone", "err", err)
		}
		rest(ctx, 2*pipePause)
	}
	return nil
}

// speak writes into the pipe until that is of no use any more.
func (m *microphone) speak(ctx context.Context, pipe *os.File, decoder *opusDecoder) error {
	raw, err := pipe.SyscallConn()
	if err != nil {
		return err
	}
	var ferr error
	err = raw.Control(func(fd uintptr) { _, ferr = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, microphonePipe) })
	if err := errors.Join(err, ferr); err != nil {
		return fmt.Errorf("size the microphone's pipe: %w", err)
	}
	voice := voice{decoder: decoder}
	silence := make([]int16, soundRate*microphoneStep/time.Second)
	var heard time.Time
	var out []byte
	step := time.NewTicker(microphoneStep)
	defer step.Stop()
	for {
		samples := silence
		select {
		case <-ctx.Done():
			return nil
		case p := <-m.packets:
			heard = time.Now()
			samples = voice.next(p)
		case <-step.C:
			if time.Since(heard) < microphoneGap {
				continue
			}
		}
		out = out[:0]
		for _, s := range samples {
			out = binary.LittleEndian.AppendUint16(out, uint16(s))
		}
		if _, err := pipe.Write(out); err != nil {
			return fmt.Errorf("write what the microphone hears: %w", err)
		}
	}
}

// voice puts packets together again.
type voice struct {
	decoder  *opusDecoder
	sequence uint16
	length   int // of the packet before in samples; 0: there was none
	samples  []int16
}

// next returns the samples of a packet, and before them what makes up for lost ones.
// What is no packet is silent.
func (v *voice) next(p wire.Microphone) []int16 {
	v.samples = v.samples[:0]
	lost := int(p.Sequence - v.sequence - 1)
	if v.length > 0 && lost <= microphoneLost {
		for missing := lost; missing > 0; missing-- {
			var after []byte
			if missing == 1 {
				after = p.Data
			}
			made, err := v.decoder.conceal(after, v.length)
			if err != nil {
				break
			}
			v.samples = append(v.samples, made...)
		}
	}
	v.sequence = p.Sequence
	made, err := v.decoder.decode(p.Data)
	if err != nil {
		return v.samples
	}
	v.length = len(made)
	v.samples = append(v.samples, made...)
	return v.samples
}
