package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/store"
	"github.com/backlot/backlot/internal/studio"
	"github.com/backlot/backlot/internal/testkit"
)

// counters has writers add to nouns of their own, three at once, until stop, and
// then holds the store to exactly what was acknowledged.
func counters(t *testing.T, stores []*store.Store, stop <-chan struct{}) (wait func()) {
	const writers = 6
	tables := []studio.Table{"sessions", "streams", "backups"}
	acknowledged := make([]int, writers)
	add := func(s *store.Store, id string) error {
		return s.Write(t.Context(), start, func(tx studio.Tx) error {
			for _, table := range tables {
				n := thing{Kind: table}
				if err := tx.Find(t.Context(), id, &n); errors.Is(err, studio.ErrNoRow) {
					n = *newThing(id)
					n.Kind = table
				} else if err != nil {
					return err
				}
				n.Note += "."
				if err := tx.Save(t.Context(), &n); err != nil {
					return err
				}
			}
			return nil
		})
	}
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := add(stores[i%len(stores)], fmt.Sprint("writer ", i)); err != nil {
					t.Errorf("write %d: %v", acknowledged[i]+1, err)
					return
				}
				acknowledged[i]++
			}
		})
	}
	return func() {
		t.Helper()
		wg.Wait()
		t.Log("acknowledged", acknowledged)
		for i, n := range acknowledged {
			for _, table := range tables {
				found := thing{Kind: table}
				err := stores[0].Read(t.Context(), func(tx studio.Tx) error { return tx.Find(t.Context(), fmt.Sprint("writer ", i), &found) })
				if err != nil || len(found.Note) != n {
					t.Errorf("writer %d was told of %d writes, there are %d in %s (%v)", i, n, len(found.Note), table, err)
				}
			}
		}
	}
}

// TestPostgresRestarted crashes the database again and again under writers.
func TestPostgresRestarted(t *testing.T) {
	t.Parallel()
	server := testkit.NewPostgres(t)
	stores := []*store.Store{opened(t, postgres(t, server.URL)), opened(t, postgres(t, server.URL))}
	stop := make(chan struct{})
	wait := counters(t, stores, stop)
	random := rand.New(rand.NewPCG(5, 6))
	crashes := 5
	if testing.Short() {
		crashes = 2
	}
	for range crashes {
		time.Sleep(time.Duration(100+random.IntN(400)) * time.Millisecond) // at any moment
		server.Stop(t)
		server.Start(t)
	}
	close(stop)
	wait()
}

// TestConnectionsCut cuts connections, most of all around commits: once what was
// sent has arrived, once not.
func TestConnectionsCut(t *testing.T) {
	t.Parallel()
	through, cuts := cutter(t, testkit.Postgres(t))
	stores := []*store.Store{opened(t, postgres(t, through)), opened(t, postgres(t, through))}
	cuts.begin.Store(true)
	stop := make(chan struct{})
	wait := counters(t, stores, stop)
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline) && cuts.arrived.Load()+cuts.dropped.Load() < 40; {
		time.Sleep(10 * time.Millisecond)
	}
	cuts.begin.Store(false)
	close(stop)
	wait()
	t.Logf("commits cut off: %d that arrived, %d that did not; %d other cuts", cuts.arrived.Load(), cuts.dropped.Load(), cuts.others.Load())
	if cuts.arrived.Load() < 5 || cuts.dropped.Load() < 5 || cuts.others.Load() < 5 {
		t.Error("too few cuts to tell anything")
	}
}

type cuts struct {
	begin                    atomic.Bool
	arrived, dropped, others atomic.Int64
}

// cutter stands between stores and the database.
func cutter(t *testing.T, to string) (through string, c *cuts) {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	target := filepath.Join(q.Get("host"), ".s.PGSQL.5432")
	dir := t.TempDir()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(dir, ".s.PGSQL.5432"))
	if err != nil {
		t.Fatal(err)
	}
	c = &cuts{}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		_ = l.Close()
		wg.Wait()
	})
	wg.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { c.pass(ctx, client, target) })
		}
	})
	q.Set("host", dir)
	u.RawQuery = q.Encode()
	return u.String(), c
}

func (c *cuts) pass(ctx context.Context, client net.Conn, target string) {
	defer func() { _ = client.Close() }()
	server, err := (&net.Dialer{}).DialContext(ctx, "unix", target)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	defer context.AfterFunc(ctx, func() { _, _ = client.Close(), server.Close() })()
	go func() {
		_, _ = io.Copy(client, server)
		_ = client.Close()
	}()
	buffer := make([]byte, 1<<16)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		said := buffer[:n]
		if c.begin.Load() {
			commit := bytes.Contains(said, []byte("commit\x00"))
			switch r := rand.IntN(400); {
			case commit && r < 40: // it arrives, the answer does not
				c.arrived.Add(1)
				_ = client.Close()
				_, _ = server.Write(said)
				_, _ = server.Read(buffer)
				return
			case commit && r < 80:
				c.dropped.Add(1)
				return
			case !commit && r < 6:
				c.others.Add(1)
				return
			}
		}
		if _, err := server.Write(said); err != nil {
			return
		}
	}
}
