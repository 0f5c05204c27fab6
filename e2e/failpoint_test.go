package e2e_test

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var failpoints = flag.Int("failpoints", 40, "how many cases TestFailpoints draws; 0: all")

// failStep is how long a failing server tries one step of a transition, in place of minutes.
const failStep = 5 * time.Second

// within is how long anything may take in the end, on a machine that is busy.
const within = time.Minute

// The ways in which a verb fails, each before or after it is done.
const (
	crash     = "crash"     // the server is killed by signal 9
	once      = "error"     // an error
	forever   = "errors"    // an error, again and again
	permanent = "permanent" // an error that says that no repetition will cure it
	hang      = "hang"      // nothing comes back until the caller gives up
)

// outcome is what comes of an operation when one of its verbs fails for good.
type outcome int

const (
	fails   outcome = iota // the session is *_FAILED, and the same call again succeeds
	may                    // the same, or another has done it already
	bare                   // the backup is CREATE_FAILED, the session goes on without
	goesOn                 // it is tried until it succeeds; the session does not wait
	recover                // as goesOn, and the session waits: nothing can be recorded meanwhile
)

// verb is one that an operation calls.
type verb struct {
	name string
	outcome
	ways []string // none: all that make sense
}

// each is every way for a verb to fail, with its moment. What is asked of the store
// does not hang: its own tests show that its calls end.
func (v verb) each() []string {
	if v.ways != nil {
		return v.ways
	}
	ways := []string{"before crash", "after crash", "before error", "after error", "before errors"}
	if v.outcome != recover {
		ways = append(ways, "before permanent", "before hang")
	}
	return ways
}

// operation is what somebody asks for, and what comes of it.
type operation struct {
	name    string
	prepare func(*failing)
	begin   func(f *failing, token string) error
	end     func(*failing) // waits until it has done what it should, and looks at that
	failed  string         // the state of a session for which it failed
	verbs   []verb
}

var (
	claim   = verb{name: "lease/claim", outcome: recover}
	release = verb{name: "lease/release", outcome: recover, ways: []string{"before crash", "after crash", "before error", "after error"}}
	quick   = []string{"before crash", "after crash", "before error", "after error"}

	desktop = []verb{
		{name: "image/lower"},
		{name: "volume/mount"},
		{name: "workstation/ensure"},
		{name: "record/ensure-workstation", outcome: recover},
		{name: "record/desktop-ready", outcome: recover},
	}
	newVolume = []verb{{name: "volume/free"}, {name: "volume/create"}, {name: "record/create-volume", outcome: recover}}
	stopping  = []verb{
		claim,
		{name: "workstation/stop"},
		{name: "workstation/remove"},
		{name: "record/stop-workstation", outcome: recover},
		{name: "volume/snapshot", outcome: bare},
		{name: "record/take-snapshot", outcome: recover},
		release,
	}
	oldVolume = verb{name: "record/delete-volume", outcome: recover}
)

// operations are in an order in which most leave what the next one needs.
func operations() []operation {
	return []operation{
		{
			name: "create", prepare: (*failing).needNothing, begin: (*failing).askCreate, end: (*failing).runs, failed: "CREATE_FAILED",
			verbs: slices.Concat([]verb{claim}, newVolume, desktop, []verb{release}),
		},
		{
			name: "backup", prepare: (*failing).needReady, begin: (*failing).askBackUp, end: (*failing).backedUp,
			verbs: []verb{claim, {name: "volume/snapshot", outcome: bare}, {name: "record/take-snapshot", outcome: recover}, release},
		},
		{
			name: "checksum", prepare: (*failing).needReady, begin: (*failing).askBackUp, end: (*failing).summed,
			verbs: []verb{{name: "volume/mount-snapshot", outcome: goesOn, ways: quick}, {name: "record/inspection", outcome: recover, ways: quick}},
		},
		{
			name: "retention", prepare: (*failing).needMostBackups, begin: (*failing).askBackUp, end: (*failing).backedUp,
			verbs: []verb{{name: "volume/delete-snapshot", outcome: goesOn}, {name: "record/delete-snapshot", outcome: recover}},
		},
		{name: "stop", prepare: (*failing).needReady, begin: (*failing).askStopRetaining, end: (*failing).stopped, failed: "STOP_FAILED", verbs: stopping},
		{name: "start", prepare: (*failing).needVolume, begin: (*failing).askStart, end: (*failing).runs, failed: "START_FAILED", verbs: slices.Concat([]verb{claim}, desktop)},
		{
			name: "stop with DELETE", prepare: (*failing).needReady, begin: (*failing).askStopDeleting, end: (*failing).stopped, failed: "STOP_FAILED",
			verbs: slices.Concat(stopping, []verb{{name: "volume/delete"}, oldVolume}),
		},
		{name: "start without volume", prepare: (*failing).needNoVolume, begin: (*failing).askStart, end: (*failing).runs, failed: "START_FAILED", verbs: slices.Concat(newVolume, desktop)},
		{
			name: "restore", prepare: (*failing).needUnsaved, begin: (*failing).askRestore, end: (*failing).restored, failed: "START_FAILED",
			verbs: slices.Concat(
				[]verb{claim, {name: "volume/snapshot"}, {name: "record/take-snapshot", outcome: recover}}, newVolume,
				[]verb{{name: "volume/snapshot-restored", outcome: goesOn, ways: slices.Concat(quick, []string{"before permanent", "before hang"})}}, desktop,
				[]verb{
					{name: "volume/delete", outcome: goesOn},
					oldVolume,
					{name: "volume/mount-snapshot-restored", outcome: goesOn, ways: quick},
					{name: "volume/delete-snapshot-restored", outcome: goesOn, ways: quick},
				},
			),
		},
		{
			name: "delete", prepare: (*failing).needSomething, begin: (*failing).askRemove, end: (*failing).removed, failed: "DELETE_FAILED",
			verbs: []verb{
				claim,
				{name: "workstation/remove"},
				{name: "record/remove-workstation", outcome: recover},
				{name: "volume/delete-snapshot", outcome: may},
				{name: "record/delete-snapshots", outcome: recover},
				{name: "volume/delete"},
				oldVolume, release,
			},
		},
	}
}

// failCase is one operation with one fault.
type failCase struct {
	operation
	verb
	how string // moment and way
}

func (c failCase) String() string { return c.operation.name + ": " + c.verb.name + " " + c.how }

func (c failCase) way() string {
	_, way, _ := strings.Cut(c.how, " ")
	return way
}

// drawCases returns n cases, the operations in turns; 0: all.
func drawCases(r *rand.Rand, n int) []failCase {
	var all []failCase
	for _, o := range operations() {
		for _, v := range o.verbs {
			for _, how := range v.each() {
				all = append(all, failCase{o, v, how})
			}
		}
	}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	if n > 0 {
		all = all[:min(n, len(all))]
	}
	of := map[string][]failCase{}
	for _, c := range all {
		of[c.operation.name] = append(of[c.operation.name], c)
	}
	turns := make([]failCase, 0, len(all))
	for len(turns) < len(all) {
		for _, o := range operations() {
			if left := of[o.name]; len(left) > 0 {
				turns, of[o.name] = append(turns, left[0]), left[1:]
			}
		}
	}
	return turns
}

// TestFailpoints fails every verb that an operation calls, in every way, with real
// volumes and sandboxes, and holds each case to this: the session ends where its
// waiters expect it, or as *_FAILED and the same call brings it there once the fault
// is gone; what the artist had written through is there; each backup holds what was
// there when it was made; there are no more of them than are to be kept; and nothing
// is left on the machine by a session that was deleted.
func TestFailpoints(t *testing.T) {
	t.Parallel()
	if testing.Short() || os.Getuid() != 0 {
		t.Skip("needs root, for sandboxes, and minutes")
	}
	seed := *chaosSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	bin := failingPrograms(t)
	cases := drawCases(rand.New(rand.NewPCG(seed, 0)), *failpoints)
	var mu sync.Mutex
	ran := map[string]int{}
	count := func(operation string) {
		mu.Lock()
		defer mu.Unlock()
		ran[operation]++
	}
	t.Cleanup(func() {
		sum := 0
		for _, name := range slices.Sorted(maps.Keys(ran)) {
			t.Logf("%s: %d cases", name, ran[name])
			sum += ran[name]
		}
		t.Logf("seed %d: %d of %d cases ran", seed, sum, len(drawCases(rand.New(rand.NewPCG(seed, 0)), 0)))
	})
	const servers = 4
	for n := range servers {
		t.Run(fmt.Sprint("server", n), func(t *testing.T) {
			t.Parallel()
			f := newFailing(t, bin)
			for i := n; i < len(cases); i += servers {
				if !f.run(t, cases[i], count) {
					f = newFailing(t, bin) // what went wrong shall not spoil the others
				}
			}
			f.in(t)
			f.needNothing()
			// A copy made to be compared that nobody wants any more is let alone for a minute.
			f.noTraces(2*time.Minute, func(string) bool { return false })
		})
	}
}

// failingPrograms builds the server that fails where it is told to.
func failingPrograms(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-tags", "failpoints", "-o", bin+"/", "../cmd/backlot")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	if err := os.Symlink(filepath.Join(binDir, "backlot-streamer"), filepath.Join(bin, "backlot-streamer")); err != nil {
		t.Fatal(err)
	}
	return bin
}

// failing is a server that fails where it is told to, with one session at a time.
type failing struct {
	*server
	fault   string // the file that tells it where
	before  []string
	session *streamingSession // nil: there is none
	written int
	content string            // what the artist has written; "": nothing yet
	backups map[string]string // what each READY backup holds
	from    string            // the backup to be restored
	other   string            // what a new backup may hold instead of content
	made    string            // the backup that was asked for
}

func newFailing(t *testing.T, bin string) *failing {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(config, []byte("requests: {per_second: 100000, burst: 100000}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := &failing{backups: map[string]string{}, fault: filepath.Join(dir, "fault")}
	f.server = &server{
		t: t, data: filepath.Join(dir, "data"), config: config, bin: bin, log: &logBuffer{},
		with: []string{"BACKLOT_FAILPOINT=" + f.fault, "BACKLOT_STEP=" + failStep.String()},
	}
	f.open()
	f.before = f.settled()
	return f
}

// in lets t be the test that fails.
func (f *failing) in(t testing.TB) { f.t = t }

// run runs one case as a test of its own.
func (f *failing) run(t *testing.T, c failCase, ran func(operation string)) bool {
	t.Helper()
	return t.Run(c.String(), func(t *testing.T) {
		f.in(t)
		ran(c.operation.name)
		defer func() {
			f.disarm()
			if t.Failed() {
				t.Logf("log of the server:\n%s", f.log.tail(60))
			}
		}()
		c.prepare(f)
		f.arm(c.verb.name + " " + c.how)
		token := f.token()
		began := time.Now()
		err := c.begin(f, token)
		if err != nil && c.way() != crash {
			t.Fatalf("%s: %v", c.operation.name, err)
		}
		f.awaitFault()
		switch {
		case c.way() == crash:
			select {
			case <-f.done:
			case <-time.After(within):
				t.Fatal("the server does not die")
			}
			f.start()
			if err != nil { // the answer was lost; the token tells that it is the same call
				if err = c.begin(f, token); err != nil {
					t.Fatalf("%s again: %v", c.operation.name, err)
				}
			}
		case c.way() == forever || c.way() == permanent:
			f.failForGood(c)
		}
		c.end(f)
		t.Logf("%s", time.Since(began).Round(time.Millisecond))
	})
}

// failForGood sees an operation fail, takes the fault away, and asks again.
func (f *failing) failForGood(c failCase) {
	f.t.Helper()
	switch c.outcome {
	case bare:
		eventually(f.t, within, func() error {
			if newest := f.listed()[0]; newest.State != "CREATE_FAILED" || newest.StatusCode != "INTERNAL_ERROR" {
				return fmt.Errorf("the backup is %+v", newest)
			}
			return nil
		})
		f.disarm()
		if c.operation.name == "backup" {
			f.retry(c)
		}
		return
	case goesOn, recover:
		if c.way() == forever {
			if err := os.Remove(f.met()); err != nil {
				f.t.Fatal(err)
			}
			eventually(f.t, within, func() error {
				_, err := os.Stat(f.met())
				if err != nil && c.outcome == recover && !strings.HasSuffix(f.state(), "_IN_PROGRESS") {
					return nil // it came to rest by another word
				}
				return err
			})
		}
		f.disarm()
		return
	default:
	}
	state := ""
	eventually(f.t, within, func() error {
		switch state = f.state(); {
		case state == c.failed, c.outcome == may && state == "DELETED":
			return nil
		default:
			return fmt.Errorf("session is %s, not %s", state, c.failed)
		}
	})
	now := f.session.get()
	if state == c.failed && *now.StatusCode != "INTERNAL_ERROR" {
		f.t.Errorf("%s: %s, %s", state, *now.StatusCode, *now.StatusMessage)
	}
	f.disarm()
	if state != c.failed {
		return
	}
	if state == "CREATE_FAILED" {
		f.needNothing()
	}
	f.retry(c)
}

func (f *failing) retry(c failCase) {
	f.t.Helper()
	if err := c.begin(f, f.token()); err != nil {
		f.t.Fatalf("%s once the fault is gone: %v", c.operation.name, err)
	}
}

func (f *failing) token() string { return fmt.Sprint("failpoint-", rand.Uint64()) }

func (f *failing) met() string { return f.fault + ".met" }

// arm tells the server where to fail.
func (f *failing) arm(where string) {
	f.t.Helper()
	f.disarm()
	err := os.WriteFile(f.fault+".new", []byte(where), 0o600)
	if err == nil {
		err = os.Rename(f.fault+".new", f.fault)
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *failing) disarm() {
	for _, file := range []string{f.fault, f.met()} {
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			f.t.Error(err)
		}
	}
}

// awaitFault waits until the server has failed.
func (f *failing) awaitFault() {
	f.t.Helper()
	eventually(f.t, within, func() error {
		_, err := os.Stat(f.met())
		return err
	})
}

func (f *failing) state() string { return *f.session.get().State }

// await waits for a state of the session.
func (f *failing) await(state string) {
	f.t.Helper()
	f.session.wait(state, within)
}

// noTraces waits until nothing is left on the machine, but for what may be.
func (f *failing) noTraces(within time.Duration, may func(string) bool) {
	f.t.Helper()
	eventually(f.t, within, func() error {
		if diff := cmp.Diff(f.before, slices.DeleteFunc(f.traces(), may)); diff != "" {
			return fmt.Errorf("left on the machine (-before +after):\n%s", diff)
		}
		return nil
	})
}
