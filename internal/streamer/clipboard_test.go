package streamer_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/xgb/xproto"

	"github.com/backlot/backlot/internal/wire"
)

// exchanger is a gateway that uses pipes, beside all else that it hears.
type exchanger struct {
	*gateway
	pipes *wire.Pipes
}

// exchange starts a streamer with these variables, and takes what comes through pipes
// until the test ends.
func exchange(t *testing.T, x *xserver, env ...string) *exchanger {
	t.Helper()
	g := startStreamer(t, x, env...)
	e := &exchanger{gateway: g, pipes: wire.NewPipes(func(m wire.Message) { _ = g.conn.WriteMessage(m) })}
	g.pipes.Store(e.pipes)
	await(g, "what is allowed", anyOf[wire.Allows])
	return e
}

func (e *exchanger) ask(use wire.Use, b []byte) ([]byte, error) {
	e.t.Helper()
	p, err := e.pipes.Open(use)
	if err != nil {
		e.t.Fatal(err)
	}
	defer p.Close()
	if _, err := p.Write(b); err != nil {
		return nil, err
	}
	_ = p.CloseWrite()
	return io.ReadAll(p)
}

// paste is what a program of the desktop pastes.
func (s *xserver) paste(t testing.TB, kind string) string {
	t.Helper()
	need(t, "xclip")
	c := exec.CommandContext(t.Context(), "timeout", "10", "xclip", "-selection", "clipboard", "-o", "-t", kind)
	c.Env = append(os.Environ(), "DISPLAY="+s.display)
	out, _ := c.Output() // nothing, where there is nothing
	return string(out)
}

// copies has a program of the desktop copy a text.
func (s *xserver) copies(t testing.TB, text string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	s.run(t, "xclip", "-quiet", "-selection", "clipboard", "-i", file)
}

func TestClipboardBothWays(t *testing.T) {
	t.Parallel()
	x := startX(t)
	x.manage(t)
	g := exchange(t, x, "BACKLOT_STREAMER_CLIPBOARD=1")
	if m := await(g.gateway, "that nothing was copied", anyOf[wire.Copied]); m != (wire.Copied{}) {
		t.Errorf("%+v", m)
	}
	for serial, text := range []string{"grüße", strings.Repeat("long ", 1<<18)} {
		x.copies(t, text)
		if m := await(g.gateway, "a copy", anyOf[wire.Copied]); m != (wire.Copied{Serial: uint32(serial + 1), Text: true}) {
			t.Errorf("%+v", m)
		}
		if got, err := g.ask(wire.UseCopyText, nil); err != nil || string(got) != text {
			t.Errorf("%d bytes, %v, of %d", len(got), err, len(text))
		}
		if _, err := g.ask(wire.UseCopyImage, nil); err == nil {
			t.Error("an image of a text")
		}
		if _, err := g.ask(wire.UsePasteText, []byte(text+"!")); err != nil {
			t.Error(err)
		}
		for _, kind := range []string{"UTF8_STRING", "text/plain;charset=utf-8"} {
			if got := x.paste(t, kind); got != text+"!" {
				t.Errorf("pasted %d bytes as %s, want %d", len(got), kind, len(text)+1)
			}
		}
	}
	if got := x.paste(t, "TARGETS"); !strings.Contains(got, "TIMESTAMP") || strings.Contains(got, "image/png") {
		t.Errorf("targets %q", got)
	}
	picture := append([]byte("\x89PNG\r\n\x1a\n"), bytes.Repeat([]byte{1, 2, 3}, 1<<20)...)
	if _, err := g.ask(wire.UsePasteImage, picture); err != nil {
		t.Error(err)
	}
	if got := x.paste(t, "image/png"); got != string(picture) {
		t.Errorf("%d bytes of picture, want %d", len(got), len(picture))
	}
	for name, b := range map[string][]byte{"no text": {0xff, 0xfe}, "too much": bytes.Repeat([]byte("x"), wire.MaxClipboardText+1)} {
		if _, err := g.ask(wire.UsePasteText, b); !errors.Is(err, wire.ErrPipeBroken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A program that owns the clipboard and answers nobody holds up nobody.
func TestClipboardOfASilentProgram(t *testing.T) {
	t.Parallel()
	x := startX(t)
	x.manage(t)
	g := exchange(t, x, "BACKLOT_STREAMER_CLIPBOARD=1")
	const name = "CLIPBOARD"
	atom, err := xproto.InternAtom(x.x, false, uint16(len(name)), name).Reply()
	if err != nil {
		t.Fatal(err)
	}
	if err := xproto.SetSelectionOwnerChecked(x.x, window(t, x, 0), atom.Atom, xproto.TimeCurrentTime).Check(); err != nil {
		t.Fatal(err)
	}
	if m := await(g.gateway, "the silent copy", func(m wire.Copied) bool { return m.Serial == 1 }); m.Text || m.Image {
		t.Errorf("%+v", m)
	}
	x.copies(t, "after it")
	await(g.gateway, "a copy", func(m wire.Copied) bool { return m.Text })
	if got, err := g.ask(wire.UseCopyText, nil); err != nil || string(got) != "after it" {
		t.Errorf("%q, %v", got, err)
	}
}

// Whatever a gateway asks for, the streamer does what its session allows.
func TestExchangeForbidden(t *testing.T) {
	t.Parallel()
	x := startX(t)
	x.manage(t)
	g := exchange(t, x)
	x.copies(t, "secret")
	eventually(t, "a copy", func() bool { return x.paste(t, "UTF8_STRING") == "secret" })
	for use := wire.UseCopyText; use <= wire.UseFiles; use++ {
		if b, err := g.ask(use, nil); !errors.Is(err, wire.ErrPipeBroken) || len(b) > 0 {
			t.Errorf("use %d: %q, %v", use, b, err)
		}
	}
	if got := x.paste(t, "UTF8_STRING"); got != "secret" {
		t.Errorf("the clipboard was changed to %q", got)
	}
	g.send(wire.Ping{})
	await(g.gateway, "pong", func(wire.Pong) bool { return true })
}

func TestFilesGoToTheSocket(t *testing.T) {
	t.Parallel()
	x := startX(t)
	x.manage(t)
	socket := filepath.Join(openDir(t), "files")
	ln, err := new(net.ListenConfig).Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(socket, 0o777); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c)
				_ = c.Close()
			}()
		}
	}()
	g := exchange(t, x, "BACKLOT_STREAMER_FILES="+socket)
	want := bytes.Repeat([]byte("0123456789"), 1<<17)
	done := make(chan error, 1)
	p, err := g.pipes.Open(wire.UseFiles)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, err := p.Write(want)
		done <- errors.Join(err, p.CloseWrite())
	}()
	got, err := io.ReadAll(p)
	if err := errors.Join(err, <-done); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes of %d came back: %v", len(got), len(want), err)
	}
	_ = ln.Close()
	if _, err := g.ask(wire.UseFiles, nil); !errors.Is(err, wire.ErrPipeBroken) {
		t.Errorf("nobody there: %v", err)
	}
}
