package tree

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"

	"github.com/klauspost/compress/zstd"
)

// Meta is what an archive says about its tree, in the caller's words. It is readable
// by whoever has the archive, and all of it is less than 64 KiB.
type Meta map[string]string

// Export writes the tree in dir to w as an archive. A file that cannot be read, or a
// device that is no whiteout, is an error, after which w holds no archive.
func Export(ctx context.Context, dir string, meta Meta, w io.Writer, progress Progress) (Summary, error) {
	s, err := export(ctx, dir, meta, w, progress)
	if err != nil {
		return Summary{}, fmt.Errorf("export %s: %w", dir, err)
	}
	return s, nil
}

func export(ctx context.Context, dir string, meta Meta, w io.Writer, progress Progress) (s Summary, err error) {
	z, err := zstd.NewWriter(w, zstd.WithEncoderCRC(true))
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, z.Close()) }()
	e := exporter{tarWriter{w: z}}
	if err := e.extra(metaName, metaFile{format, meta}); err != nil {
		return s, err
	}
	walk := walker{progress: progress, enter: e.enter, begin: e.begin, leave: e.leave}
	if s, err = walk.walk(ctx, dir); err != nil {
		return s, err
	}
	if err := e.extra(sumName, sumFile{s.Root.String(), s.Files, s.Bytes}); err != nil {
		return s, err
	}
	return s, e.tar.close()
}

type exporter struct{ tar tarWriter }

// extra writes a file that is not the tree's.
func (e *exporter) extra(name string, content any) error {
	text, err := json.Marshal(content)
	if err != nil {
		return err
	}
	if len(text) > mostMeta {
		return fmt.Errorf("%s of %d bytes: at most %d are allowed", name, len(text), mostMeta)
	}
	if err := e.tar.begin(&record{path: name, mode: 0o600}, name, tar.TypeReg, int64(len(text)), nil); err != nil {
		return err
	}
	_, err = e.tar.Write(text)
	return err
}

func (e *exporter) enter(r *record) error {
	return e.tar.begin(r, path.Join(topName, r.path)+"/", tar.TypeDir, 0, nil)
}

// begin writes the header of a regular file, whose content follows.
func (e *exporter) begin(r *record, all []segment) (io.Writer, error) {
	name := path.Join(topName, r.path)
	if r.size == 0 || len(all) == 1 && all[0].length == r.size {
		return &e.tar, e.tar.begin(r, name, tar.TypeReg, r.size, nil)
	}
	holes := sparseMap(all, r.size)
	size := int64(len(holes))
	for _, s := range all {
		size += s.length
	}
	// A tar that does not know sparse files unpacks this name, and the map with it.
	err := e.tar.begin(r, "GNUSparseFile.0/"+name, tar.TypeReg, size, []paxRecord{
		{paxSparseMajor, "1"}, {paxSparseMinor, "0"}, {paxSparseName, name}, {paxSparseSize, strconv.FormatInt(r.size, 10)},
	})
	if err == nil {
		_, err = e.tar.Write(holes)
	}
	return &e.tar, err
}

// leave writes what is neither a directory nor a regular file.
func (e *exporter) leave(r *record, _ []byte) error {
	var typeflag byte
	switch {
	case r.kind == directory || r.kind == regular:
		return nil
	case r.kind == anotherName:
		typeflag = tar.TypeLink
	case r.kind == symlink:
		typeflag = tar.TypeSymlink
	case r.kind == pipe:
		typeflag = tar.TypeFifo
	case r.kind == charDevice && r.rdev == 0:
		typeflag = tar.TypeChar
	default:
		return fmt.Errorf("%s: a device, which no archive of a session may hold", r.path)
	}
	return e.tar.begin(r, path.Join(topName, r.path), typeflag, 0, nil)
}
