package desktop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// displayPatience is how long the X server may take to come up.
	displayPatience = 30 * time.Second
	// busPatience is how long the desktop waits for the message bus.
	busPatience = time.Second
	// stopGrace is how long programs may take to end when they are asked to.
	stopGrace = 5 * time.Second
)

// session is the life of process 1. One goroutine starts and reaps all processes.
type session struct {
	Config
	log     *slog.Logger
	env     map[string]string
	stdin   *os.File
	bus     *service // nil when the image has none
	sound   *service // likewise
	desktop *service
	files   *service      // takes viewers' files; nil when none may come
	restart chan *service // a service whose pause is over
	display chan error    // the X server's socket is there, or is not
	painted chan error    // the X server is painted, or is not
	shown   bool          // it was painted once

	displayed bool     // the X server's socket was there once
	scripts   *scripts // nil: all have ended, or there are none
}

// runInit prepares the sandbox, runs the desktop, and returns after SIGTERM, when
// all programs have ended. When it fails before that, the sandbox ends with it.
func runInit(ctx context.Context, environment []string, log *slog.Logger) error {
	if os.Getpid() != 1 {
		return errors.New("session-init has to be process 1 of a sandbox")
	}
	ctx, stop := signal.NotifyContext(ctx, unix.SIGTERM, unix.SIGINT)
	defer stop()
	child := make(chan os.Signal, 1)
	signal.Notify(child, unix.SIGCHLD)
	// Caught and not ignored: programs would inherit that, and never hear a hang-up.
	signal.Notify(make(chan os.Signal, 1), unix.SIGHUP, unix.SIGPIPE)

	var given *scripts
	if variables(environment)[ScriptsVariable] != "" {
		given = takeScripts()
	}
	files := takeFilesSocket(variables(environment), given != nil)
	box := sandbox{root: "/"}
	c, err := parseConfig(append(box.locale(), environment...))
	if err != nil {
		return err
	}
	s := &session{
		Config: c, log: log, env: variables(c.Environment),
		restart: make(chan *service, 4), display: make(chan error, 1), painted: make(chan error, 1),
		scripts: given,
	}
	go s.meetDisplay(ctx)
	program, err := os.Executable()
	if err != nil {
		return err
	}
	if err := errors.Join(box.makePlaces(c), box.makeAccount(c), box.writeConfig(program)); err != nil {
		return err
	}
	if s.desktop, err = s.chooseDesktop(); err != nil {
		return err
	}
	s.files = s.filesService(program, files)
	if s.stdin, err = os.Open(os.DevNull); err != nil {
		return err
	}
	return errors.Join(s.run(ctx, child), s.end())
}

func (s *session) run(ctx context.Context, child <-chan os.Signal) error {
	if daemon := find(s.env, "dbus-daemon"); daemon != "" {
		s.bus = &service{name: "message bus", argv: []string{
			daemon, "--session", "--nofork", "--nopidfile", "--nosyslog", "--address=unix:path=" + busSocket(s.UID),
		}}
	}
	s.sound = soundServer(s.env)
	var orders <-chan order
	if s.scripts != nil {
		orders = s.scripts.orders
	} else if s.desktop.needsBus {
		s.startBus()
	}
	var overtime <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case o := <-orders:
			if o.err != nil {
				return fmt.Errorf("read the initialization scripts: %w", o.err)
			}
			overtime = time.After(s.scripts.accept(o))
			if err := s.proceed(ctx); err != nil {
				return err
			}
		case <-overtime:
			s.cutScript()
		case err := <-s.display:
			switch {
			case ctx.Err() != nil:
			case err == nil:
				s.displayed = true
				if err := s.proceed(ctx); err != nil {
					return err
				}
			case s.desktop.started.IsZero():
				return err
			default:
				s.log.Error("no display", "err", err)
				s.again(s.desktop)
			}
		case err := <-s.painted:
			switch {
			case ctx.Err() != nil:
			case err == nil:
				s.shown = true
				if s.scripts == nil {
					s.startBus()
					s.startSound()
					s.startFiles()
				}
			case !s.shown:
				return err
			default:
				s.log.Error("display not painted", "err", err)
			}
		case <-child:
			if err := s.reaped(ctx, reap()); err != nil {
				return err
			}
		case svc := <-s.restart:
			if svc == s.desktop {
				// It may have ended with the X server: the new one is bare.
				go s.meetDisplay(ctx)
			} else {
				s.start(svc)
			}
		}
	}
}

// proceed starts what comes next: a script, or the desktop when there is none left.
func (s *session) proceed(ctx context.Context) error {
	if s.scripts != nil {
		return s.runScripts(ctx)
	}
	if s.desktop.needsBus || s.shown {
		s.startBus()
	}
	if s.shown {
		s.startSound()
		s.startFiles()
	}
	if s.desktop.needsBus {
		s.awaitBus(ctx)
	}
	s.start(s.desktop)
	return nil
}

func (s *session) reaped(ctx context.Context, ended map[int]unix.WaitStatus) error {
	for _, svc := range []*service{s.bus, s.sound, s.files, s.desktop} {
		if svc == nil || svc.pid == 0 {
			continue
		}
		if _, ok := ended[svc.pid]; ok {
			s.log.Warn("program ended, starting it again", "program", svc.name)
			s.again(svc)
		}
	}
	if s.scripts == nil || s.scripts.pid == 0 {
		return nil
	}
	if status, ok := ended[s.scripts.pid]; ok {
		return s.scriptReaped(ctx, status)
	}
	return nil
}

// meetDisplay waits for the X server's socket, says that it is there, and paints.
// The socket may be there long before the server: whoever connects waits in its
// queue. So the desktop loads its libraries while the server starts.
func (s *session) meetDisplay(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, displayPatience)
	defer cancel()
	conn, err := accepted(ctx, xSocket(s.Display))
	s.display <- err
	for err == nil {
		err = paint(ctx, conn, s.Config)
		_ = conn.Close()
		if !cutOff(err) {
			s.painted <- err
			return
		}
		// That server has gone before it answered; another one will be there.
		if conn, err = accepted(ctx, xSocket(s.Display)); err != nil {
			s.painted <- err
		}
	}
}

// cutOff tells that the other end of a connection has gone.
func cutOff(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.EPIPE)
}

// startBus starts the message bus, once: later than the desktop where that can do
// without, as the processors have more urgent work until then.
func (s *session) startBus() {
	if s.bus != nil && s.bus.started.IsZero() {
		s.start(s.bus)
	}
}

// awaitBus waits for the message bus, which was started long before.
func (s *session) awaitBus(ctx context.Context) {
	if s.bus == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, busPatience)
	defer cancel()
	conn, err := accepted(ctx, busSocket(s.UID))
	if err != nil {
		s.log.Warn("desktop starts without a message bus", "err", err)
		return
	}
	_ = conn.Close()
}

// chooseDesktop finds the image's desktop.
func (s *session) chooseDesktop() (*service, error) {
	if s.Command != "" {
		return &service{name: "desktop", argv: []string{"/bin/sh", "-c", s.Command}, needsBus: true}, nil
	}
	for _, d := range []struct{ program, name string }{
		{"openbox", "Openbox"}, {"xfce4-session", "XFCE"}, {"x-session-manager", ""}, {"x-window-manager", ""},
	} {
		if p := find(s.env, d.program); p != "" {
			setMissing(s.env, "XDG_CURRENT_DESKTOP", d.name)
			return &service{name: "desktop", argv: []string{p}, needsBus: d.program != "openbox"}, nil
		}
	}
	return nil, errors.New("the image has no window manager: it needs openbox, xfce4-session or x-window-manager")
}

// start starts a service as the user; if that fails it is tried again later.
func (s *session) start(svc *service) {
	svc.started = time.Now()
	files := []uintptr{s.stdin.Fd(), 2, 2}
	if svc.file != nil {
		files = append(files, svc.file.Fd())
	}
	pid, err := syscall.ForkExec(svc.argv[0], svc.argv, &syscall.ProcAttr{
		Dir:   home(s.User),
		Env:   list(s.env),
		Files: files,
		Sys:   &syscall.SysProcAttr{Setsid: true, Credential: s.credential()},
	})
	if err != nil {
		s.log.Error("program does not start", "program", svc.name, "err", err)
		s.again(svc)
		return
	}
	svc.pid = pid
}

// again starts a service after a pause.
func (s *session) again(svc *service) {
	time.AfterFunc(svc.ended(time.Now()), func() { s.restart <- svc })
}

func (s *session) credential() *syscall.Credential {
	return &syscall.Credential{Uid: uint32(s.UID), Gid: uint32(s.UID), Groups: s.groups()}
}

// groups are those the image puts the user into, for devices and the like.
func (s *session) groups() []uint32 {
	var ids []uint32
	for _, f := range (sandbox{root: "/"}).groupsOf(s.User) {
		if id, err := strconv.ParseUint(f, 10, 32); err == nil {
			ids = append(ids, uint32(id))
		}
	}
	return ids
}

// end ends all programs and brings what they wrote to the disk.
func (s *session) end() error {
	last := 0
	if s.bus != nil {
		last = s.bus.pid
	}
	err := endAll(last, stopGrace)
	root, oerr := os.Open("/")
	if oerr != nil {
		return errors.Join(err, oerr)
	}
	defer root.Close()
	// Of this file system alone: a plain sync waits for all disks of the machine.
	if serr := unix.Syncfs(int(root.Fd())); serr != nil {
		err = errors.Join(err, fmt.Errorf("bring files to the disk: %w", serr))
	}
	return err
}
