package store_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/store"
	"github.com/backlot/backlot/internal/studio"
)

var kills = flag.Int("kills", 40, "how often TestKilled kills the process that writes")

const killedPath = "BACKLOT_TEST_KILLED_STORE"

// TestKilled kills a process that writes, again and again: every transaction it
// had the end of is there, and of none there is a half.
func TestKilled(t *testing.T) {
	t.Parallel()
	if path := os.Getenv(killedPath); path != "" {
		t.Fatal(writeForever(t.Context(), path))
	}
	path := filepath.Join(t.TempDir(), "store.db")
	random := rand.New(rand.NewPCG(3, 4))
	for range *kills {
		acknowledged := killAfter(t, path, time.Duration(random.IntN(30_000))*time.Microsecond)
		s, err := store.Open(t.Context(), config(t, path))
		if err != nil {
			t.Fatal(err)
		}
		counts := map[studio.Table]int{}
		err = s.Read(t.Context(), func(tx studio.Tx) (err error) {
			for _, table := range []studio.Table{"sessions", "streams", "backups"} {
				if counts[table], err = tx.Count(t.Context(), studio.Query{Table: table}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := counts["sessions"]; n < acknowledged || n > acknowledged+1 || counts["streams"] != n || counts["backups"] != n {
			t.Fatalf("acknowledged %d, found %v", acknowledged, counts)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// killAfter has a process write, kills it that long after its first sign of
// life, and returns how many transactions it said are in the store.
func killAfter(t *testing.T, path string, wait time.Duration) (acknowledged int) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilled$")
	child.Env = append(os.Environ(), killedPath+"="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	first := true
	for lines := bufio.NewScanner(out); lines.Scan(); {
		n, err := strconv.Atoi(lines.Text())
		if err != nil {
			t.Errorf("child says %q", lines.Text())
			continue
		}
		acknowledged = n
		if first {
			first = false
			time.AfterFunc(wait, func() { _ = child.Process.Kill() })
		}
	}
	_ = child.Wait() // killed
	return acknowledged
}

func writeForever(ctx context.Context, path string) error {
	s, err := store.Open(ctx, store.Config{Path: path, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	for {
		n := 0
		err := s.Write(ctx, start, func(tx studio.Tx) (err error) {
			if n, err = tx.Count(ctx, studio.Query{Table: "sessions"}); err != nil {
				return err
			}
			n++
			for _, table := range []studio.Table{"sessions", "streams", "backups"} {
				if err := tx.Save(ctx, dueThing(table, fmt.Sprint(n), time.Hour)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(os.Stdout, n); err != nil {
			return err
		}
	}
}
