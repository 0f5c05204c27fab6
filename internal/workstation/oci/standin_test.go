package oci_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/BurntSushi/xgb"
	"github.com/BurntSushi/xgb/shm"
	"github.com/BurntSushi/xgb/xproto"
	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/streamer/x11"
	"github.com/backlot/backlot/internal/workstation/desktop"
)

// playInit is process 1 of a desktop, and the probes run inside one.
func playInit(args []string) int {
	if len(args) == 0 {
		return 2
	}
	var err error
	switch args[0] {
	case "session-init":
		if os.Getenv(desktop.ScriptsVariable) != "" {
			return desktop.Main(context.Background(), args, os.Environ(), os.Stdout, os.Stderr)
		}
		err = beInit()
	case "shm":
		err = probeShm(args[1])
	case "grow":
		err = grow(args[1])
	case "spawn":
		err = spawn(args[1])
	default:
		err = fmt.Errorf("what is %q?", args[0])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// beInit makes the user's home and waits for the order to end.
func beInit() error {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	uid, err := strconv.Atoi(os.Getenv("BACKLOT_UID"))
	if err != nil {
		return err
	}
	home := filepath.Join("/home", os.Getenv("BACKLOT_USER"))
	if err := os.MkdirAll(home, 0o700); err != nil {
		return err
	}
	if err := os.Chown(home, uid, uid); err != nil {
		return err
	}
	// Programs need one, and the driver leaves it to process 1.
	if err := os.Setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"); err != nil {
		return err
	}
	if err := serveCommands("/run/commands"); err != nil {
		return err
	}
	<-end
	if os.Getenv("STUBBORN") != "" {
		select {}
	}
	return os.WriteFile("/var/ended", []byte("in order\n"), 0o644)
}

// order is a command that a stand-in runs, as whom, and what came of it.
type order struct {
	User    uint32
	Command []string
	Output  string
	Error   string
}

// serveCommands runs what it is told over a socket: with the rights and limits
// of the part it is in, which no process put there from outside has.
func serveCommands(path string) error {
	l, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serveCommand(c)
		}
	}()
	return nil
}

func serveCommand(c net.Conn) {
	defer c.Close()
	var o order
	if json.NewDecoder(c).Decode(&o) != nil || len(o.Command) == 0 {
		return
	}
	cmd := exec.Command(o.Command[0], o.Command[1:]...)
	if o.User != uint32(os.Getuid()) {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: o.User, Gid: o.User}}
	}
	out, err := cmd.CombinedOutput()
	o.Output = string(out)
	if err != nil {
		o.Error = err.Error()
	}
	_ = json.NewEncoder(c).Encode(o)
}

// playStreamer shows the gateway its credential and holds on to the display.
func playStreamer() int {
	credential, err := os.ReadFile(os.Getenv("BACKLOT_STREAMER_CREDENTIAL_FILE"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := serveCommands("/tmp/commands"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if os.Getenv("BACKLOT_STREAMER_AFTER") != "" {
		gate := os.NewFile(3, "gate")
		_, err := io.ReadFull(gate, make([]byte, 1))
		if err := errors.Join(err, gate.Close()); err != nil {
			fmt.Fprintln(os.Stderr, "wait:", err)
			return 1
		}
	}
	if c, err := net.Dial("unix", os.Getenv("BACKLOT_STREAMER_SOCKET")); err == nil {
		fmt.Fprintf(c, "%s", credential)
		c.Close()
	}
	x, err := dialX()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := grab(x, 0o660); err != nil {
		fmt.Fprintln(os.Stderr, "MIT-SHM:", err)
		return 1
	}
	for {
		// The connection breaks when the display ends.
		event, err := x.WaitForEvent()
		if _, gone := event.(x11.Gone); gone || err != nil {
			return 1
		}
		if err := os.WriteFile("/tmp/grabbed", nil, 0o644); err != nil {
			return 1
		}
	}
}

// dialX waits for the X server.
func dialX() (*xgb.Conn, error) {
	deadline := time.Now().Add(10 * time.Second)
	for {
		x, _, err := x11.Dial(context.Background(), os.Getenv("DISPLAY"))
		if err == nil || time.Now().After(deadline) {
			return x, err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// grab reads the screen through shared memory.
func grab(x *xgb.Conn, mode int) error {
	if err := shm.Init(x); err != nil {
		return err
	}
	screen := xproto.Setup(x).DefaultScreen(x)
	w, h := screen.WidthInPixels, screen.HeightInPixels
	id, err := unix.SysvShmGet(unix.IPC_PRIVATE, int(w)*int(h)*4, unix.IPC_CREAT|mode)
	if err != nil {
		return err
	}
	defer func() { _, _ = unix.SysvShmCtl(id, unix.IPC_RMID, nil) }()
	seg, err := shm.NewSegId(x)
	if err != nil {
		return err
	}
	if err := shm.AttachChecked(x, seg, uint32(id), false).Check(); err != nil {
		return fmt.Errorf("attach: %w", err)
	}
	_, err = shm.GetImage(x, xproto.Drawable(screen.Root), 0, 0, w, h, ^uint32(0), xproto.ImageFormatZPixmap, seg, 0).Reply()
	if err != nil {
		return err
	}
	// An event of our own, to mark the end in the order of the protocol.
	win, err := xproto.NewWindowId(x)
	if err != nil {
		return err
	}
	xproto.CreateWindow(x, screen.RootDepth, win, screen.Root, 0, 0, 1, 1, 0, xproto.WindowClassInputOutput, screen.RootVisual,
		xproto.CwEventMask, []uint32{xproto.EventMaskStructureNotify})
	return xproto.MapWindowChecked(x, win).Check()
}

// probeShm says how large the screen is that it saw through shared memory.
func probeShm(mode string) error {
	m, err := strconv.ParseInt(mode, 8, 32)
	if err != nil {
		return err
	}
	x, err := dialX()
	if err != nil {
		return err
	}
	if err := grab(x, int(m)); err != nil {
		return err
	}
	screen := xproto.Setup(x).DefaultScreen(x)
	return json.NewEncoder(os.Stdout).Encode([]uint16{screen.WidthInPixels, screen.HeightInPixels})
}

// grow takes memory.
func grow(mib string) error {
	n, err := strconv.Atoi(mib)
	if err != nil {
		return err
	}
	b := make([]byte, n<<20)
	for i := 0; i < len(b); i += 4096 {
		b[i] = 1
	}
	fmt.Fprintln(os.Stdout, "took", len(b))
	return nil
}

// spawn starts processes until it cannot, and says how many.
func spawn(most string) error {
	n, err := strconv.Atoi(most)
	if err != nil {
		return err
	}
	var all []*exec.Cmd
	for range n {
		cmd := exec.Command("/bin/sleep", "60")
		if cmd.Start() != nil {
			break
		}
		all = append(all, cmd)
	}
	for _, cmd := range all {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	fmt.Fprintln(os.Stdout, strings.TrimSpace(strconv.Itoa(len(all))))
	return nil
}
