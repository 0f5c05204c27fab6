package tree_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/volume/tree"
)

// What is imported is what was exported: by the root hash, and by the manifest.
func TestArchiveIsTheTree(t *testing.T) {
	t.Parallel()
	dir := example(t)
	want, manifest := sum(t, dir)
	var meta tree.Meta
	var b bytes.Buffer
	exported, err := tree.Export(t.Context(), dir, tree.Meta{"name": "x", "size": "7"}, &b, nil)
	must(t, err)
	to := t.TempDir()
	imported, err := tree.Import(t.Context(), &b, func(m tree.Meta) (string, error) { meta = m; return to, nil }, nil)
	must(t, err)
	for what, got := range map[string]tree.Summary{"exported": exported, "imported": imported} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	if r := verify(t, manifest, to); r.Count != 0 {
		t.Errorf("differences: %+v", r.Differences)
	}
	if again, _ := sum(t, to); again.Root != want.Root {
		t.Errorf("root %s, want %s", again.Root, want.Root)
	}
	if diff := cmp.Diff(tree.Meta{"name": "x", "size": "7"}, meta); diff != "" {
		t.Error(diff)
	}
	for _, name := range []string{"sparse", "all hole"} {
		if got := onDisk(t, filepath.Join(to, name)); got > 1<<20 {
			t.Errorf("%s takes %d bytes of the disk", name, got)
		}
	}
	if got := b.Cap(); got > 4<<20 {
		t.Errorf("the archive took %d bytes, holes and all", got)
	}
}

// Whoever lost Backlot gets at everything with Debian's tar.
func TestGNUTarUnpacks(t *testing.T) {
	t.Parallel()
	dir := example(t)
	_, manifest := sum(t, dir)
	for _, program := range []string{"tar", "zstd"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("needs", program)
		}
	}
	archive := export(t, dir)
	listed := run(t, bytes.NewReader(archive), "tar", "--zstd", "-tf", "-")
	for _, name := range []string{"backlot.json\n", "tree/\n", "tree/upper/home/artist/scene.blend\n", "backlot.sum\n"} {
		if !strings.Contains(listed, name) {
			t.Errorf("tar does not list %q:\n%s", name, listed)
		}
	}
	to := t.TempDir()
	out := run(t, bytes.NewReader(archive), "tar", "--zstd", "--xattrs", "--xattrs-include=*", "--numeric-owner",
		"--warning=no-timestamp", "-xpf", "-", "-C", to)
	if out != "" {
		t.Errorf("tar says %q", out)
	}
	if r := verify(t, manifest, filepath.Join(to, "tree")); r.Count != 0 {
		t.Errorf("differences: %+v", r.Differences)
	}
	for _, name := range []string{"sparse", "all hole"} {
		if got := onDisk(t, filepath.Join(to, "tree", name)); got > 1<<20 {
			t.Errorf("%s takes %d bytes of the disk", name, got)
		}
	}
}

// small makes a tree whose archive is a few hundred bytes.
func small(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "a/b"), 0o750))
	must(t, os.WriteFile(filepath.Join(dir, "a/f"), []byte("content"), 0o600))
	must(t, os.Link(filepath.Join(dir, "a/f"), filepath.Join(dir, "g")))
	must(t, os.Symlink("a", filepath.Join(dir, "l")))
	holes, err := os.Create(filepath.Join(dir, "holes"))
	must(t, err)
	_, err = holes.WriteAt([]byte("island"), 32<<10)
	must(t, errors.Join(err, holes.Truncate(64<<10), holes.Close()))
	return dir
}

// No archive that was cut or changed anywhere is taken for a whole one.
func TestDamagedArchive(t *testing.T) {
	t.Parallel()
	requireRoot(t)
	archive := export(t, small(t))
	if _, _, err := importTo(t, archive); err != nil {
		t.Fatal(err)
	}
	for n := range archive {
		if _, _, err := importTo(t, archive[:n]); !errors.Is(err, tree.ErrDamaged) {
			t.Errorf("cut to %d of %d bytes: %v, want ErrDamaged", n, len(archive), err)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		changed := bytes.Clone(archive)
		at, bit := random.IntN(len(changed)), byte(1)<<random.IntN(8)
		changed[at] ^= bit
		dir, _, err := importTo(t, changed)
		if err == nil && !bytes.Equal(unzip(t, changed), unzip(t, archive)) {
			t.Errorf("bit %08b of byte %d changed: no error, %s", bit, at, dir)
		}
	}
	if _, _, err := importTo(t, append(bytes.Clone(archive), archive...)); !errors.Is(err, tree.ErrDamaged) {
		t.Errorf("two archives in one: %v, want ErrDamaged", err)
	}
	if _, _, err := importTo(t, append(bytes.Clone(archive), "garbage"...)); !errors.Is(err, tree.ErrDamaged) {
		t.Errorf("garbage behind: %v, want ErrDamaged", err)
	}
}

func TestImportIntoSomething(t *testing.T) {
	t.Parallel()
	requireRoot(t)
	archive := export(t, small(t))
	full := small(t)
	if _, err := tree.Import(t.Context(), bytes.NewReader(archive), into(full), nil); err == nil {
		t.Error("imported into a directory with files in it")
	}
	told := errors.New("no room")
	_, err := tree.Import(t.Context(), bytes.NewReader(archive), func(tree.Meta) (string, error) { return "", told }, nil)
	if !errors.Is(err, told) {
		t.Errorf("%v, want the error of place", err)
	}
}

func TestExportErrors(t *testing.T) {
	t.Parallel()
	requireRoot(t)
	if _, err := tree.Export(t.Context(), small(t), tree.Meta{"k": strings.Repeat("x", 64<<10)}, &bytes.Buffer{}, nil); err == nil {
		t.Error("exported with too much of meta")
	}
	full := errors.New("disk full")
	if _, err := tree.Export(t.Context(), small(t), nil, failing{full}, nil); !errors.Is(err, full) {
		t.Errorf("%v, want the writer's error", err)
	}
	ctx, cancel := contextCancelled(t)
	cancel()
	if _, err := tree.Export(ctx, small(t), nil, &bytes.Buffer{}, nil); !errors.Is(err, ctx.Err()) {
		t.Errorf("%v, want %v", err, ctx.Err())
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// Progress ends with what the summary says.
func TestProgress(t *testing.T) {
	t.Parallel()
	dir := example(t)
	var files, bytesDone int64
	progress := func(f, b int64) {
		if f < files || b < bytesDone {
			t.Errorf("went back from %d, %d to %d, %d", files, bytesDone, f, b)
		}
		files, bytesDone = f, b
	}
	var b bytes.Buffer
	s, err := tree.Export(t.Context(), dir, nil, &b, progress)
	must(t, err)
	if files != s.Files || bytesDone != s.Bytes {
		t.Errorf("export ended at %d, %d of %+v", files, bytesDone, s)
	}
	files, bytesDone = 0, 0
	s, err = tree.Import(t.Context(), &b, into(t.TempDir()), progress)
	must(t, err)
	if files != s.Files || bytesDone != s.Bytes {
		t.Errorf("import ended at %d, %d of %+v", files, bytesDone, s)
	}
}
