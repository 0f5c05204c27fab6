package studio_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/backlot/backlot/internal/studio"
)

// model is a world in which anything happens, and what must hold in it.
type model struct {
	*world
	ids      []string                // of all sessions, the oldest first
	sessions map[string]studio.State // as last seen
	writes   int
	keys     []string // every workstation there ever was
	// good are the sessions that had a READY backup not known to be damaged when
	// they were looked at last; forgone those of which somebody deleted one.
	good, forgone map[string]bool
	frozen        []studio.Task // what servers were about to do
	late          bool          // one did it although another had the lease
}

// TestModel lets calls, failures, crashes and jumps in time come in any order.
func TestModel(t *testing.T) {
	t.Parallel()
	var clean *world // one that the last run left as it found it
	events := 0
	t.Cleanup(func() { t.Logf("%d events", events) })
	rapid.Check(t, func(rt *rapid.T) {
		ctx := t.Context()
		if clean == nil {
			clean = open(rt, t, t.TempDir(), nil)
			clean.furnish(rt, ctx)
		}
		m := &model{world: clean, sessions: map[string]studio.State{}, good: map[string]bool{}, forgone: map[string]bool{}}
		clean = nil

		rt.Repeat(map[string]func(*rapid.T){
			"":       func(rt *rapid.T) { events++; m.check(rt, ctx) },
			"create": func(rt *rapid.T) { m.create(rt, ctx) },
			"stop": func(rt *rapid.T) {
				mode := rapid.SampledFrom([]string{"RETAIN", "DELETE"}).Draw(rt, "mode")
				_, err := m.StopStreamingSession(ctx, artist, &studio.StopStreamingSessionRequest{StudioID: m.studioID, SessionID: m.any(rt), VolumeRetentionMode: &mode})
				m.answered(rt, err)
			},
			"start": func(rt *rapid.T) {
				req := &studio.StartStreamingSessionRequest{StudioID: m.studioID, SessionID: m.any(rt)}
				if b := m.ready(rt, ctx, req.SessionID); len(b) > 0 && rapid.Bool().Draw(rt, "restore") {
					req.BackupID = &rapid.SampledFrom(b).Draw(rt, "backup").BackupID
				}
				_, err := m.StartStreamingSession(ctx, artist, req)
				m.answered(rt, err)
			},
			"delete": func(rt *rapid.T) {
				_, err := m.DeleteStreamingSession(ctx, artist, &studio.DeleteStreamingSessionRequest{StudioID: m.studioID, SessionID: m.any(rt)})
				m.answered(rt, err)
			},
			"stream": func(rt *rapid.T) {
				_, err := m.CreateStreamingSessionStream(ctx, artist, &studio.CreateStreamingSessionStreamRequest{StudioID: m.studioID, SessionID: m.any(rt)})
				m.answered(rt, err)
			},
			"back up": func(rt *rapid.T) {
				_, err := m.CreateBackup(ctx, artist, &studio.CreateBackupRequest{StudioID: m.studioID, SessionID: m.any(rt)})
				m.answered(rt, err)
			},
			"delete backup": func(rt *rapid.T) { m.deleteBackup(rt, ctx) },
			"restore":       func(rt *rapid.T) { m.restore(rt, ctx) },
			"verify": func(rt *rapid.T) {
				_, err := m.VerifyBackup(ctx, artist, &studio.VerifyBackupRequest{StudioID: m.studioID, BackupID: m.anyBackup(rt, ctx).BackupID})
				m.answered(rt, err)
			},
			"inspect": func(rt *rapid.T) { m.inspectAny(rt, ctx) },
			"import":  func(rt *rapid.T) { m.importAny(rt, ctx) },
			"write": func(*rapid.T) {
				for _, volume := range m.running {
					m.writes++
					m.volumes[volume] = fmt.Sprint(m.writes)
				}
			},
			"step": func(rt *rapid.T) { m.act(rt, ctx) },
			"fail": func(rt *rapid.T) {
				final := rapid.Bool().Draw(rt, "final")
				m.broken = func(studio.Action) *studio.Failure {
					return &studio.Failure{Code: studio.InternalFailure, Final: final, Err: errors.New("test")}
				}
				m.act(rt, ctx)
				m.broken = nil
			},
			"crash": func(rt *rapid.T) {
				for _, task := range m.claim(rt, ctx, "crash") {
					if m.fences.pass(task) {
						_ = m.do(rt, ctx, task) // and no word of it is recorded
					}
				}
				m.clock.advance(2 * time.Second)
				if rapid.Bool().Draw(rt, "restart") {
					must(rt, m.Recover(ctx))
				}
			},
			"freeze":  func(rt *rapid.T) { m.freeze(rt, ctx) },
			"thaw":    func(rt *rapid.T) { m.thaw(rt, ctx) },
			"silence": func(*rapid.T) { m.silent = !m.silent },
			"lose": func(rt *rapid.T) {
				for i, key := range m.keys {
					if _, runs := m.running[key]; runs && rapid.Bool().Draw(rt, fmt.Sprint(i)) {
						delete(m.running, key)
						must(rt, m.DesktopLost(ctx, key))
					}
				}
			},
			"word": func(rt *rapid.T) {
				// Words of earlier runs change nothing; the present one speaks only if it runs.
				key := rapid.SampledFrom(append(m.keys, "nobody")).Draw(rt, "key")
				if _, runs := m.running[key]; runs || !m.present(rt, ctx, key) {
					if err := m.DesktopReady(ctx, key); !errors.Is(err, studio.ErrEarly) {
						must(rt, err)
					}
				}
			},
			"wait": func(rt *rapid.T) {
				m.clock.advance(rapid.SampledFrom([]time.Duration{time.Second, time.Minute, 5 * time.Hour, 30 * time.Hour}).Draw(rt, "time"))
			},
		})

		// However bad things are, every transition ends.
		if rapid.Bool().Draw(rt, "bad end") {
			m.broken = func(studio.Action) *studio.Failure {
				return &studio.Failure{Code: studio.InternalFailure, Err: errors.New("test")}
			}
			m.settle(rt, ctx)
			m.prune(rt, ctx)
			for _, id := range m.ids {
				if s := m.stored(rt, id); strings.HasSuffix(string(s.State), "_IN_PROGRESS") {
					rt.Fatalf("without end: %+v", s)
				}
			}
		}
		m.broken, m.silent = nil, false
		m.settle(rt, ctx)
		for len(m.frozen) > 0 { // who comes that late finds it all done
			m.thaw(rt, ctx)
		}
		m.settle(rt, ctx)
		m.lookOver(rt, ctx)
		m.check(rt, ctx)
		m.rest(rt, ctx)
		for _, id := range m.ids {
			_, err := m.DeleteStreamingSession(ctx, artist, &studio.DeleteStreamingSessionRequest{StudioID: m.studioID, SessionID: id})
			m.answered(rt, err)
		}
		m.settle(rt, ctx)
		m.lookOver(rt, ctx)
		if len(m.running)+len(m.volumes)+len(m.snapshots) != 0 {
			rt.Fatalf("left behind: %v %v %v", m.running, m.volumes, m.snapshots)
		}
		clean = m.world
	})
}

func (m *model) create(rt *rapid.T, ctx context.Context) {
	if len(m.sessions) == 3 {
		rt.Skip("enough")
	}
	kind := rapid.SampledFrom([]string{"g4dn.xlarge", "g5.xlarge"}).Draw(rt, "type")
	answer, err := m.CreateStreamingSession(ctx, artist, &studio.CreateStreamingSessionRequest{StudioID: m.studioID, LaunchProfileID: m.profileID, EC2InstanceType: &kind})
	must(rt, err)
	m.ids = append(m.ids, answer.Session.SessionID)
	m.sessions[answer.Session.SessionID] = answer.Session.State
}

// any is one of the sessions there are.
func (m *model) any(rt *rapid.T) string {
	if len(m.sessions) == 0 {
		rt.Skip("none")
	}
	return rapid.SampledFrom(m.ids).Draw(rt, "session")
}

// answered holds calls to answering with something modelled.
func (m *model) answered(rt *rapid.T, err error) {
	switch studio.KindOf(err) {
	case studio.Conflict, studio.NotFound, studio.Validation, studio.QuotaExceeded:
	default:
		must(rt, err)
	}
}

func (m *model) ready(rt *rapid.T, ctx context.Context, id string) []*studio.Backup {
	return m.list(rt, ctx, id, studio.Ready)
}

func (m *model) list(rt *rapid.T, ctx context.Context, id string, states ...studio.State) (found []*studio.Backup) {
	must(rt, m.store.Read(ctx, func(tx studio.Tx) (err error) {
		found, err = studio.List[studio.Backup](ctx, tx, studio.Query{ParentID: id, States: states})
		return err
	}))
	return found
}

// present tells whether a workstation is that of a session's present run.
func (m *model) present(rt *rapid.T, ctx context.Context, key string) bool {
	err := m.store.Read(ctx, func(tx studio.Tx) error { return tx.FindUnique(ctx, key, &studio.Session{}) })
	if !errors.Is(err, studio.ErrNoRow) {
		must(rt, err)
	}
	return err == nil
}

// act does one thing that is due, as the loop would, and holds it to what must
// be true of it.
func (m *model) act(rt *rapid.T, ctx context.Context) {
	for _, id := range m.ids {
		s := m.stored(rt, id)
		goes := ""
		switch {
		case s.State == studio.StartInProgress && s.Pending == "" && s.NoRoom == "":
			goes = s.Replaced
		case s.State == studio.StopInProgress && s.Volume == "" && len(s.Trash) > 0:
			goes = s.Trash[len(s.Trash)-1]
		}
		// About to go: a READY backup holds it.
		content := m.volumes[goes]
		if content != "" && !slices.ContainsFunc(m.ready(rt, ctx, id), func(b *studio.Backup) bool { return m.snapshots[b.Key] == content }) {
			rt.Fatalf("%q is to go, and no READY backup holds it: %+v", content, s)
		}
	}
	m.step(rt, ctx)
}

// prune drops the sessions that are forgotten.
func (m *model) prune(rt *rapid.T, ctx context.Context) {
	m.ids = slices.DeleteFunc(m.ids, func(id string) bool { return m.forgotten(rt, ctx, id) })
}

// forgotten tells whether a session is not known any more, which only one may be
// that was DELETED.
func (m *model) forgotten(rt *rapid.T, ctx context.Context, id string) bool {
	err := m.store.Read(ctx, func(tx studio.Tx) error { return tx.Find(ctx, id, &studio.Session{}) })
	if !errors.Is(err, studio.ErrNoRow) {
		must(rt, err)
		return false
	}
	if !studio.Reaches(m.sessions[id], studio.Deleted) {
		rt.Fatalf("%s is forgotten as %s", id, m.sessions[id])
	}
	delete(m.sessions, id)
	return true
}

// check looks at what must hold at any moment.
func (m *model) check(rt *rapid.T, ctx context.Context) {
	m.prune(rt, ctx)
	for _, id := range m.ids {
		s := m.stored(rt, id)
		if !studio.Reaches(m.sessions[id], s.State) {
			rt.Fatalf("%s became %s", m.sessions[id], s.State)
		}
		m.sessions[id] = s.State
		must(rt, studio.Check(&s.StreamingSession)) // the model knows every code
		for _, b := range m.list(rt, ctx, id) {
			must(rt, studio.Check(&b.StreamingSessionBackup))
		}
		if key := s.Workstation(); !slices.Contains(m.keys, key) {
			m.keys = append(m.keys, key)
		}
		if s.StopAt.IsZero() == (s.State == studio.Ready) || !s.TerminateAt.IsZero() || s.StatusMessage == "" {
			rt.Fatalf("times of %+v", s)
		}
		if s.State != studio.Ready {
			must(rt, m.store.Read(ctx, func(tx studio.Tx) error {
				n, err := tx.Count(ctx, studio.Query{Table: studio.TableStreams, ParentID: id, States: []studio.State{studio.Ready}})
				if err == nil && n > 0 {
					rt.Fatalf("%d streams of a session in %s", n, s.State)
				}
				return err
			}))
		}
		// Nothing that a desktop wrote is lost unless somebody asked for it.
		if content := m.volumes[s.Volume]; s.State == studio.Stopped && s.VolumeRetentionMode == "DELETE" && content != "" {
			rt.Fatalf("stopped with DELETE, and the volume is there: %+v", s)
		}
		m.goodStays(rt, ctx, s)
		if s.State == studio.Stopped && s.Volume == "" && len(m.ready(rt, ctx, id)) == 0 && !m.forgone[id] {
			rt.Fatalf("stopped without volume or backup: %+v", s)
		}
	}
	for _, key := range m.keys {
		if n := strings.Count(strings.Join(slices.Collect(maps.Values(m.running)), " "), key[:16]); n > 1 {
			rt.Fatalf("%d workstations of one session run: %v", n, m.running)
		}
	}
}

// rest looks at what must hold when nothing is left to do.
func (m *model) rest(rt *rapid.T, ctx context.Context) {
	running, volumes, snapshots := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, id := range m.ids {
		s := m.stored(rt, id)
		switch s.State {
		case studio.Ready:
			running[s.Workstation()] = true
		case studio.StopFailed, studio.DeleteFailed: // whatever could not be ended
			if _, ok := m.running[s.Leftover]; ok {
				running[s.Leftover] = true
			}
		default:
			if strings.HasSuffix(string(s.State), "_IN_PROGRESS") {
				rt.Fatalf("does not rest: %+v", s)
			}
		}
		for _, v := range append(s.Trash, s.Volume) {
			if _, ok := m.volumes[v]; ok {
				volumes[v] = true
			}
		}
		kept := 0
		for _, b := range m.list(rt, ctx, id) {
			_, there := m.snapshots[b.Key]
			switch b.State {
			case studio.Ready:
				if !there {
					rt.Fatalf("no snapshot of %+v", b)
				}
				if !b.Safety {
					kept++
				}
			case studio.DeleteFailed: // and what it was imported into
				if _, left := m.volumes[studio.ImportVolume(b.Key)]; left {
					volumes[studio.ImportVolume(b.Key)] = true
				}
			case studio.Deleted, studio.CreateFailed:
				if there {
					rt.Fatalf("snapshot left of %+v", b)
				}
			default:
			}
			if there {
				snapshots[b.Key] = true
			}
		}
		if _, ok := m.snapshots[s.Compare]; ok {
			snapshots[s.Compare] = true
		}
		most := s.MaxBackupsToRetain
		if s.Volume == "" {
			most++ // the newest that was made of it, besides imported ones
		}
		if kept > most {
			rt.Fatalf("%d backups are kept of %+v", kept, s)
		}
	}
	if len(running) != len(m.running) || len(volumes) != len(m.volumes) || len(snapshots) != len(m.snapshots) {
		rt.Fatalf("there are %v, %v, %v; known are %v, %v, %v", m.running, m.volumes, m.snapshots, running, volumes, snapshots)
	}
}
