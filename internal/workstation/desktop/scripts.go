package desktop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/workstation"
)

// ScriptsVariable tells session-init, when it is set, that it has the files below.
const ScriptsVariable = "BACKLOT_SCRIPTS"

// The files of a session-init that has scripts to run. Scripts are secret, so they
// are nowhere but in a pipe until each is run.
const (
	scriptsFile  = 3 + iota // the scripts are read from here, as JSON, once the network is there
	outcomesFile            // what came of each is written here: an Outcome a line
	gateFile                // one byte is written here when all have ended
)

// Outcome is what came of one script.
type Outcome struct {
	Script string `json:"script"`
	// User tells that it was one of the user's; else it was one of the system's.
	User bool `json:"user,omitempty"`
	// Exit is its exit status. The other members say why there is none.
	Exit     int    `json:"exit"`
	Signal   int    `json:"signal,omitempty"`
	TimedOut bool   `json:"timedOut,omitempty"`
	Unable   string `json:"unable,omitempty"` // to start it: the reason
	Millis   int64  `json:"ms"`
}

// Failure says how the script failed; it is empty when it did not.
func (o Outcome) Failure() string {
	switch {
	case o.Unable != "":
		return "it could not be started"
	case o.TimedOut:
		return "it did not end in time"
	case o.Signal != 0:
		return "it was ended by signal " + strconv.Itoa(o.Signal)
	case o.Exit != 0:
		return "exit status " + strconv.Itoa(o.Exit)
	}
	return ""
}

const (
	scriptsDir = "/run/backlot/scripts" // where a script lies while it runs
	logsDir    = "/var/log/backlot"
	// longestLog is how much of what a script says is kept.
	longestLog = 1 << 20
	// lastWords is how long the end of what a failed script said may be on its way.
	lastWords = time.Second
)

// job is a script to run, as root or as the user. Its file and its log bear its name.
type job struct {
	workstation.Script
	user bool
	file string
}

// scripts are those that are still to end. One goroutine, that of session.run, uses them.
type scripts struct {
	orders   chan order
	read     bool  // the order has come
	queue    []job // still to be begun
	deadline time.Time
	outcomes *os.File
	gate     *os.File

	pid   int // of the one that runs; 0: none does
	runs  job
	since time.Time
	late  bool          // it was ended because the time was over
	said  chan struct{} // closed when all that it said is in its log
}

// order is what session-init is told to run.
type order struct {
	workstation.Scripts
	err error
}

// takeScripts takes over the files. It is to be called before any program is
// started, which would inherit them.
func takeScripts() *scripts {
	for fd := scriptsFile; fd <= gateFile; fd++ {
		unix.CloseOnExec(fd)
	}
	s := &scripts{
		orders:   make(chan order, 1),
		outcomes: os.NewFile(outcomesFile, "outcomes"),
		gate:     os.NewFile(gateFile, "gate"),
	}
	go func() {
		from := os.NewFile(scriptsFile, "scripts")
		var o order
		o.err = errors.Join(json.NewDecoder(from).Decode(&o.Scripts), from.Close())
		s.orders <- o
	}()
	return s
}

// accept takes in what is to be run, and returns how long that may take.
func (r *scripts) accept(o order) time.Duration {
	for i, script := range o.System {
		r.queue = append(r.queue, job{Script: script, file: fmt.Sprintf("system-%d", i+1)})
	}
	for i, script := range o.User {
		r.queue = append(r.queue, job{Script: script, user: true, file: fmt.Sprintf("user-%d", i+1)})
	}
	r.read, r.deadline = true, time.Now().Add(o.Within)
	return o.Within
}

// runScripts starts the next script, if none runs; after the last one, the desktop.
// The error is that of a system script that has failed.
func (s *session) runScripts(ctx context.Context) error {
	r := s.scripts
	if r.pid != 0 || !r.read {
		return nil
	}
	for len(r.queue) > 0 {
		next := r.queue[0]
		if next.user {
			if !s.displayed {
				return nil // it may want to change what the display shows
			}
			s.startBus()
			s.awaitBus(ctx)
		}
		r.queue = r.queue[1:]
		r.runs, r.since, r.late, r.said = next, time.Now(), !time.Now().Before(r.deadline), nil
		o := Outcome{TimedOut: r.late}
		if !r.late {
			err := s.startScript(next)
			if err == nil {
				return nil
			}
			o.Unable = err.Error()
		}
		if err := s.scriptEnded(o); err != nil {
			return err
		}
	}
	_, _ = r.gate.Write([]byte{1}) // it may be that nobody waits
	_, _ = r.gate.Close(), r.outcomes.Close()
	s.scripts = nil
	if !s.displayed {
		return nil
	}
	return s.proceed(ctx)
}

// startScript starts a script, in a session of its own.
func (s *session) startScript(j job) error {
	uid := 0
	how := &syscall.ProcAttr{Dir: "/", Env: list(s.rootEnvironment()), Sys: &syscall.SysProcAttr{Setsid: true}}
	if j.user {
		uid = s.UID
		how.Dir, how.Env, how.Sys.Credential = home(s.User), list(s.env), s.credential()
	}
	box := sandbox{root: "/"}
	if err := errors.Join(box.makeDir(scriptsDir, 0o711, 0), box.makeDir(logsDir, 0o700, 0)); err != nil {
		return err
	}
	file := filepath.Join(scriptsDir, j.file)
	if err := errors.Join(os.WriteFile(file, []byte(j.Text), 0o500), os.Chown(file, uid, uid)); err != nil {
		return err
	}
	out, err := s.scripts.log(filepath.Join(logsDir, "init-"+j.file+".log"))
	if err != nil {
		return err
	}
	defer out.Close()
	how.Files = []uintptr{s.stdin.Fd(), out.Fd(), out.Fd()}
	argv := []string{"/bin/sh", file}
	if strings.HasPrefix(j.Text, "#!") {
		argv = argv[1:]
	}
	s.scripts.pid, err = syscall.ForkExec(argv[0], argv, how)
	return err
}

// rootEnvironment is the desktop's without what is the artist's own.
func (s *session) rootEnvironment() map[string]string {
	env := variables(list(s.env))
	for _, own := range []string{"DISPLAY", "XAUTHORITY", "XAPPLRESDIR", "XDG_CONFIG_DIRS", "XDG_CURRENT_DESKTOP", "XDG_RUNTIME_DIR", "XDG_SESSION_TYPE", "DBUS_SESSION_BUS_ADDRESS"} {
		delete(env, own)
	}
	env["USER"], env["LOGNAME"], env["HOME"] = "root", "root", "/root"
	env["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	env["BACKLOT_USER"] = s.User
	return env
}

// log opens where a script says something: the beginning of it is kept in a file,
// what is too much is lost, also what it leaves running says later.
func (r *scripts) log(path string) (*os.File, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	from, to, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	said := make(chan struct{})
	r.said = said
	go func() {
		_, _ = io.CopyN(file, from, longestLog) // a full disk is no reason to stop a script
		_ = file.Close()
		_, _ = io.Copy(io.Discard, from)
		_ = from.Close()
		close(said)
	}()
	return to, nil
}

// cutScript ends the script that runs when the time for all is over.
func (s *session) cutScript() {
	if s.scripts != nil && s.scripts.pid != 0 {
		s.scripts.late = true
		_ = unix.Kill(-s.scripts.pid, unix.SIGKILL)
	}
}

// scriptReaped notes how the script that ran has ended, and goes on.
func (s *session) scriptReaped(ctx context.Context, status unix.WaitStatus) error {
	s.scripts.pid = 0
	o := Outcome{TimedOut: s.scripts.late, Exit: max(status.ExitStatus(), 0)}
	if status.Signaled() {
		o.Signal = int(status.Signal())
	}
	if err := s.scriptEnded(o); err != nil {
		return err
	}
	return s.runScripts(ctx)
}

// scriptEnded tells what came of a script. It returns an error when the session
// must not go on.
func (s *session) scriptEnded(o Outcome) error {
	r := s.scripts
	o.Script, o.User, o.Millis = r.runs.Name, r.runs.user, time.Since(r.since).Milliseconds()
	_ = os.Remove(filepath.Join(scriptsDir, r.runs.file))
	line, err := json.Marshal(o)
	if err == nil {
		_, err = r.outcomes.Write(append(line, '\n'))
	}
	if err != nil {
		s.log.Error("cannot tell what came of a script", "script", o.Script, "err", err)
	}
	how := o.Failure()
	if how == "" {
		return nil
	}
	if o.User {
		s.log.Warn("user initialization script failed", "script", o.Script, "how", how)
		return nil
	}
	if r.said != nil {
		select {
		case <-r.said:
		case <-time.After(lastWords):
		}
	}
	return fmt.Errorf("system initialization script of %s: %s", o.Script, how)
}
