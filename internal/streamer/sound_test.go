package streamer_test

import (
	"context"
	"encoding/binary"
	"log/slog"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/streamer"
	"github.com/backlot/backlot/internal/wire"
)

const soundScript = "../workstation/desktop/files/pulse/sound.pa"

// soundServer is PulseAudio as in a session, its pipes in dir.
type soundServer struct {
	t   testing.TB
	dir string
	env []string
	cmd *exec.Cmd
}

func startSound(t testing.TB) *soundServer {
	t.Helper()
	need(t, "pulseaudio", "pacat", "pactl")
	s := &soundServer{t: t, dir: openDir(t)}
	home := openDir(t)
	for _, dir := range []string{home, s.dir} {
		if os.Getuid() != 0 {
			break
		}
		if err := os.Chown(dir, displayID, displayID); err != nil {
			t.Fatal(err)
		}
	}
	s.env = append(os.Environ(), "HOME="+home, "XDG_RUNTIME_DIR="+home, "DBUS_SESSION_BUS_ADDRESS=unix:path="+home+"/none")
	script, err := os.ReadFile(soundScript)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(script), "/run/backlot/sound", s.dir)
	if err := os.WriteFile(filepath.Join(s.dir, "sound.pa"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(filepath.Join(s.dir, "out"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(s.dir, "out"), 0o666); err != nil {
		t.Fatal(err)
	}
	s.start()
	return s
}

func (s *soundServer) start() {
	s.t.Helper()
	_ = os.Remove(filepath.Join(s.dir, "in")) // there may be none
	s.cmd = s.program(context.WithoutCancel(s.t.Context()), "pulseaudio", "-n", "--file="+filepath.Join(s.dir, "sound.pa"), "--daemonize=no", "--use-pid-file=no",
		"--exit-idle-time=-1", "--realtime=no", "--high-priority=no", "--log-target=stderr", "--log-level=error")
	output := &log{t: s.t, name: "pulseaudio"}
	s.cmd.Stdout, s.cmd.Stderr = output, output
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	cmd := s.cmd
	s.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		out, err := s.program(s.t.Context(), "pactl", "list", "short", "sources").CombinedOutput()
		if err == nil && strings.Contains(string(out), "microphone") {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("PulseAudio does not come up: %v, %s", err, out)
		}
	}
}

func (s *soundServer) program(ctx context.Context, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, name, args...)
	c.Env = s.env
	if os.Getuid() == 0 {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: displayID, Gid: displayID}}
	}
	return c
}

// play plays samples of two channels, as a program that wants to be heard at once.
func (s *soundServer) play(samples []int16) {
	s.t.Helper()
	c := s.program(s.t.Context(), "pacat", "--playback", "--latency-msec=200", "--raw", "--format=s16le", "--rate=48000", "--channels=2")
	in, err := c.StdinPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		s.t.Fatal(err)
	}
	_ = binary.Write(in, binary.LittleEndian, samples) // a player that was ended reads no more
	_, _ = in.Close(), c.Wait()
}

// tone is a sine of so many Hz, on the left and twice that on the right.
func tone(hz float64, length time.Duration) []int16 {
	var samples []int16
	for i := range int(length.Seconds() * 48000) {
		at := 2 * math.Pi * hz * float64(i) / 48000
		samples = append(samples, int16(12000*math.Sin(at)), int16(12000*math.Sin(2*at)))
	}
	return samples
}

// strength is how much of a frequency is in most of the samples: 1 is a sine at full volume.
func strength(samples []float64, hz float64) float64 {
	var all []float64
	for part := range slices.Chunk(samples, 960) {
		var re, im float64
		for i, v := range part {
			at := 2 * math.Pi * hz * float64(i) / 48000
			re, im = re+v*math.Cos(at), im+v*math.Sin(at)
		}
		all = append(all, 2*math.Hypot(re, im)/float64(len(part)))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// ear is the gateway's side of a streamer that has sound alone.
type ear struct {
	listen  func(on bool)
	speak   func(wire.Microphone)
	packets chan wire.Sound
}

func newEar(t testing.TB, dir string) *ear {
	t.Helper()
	ours, theirs := net.Pipe()
	e := &ear{packets: make(chan wire.Sound, 10_000)}
	ctx, stop := context.WithCancel(context.Background())
	run, listen, speak := streamer.Sound(dir, theirs, slog.New(slog.NewTextHandler(t.Output(), nil)))
	e.listen, e.speak = listen, speak
	var running sync.WaitGroup
	running.Go(func() { run(ctx) })
	running.Go(func() {
		c := wire.NewConn(ours)
		for {
			m, err := c.ReadMessage()
			if err != nil {
				return
			}
			if p, ok := m.(wire.Sound); ok {
				p.Data = append([]byte(nil), p.Data...)
				e.packets <- p
			}
		}
	})
	t.Cleanup(func() {
		stop()
		_, _ = ours.Close(), theirs.Close()
		running.Wait()
	})
	return e
}

// take waits for n packets.
func (e *ear) take(t testing.TB, n int) []wire.Sound {
	t.Helper()
	var all []wire.Sound
	for len(all) < n {
		select {
		case p := <-e.packets:
			all = append(all, p)
		case <-time.After(10 * time.Second):
			t.Fatalf("%d packets of sound, want %d", len(all), n)
		}
	}
	return all
}

// quiet waits until no packets come.
func (e *ear) quiet(t testing.TB) {
	t.Helper()
	for range 10_000 {
		select {
		case <-e.packets:
		case <-time.After(500 * time.Millisecond):
			return
		}
	}
	t.Fatal("packets without end")
}

func TestSound(t *testing.T) {
	t.Parallel()
	s := startSound(t)
	e := newEar(t, s.dir)
	e.listen(true)
	s.play(tone(500, 1500*time.Millisecond))
	packets := e.take(t, 120)
	for i, p := range packets[1:] {
		if step := p.CapturedMicros - packets[i].CapturedMicros; step != 10_000 && i > 2 {
			t.Errorf("packet %d is %d µs after the one before, want 10000", i+1, step)
		}
	}
	left, right := decodeSound(t, packets[50:])
	for name, c := range map[string]struct {
		samples []float64
		hz      float64
	}{"left": {left, 500}, "right": {right, 1000}} {
		if got := strength(c.samples, c.hz); got < 0.3 || got > 0.4 {
			t.Errorf("%s: %.0f Hz of strength %.3f, want 0.366", name, c.hz, got)
		}
		if got := strength(c.samples, c.hz*1.5); got > 0.02 {
			t.Errorf("%s: %.0f Hz of strength %.3f, want none", name, c.hz*1.5, got)
		}
	}
	size := 0
	for _, p := range packets[50:] {
		size += len(p.Data)
	}
	if rate := size * 8 * 100 / len(packets[50:]); rate < 64_000 || rate > 160_000 {
		t.Errorf("%d bit/s, want about 128000", rate)
	}

	// Silence costs nothing, and what is played after it comes through.
	e.quiet(t)
	s.play(tone(500, 500*time.Millisecond))
	e.take(t, 40)
	e.quiet(t)

	// So does nobody.
	e.listen(false)
	s.play(tone(500, 200*time.Millisecond))
	select {
	case p := <-e.packets:
		t.Errorf("nobody listens, and gets %d bytes", len(p.Data))
	case <-time.After(200 * time.Millisecond):
	}

	// The sound server may die: another takes its place.
	e.listen(true)
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.start()
	s.play(tone(500, 500*time.Millisecond))
	e.take(t, 40)
}

// TestSoundOfNobody: who writes into the pipe himself is heard no faster than the
// clock goes, and what is no pipe is left alone.
func TestSoundOfNobody(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	out := filepath.Join(dir, "out")
	e := newEar(t, dir)
	e.listen(true)
	if err := os.Symlink("/dev/zero", out); err != nil {
		t.Fatal(err)
	}
	select {
	case <-e.packets:
		t.Error("sound out of a symbolic link")
	case <-time.After(time.Second):
	}
	if err := os.Remove(out); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(out, 0o600); err != nil {
		t.Fatal(err)
	}
	pipe, err := os.OpenFile(out, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	noise := make([]byte, 1<<16)
	for i := range noise {
		noise[i] = byte(i * i)
	}
	var writing sync.WaitGroup
	writing.Go(func() {
		for {
			if _, err := pipe.Write(noise); err != nil {
				return
			}
		}
	})
	defer writing.Wait()
	defer pipe.Close()
	e.take(t, 20)
	began := time.Now()
	if n := 50; len(e.take(t, n)) == n && time.Since(began) < 300*time.Millisecond {
		t.Errorf("half a second of sound in %v", time.Since(began))
	}
}

// TestSoundIsSoon: a click is sent within some 30 ms after a program plays it, also after
// others.
func TestSoundIsSoon(t *testing.T) {
	t.Parallel()
	s := startSound(t)
	e := newEar(t, s.dir)
	e.listen(true)
	c := s.program(t.Context(), "pacat", "--playback", "--latency-msec=10", "--process-time-msec=5", "--raw", "--format=s16le", "--rate=48000", "--channels=2")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	decode := streamer.NewStereo(t)
	var took []time.Duration
	for range 10 {
		e.quiet(t)
		began := time.Now()
		if err := binary.Write(in, binary.LittleEndian, tone(1000, 25*time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		for loud := false; !loud; {
			samples, err := decode(e.take(t, 1)[0].Data)
			if err != nil {
				t.Fatal(err)
			}
			loud = slices.ContainsFunc(samples, func(v int16) bool { return v > 3000 })
		}
		took = append(took, time.Since(began))
	}
	_, _ = in.Close(), c.Wait()
	slices.Sort(took)
	t.Logf("sent %v after it was played (%v to %v)", took[len(took)/2], took[0], took[len(took)-1])
	if best := took[0]; best > 60*time.Millisecond {
		t.Errorf("a click is sent %v after it was played", best)
	}
}

func TestMicrophone(t *testing.T) {
	t.Parallel()
	s := startSound(t)
	e := newEar(t, s.dir)
	c := s.program(t.Context(), "parec", "--latency-msec=20", "--raw", "--format=s16le", "--rate=48000", "--channels=1")
	heard, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Wait()         //nolint:errcheck // it is ended
	defer c.Process.Kill() //nolint:errcheck // likewise
	record := func(length time.Duration) []float64 {
		t.Helper()
		raw := make([]int16, int(length.Seconds()*48000))
		if err := binary.Read(heard, binary.LittleEndian, raw); err != nil {
			t.Fatal(err)
		}
		samples := make([]float64, len(raw))
		for i, v := range raw {
			samples[i] = float64(v) / (1 << 15)
		}
		return samples
	}
	// Off, it is silent: a program that records does not wait for ever.
	for _, v := range record(time.Second) {
		if v != 0 {
			t.Fatal("a microphone that is off is heard")
		}
	}
	encode := streamer.NewVoice(t)
	stop := make(chan struct{})
	var speaking sync.WaitGroup
	speaking.Go(func() {
		samples := tone(1000, 10*time.Second)
		step := time.NewTicker(10 * time.Millisecond)
		defer step.Stop()
		for i := 0; len(samples) > 960; i++ {
			select {
			case <-stop:
				return
			case <-step.C:
			}
			packet := encode(samples[:960])
			samples = samples[960:]
			if i%20 != 19 { // one is lost
				e.speak(wire.Microphone{Sequence: uint16(65000 + i), Data: packet})
			}
		}
	})
	record(500 * time.Millisecond)
	if got := strength(record(time.Second), 1000); got < 0.1 {
		t.Errorf("1000 Hz of strength %.3f in the microphone, want about 0.18", got)
	}
	close(stop)
	speaking.Wait()

	// The sound server may die, and garbage be spoken.
	e.speak(wire.Microphone{Data: []byte{0xff, 0xff, 0xff}})
}

// decodeSound returns what packets hold, both channels.
func decodeSound(t testing.TB, packets []wire.Sound) (left, right []float64) {
	t.Helper()
	decode := streamer.NewStereo(t)
	for _, p := range packets {
		samples, err := decode(p.Data)
		if err != nil || len(samples) != 960 {
			t.Fatalf("packet of %d bytes: %d samples, %v", len(p.Data), len(samples), err)
		}
		for i := 0; i < len(samples); i += 2 {
			left, right = append(left, float64(samples[i])/(1<<15)), append(right, float64(samples[i+1])/(1<<15))
		}
	}
	return left, right
}

func FuzzMicrophone(f *testing.F) {
	f.Add([]byte{0xf4, 1, 2, 3}, uint16(1))
	f.Add([]byte{0xfc}, uint16(2))
	f.Add([]byte{0x03, 0xff, 0xff}, uint16(9))
	hear := streamer.NewListener(f)
	f.Fuzz(func(t *testing.T, packet []byte, sequence uint16) {
		if len(packet) == 0 || len(packet) > wire.MaxSound {
			return
		}
		if n := hear(wire.Microphone{Sequence: sequence, Data: packet}); n > 48000 {
			t.Errorf("a packet of %d samples", n)
		}
	})
}
