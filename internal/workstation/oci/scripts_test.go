package oci_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/workstation"
)

// stage is a machine with one workstation, whose process 1 is the real one, and a
// gateway that counts how often its desktop was shown.
type stage struct {
	*machine
	spec  workstation.Spec
	shown atomic.Int32
}

func newStage(t *testing.T, scripts workstation.Scripts) *stage {
	t.Helper()
	s := &stage{machine: setup(t)}
	s.spec = s.machine.spec(t, "a")
	s.spec.Environment = []string{"BACKLOT_DESKTOP_COMMAND=echo up >>desktops; exec sleep 1000"}
	if scripts.Within == 0 {
		scripts.Within = time.Minute
	}
	s.spec.Scripts = scripts
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(s.socket, "streamer.sock"))
	check(t, err)
	t.Cleanup(func() { _ = l.Close() })
	check(t, os.Chmod(l.Addr().String(), 0o666))
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.shown.Add(1)
			_ = c.Close()
		}
	}()
	return s
}

func (s *stage) ensure(t *testing.T) {
	t.Helper()
	check(t, s.driver.Ensure(t.Context(), s.spec))
}

func (s *stage) awaitShown(t *testing.T, times int32) {
	t.Helper()
	eventually(t, "the desktop to be shown", func() bool { return s.shown.Load() == times })
}

// inVolume is a file of the sandbox as it lies in the volume.
func (s *stage) inVolume(path string) string { return filepath.Join(s.spec.Volume, "upper", path) }

func (s *stage) read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(s.inVolume(path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text)
}

// open lets scripts go on that wait until goOn is there.
func (s *stage) open(t *testing.T) {
	t.Helper()
	check(t, os.WriteFile(filepath.Join(s.config.RunDir, "sessions", "a", "x11", "goon"), nil, 0o644))
}

const wait = "until [ -e /tmp/.X11-unix/goon ]; do sleep 0.01; done\n"

func script(name, text string) workstation.Script { return workstation.Script{Name: name, Text: text} }

func TestScripts(t *testing.T) {
	t.Parallel()
	const secret = "it's \"se\ncret\" $HOME `id`"
	s := newStage(t, workstation.Scripts{
		System: []workstation.Script{
			script("first", "export VALUE='"+strings.ReplaceAll(secret, "'", `'\''`)+"'\n"+wait+
				`printf %s "$VALUE" >/etc/value; (umask; id -un; pwd; echo $HOME $BACKLOT_USER "$BACKLOT_SCRIPTS" "$DISPLAY") >/etc/who; ls /proc/self/fd | wc -l >/etc/files
				ps -u artist -o pid= | wc -l >/etc/others; echo first >>/etc/order; echo "said $VALUE"; echo complained >&2; head -c 3000000 /dev/zero; sleep 1000 & `),
			script("second", "#!/usr/bin/perl\nopen F, '>>/etc/order'; print F \"second in perl\\n\"; print join ' ', $0, @ARGV;"),
		},
		User: []workstation.Script{
			script("first", `(id -un; pwd; echo $HOME $DISPLAY "$BACKLOT_SCRIPTS"; cat "$0" | wc -l; ls /run/backlot/scripts/ 2>&1 | wc -l) >who; touch /etc/x; exit 4`),
			script("third", "echo third >>who; ls desktops >/dev/null 2>&1 && echo late >>who; true"),
		},
	})
	var log bytes.Buffer
	s.driver.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s.ensure(t)
	s.expectState(t, "a", workstation.Running)
	before := [3]int{s.driver.PID("a", "desktop"), s.driver.PID("a", "display"), s.driver.PID("a", "streamer")}
	// Another server finds nothing to do while they run.
	check(t, s.machine.open(t).Ensure(t.Context(), s.spec))
	if after := [3]int{s.driver.PID("a", "desktop"), s.driver.PID("a", "display"), s.driver.PID("a", "streamer")}; before != after {
		t.Errorf("processes were %v, are %v", before, after)
	}
	eventually(t, "the first script to run", func() bool { return s.hasFile(t, "/run/backlot/scripts/system-1") })
	s.notIn(t, "secret", "se\ncret")
	if n := s.shown.Load(); n != 0 || s.read(t, "etc/order") != "" {
		t.Fatalf("shown %d times while the first script runs", n)
	}
	s.open(t)
	s.awaitShown(t, 1)

	for path, want := range map[string]string{
		"etc/value": secret, "etc/who": "0022\nroot\n/\n/root artist  \n", "etc/order": "first\nsecond in perl\n",
		"etc/others":                        "0\n",
		"etc/files":                         "4\n", // three, and the directory
		"home/artist/who":                   "artist\n/home/artist\n/home/artist :0 \n0\n1\nthird\n",
		"var/log/backlot/init-system-2.log": "/run/backlot/scripts/system-2",
		"var/log/backlot/init-user-2.log":   "",
	} {
		if got := s.read(t, path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	eventually(t, "the desktop", func() bool { return s.read(t, "home/artist/desktops") == "up\n" })
	for _, name := range []string{"system-1", "system-2", "user-1", "user-2"} {
		fi, err := os.Stat(s.inVolume("var/log/backlot/init-" + name + ".log"))
		check(t, err)
		if fi.Mode().Perm() != 0o600 || fi.Sys().(*syscall.Stat_t).Uid != 0 {
			t.Errorf("log of %s: %v", name, fi.Mode())
		}
		if s.hasFile(t, "/run/backlot/scripts/"+name) {
			t.Errorf("%s was left", name)
		}
	}
	if said := s.read(t, "var/log/backlot/init-system-1.log"); len(said) != 1<<20 || !strings.HasPrefix(said, "said "+secret+"\ncomplained\n") {
		t.Errorf("log of %d bytes: %.40q", len(said), said)
	}
	if strings.Contains(log.String(), "se\ncret") || strings.Contains(log.String(), "VALUE") {
		t.Errorf("log: %s", &log)
	}
	s.notIn(t, "secret", "VALUE")
	outcomes, err := os.ReadFile(filepath.Join(s.spec.Volume, "log", "scripts"))
	check(t, err)
	if got := strings.Count(string(outcomes), "\n"); got != 4 || !strings.Contains(string(outcomes), `"script":"first","user":true,"exit":4`) {
		t.Errorf("outcomes: %s", outcomes)
	}
}

// hasFile tells whether the sandbox has a file.
func (s *stage) hasFile(t *testing.T, path string) bool {
	t.Helper()
	_, err := os.Lstat(fmt.Sprintf("/proc/%d/root%s", s.driver.PID("a", "desktop"), path))
	return err == nil
}

// notIn looks for a text wherever scripts must not be: in the run directory, in
// arguments and environments, in the logs of the parts.
func (s *stage) notIn(t *testing.T, what, text string) {
	t.Helper()
	for _, dir := range []string{filepath.Join(s.config.RunDir, "sessions"), filepath.Join(s.spec.Volume, "log")} {
		check(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
			if err == nil && (e.Name() == "rootfs" || e.Name() == "layers") {
				return filepath.SkipDir
			}
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			content, err := os.ReadFile(path)
			if bytes.Contains(content, []byte(text)) {
				t.Errorf("%s in %s", what, path)
			}
			return err
		}))
	}
	pids, err := os.ReadDir(fmt.Sprintf("/proc/%d/root/proc", s.driver.PID("a", "desktop")))
	check(t, err)
	for _, p := range pids {
		for _, file := range []string{"cmdline", "environ"} {
			content, _ := os.ReadFile(fmt.Sprintf("/proc/%d/root/proc/%s/%s", s.driver.PID("a", "desktop"), p.Name(), file))
			// A shell's own children may well be given what it exports.
			if bytes.Contains(content, []byte(text)) && (file == "cmdline" || p.Name() == "1") {
				t.Errorf("%s in %s of %s", what, file, p.Name())
			}
		}
	}
}

func TestScriptFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		how  string
	}{
		"exits":            {"echo last words; exit 3", "exit status 3"},
		"killed":           {"kill -9 $$", "it was ended by signal 9"},
		"hangs":            {"trap '' TERM; while :; do sleep 0.1; done", "it did not end in time"},
		"no interpreter":   {"#!/no/such/program\n", "it could not be started"},
		"is no script":     {"this-is-no-command", "exit status 127"},
		"ends its sandbox": {"kill -TERM 1; sleep 2; exit 5", ""},
		"cannot lie":       {`printf '{"script":"x","exit":1}\n{"script":"me","exit":7}\n' >/proc/1/fd/4; exit 5`, "exit status 5"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			within := 20 * time.Second
			if name == "hangs" {
				within = 300 * time.Millisecond
			}
			s := newStage(t, workstation.Scripts{
				System: []workstation.Script{script("before", "echo x >>/etc/runs"), script("me", c.text), script("after", "echo never >>/etc/runs")},
				User:   []workstation.Script{script("user", "echo never >>/etc/runs")},
				Within: within,
			})
			s.ensure(t)
			eventually(t, "the desktop to end", func() bool { return s.driver.PID("a", "desktop") == 0 })
			err := s.machine.open(t).Ensure(t.Context(), s.spec)
			if c.how == "" { // nobody's failure: it is made again
				check(t, err)
				return
			}
			var failed *workstation.ScriptError
			if !errors.As(err, &failed) || !workstation.IsPermanent(err) || failed.Name != "me" || failed.How != c.how {
				t.Fatalf("ensure: %v, want %q", err, c.how)
			}
			if s.shown.Load() != 0 || s.read(t, "etc/runs") != "x\n" {
				t.Errorf("shown %d times, ran %q", s.shown.Load(), s.read(t, "etc/runs"))
			}
			if name == "exits" && s.read(t, "var/log/backlot/init-system-2.log") != "last words\n" {
				t.Errorf("log: %q", s.read(t, "var/log/backlot/init-system-2.log"))
			}
			// Who tries again has them run again.
			s.spec.Scripts.System = s.spec.Scripts.System[:1]
			s.ensure(t)
			s.awaitShown(t, 1)
			if got := s.read(t, "etc/runs"); got != "x\nx\n" {
				t.Errorf("ran %q", got)
			}
		})
	}
}

// TestUserScriptHangs: it is ended, and the desktop is shown.
func TestUserScriptHangs(t *testing.T) {
	t.Parallel()
	s := newStage(t, workstation.Scripts{
		User:   []workstation.Script{script("a", "echo a >>ran; sleep 1000"), script("b", "echo b >>ran")},
		Within: 300 * time.Millisecond,
	})
	s.ensure(t)
	s.awaitShown(t, 1)
	eventually(t, "the desktop", func() bool { return s.read(t, "home/artist/desktops") == "up\n" })
	if got := s.read(t, "home/artist/ran"); got != "a\n" {
		t.Errorf("ran %q: no time was left", got)
	}
}

// TestScriptsRunWithTheSandbox: they run each time that it is made, and only then.
func TestScriptsRunWithTheSandbox(t *testing.T) {
	t.Parallel()
	s := newStage(t, workstation.Scripts{System: []workstation.Script{script("a", "echo a >>/etc/runs")}})
	s.ensure(t)
	s.awaitShown(t, 1)
	for i, c := range []struct{ kill, runs string }{{"streamer", "a\n"}, {"display", "a\n"}, {"desktop", "a\na\n"}} {
		pid := s.driver.PID("a", c.kill)
		check(t, unix.Kill(pid, unix.SIGKILL))
		eventually(t, c.kill+" to end", func() bool { return s.driver.PID("a", c.kill) == 0 })
		s.ensure(t)
		s.awaitShown(t, int32(i+2))
		eventually(t, "scripts", func() bool { return s.read(t, "etc/runs") == c.runs })
	}
	check(t, s.driver.Stop(t.Context(), "a", time.Second))
	s.ensure(t)
	s.awaitShown(t, 5)
	if got := s.read(t, "etc/runs"); got != "a\na\na\n" {
		t.Errorf("ran %q", got)
	}
	// Without scripts nothing is waited for.
	check(t, s.driver.Stop(t.Context(), "a", time.Second))
	s.spec.Scripts = workstation.Scripts{}
	s.ensure(t)
	s.awaitShown(t, 6)
}

// TestStreamerLostDuringScripts: a new one could not be told of their end.
func TestStreamerLostDuringScripts(t *testing.T) {
	t.Parallel()
	s := newStage(t, workstation.Scripts{System: []workstation.Script{script("a", "echo a >>/etc/runs\n"+wait)}})
	s.ensure(t)
	eventually(t, "the script", func() bool { return s.read(t, "etc/runs") == "a\n" })
	check(t, unix.Kill(s.driver.PID("a", "streamer"), unix.SIGKILL))
	eventually(t, "the streamer to end", func() bool { return s.driver.PID("a", "streamer") == 0 })
	s.ensure(t)
	s.open(t)
	s.awaitShown(t, 1)
	if got := s.read(t, "etc/runs"); got != "a\na\n" {
		t.Errorf("ran %q", got)
	}
}

// TestStopDuringScripts: nobody waits for them, and their programs may tidy up.
func TestStopDuringScripts(t *testing.T) {
	t.Parallel()
	s := newStage(t, workstation.Scripts{System: []workstation.Script{
		script("a", "trap 'echo tidied >/etc/tidied; exit 1' TERM; echo a >/etc/runs; while :; do sleep 0.01; done"),
	}})
	s.ensure(t)
	eventually(t, "the script", func() bool { return s.read(t, "etc/runs") == "a\n" })
	began := time.Now()
	check(t, s.driver.Stop(t.Context(), "a", 10*time.Second))
	if took := time.Since(began); took > 3*time.Second || s.read(t, "etc/tidied") != "tidied\n" {
		t.Errorf("took %s, tidied: %q", took, s.read(t, "etc/tidied"))
	}
	s.expectState(t, "a", workstation.Stopped)
	if s.shown.Load() != 0 {
		t.Error("shown")
	}
}

// TestManyScripts: more than a pipe holds.
func TestManyScripts(t *testing.T) {
	t.Parallel()
	var all workstation.Scripts
	for i := range 100 {
		all.System = append(all.System, script(fmt.Sprint(i), fmt.Sprintf("echo %d >>/etc/runs\n#%s", i, strings.Repeat("x", 5000))))
	}
	s := newStage(t, all)
	s.ensure(t)
	s.awaitShown(t, 1)
	if got := s.read(t, "etc/runs"); strings.Count(got, "\n") != 100 || !strings.HasPrefix(got, "0\n1\n2\n") {
		t.Errorf("ran %q", got)
	}
}

// TestKilledWithScripts kills the server at each step of a start with scripts.
func TestKilledWithScripts(t *testing.T) {
	t.Parallel()
	s := newStage(t, workstation.Scripts{System: []workstation.Script{script("a", "echo a >>/etc/runs")}})
	work := func() task { return task{Spec: s.spec, Verb: "ensure"} }
	var steps int
	_, err := fmt.Sscan(s.serve(t, work()), &steps)
	check(t, err)
	s.awaitShown(t, 1)
	each := 1
	if testing.Short() {
		each = 4
	}
	for step := 0; step < steps; step += each {
		check(t, s.driver.Remove(t.Context(), "a"))
		job := work()
		job.Step = step + 1
		before := s.shown.Load()
		s.killed(t, job)
		check(t, s.machine.open(t).Ensure(t.Context(), s.spec))
		eventually(t, fmt.Sprintf("the desktop to be shown after step %d", step+1), func() bool {
			return s.shown.Load() > before
		})
		// It may have been the killed one's desktop that was shown, and be made anew.
		eventually(t, fmt.Sprintf("the workstation to run after step %d", step+1), func() bool {
			seen, err := s.driver.Observe(t.Context(), "a")
			return err == nil && seen.State == workstation.Running
		})
	}
}
