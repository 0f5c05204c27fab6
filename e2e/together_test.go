package e2e_test

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/nimblestudio"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/testkit"
)

// takeOver is how long a server may take to finish what another was at.
const takeOver = 10 * time.Second

// newShared starts a server whose store is the database, for others beside it.
func newShared(t testing.TB, databaseURL string, args ...string) *server {
	t.Helper()
	file := filepath.Join(t.TempDir(), "backlot.yaml")
	if err := os.WriteFile(file, []byte("store: {url: '"+databaseURL+"'}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return newServerWith(t, file, args...)
}

// beside starts one more server on the data directory, on a port of its own.
func (s *server) beside(args ...string) *server { return s.besideWith(nil, args...) }

// besideWith is beside with additions to the environment.
func (s *server) besideWith(with []string, args ...string) *server {
	s.t.Helper()
	b := &server{t: s.t, data: s.data, config: s.config, args: args, with: with, bin: s.bin, log: &logBuffer{}, env: maps.Clone(s.env)}
	b.join()
	s.t.Cleanup(func() {
		_ = b.cmd.Process.Signal(syscall.SIGCONT)
		b.kill(syscall.SIGTERM)
		if s.t.Failed() {
			s.t.Logf("log of the server beside:\n%s", b.log.tail(200))
		}
	})
	return b
}

var servingLine = regexp.MustCompile(`msg=serving url=(\S*) .* server=(\S+)`)

// join runs serve without making a studio, and waits until it serves.
func (s *server) join() {
	s.t.Helper()
	args := append([]string{"serve", "--data", s.data, "--config", s.config, "--listen", "127.0.0.1:0"}, s.args...)
	s.cmd = exec.CommandContext(context.Background(), filepath.Join(s.bin, "backlot"), args...)
	s.cmd.Env = append(os.Environ(), s.with...)
	before := len(servingLine.FindAllString(s.log.tail(100000), -1))
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) {
		_ = cmd.Wait() // how it ended is told by what asked for it
		close(done)
	}(s.cmd, s.done)
	eventually(s.t, time.Minute, func() error {
		if !s.running() {
			s.t.Fatalf("serve ended at once:\n%s", s.log.tail(50))
		}
		said := servingLine.FindAllStringSubmatch(s.log.tail(100000), -1)
		if len(said) == before {
			return fmt.Errorf("serve does not answer:\n%s", s.log.tail(20))
		}
		s.env["AWS_ENDPOINT_URL"] = said[len(said)-1][1]
		return nil
	})
}

// name is what the server is called in leases.
func (s *server) name() string {
	said := servingLine.FindAllStringSubmatch(s.log.tail(100000), -1)
	return said[len(said)-1][2]
}

// at is the session as another server shows it.
func (s streamingSession) at(other *server) streamingSession { return streamingSession{other, s.id} }

// look is get for a time at which errors are no wonder.
func (s streamingSession) look() (state string, err error) {
	out, err := s.api(true).GetStreamingSessionWithContext(s.t.Context(), &nimblestudio.GetStreamingSessionInput{
		StudioId: new(s.env["BACKLOT_STUDIO_ID"]), SessionId: &s.id,
	})
	if err != nil {
		return "", err
	}
	return aws.StringValue(out.Session.State), nil
}

// waitPatiently is wait for such a time.
func (s streamingSession) waitPatiently(want string, within time.Duration) {
	s.t.Helper()
	eventually(s.t, within, func() error {
		if state, err := s.look(); err != nil || state != want {
			return fmt.Errorf("session is %s, not %s: %w", state, want, err)
		}
		return nil
	})
}

// database is what the test asks behind the servers' backs.
func database(t testing.TB, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// worker is the server that has the session's lease, as soon as one has, and one that has not.
func worker(t testing.TB, db *sql.DB, work streamingSession, all ...*server) (worker, other *server) {
	t.Helper()
	for end := time.Now().Add(2 * time.Second); ; {
		var holder string
		if err := db.QueryRowContext(t.Context(), "SELECT lease_holder FROM sessions WHERE id = $1", work.id).Scan(&holder); err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(all, func(s *server) bool { return strings.HasSuffix(holder, "."+s.name()) })
		if i >= 0 {
			return all[i], all[(i+1)%len(all)]
		}
		if time.Now().After(end) {
			return all[0], all[1] // it was too quick
		}
	}
}

// TestTogether: two servers on one data directory, of which each does what the
// other was asked for.
func TestTogether(t *testing.T) {
	url := testkit.Postgres(t)
	a := newShared(t, url)
	b := a.beside()
	all := []*server{a, b}
	before := a.settled()

	// The life of a session, one call here, one there.
	work := a.createSession()
	work.at(b).wait("READY", time.Minute)
	a.inHome("echo kept > note.txt")
	work.at(b).stop()
	work.wait("STOPPED", time.Minute)
	work.start("")
	work.at(b).wait("READY", time.Minute)
	if err := a.holds("note.txt", "kept\n"); err != nil {
		t.Error(err)
	}
	// Whoever is asked shows the desktop.
	stream := work.at(b).stream()
	if !strings.HasPrefix(stream, a.env["AWS_ENDPOINT_URL"]) {
		t.Errorf("the url of the stream is not at the server that has the streams")
	}
	beside := newBrowser(t, 1024, 768, mediaFlags...)
	beside.run(chromedp.Navigate(strings.Replace(stream, a.env["AWS_ENDPOINT_URL"], b.env["AWS_ENDPOINT_URL"], 1)))
	beside.waitForDesktop()

	// The server that has the streams is frozen: the page, which knows the other one,
	// has its picture again.
	_ = a.cmd.Process.Signal(syscall.SIGSTOP)
	began := time.Now()
	eventually(t, takeOver, func() error {
		if url := work.at(b).stream(); !strings.HasPrefix(url, b.env["AWS_ENDPOINT_URL"]) {
			return fmt.Errorf("the url of the stream is not at the living server")
		}
		return nil
	})
	t.Logf("streams taken over %s after their server was frozen", time.Since(began).Round(time.Millisecond))
	eventually(t, 2*takeOver, func() error {
		if !strings.Contains(b.log.tail(1000), "viewer connected") {
			return fmt.Errorf("the page has not come")
		}
		return beside.state("live")
	})
	t.Logf("picture back %s after that", time.Since(began).Round(time.Millisecond))
	_ = a.cmd.Process.Signal(syscall.SIGCONT)
	eventually(t, takeOver, func() error {
		if !strings.Contains(a.log.tail(1000), "this one stands by") {
			return fmt.Errorf("the server that was frozen does not notice")
		}
		return nil
	})
	if err := beside.state("live"); err != nil {
		t.Error(err)
	}

	// The one that has them now is killed: the other one's url shows the desktop.
	b.kill(syscall.SIGKILL)
	began = time.Now()
	eventually(t, takeOver, func() error {
		if stream = work.stream(); !strings.HasPrefix(stream, a.env["AWS_ENDPOINT_URL"]) {
			return fmt.Errorf("the url of the stream is not at the living server")
		}
		return nil
	})
	t.Logf("streams taken over %s after their server was killed", time.Since(began).Round(time.Millisecond))
	b.join()
	beside.run(chromedp.Navigate(stream))
	beside.waitForDesktop()
	beside.run(chromedp.Navigate("about:blank"))
	work.at(b).delete()
	work.wait("DELETED", time.Minute)

	// Several at once: both take part.
	var sessions []streamingSession
	for i := range 4 {
		sessions = append(sessions, all[i%2].createSession())
	}
	for i, s := range sessions {
		s.at(all[(i+1)%2]).wait("READY", time.Minute)
		s.at(all[(i+1)%2]).delete()
	}
	for _, s := range sessions {
		s.wait("DELETED", time.Minute)
	}
	for i, s := range all {
		n := strings.Count(s.log.tail(100000), `msg=done table=sessions`)
		t.Logf("server %d did %d steps", i, n)
		if n == 0 {
			t.Errorf("server %d did nothing", i)
		}
	}
	if diff := cmp.Diff(before, a.settled()); diff != "" {
		t.Errorf("left on the machine (-before +after):\n%s", diff)
	}
	_ = b.cmd.Process.Signal(syscall.SIGSTOP) // must not be in the way
	a.down()
	for i, s := range all {
		if s.running() {
			t.Errorf("server %d runs after backlot down", i)
		}
	}
	if left := a.traces(); len(left) > 0 {
		t.Errorf("left after backlot down: %v", left)
	}
}

// transitions are what a session goes through in its life: each asked for at a
// server, and where it leads.
var transitions = []struct {
	begin func(s *server, work streamingSession) streamingSession
	to    string
	into  time.Duration // where in it a blow falls
}{
	{func(s *server, _ streamingSession) streamingSession { return s.createSession() }, "READY", 150 * time.Millisecond},
	{func(s *server, work streamingSession) streamingSession { work.at(s).stop(); return work }, "STOPPED", 10 * time.Millisecond},
	{func(s *server, work streamingSession) streamingSession { work.at(s).start(""); return work }, "READY", 200 * time.Millisecond},
	{func(s *server, work streamingSession) streamingSession { work.at(s).delete(); return work }, "DELETED", 10 * time.Millisecond},
}

// TestOneOfTwoFails kills, and freezes, the server that is at work, in each state
// that it may be in the midst of.
func TestOneOfTwoFails(t *testing.T) {
	url := testkit.Postgres(t)
	db := database(t, url)
	a := newShared(t, url)
	all := []*server{a, a.beside()}
	all[0].kill(syscall.SIGTERM) // from now on both are started alike
	all[0].join()
	before := a.settled()
	for _, round := range []struct {
		frozen   bool
		sessions int
	}{{false, 1}, {true, 3}} {
		work := make([]streamingSession, round.sessions)
		for i, step := range transitions {
			for n := range work {
				work[n] = step.begin(all[n%2], work[n])
			}
			time.Sleep(step.into)
			failing, living := worker(t, db, work[0], all...)
			if round.frozen {
				_ = failing.cmd.Process.Signal(syscall.SIGSTOP)
			} else {
				failing.kill(syscall.SIGKILL)
			}
			began := time.Now()
			for _, w := range work {
				w.at(living).wait(step.to, takeOver)
			}
			t.Logf("%d %s %s after the server at work was lost (frozen: %t)", len(work), step.to, time.Since(began).Round(time.Millisecond), round.frozen)
			living.eachDesktop(len(work), i)
			if step.to == "READY" {
				// A desktop may show itself that was started only in part. It is mended.
				eventually(t, 2*takeOver, func() error { return living.complete(len(work)) })
			}
			if !round.frozen {
				failing.join()
				continue
			}
			was := living.settled()
			_ = failing.cmd.Process.Signal(syscall.SIGCONT)
			for end := time.Now().Add(time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
				for _, w := range work {
					if state := *w.at(living).get().State; state != step.to {
						t.Errorf("%s once the frozen server went on, not %s", state, step.to)
					}
				}
			}
			if diff := cmp.Diff(was, living.settled()); diff != "" {
				t.Errorf("once the frozen server went on after %s (-before +after):\n%s", step.to, diff)
			}
		}
	}
	if diff := cmp.Diff(before, a.settled()); diff != "" {
		t.Errorf("left on the machine (-before +after):\n%s", diff)
	}
}

// complete complains unless each session's three parts are noted to run.
func (s *server) complete(sessions int) error {
	noted, err := filepath.Glob("/run/backlot-" + s.installationID() + "/workstations/sessions/*/*/pid")
	if err == nil && len(noted) != 3*sessions {
		err = fmt.Errorf("%d parts of %d sessions are noted to run", len(noted), sessions)
	}
	return err
}

// eachDesktop has each desktop keep whose it is after the first transition, and tell
// it after the third; none may run after the others.
func (s *server) eachDesktop(sessions, transition int) {
	s.t.Helper()
	var desktops []int
	count := func() error {
		desktops = desktops[:0]
		for _, pid := range processes(s.t, "backlot-"+s.installationID()) {
			if comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); strings.TrimSpace(string(comm)) == "openbox" {
				desktops = append(desktops, pid)
			}
		}
		if transition%2 == 0 && len(desktops) != sessions || transition%2 != 0 && len(desktops) != 0 {
			return fmt.Errorf("%d desktops run of %d sessions after transition %d", len(desktops), sessions, transition)
		}
		return nil
	}
	eventually(s.t, 10*time.Second, count) // window managers start after READY
	for _, pid := range desktops {
		environment, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err != nil {
			s.t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(environment), "BACKLOT_SESSION_ID=")
		id, _, _ := strings.Cut(rest, "\x00")
		command := "cat note.txt"
		if transition == 0 {
			command = "echo " + id + " > note.txt; cat note.txt"
		}
		enter := exec.CommandContext(s.t.Context(), "nsenter", "--all", "--setuid", "1000", "--setgid", "1000",
			"--target", strconv.Itoa(pid), "--", "sh", "-c", "cd /home/artist && "+command)
		if out, err := enter.CombinedOutput(); err != nil || id == "" || strings.TrimSpace(string(out)) != id {
			s.t.Errorf("session %q kept %q, %v", id, out, err)
		}
	}
}

// TestCutOff takes the way to the database from the server that is at work.
func TestCutOff(t *testing.T) {
	ways := newWays(t)
	db := database(t, ways.url)
	a := newShared(t, ways.over[0])
	b := a.besideWith([]string{"BACKLOT_STORE_URL=" + ways.over[1]})
	before := a.settled()
	servers := []*server{a, b}

	work := a.createSession()
	off, living := worker(t, db, work, a, b)
	way := slices.Index(servers, off)
	ways.set(t, way, "down")
	began := time.Now()
	work.at(living).wait("READY", takeOver)
	t.Logf("READY %s after the server at work was cut off", time.Since(began).Round(time.Millisecond))
	living.inHome("echo kept > note.txt")
	eventually(t, takeOver, func() error {
		if url := work.at(living).stream(); !strings.HasPrefix(url, living.env["AWS_ENDPOINT_URL"]) {
			return fmt.Errorf("the streams are not at the server that has the database")
		}
		return nil
	})
	was := living.settled()
	ways.set(t, way, "up")
	began = time.Now()
	eventually(t, 30*time.Second, func() error {
		_, err := work.at(off).look()
		return err
	})
	t.Logf("the other one answers %s after its way is back", time.Since(began).Round(time.Millisecond))
	if diff := cmp.Diff(was, living.settled()); diff != "" {
		t.Errorf("once it had the database again (-before +after):\n%s", diff)
	}
	// It works again, also alone.
	living.kill(syscall.SIGKILL)
	work.at(off).stop()
	work.at(off).wait("STOPPED", takeOver)
	work.at(off).delete()
	work.at(off).wait("DELETED", takeOver)
	if diff := cmp.Diff(before, off.settled()); diff != "" {
		t.Errorf("left on the machine (-before +after):\n%s", diff)
	}
}

// TestDatabaseRestarts in the middle of everything.
func TestDatabaseRestarts(t *testing.T) {
	pg := testkit.NewPostgres(t)
	a := newShared(t, pg.URL)
	b := a.beside()
	before := a.settled()
	all := []*server{a, b}
	var sessions []streamingSession
	for i := range 3 {
		sessions = append(sessions, all[i%2].createSession())
	}
	pg.Stop(t)
	pg.Start(t)
	began := time.Now()
	for i, s := range sessions {
		s.at(all[(i+1)%2]).waitPatiently("READY", time.Minute)
	}
	t.Logf("all READY %s after the database was back", time.Since(began).Round(time.Millisecond))
	for i, s := range sessions {
		s.at(all[i%2]).delete()
	}
	pg.Stop(t)
	pg.Start(t)
	for i, s := range sessions {
		s.at(all[(i+1)%2]).waitPatiently("DELETED", time.Minute)
	}
	if diff := cmp.Diff(before, a.settled()); diff != "" {
		t.Errorf("left on the machine (-before +after):\n%s", diff)
	}
}

// TestRoles: three servers, each of which does a part.
func TestRoles(t *testing.T) {
	whole := newShared(t, testkit.Postgres(t)) // it takes all roles to make a studio
	whole.kill(syscall.SIGTERM)
	a, streams, worker := whole.beside("--roles", "api"), whole.beside("--roles", "gateway"), whole.beside("--roles", "reconcile")
	before := worker.settled()
	work := a.createSession()
	work.wait("READY", time.Minute)
	url := work.stream()
	if !strings.HasPrefix(url, streams.env["AWS_ENDPOINT_URL"]) {
		t.Errorf("the url of the stream is not at the gateway")
	}
	b := newBrowser(t, 1024, 768, mediaFlags...)
	b.run(chromedp.Navigate(url))
	b.waitForDesktop()
	worker.inHome("echo kept > note.txt")
	work.stop()
	eventually(t, 10*time.Second, func() error { return b.state("stopped") })
	work.wait("STOPPED", time.Minute)
	work.start("")
	work.wait("READY", time.Minute)
	if err := worker.holds("note.txt", "kept\n"); err != nil {
		t.Error(err)
	}
	if status, _ := fetch(t, streams.env["AWS_ENDPOINT_URL"]+"/2020-08-01/studios"); status != 404 {
		t.Errorf("the gateway answers the API: %d", status)
	}
	work.delete()
	work.wait("DELETED", time.Minute)
	if diff := cmp.Diff(before, worker.settled()); diff != "" {
		t.Errorf("left on the machine (-before +after):\n%s", diff)
	}
}

// TestFileIsForOneServer: without PostgreSQL the data directory is one server's.
func TestFileIsForOneServer(t *testing.T) {
	s := newServer(t)
	out, err := s.backlot("serve", "--data", s.data, "--listen", "127.0.0.1:0")
	if err == nil || !strings.Contains(out, "in use by process "+strconv.Itoa(s.cmd.Process.Pid)) {
		t.Errorf("a second server: %v\n%s", err, out)
	}
}

// ways lead to a database in a network namespace of its own: two links, over each
// of which one server reaches it.
type ways struct {
	url  string // by neither
	over [2]string
	pid  int // of a process in the namespace
}

func newWays(t testing.TB) *ways {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, for network namespaces")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("needs the Debian package iproute2")
	}
	inside := exec.CommandContext(t.Context(), "unshare", "--net", "sleep", "infinity")
	if err := inside.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = inside.Process.Kill(); _ = inside.Wait() }) // the links go with it
	w := &ways{pid: inside.Process.Pid}
	// Not that of the process, whose first thread may be in another one for good.
	own, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, func() error {
		if is, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", w.pid)); err != nil || is == own {
			return fmt.Errorf("no network namespace: %w", err)
		}
		return nil
	})
	var addresses []string
	for i := range w.over {
		net := fmt.Sprintf("198.18.%d.", (os.Getpid()*2+i)%256)
		name := fmt.Sprintf("blt%d.%d", os.Getpid(), i)
		run(t, "ip", "link", "add", name, "type", "veth", "peer", "name", fmt.Sprint("way", i), "netns", strconv.Itoa(w.pid))
		run(t, "ip", "address", "add", net+"1/30", "dev", name)
		run(t, "ip", "link", "set", name, "up")
		w.within(t, "ip", "address", "add", net+"2/30", "dev", fmt.Sprint("way", i))
		w.set(t, i, "up")
		addresses = append(addresses, net+"2")
	}
	w.url = w.postgres(t, addresses)
	for i, address := range addresses {
		w.over[i] = fmt.Sprintf("postgres://postgres@%s/postgres?sslmode=disable", address)
	}
	return w
}

// postgres starts a server in the namespace, which lets everybody in.
func (w *ways) postgres(t testing.TB, addresses []string) (socketURL string) {
	t.Helper()
	// What a thread starts is where the thread is. Where it was is to be asked of
	// itself: the process is where its first thread is, and that may be this one.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	enter := func(namespace *os.File) {
		t.Helper()
		if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err != nil {
			t.Fatal(err)
		}
	}
	own, inside := namespace(t, "thread-self"), namespace(t, strconv.Itoa(w.pid))
	enter(inside)
	defer enter(own)
	pg := testkit.NewPostgres(t, "listen_addresses="+strings.Join(addresses, ","))
	enter(own)
	at, err := url.Parse(pg.URL)
	if err != nil {
		t.Fatal(err)
	}
	rules, err := os.OpenFile(filepath.Join(at.Query().Get("host"), "data", "pg_hba.conf"), os.O_WRONLY|os.O_APPEND, 0)
	if err == nil {
		_, err = rules.WriteString("host all all 198.18.0.0/15 trust\n")
		_ = rules.Close()
	}
	if err == nil {
		_, err = database(t, pg.URL).ExecContext(t.Context(), "SELECT pg_reload_conf()")
	}
	if err != nil {
		t.Fatal(err)
	}
	return pg.URL
}

// namespace is the network namespace of a process.
func namespace(t testing.TB, process string) *os.File {
	t.Helper()
	f, err := os.Open("/proc/" + process + "/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// set takes the far end of a way down, or up.
func (w *ways) set(t testing.TB, i int, how string) {
	t.Helper()
	w.within(t, "ip", "link", "set", fmt.Sprint("way", i), how)
}

func (w *ways) within(t testing.TB, command ...string) {
	t.Helper()
	run(t, "nsenter", append([]string{"--net=/proc/" + strconv.Itoa(w.pid) + "/ns/net", "--"}, command...)...)
}

func run(t testing.TB, command string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), command, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", command, args, err, out)
	}
}
