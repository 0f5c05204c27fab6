package e2e_test

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/awserr"
	"github.com/aws/aws-sdk-go/service/nimblestudio"
	"github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/testkit"
)

var (
	kills     = flag.Int("kills", 10, "how often TestChaos kills the server")
	chaosOn   = flag.String("store", "sqlite", "what TestChaos keeps its rows in: sqlite or postgresql")
	chaosSeed = flag.Uint64("seed", 0, "what TestChaos draws its chances from; 0: the time")
)

// recorder is what every desktop does: records, numbered without a gap, each
// written through to the disk before the next.
const recorder = `echo "$BACKLOT_SESSION_ID" >session; sync session
cat >.recorder <<'END'
n=$(wc -l <records)
while :; do n=$((n + 1)); echo $n >>records; sync records; sleep 0.02; done
END
touch records
nohup flock --nonblock .recorder sh .recorder >/dev/null 2>&1 &`

// chaos is a campaign: clients that create, stop, start, restore and delete
// sessions while the server dies under them.
type chaos struct {
	*server
	mu     sync.Mutex
	alive  sync.RWMutex       // held for reading by who looks at a server that runs
	seen   map[string][]sight // by session; no entry: it is not looked at now
	counts map[string]int
	wrong  []string
	ended  chan struct{}
}

// sight is a record that was seen on a session's volume, and so had been written
// through before the time.
type sight struct {
	record int
	at     time.Time
}

func (c *chaos) count(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[what]++
}

func (c *chaos) complain(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wrong = append(c.wrong, fmt.Sprintf(format, args...))
}

// TestChaos kills the server with signal 9 at random moments while clients are at
// work, and holds it to this in the end: every session is where its waiters expect
// it, every record that had been written through before a backup is in that backup
// and in the session that is started from it, and nothing is left on the machine.
func TestChaos(t *testing.T) {
	t.Parallel() // for the most part it waits
	seed := *chaosSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d, %d kills, %s", seed, *kills, *chaosOn)
	config := filepath.Join(t.TempDir(), "config.yaml")
	settings := "backups: {every: 1m}\nrequests: {per_second: 100000, burst: 100000}\n"
	if *chaosOn == "postgresql" {
		settings += "store: {url: '" + testkit.NewPostgres(t).URL + "'}\n"
	}
	if err := os.WriteFile(config, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newServerWith(t, config)
	s.components(map[string]string{"USER_INITIALIZATION": recorder})
	first := s.createSession() // makes what all sessions have in common
	first.wait("READY", time.Minute)
	first.delete()
	first.wait("DELETED", time.Minute)
	before := s.settled()
	c := &chaos{server: s, seen: map[string][]sight{}, counts: map[string]int{}, ended: make(chan struct{})}

	const clients = 3
	sessions := make([][]string, clients)
	var working sync.WaitGroup
	for n := range clients {
		r := rand.New(rand.NewPCG(seed, uint64(n)))
		working.Go(func() { sessions[n] = c.work(r) })
	}
	working.Go(c.watch)
	began := time.Now()
	c.killOften(rand.New(rand.NewPCG(seed, clients)))
	close(c.ended)
	working.Wait()
	t.Logf("%d kills in %s", *kills, time.Since(began).Round(time.Second))

	all := slices.Concat(sessions...)
	c.settle(all)
	for _, id := range all {
		if state := aws.StringValue((streamingSession{s, id}).get().State); state == "STOPPED" {
			c.checkBackups(id)
			c.restore(id)
		}
	}
	for _, id := range all {
		if state := aws.StringValue((streamingSession{s, id}).get().State); state != "DELETED" {
			(streamingSession{s, id}).delete()
		}
	}
	for _, id := range all {
		(streamingSession{s, id}).wait("DELETED", time.Minute)
	}
	// What a killed server could not take away any more is an orphan for a minute first.
	eventually(t, 2*time.Minute, func() error {
		if diff := cmp.Diff(before, s.settled()); diff != "" {
			return fmt.Errorf("left on the machine (-before +after):\n%s", diff)
		}
		return nil
	})
	var told []string
	for what, n := range c.counts {
		told = append(told, fmt.Sprintf("%s %d", what, n))
	}
	slices.Sort(told)
	t.Logf("%d sessions; %s", len(all), strings.Join(told, ", "))
	for _, w := range c.wrong {
		t.Error(w)
	}
	// A short campaign may end before anything was seen and then backed up.
	if c.counts["backups read"] == 0 || *kills >= 50 && c.counts["sights held to a backup"] == 0 {
		t.Error("nothing was looked at")
	}
}

// killOften is the end of the server, again and again; now and then a new one dies
// before it has come up.
func (c *chaos) killOften(r *rand.Rand) {
	for n := 0; n < *kills; n++ {
		time.Sleep(time.Duration(r.ExpFloat64() * float64(700*time.Millisecond)))
		c.alive.Lock()
		c.kill(syscall.SIGKILL)
		if r.IntN(8) == 0 && n+1 < *kills {
			c.startAndKill(time.Duration(r.IntN(300)) * time.Millisecond)
			n++
			c.count("killed while coming up")
		}
		c.start()
		c.alive.Unlock()
	}
}

func (c *chaos) startAndKill(after time.Duration) {
	early := exec.CommandContext(c.t.Context(), c.cmd.Args[0], c.cmd.Args[1:]...)
	early.Stdout, early.Stderr = c.log, c.log
	if err := early.Start(); err != nil {
		c.complain("start: %v", err)
		return
	}
	time.Sleep(after)
	_ = early.Process.Kill()
	_ = early.Wait() // killed
}

// work is one client with one session at a time, until the campaign ends.
func (c *chaos) work(r *rand.Rand) (made []string) {
	for id := ""; ; time.Sleep(time.Duration(r.IntN(400)) * time.Millisecond) {
		select {
		case <-c.ended:
			return made
		default:
		}
		if id == "" {
			if id = c.create(fmt.Sprint("chaos-", r.Uint64())); id != "" {
				made = append(made, id)
			}
			continue
		}
		switch state := c.state(id); state {
		case "READY":
			c.look(id)
			if r.IntN(3) > 0 {
				c.try("stop", func(api *nimblestudio.NimbleStudio) error {
					_, err := api.StopStreamingSession(&nimblestudio.StopStreamingSessionInput{
						StudioId: c.studio(), SessionId: &id, VolumeRetentionMode: new([]string{"RETAIN", "DELETE"}[r.IntN(2)]),
					})
					return err
				})
			}
		case "STOPPED":
			if r.IntN(6) == 0 {
				c.alive.RLock()
				c.checkBackups(id)
				c.alive.RUnlock()
				c.try("delete", func(api *nimblestudio.NimbleStudio) error {
					_, err := api.DeleteStreamingSession(&nimblestudio.DeleteStreamingSessionInput{StudioId: c.studio(), SessionId: &id})
					return err
				})
				continue
			}
			in := &nimblestudio.StartStreamingSessionInput{StudioId: c.studio(), SessionId: &id}
			what := "start"
			if backups := c.backupsOf(id); len(backups) > 0 && r.IntN(2) == 0 {
				in.BackupId = backups[r.IntN(len(backups))].BackupId
				what = "start from a backup"
				c.forget(id) // even where no answer comes, it may have begun
			}
			c.try(what, func(api *nimblestudio.NimbleStudio) error {
				_, err := api.StartStreamingSession(in)
				return err
			})
		case "DELETED":
			id = ""
		case "CREATE_FAILED", "START_FAILED", "STOP_FAILED", "DELETE_FAILED":
			c.complain("session %s is %s", id, state)
			id = ""
		}
	}
}

func (c *chaos) studio() *string { return new(c.env["BACKLOT_STUDIO_ID"]) }

// try makes a call that may meet a dead server, or a session that has moved on.
func (c *chaos) try(what string, call func(*nimblestudio.NimbleStudio) error) bool {
	err := call(c.api(true))
	if failed, ok := errors.AsType[awserr.Error](err); ok && failed.Code() != "RequestError" && failed.Code() != nimblestudio.ErrCodeConflictException {
		c.complain("%s: %v", what, err)
	}
	if err == nil {
		c.count(what)
	}
	return err == nil
}

// create makes a session, surely one: the token stays the same until it is there.
func (c *chaos) create(token string) (id string) {
	for {
		if c.try("create", func(api *nimblestudio.NimbleStudio) error {
			out, err := api.CreateStreamingSession(&nimblestudio.CreateStreamingSessionInput{
				StudioId: c.studio(), LaunchProfileId: new(c.env["BACKLOT_LAUNCH_PROFILE_ID"]), ClientToken: &token,
			})
			if err == nil {
				id = aws.StringValue(out.Session.SessionId)
			}
			return err
		}) {
			return id
		}
		select {
		case <-c.ended:
			return ""
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (c *chaos) state(id string) (state string) {
	c.try("get", func(api *nimblestudio.NimbleStudio) error {
		out, err := api.GetStreamingSession(&nimblestudio.GetStreamingSessionInput{StudioId: c.studio(), SessionId: &id})
		if err == nil {
			state = aws.StringValue(out.Session.State)
		}
		return err
	})
	return state
}

func (c *chaos) backupsOf(id string) (ready []*nimblestudio.StreamingSessionBackup) {
	c.try("list", func(api *nimblestudio.NimbleStudio) error {
		return api.ListStreamingSessionBackupsPages(&nimblestudio.ListStreamingSessionBackupsInput{
			StudioId: c.studio(), OwnedBy: new(c.env["BACKLOT_ARTIST_PRINCIPAL_ID"]),
		}, func(page *nimblestudio.ListStreamingSessionBackupsOutput, _ bool) bool {
			for _, b := range page.StreamingSessionBackups {
				if aws.StringValue(b.SessionId) == id && aws.StringValue(b.State) == "READY" {
					ready = append(ready, b)
				}
			}
			return true
		})
	})
	return ready
}

// look: the session runs on its volume, so that what is seen there counts.
func (c *chaos) look(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen[id] == nil {
		c.seen[id] = []sight{}
	}
}

// forget: the session goes back to a backup, so what was seen of its volume may go.
func (c *chaos) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.seen, id)
}

// watch reads, from the host, how far the recorders of all sessions have come.
func (c *chaos) watch() {
	for {
		select {
		case <-c.ended:
			return
		case <-time.After(50 * time.Millisecond):
		}
		c.alive.RLock()
		at := time.Now()
		last := map[string][]int{}
		for _, tree := range c.volumes() {
			id, records, err := readRecords(tree)
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				c.complain("%v", err)
			}
			// The last record may not have been written through yet.
			if n := len(records) - 1; err == nil && n > 0 {
				last[id] = append(last[id], records[n-1])
			}
		}
		c.alive.RUnlock()
		c.mu.Lock()
		for id, records := range last {
			// One that has two volumes is being restored.
			if seen := c.seen[id]; seen != nil && len(records) == 1 {
				c.seen[id] = append(seen, sight{records[0], at})
			}
		}
		c.mu.Unlock()
	}
}

// volumes are the directories of all volumes, as the server sees them.
func (c *chaos) volumes() []string {
	dirs, err := filepath.Glob(fmt.Sprintf("/proc/%d/root/run/backlot-%s/volumes/volumes/*/upper/home/artist", c.cmd.Process.Pid, c.installationID()))
	if err != nil {
		c.complain("look for volumes: %v", err)
	}
	return dirs
}

// readRecords reads the records in the home of a session.
func readRecords(home string) (sessionID string, records []int, err error) {
	of, err := os.ReadFile(filepath.Join(home, "session"))
	if err != nil {
		return "", nil, err
	}
	text, err := os.ReadFile(filepath.Join(home, "records"))
	if err != nil {
		return "", nil, err
	}
	records, err = parseRecords(text)
	if err != nil {
		err = fmt.Errorf("%s: %w", home, err)
	}
	return strings.TrimSpace(string(of)), records, err
}

// parseRecords reads what a recorder wrote: all of it must be numbered without a
// gap, but for a last line that was cut off.
func parseRecords(text []byte) (records []int, err error) {
	text = text[:bytes.LastIndexByte(text, '\n')+1]
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		n, err := strconv.Atoi(lines.Text())
		if err != nil || n != len(records)+1 {
			return nil, fmt.Errorf("line %d is %q", len(records)+1, lines.Text())
		}
		records = append(records, n)
	}
	return records, nil
}

// settle waits until every session rests, and stops those that run.
func (c *chaos) settle(all []string) {
	for _, id := range all {
		s := streamingSession{c.server, id}
		var state string
		eventually(c.t, 2*time.Minute, func() error {
			if state = aws.StringValue(s.get().State); strings.HasSuffix(state, "_IN_PROGRESS") {
				return fmt.Errorf("session %s stays %s", id, state)
			}
			return nil
		})
		c.count(state + " in the end")
		if state == "READY" {
			s.stop()
			s.wait("STOPPED", time.Minute)
		}
	}
}

// fetch reads the records of a backup.
func (c *chaos) fetch(backup *nimblestudio.StreamingSessionBackup) []int {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), filepath.Join(binDir, "backlot"), "backup", "fetch", aws.StringValue(backup.BackupId), "/home/artist/records", "-")
	for k, v := range c.env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	var said bytes.Buffer
	cmd.Stderr = &said
	text, err := cmd.Output()
	if err != nil {
		// Made before the desktop had recorded anything.
		c.t.Logf("fetch from %s: %v: %s", aws.StringValue(backup.BackupId), err, said.String())
		return nil
	}
	records, err := parseRecords(text)
	if err != nil {
		c.complain("backup %s: %v", aws.StringValue(backup.BackupId), err)
	}
	c.count("backups read")
	return records
}

// checkBackups holds every backup of a session to what had been seen before it.
func (c *chaos) checkBackups(id string) {
	for _, b := range c.backupsOf(id) {
		has, at := len(c.fetch(b)), aws.TimeValue(b.CreatedAt)
		c.mu.Lock()
		seen := slices.Clone(c.seen[id])
		c.mu.Unlock()
		for _, s := range seen {
			if !s.at.Before(at) {
				break
			}
			c.count("sights held to a backup")
			if s.record > has {
				c.complain("backup %s of %s began at %s; record %d, written through by %s, is not in it: it has %d",
					aws.StringValue(b.BackupId), id, at, s.record, s.at, has)
				break
			}
		}
	}
}

// restore starts a session from its newest backup: its recorder goes on where that ends.
func (c *chaos) restore(id string) {
	backups := c.backupsOf(id)
	if len(backups) == 0 {
		return
	}
	had := len(c.fetch(backups[0]))
	s := streamingSession{c.server, id}
	s.start(aws.StringValue(backups[0].BackupId))
	s.wait("READY", time.Minute)
	eventually(c.t, time.Minute, func() error {
		for _, home := range c.volumes() {
			of, records, err := readRecords(home)
			if of == id && err == nil && len(records) > had {
				return nil
			}
		}
		return fmt.Errorf("the recorder of %s does not go on after record %d", id, had)
	})
	s.stop()
	s.wait("STOPPED", time.Minute)
	c.count("sessions restored in the end")
}
