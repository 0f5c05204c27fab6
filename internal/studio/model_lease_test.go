package studio_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/backlot/backlot/internal/studio"
)

// fences tell how far the leases of what is on the machine have come, as the loop
// keeps them beside it.
type fences map[string]int64

// pass lets a lease's holder act unless a later lease has acted.
func (f fences) pass(task studio.Task) bool {
	name := ""
	switch {
	case task.Session != nil:
		name = task.Session.Key
	case task.Backup != nil:
		name = task.Backup.Key
	default:
		return true
	}
	if task.Lease.Number < f[name] {
		return false
	}
	f[name] = task.Lease.Number
	return true
}

// leases are those that somebody holds.
type leases map[string]studio.Lease

// taken holds the store to giving a lease to one server at a time, each with a
// higher number than the last.
func (l leases) taken(t errorer, lease studio.Lease, now time.Time) {
	t.Helper()
	key := fmt.Sprint(lease.Table, lease.ID)
	before, ok := l[key]
	if ok && before.Until.After(now) {
		t.Fatalf("two hold a lease: %+v and %+v, at %s", before, lease, now)
	}
	if ok && lease.Number <= before.Number {
		t.Fatalf("lease %+v after %+v", lease, before)
	}
	l[key] = lease
}

func (l leases) released(lease studio.Lease) {
	lease.Until = time.Time{}
	l[fmt.Sprint(lease.Table, lease.ID)] = lease
}

// freeze has a server take a lease, look what there is to do, and do nothing for a
// long time.
func (m *model) freeze(rt *rapid.T, ctx context.Context) {
	if len(m.frozen) == 4 {
		rt.Skip("enough")
	}
	for _, task := range m.claim(rt, ctx, "frozen") {
		if task.Action != studio.None {
			m.frozen = append(m.frozen, task)
		}
	}
}

// thaw has a server do what it was about to do. If another has acted since, that
// reaches neither the machine nor the store.
func (m *model) thaw(rt *rapid.T, ctx context.Context) {
	if len(m.frozen) == 0 {
		rt.Skip("none")
	}
	i := rapid.IntRange(0, len(m.frozen)-1).Draw(rt, "which")
	task := m.frozen[i]
	m.frozen = append(m.frozen[:i:i], m.frozen[i+1:]...)
	latest := m.leases[fmt.Sprint(task.Table, task.ID)]
	late := latest.Number > task.Lease.Number

	if !m.fences.pass(task) {
		if !late {
			rt.Fatalf("%+v is fenced without another", task.Lease)
		}
		return
	}
	m.late = m.late || late
	failed := m.do(rt, ctx, task)
	before := m.row(rt, ctx, task)
	switch err := m.Record(ctx, task, failed); {
	case err == nil && late:
		rt.Fatalf("%s of %s was recorded under %+v, and %+v came after", task.Action, task.ID, task.Lease, latest)
	case err != nil:
		if !errors.Is(err, studio.ErrStale) {
			rt.Fatal(err)
		}
		if after := m.row(rt, ctx, task); !reflect.DeepEqual(before, after) {
			rt.Fatalf("refused, and changed:\n%+v\n%+v", before, after)
		}
	}
	if err := m.store.Release(ctx, task.Lease); err == nil {
		if late {
			rt.Fatalf("%+v was released, and %+v came after", task.Lease, latest)
		}
		m.leases.released(task.Lease)
	} else if !errors.Is(err, studio.ErrStale) {
		rt.Fatal(err)
	}
}

// lookOver does what the loop does every few minutes: it ends and removes what a
// server left on the machine that did a step after another had moved on without one.
func (m *model) lookOver(rt *rapid.T, ctx context.Context) {
	wanted, err := m.Wanted(ctx)
	must(rt, err)
	unwanted, err := m.Unwanted(ctx, studio.Holdings{Volumes: slices.Collect(maps.Keys(m.volumes)), Snapshots: slices.Collect(maps.Keys(m.snapshots))})
	must(rt, err)
	if !m.late {
		if len(unwanted.Lost) > 0 {
			rt.Fatalf("lost: %v", unwanted.Lost)
		}
		m.sweep(rt, ctx)
		return
	}
	for key := range m.running {
		if _, ok := wanted.Workstations[key]; !ok {
			delete(m.running, key)
		}
	}
	// Those in which there is something are kept, for somebody to look at.
	for _, id := range unwanted.Volumes {
		delete(m.volumes, id)
	}
	for _, id := range slices.Concat(unwanted.Expendable, unwanted.Lost) {
		delete(m.snapshots, id)
	}
}

// row is what the store has of a task's session or backup; nil: neither, or nothing.
func (m *model) row(rt *rapid.T, ctx context.Context, task studio.Task) any {
	var n studio.Noun
	switch {
	case task.Session != nil:
		n = &studio.Session{}
	case task.Backup != nil:
		n = &studio.Backup{}
	default:
		return nil
	}
	err := m.store.Read(ctx, func(tx studio.Tx) error { return tx.Find(ctx, task.ID, n) })
	if errors.Is(err, studio.ErrNoRow) {
		return nil
	}
	must(rt, err)
	return n
}
