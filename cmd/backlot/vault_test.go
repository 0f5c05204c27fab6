package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/backlot/backlot/internal/studio"
	"github.com/backlot/backlot/internal/volume"
	"github.com/backlot/backlot/internal/volume/files"
)

const someSpace = 1 << 20

// newVault is a vault with the snapshot "one" of a session's volume.
func newVault(t *testing.T) vault {
	t.Helper()
	d, err := files.Open(files.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	v := vault{volumes: d}
	if err := d.Create(t.Context(), "v", volume.Options{}); err != nil {
		t.Fatal(err)
	}
	dir, err := d.Mount(t.Context(), "v")
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(dir, top, "home")
	for _, err := range []error{
		os.MkdirAll(filepath.Join(dir, "work", "work"), 0o700),
		os.MkdirAll(home, 0o755),
		os.WriteFile(filepath.Join(home, "a"), []byte("work"), 0o640),
		os.Symlink("a", filepath.Join(home, "b")),
		os.Symlink("../../work", filepath.Join(home, "out")),
		os.Mkdir(filepath.Join(home, "c"), 0o755),
		d.Snapshot(t.Context(), "v", "one"),
		d.Delete(t.Context(), "v"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return v
}

func TestVaultShowsWhatTheArtistKnows(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	list, err := v.Entries(t.Context(), "one", "home", "a", 2)
	if err != nil || len(list) != 2 || list[0].Name != "b" || list[0].Type != studio.FileSymlink || list[0].Target != "a" || list[1].Type != studio.FileDirectory {
		t.Errorf("%+v %v", list, err)
	}
	if list, err = v.Entries(t.Context(), "one", ".", "", 9); err != nil || len(list) != 1 || list[0].Name != "home" || list[0].Mode != "0755" {
		t.Errorf("%+v %v", list, err)
	}
	for _, path := range []string{"home/a", "home/b"} {
		content, f, err := v.Open(t.Context(), "one", path)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(content); err != nil || string(text) != "work" || f.Mode != "0640" || f.Size != 4 {
			t.Errorf("%s: %q %+v %v", path, text, f, err)
		}
		if err := content.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, path := range []string{"nothing", "home", "home/a/b", "home/out", "home/out/work", "../work", strings.Repeat("x", 300)} {
		if _, _, err := v.Open(t.Context(), "one", path); !errors.Is(err, studio.ErrNoFile) {
			t.Errorf("%s: %v", path, err)
		}
		if _, err := v.Entries(t.Context(), "one", path, "", 1); path != "home" && !errors.Is(err, studio.ErrNoFile) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, _, err := v.Open(t.Context(), "gone", "home/a"); !errors.Is(err, studio.ErrNoFile) {
		t.Errorf("no snapshot: %v", err)
	}
}

func TestVaultTakesWholeArchivesOnly(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	var archive bytes.Buffer
	if err := v.Export(t.Context(), "one", map[string]string{"backupId": "x"}, &archive); err != nil {
		t.Fatal(err)
	}
	whole := archive.Bytes()
	flipped := slices.Clone(whole)
	flipped[len(whole)/2] ^= 1
	broken := errors.New("test")
	for name, tt := range map[string]struct {
		from  io.Reader
		limit int64
		want  error
	}{
		"cut":       {bytes.NewReader(whole[:len(whole)-1]), someSpace, studio.ErrNoArchive},
		"flipped":   {bytes.NewReader(flipped), someSpace, studio.ErrNoArchive},
		"longer":    {io.MultiReader(bytes.NewReader(whole), strings.NewReader("x")), someSpace, studio.ErrNoArchive},
		"empty":     {strings.NewReader(""), someSpace, studio.ErrNoArchive},
		"nonsense":  {strings.NewReader("nonsense"), someSpace, studio.ErrNoArchive},
		"broken":    {io.MultiReader(bytes.NewReader(whole[:len(whole)/2]), breaking{broken}), someSpace, broken},
		"too large": {bytes.NewReader(whole), 1, studio.ErrNoRoom},
	} {
		if sum, err := v.Import(t.Context(), "two", tt.limit, tt.from); !errors.Is(err, tt.want) {
			t.Errorf("%s: %+v, %v, want %v", name, sum, err, tt.want)
		}
	}
	full := v
	full.reserve = 1 << 62
	if _, err := full.Import(t.Context(), "two", someSpace, bytes.NewReader(whole)); !errors.Is(err, studio.ErrNoRoom) {
		t.Errorf("full: %v", err)
	}
	if all, err := v.volumes.List(t.Context()); err != nil || len(all.Volumes) > 0 || len(all.Snapshots) != 1 {
		t.Errorf("left: %+v %v", all, err)
	}
	sum, err := v.Import(t.Context(), "two", someSpace, bytes.NewReader(whole))
	if err != nil || len(sum.Root) != 64 || sum.Bytes != 4 {
		t.Fatalf("%+v %v", sum, err)
	}
	if all, err := v.volumes.List(t.Context()); err != nil || len(all.Volumes) > 0 || len(all.Snapshots) != 2 {
		t.Errorf("left: %+v %v", all, err)
	}
	if _, _, err := v.Open(t.Context(), "two", "home/a"); err != nil {
		t.Error(err)
	}
	if err := v.Remove(t.Context(), studio.LostSnapshot, "two"); err != nil {
		t.Error(err)
	}
}

type breaking struct{ err error }

func (f breaking) Read([]byte) (int, error) { return 0, f.err }
