package wire_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/wire"
)

// pair is the pipes of a gateway and a streamer that hear each other; accepted are
// those that the streamer takes.
func pair(t *testing.T) (gateway *wire.Pipes, accepted <-chan *wire.Pipe) {
	t.Helper()
	up, down := make(chan wire.Message, 4096), make(chan wire.Message, 4096)
	opened := make(chan *wire.Pipe, wire.MaxPipes)
	a, b := wire.NewPipes(func(m wire.Message) { down <- m }), wire.NewPipes(func(m wire.Message) { up <- m })
	var running sync.WaitGroup
	stop := make(chan struct{})
	carry := func(from <-chan wire.Message, to *wire.Pipes) {
		for {
			var m wire.Message
			select {
			case m = <-from:
			case <-stop:
				return
			}
			if open, ok := m.(wire.PipeOpen); ok {
				p, err := to.Accept(open)
				if err != nil {
					t.Error(err)
				}
				opened <- p
			} else if err := to.Handle(m); err != nil {
				t.Error(err)
			}
		}
	}
	running.Go(func() { carry(down, b) })
	running.Go(func() { carry(up, a) })
	t.Cleanup(func() {
		close(stop)
		running.Wait()
	})
	return a, opened
}

func TestPipeCarriesBothWays(t *testing.T) {
	t.Parallel()
	gateway, accepted := pair(t)
	p, err := gateway.Open(wire.UseFiles)
	if err != nil {
		t.Fatal(err)
	}
	there := <-accepted
	want := make([]byte, 5*wire.PipeWindow+7)
	for i := range want {
		want[i] = byte(rand.Uint32())
	}
	go func() { // echo
		_, _ = io.Copy(there, there)
		_ = there.CloseWrite()
	}()
	go func() {
		_, _ = p.Write(want)
		_ = p.CloseWrite()
	}()
	got, err := io.ReadAll(p)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes came back of %d: %v", len(got), len(want), err)
	}
}

func TestPipeNumbersAreFreed(t *testing.T) {
	t.Parallel()
	gateway, accepted := pair(t)
	for i := range 5 * wire.MaxPipes {
		var p *wire.Pipe
		for deadline := time.Now().Add(10 * time.Second); p == nil; { // the ends of those before may be on their way
			var err error
			if p, err = gateway.Open(wire.UseCopyText); err != nil && time.Now().After(deadline) {
				t.Fatal(err)
			}
		}
		there := <-accepted
		if i%2 == 0 { // given up here; there it is noticed
			_ = p.Close()
			if _, err := there.Read(make([]byte, 1)); !errors.Is(err, wire.ErrPipeBroken) {
				t.Fatalf("read of a broken pipe: %v", err)
			}
			_ = there.Close()
		} else {
			_ = p.CloseWrite()
			_ = there.CloseWrite()
			if _, err := io.ReadAll(p); err != nil {
				t.Fatal(err)
			}
			_ = p.Close()
		}
	}
}

func TestPipesAreBounded(t *testing.T) {
	t.Parallel()
	ps := wire.NewPipes(func(wire.Message) {})
	for range wire.MaxPipes {
		if _, err := ps.Open(wire.UseFiles); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ps.Open(wire.UseFiles); err == nil {
		t.Error("one pipe more than there may be")
	}
	var err error
	for n := 0; err == nil; n += wire.PipeChunk {
		if n > wire.PipeWindow {
			t.Fatal("nobody reads, and more than the window is taken")
		}
		err = ps.Handle(wire.PipeData{Pipe: 1, Data: make([]byte, wire.PipeChunk)})
	}
	if err := ps.Handle(wire.PipeRoom{Pipe: 2, Bytes: 1}); err == nil {
		t.Error("room beyond the window")
	}
	ps.Close()
	if _, err := ps.Open(wire.UseFiles); err == nil {
		t.Error("opened after the end")
	}
}

func FuzzPipes(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8})
	f.Fuzz(func(_ *testing.T, b []byte) {
		ps := wire.NewPipes(func(wire.Message) {})
		var open []*wire.Pipe
		for len(b) > 1 {
			n := uint16(b[1] % 20)
			switch b[0] % 7 {
			case 0:
				if p, err := ps.Accept(wire.PipeOpen{Pipe: n, Use: wire.UseFiles}); err == nil {
					open = append(open, p)
				}
			case 1:
				_ = ps.Handle(wire.PipeData{Pipe: n, Data: make([]byte, int(b[1])*200+1)})
			case 2:
				_ = ps.Handle(wire.PipeRoom{Pipe: n, Bytes: uint32(b[1]) + 1})
			case 3:
				_ = ps.Handle(wire.PipeEnd{Pipe: n, Broken: b[1]&1 == 1})
			case 4, 5, 6:
				if len(open) == 0 {
					break
				}
				p := open[int(n)%len(open)]
				_ = []func() error{p.Close, p.CloseWrite, p.Close}[b[0]%7-4]()
			}
			b = b[2:]
		}
		ps.Close()
	})
}
