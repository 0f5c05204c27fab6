package tree

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Import reads an archive that Export wrote. It calls place with what the archive
// says about its tree; place returns the directory the tree goes to, which must be
// empty, or an error that ends the import. ErrDamaged, ErrInvalid or any other error
// leaves part of a tree in the directory, which the caller throws away: only what
// Import returns without an error is the tree that was exported.
func Import(ctx context.Context, r io.Reader, place func(Meta) (dir string, err error), progress Progress) (Summary, error) {
	s, err := importTree(ctx, r, place, progress)
	if err != nil {
		return Summary{}, fmt.Errorf("import: %w", err)
	}
	return s, nil
}

func importTree(ctx context.Context, r io.Reader, place func(Meta) (string, error), progress Progress) (Summary, error) {
	z, err := newDecoder(r)
	if err != nil {
		return Summary{}, err
	}
	defer z.Close()
	in := &archiveReader{tar: tar.NewReader(z)}
	var meta metaFile
	if err := in.extra(metaName, &meta); err != nil {
		return Summary{}, err
	}
	if meta.Format != format {
		return Summary{}, fmt.Errorf("its format is %d, known is %d: %w", meta.Format, format, ErrInvalid)
	}
	dir, err := place(meta.Meta)
	if err != nil {
		return Summary{}, err
	}
	b, err := newBuilder(dir, progress)
	if err != nil {
		return Summary{}, err
	}
	s, err := in.tree(ctx, b)
	if err = errors.Join(err, b.close()); err != nil {
		return Summary{}, err
	}
	// zstd's own checksum comes after all else.
	if n, err := io.Copy(io.Discard, io.LimitReader(z, 1)); err != nil || n != 0 {
		return Summary{}, fmt.Errorf("something comes after its end: %w", errors.Join(ErrDamaged, err))
	}
	return s, nil
}

// archiveReader reads the entries of an archive, which has ended too early when it
// ends at all before its sum.
type archiveReader struct{ tar *tar.Reader }

func (a *archiveReader) next() (*tar.Header, error) {
	h, err := a.tar.Next()
	if err != nil {
		return nil, damaged(err)
	}
	return h, nil
}

// damaged is what an error of reading means.
func damaged(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("read it: %w: %w", ErrDamaged, err)
}

// extra reads a file that is not the tree's.
func (a *archiveReader) extra(name string, content any) error {
	h, err := a.next()
	if err != nil {
		return err
	}
	return a.decode(h, name, content)
}

func (a *archiveReader) decode(h *tar.Header, name string, content any) error {
	if h.Name != name || h.Typeflag != tar.TypeReg || h.Size > mostMeta {
		return fmt.Errorf("no %s where it belongs: %w", name, ErrInvalid)
	}
	text, err := io.ReadAll(a.tar)
	if err != nil {
		return damaged(err)
	}
	if err := json.Unmarshal(text, content); err != nil {
		return fmt.Errorf("%s: %w: %w", name, ErrInvalid, err)
	}
	return nil
}

// tree reads the tree and the sum it must have.
func (a *archiveReader) tree(ctx context.Context, b *builder) (Summary, error) {
	for {
		if err := ctx.Err(); err != nil {
			return Summary{}, err
		}
		h, err := a.next()
		if err != nil {
			return Summary{}, err
		}
		if h.Name == sumName {
			return a.sum(h, b)
		}
		r, err := recordOf(h)
		if err == nil {
			err = b.add(ctx, r, a.tar)
		}
		if err != nil {
			return Summary{}, fmt.Errorf("entry %q: %w", h.Name, err)
		}
	}
}

func (a *archiveReader) sum(h *tar.Header, b *builder) (Summary, error) {
	var want sumFile
	if err := a.decode(h, sumName, &want); err != nil {
		return Summary{}, err
	}
	if _, err := a.tar.Next(); !errors.Is(err, io.EOF) {
		return Summary{}, fmt.Errorf("something comes after its sum: %w", errors.Join(ErrDamaged, err))
	}
	s, err := b.finish()
	if err != nil {
		return Summary{}, err
	}
	if got := (sumFile{s.Root.String(), s.Files, s.Bytes}); got != want {
		return Summary{}, fmt.Errorf("it comes to %+v and not to %+v: %w", got, want, ErrDamaged)
	}
	return s, nil
}

// largestFile is what no file is larger than: ext4 has none above 16 TiB, and a
// larger one would be of holes that take for ever to read.
const largestFile = 16 << 40

// recordOf reads a header; nothing in it is trusted.
func recordOf(h *tar.Header) (*record, error) {
	k, ok := map[byte]kind{
		tar.TypeDir: directory, tar.TypeReg: regular, tar.TypeSymlink: symlink,
		tar.TypeLink: anotherName, tar.TypeFifo: pipe, tar.TypeChar: charDevice,
	}[h.Typeflag]
	name := strings.TrimSuffix(h.Name, "/")
	rest, below := strings.CutPrefix(name, topName+"/")
	if name == topName {
		rest = "."
	}
	switch {
	case !ok, k == charDevice && (h.Devmajor != 0 || h.Devminor != 0):
		return nil, fmt.Errorf("of a type that no tree has: %w", ErrInvalid)
	case name != topName && !below, below && !tame(rest), (k == directory) != strings.HasSuffix(h.Name, "/"):
		return nil, fmt.Errorf("a name that no tree has: %w", ErrInvalid)
	case h.Size < 0, h.Size > largestFile, k != regular && h.Size != 0,
		h.Mode&^0o7777 != 0, h.Uid < 0, h.Uid > math.MaxUint32, h.Gid < 0, h.Gid > math.MaxUint32:
		return nil, fmt.Errorf("a size, mode or owner that no tree has: %w", ErrInvalid)
	}
	r := &record{kind: k, path: rest, target: h.Linkname}
	if k == anotherName {
		target, below := strings.CutPrefix(h.Linkname, topName+"/")
		if !below || !tame(target) {
			return nil, fmt.Errorf("another name of what is no file: %w", ErrInvalid)
		}
		r.target = target
		return r, nil
	}
	if (k == symlink) != (r.target != "") {
		return nil, fmt.Errorf("a target that no tree has: %w", ErrInvalid)
	}
	r.mode, r.uid, r.gid = uint32(h.Mode), uint32(h.Uid), uint32(h.Gid)
	r.size = h.Size
	r.mtime = unix.Timespec{Sec: h.ModTime.Unix(), Nsec: int64(h.ModTime.Nanosecond())}
	for key, value := range h.PAXRecords {
		name, ok := strings.CutPrefix(key, paxXattr)
		if !ok {
			continue
		}
		if name = unescapeKey.Replace(name); !belongs(name) || strings.Contains(name, "\x00") {
			return nil, fmt.Errorf("an extended attribute that no tree has: %w", ErrInvalid)
		}
		r.xattrs = append(r.xattrs, xattr{name, value})
	}
	slices.SortFunc(r.xattrs, func(a, b xattr) int { return strings.Compare(a.name, b.name) })
	return r, nil
}

// tame tells whether a path stays where it is put.
func tame(path string) bool {
	for name := range strings.SplitSeq(path, "/") {
		if name == "" || name == "." || name == ".." || len(name) > 255 || strings.Contains(name, "\x00") {
			return false
		}
	}
	return true
}
