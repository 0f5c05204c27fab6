package reconcile

import (
	"errors"
	"os"
	"testing"

	"pgregory.net/rapid"
)

func TestFences(t *testing.T) {
	t.Parallel()
	f := fences{t.TempDir() + "/fences"}
	for _, at := range []struct {
		name   string
		number int64
		late   bool
	}{
		{"a", 3, false},
		{"a", 3, false},
		{"b", 1, false},
		{"a", 9, false},
		{"a", 10, false},
		{"a", 9, true},
		{"a", 3, true},
		{"a", 10, false},
		{"b", 1, false},
	} {
		err := f.pass(at.name, at.number)
		if errors.Is(err, errFenced) != at.late || err != nil && !at.late {
			t.Errorf("lease %d of %s: %v; late %v", at.number, at.name, err, at.late)
		}
	}
	if err := f.forget("a"); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(f.dir)
	if err != nil || len(left) != 1 || left[0].Name() != "b" {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestFencesMeet lets two holders come at once: the lower never passes once the
// higher has.
func TestFencesMeet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		f := fences{t.TempDir()}
		highest := int64(0)
		for range rapid.IntRange(1, 30).Draw(rt, "passes") {
			n := rapid.Int64Range(1, 12).Draw(rt, "lease")
			err := f.pass("x", n)
			if late := n < highest; errors.Is(err, errFenced) != late || err != nil && !late {
				rt.Fatalf("lease %d after %d: %v", n, highest, err)
			}
			highest = max(highest, n)
		}
	})
}
