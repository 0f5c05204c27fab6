package e2e_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"golang.org/x/sys/unix"
)

// longestQueue is how long what is too much for a way waits before it is dropped.
const longestQueue = 300 * time.Millisecond

// network is a network namespace with a way to it that can be made as bad as those in
// the world. Its packets pass through this process, so that no kernel is asked for more
// than a TUN device.
type network struct {
	t      testing.TB
	name   string // of the namespace
	server string // our own address on the way
	block  string // what both addresses begin with
	client int    // what that of the far end ends with

	mu   sync.Mutex
	is   quality
	down bool
}

// quality is how a way is, each way.
type quality struct {
	delay time.Duration
	loss  float64 // part of the packets
	bits  float64 // a second; 0: any number
	udp   bool    // is dropped
}

func newNetwork(t testing.TB) *network {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, for network namespaces")
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		t.Skipf("needs TUN devices: %v", err)
	}
	block := fmt.Sprintf("198.19.%d.", os.Getpid()%256)
	n := &network{t: t, name: fmt.Sprint("blw", os.Getpid()), server: block + "1", block: block, client: 2}
	run(t, "ip", "netns", "add", n.name)
	t.Cleanup(func() {
		if out, err := exec.Command("ip", "netns", "del", n.name).CombinedOutput(); err != nil {
			t.Errorf("remove network: %v\n%s", err, out)
		}
	})
	near := openTUN(t, n.name)
	var far *os.File
	n.inside(func() { far = openTUN(t, "way") })
	run(t, "ip", "address", "add", block+"1/24", "dev", n.name)
	run(t, "ip", "link", "set", n.name, "up")
	for _, command := range [][]string{{"link", "set", "lo", "up"}, {"address", "add", block + "2/24", "dev", "way"}, {"link", "set", "way", "up"}, {"route", "add", "default", "via", n.server}} {
		run(t, "ip", append([]string{"-n", n.name}, command...)...)
	}
	go n.carry(near, far)
	go n.carry(far, near)
	return n
}

// set makes the way another.
func (n *network) set(q quality) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.is, n.down = q, false
}

// cut lets nothing through, or all again.
func (n *network) cut(down bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down = down
}

// move gives the far end another address: the one that it had is no more.
func (n *network) move() {
	n.t.Helper()
	at := func() string { return fmt.Sprintf("%s%d/24", n.block, n.client) }
	run(n.t, "ip", "-n", n.name, "address", "del", at(), "dev", "way")
	n.client++
	run(n.t, "ip", "-n", n.name, "address", "add", at(), "dev", "way")
	run(n.t, "ip", "-n", n.name, "route", "replace", "default", "via", n.server)
}

// carry brings packets from one end to the other until the test ends.
func (n *network) carry(from, to *os.File) {
	type packet struct {
		bytes []byte
		due   time.Time
	}
	under := make(chan packet, 4096)
	defer close(under)
	go func() {
		for p := range under {
			time.Sleep(time.Until(p.due))
			_, _ = to.Write(p.bytes) // the interface may be down
		}
	}()
	var free time.Time
	b := make([]byte, 1<<16)
	for {
		size, err := from.Read(b)
		if err != nil {
			return
		}
		n.mu.Lock()
		q, down := n.is, n.down
		n.mu.Unlock()
		now := time.Now()
		if free.Before(now) {
			free = now
		}
		const protocol, udp = 9, 17 // of IPv4
		if down || rand.Float64() < q.loss || q.udp && b[protocol] == udp || free.Sub(now) > longestQueue {
			continue
		}
		if q.bits > 0 {
			free = free.Add(time.Duration(8 * float64(size) / q.bits * float64(time.Second)))
		}
		select {
		case under <- packet{append([]byte(nil), b[:size]...), free.Add(q.delay)}:
		default:
		}
	}
}

// inside runs something on a thread that is in the namespace.
func (n *network) inside(do func()) {
	n.t.Helper()
	done := make(chan error)
	go func() {
		// The thread ends with the goroutine: it is not unlocked.
		runtime.LockOSThread()
		err := func() error {
			f, err := os.Open("/run/netns/" + n.name)
			if err != nil {
				return err
			}
			defer func() { _ = f.Close() }()
			return unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
		}()
		if err == nil {
			do()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		n.t.Fatal(err)
	}
}

func openTUN(t testing.TB, name string) *os.File {
	t.Helper()
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	request, err := unix.NewIfreq(name)
	if err != nil {
		t.Fatal(err)
	}
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), name)
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// browser is a Chromium in the namespace, which trusts every certificate.
func (n *network) browser(width, height int) browser {
	t := n.t
	t.Helper()
	const port = "9222" // nobody else is in the namespace
	chromium := exec.CommandContext(t.Context(), "ip", "netns", "exec", n.name, "chromium",
		"--headless=new", "--no-sandbox", "--no-first-run", "--disable-gpu", "--ignore-certificate-errors",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic",
		"--disable-background-timer-throttling", "--disable-renderer-backgrounding",
		"--autoplay-policy=no-user-gesture-required", "--remote-debugging-port="+port,
		"--user-data-dir="+t.TempDir(), fmt.Sprintf("--window-size=%d,%d", width, height), "about:blank")
	if err := chromium.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = chromium.Process.Signal(unix.SIGTERM)
		_ = chromium.Wait() // it was told to end
	})
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	dial := func() (conn net.Conn, err error) {
		n.inside(func() { conn, err = (&net.Dialer{}).DialContext(t.Context(), "tcp", "127.0.0.1:"+port) })
		return conn, err
	}
	eventually(t, 20*time.Second, func() error {
		conn, err := dial()
		if err == nil {
			err = conn.Close()
		}
		return err
	})
	go func() {
		for {
			outer, err := ln.Accept()
			if err != nil {
				return
			}
			inner, err := dial()
			if err != nil {
				_ = outer.Close()
				continue
			}
			for _, way := range [][2]net.Conn{{outer, inner}, {inner, outer}} {
				go func() {
					_, _ = io.Copy(way[0], way[1])
					_ = way[0].Close()
				}()
			}
		}
	}()
	allocated, endAllocated := chromedp.NewRemoteAllocator(t.Context(), "ws://"+ln.Addr().String())
	t.Cleanup(endAllocated)
	ctx, end := chromedp.NewContext(allocated)
	t.Cleanup(end)
	if err := chromedp.Run(ctx); err != nil {
		t.Fatalf("reach the browser: %v", err)
	}
	b := browser{t, ctx}.window()
	b.run(chromedp.EmulateViewport(int64(width), int64(height)))
	return b
}
