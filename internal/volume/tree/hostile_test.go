package tree_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/backlot/backlot/internal/volume/tree"
)

const goodMeta = `{"format":1}`

// pack makes an archive of headers; content is what all files hold.
func pack(t testing.TB, headers []tar.Header, content string) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b)
	must(t, err)
	w := tar.NewWriter(z)
	put := func(h tar.Header, content string) {
		t.Helper()
		h.Format = tar.FormatPAX
		if h.Typeflag == tar.TypeReg && h.Size == 0 {
			h.Size = int64(len(content))
		}
		must(t, w.WriteHeader(&h))
		if h.Typeflag == tar.TypeReg && h.Size == int64(len(content)) {
			_, err := w.Write([]byte(content))
			must(t, err)
		}
	}
	put(tar.Header{Name: "backlot.json", Typeflag: tar.TypeReg}, goodMeta)
	for _, h := range headers {
		put(h, content)
	}
	_ = w.Close() // an entry may be shorter than it says
	must(t, z.Close())
	return b.Bytes()
}

// No archive makes anything outside of its directory, nor something that a session
// could not have made.
func TestHostileArchive(t *testing.T) {
	t.Parallel()
	requireRoot(t)
	outside := t.TempDir()
	must(t, os.WriteFile(filepath.Join(outside, "victim"), []byte("as it was"), 0o600))
	top := tar.Header{Name: "tree/", Typeflag: tar.TypeDir, Mode: 0o755}
	file := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644} }
	dir := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o755} }
	link := func(name, to string) tar.Header {
		return tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: to, Mode: 0o777}
	}
	hard := func(name, to string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeLink, Linkname: to} }
	for name, headers := range map[string][]tar.Header{
		"nothing":              {},
		"no top":               {file("tree/f")},
		"top is a file":        {file("tree")},
		"top twice":            {top, top},
		"up":                   {top, file("tree/../victim")},
		"up from the top":      {top, file("../victim")},
		"absolute":             {top, file(filepath.Join(outside, "victim"))},
		"beside the tree":      {top, file("victim")},
		"prefix of the tree":   {top, file("treef")},
		"dot":                  {top, file("tree/./f")},
		"double slash":         {top, file("tree//f")},
		"through a link":       {top, link("tree/a", outside), file("tree/a/victim")},
		"link then directory":  {top, link("tree/a", outside), dir("tree/a/"), file("tree/a/victim")},
		"over a link":          {top, link("tree/a", filepath.Join(outside, "victim")), file("tree/a")},
		"hard link outside":    {top, hard("tree/a", filepath.Join(outside, "victim"))},
		"hard link up":         {top, hard("tree/a", "tree/../victim")},
		"hard link by a link":  {top, link("tree/a", outside), hard("tree/b", "tree/a/victim")},
		"hard link to nothing": {top, hard("tree/a", "tree/b")},
		"hard link to the top": {top, hard("tree/a", "tree/")},
		"hard link to a dir":   {top, dir("tree/a/"), hard("tree/b", "tree/a")},
		"no directory before":  {top, file("tree/a/f")},
		"not in order":         {top, file("tree/b"), file("tree/a")},
		"same name twice":      {top, file("tree/a"), file("tree/a")},
		"back to a directory":  {top, dir("tree/a/"), dir("tree/b/"), file("tree/a/f")},
		"device":               {top, {Name: "tree/a", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}},
		"block device":         {top, {Name: "tree/a", Typeflag: tar.TypeBlock}},
		"odd attribute":        {top, {Name: "tree/a", Typeflag: tar.TypeFifo, PAXRecords: map[string]string{"SCHILY.xattr.btrfs.compression": "zstd"}}},
		"whole but no sum":     {top, file("tree/a")},
		"another sum":          {top, file("tree/a"), file("backlot.sum")},
		"content of a link":    {top, {Name: "tree/a", Typeflag: tar.TypeSymlink}},
		"larger than its file": {top, {Name: "tree/a", Typeflag: tar.TypeReg, Size: 1 << 50}},
		"shorter than it says": {top, {Name: "tree/a", Typeflag: tar.TypeReg, Size: 1 << 30}},
	} {
		to, _, err := importTo(t, pack(t, headers, "hostile"))
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		if got, err := os.ReadFile(filepath.Join(outside, "victim")); err != nil || string(got) != "as it was" {
			t.Errorf("%s: the file outside holds %q, %v", name, got, err)
		}
		for _, dir := range []string{outside, filepath.Dir(to)} {
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
				t.Errorf("%s: outside are %v, %v", name, entries, err)
			}
		}
	}
}

func TestOtherFormat(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b)
	must(t, err)
	w := tar.NewWriter(z)
	meta := `{"format":2}`
	must(t, w.WriteHeader(&tar.Header{Name: "backlot.json", Typeflag: tar.TypeReg, Size: int64(len(meta))}))
	_, err = w.Write([]byte(meta))
	must(t, err)
	must(t, errors.Join(w.Close(), z.Close()))
	if _, _, err := importTo(t, b.Bytes()); !errors.Is(err, tree.ErrInvalid) {
		t.Errorf("%v, want ErrInvalid", err)
	}
}

func FuzzImport(f *testing.F) {
	if os.Geteuid() != 0 {
		f.Skip("needs root, for owners and attributes")
	}
	inMemory(f)
	f.Add(unzip(f, export(f, small(f))))
	f.Add(unzip(f, pack(f, []tar.Header{{Name: "tree/", Typeflag: tar.TypeDir}, {Name: "tree/../x", Typeflag: tar.TypeReg}}, "x")))
	f.Add([]byte("garbage"))
	f.Fuzz(func(t *testing.T, content []byte) {
		if len(content) > 1<<20 {
			t.Skip("large")
		}
		// Below its compression, or nothing would be found but zstd's checksums.
		b := bytes.NewReader(zip(content))
		home := t.TempDir()
		to := filepath.Join(home, "new")
		must(t, os.Mkdir(to, 0o755))
		s, err := tree.Import(t.Context(), b, into(to), nil)
		if entries, err := os.ReadDir(home); err != nil || len(entries) != 1 {
			t.Fatalf("outside are %v, %v", entries, err)
		}
		if err != nil {
			return
		}
		if got, _ := sum(t, to); got.Root != s.Root {
			t.Fatalf("root %s on the disk, %s imported", got.Root, s.Root)
		}
	})
}

// inMemory has temporary files cost no disk, so that a fuzzer gets somewhere.
func inMemory(f *testing.F) {
	f.Helper()
	if _, err := os.Stat("/dev/shm"); err == nil {
		f.Setenv("TMPDIR", "/dev/shm")
	}
}

// zip returns a zstd frame of one block that is not compressed, so that a fuzzer
// sees what its changes do.
func zip(content []byte) []byte {
	b := []byte("\x28\xb5\x2f\xfd\x00\x58") // no checksum, a window of 2 MiB
	for {
		part := content[:min(len(content), 128<<10)]
		content = content[len(part):]
		header := uint32(len(part)) << 3
		if len(content) == 0 {
			header |= 1
		}
		b = append(append(b, byte(header), byte(header>>8), byte(header>>16)), part...)
		if len(content) == 0 {
			return b
		}
	}
}

func unzip(t testing.TB, b []byte) []byte {
	t.Helper()
	z, err := zstd.NewReader(nil)
	must(t, err)
	defer z.Close()
	b, err = z.DecodeAll(b, nil)
	must(t, err)
	return b
}
