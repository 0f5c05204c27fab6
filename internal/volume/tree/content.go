package tree

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// segment is a part of a file that is no hole.
type segment struct{ offset, length int64 }

// mostSegments bounds what is kept of a file's holes; those after them count as zeros.
const mostSegments = 10_000

// segments finds what of a file is no hole.
func segments(f *os.File, size int64) (all []segment, err error) {
	for end := int64(0); end < size; {
		start, err := f.Seek(end, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			break // nothing but a hole up to the end
		}
		if err != nil {
			return nil, err
		}
		if end, err = f.Seek(start, unix.SEEK_HOLE); err != nil {
			return nil, err
		}
		if len(all) == mostSegments-1 {
			end = size
		}
		if end = min(end, size); end > start {
			all = append(all, segment{start, end - start})
		}
	}
	return all, nil
}

// zeros is what holes read as.
var zeros [64 << 10]byte

// content hashes the content of a file and gives what of it is no hole to whom
// begin names. It reads past the page cache as far as that can be had: what is asked
// for is what the disk has, and running sessions keep their cache.
func (w *walker) content(ctx context.Context, f *os.File, r *record) (Hash, error) {
	all, err := segments(f, r.size)
	if err != nil {
		return Hash{}, err
	}
	into := io.Discard
	if w.begin != nil {
		if into, err = w.begin(r, all); err != nil {
			return Hash{}, err
		}
	}
	forget(f)
	defer forget(f)
	sum, at := sha256.New(), int64(0)
	for _, s := range append(all, segment{r.size, 0}) {
		for at < s.offset+s.length {
			if err := ctx.Err(); err != nil {
				return Hash{}, err
			}
			part := zeros[:min(int64(len(zeros)), max(s.offset-at, 0))]
			if at >= s.offset {
				part = w.buf[:min(int64(len(w.buf)), s.offset+s.length-at)]
				n, err := f.ReadAt(part, at)
				if n == 0 && err != nil {
					return Hash{}, fmt.Errorf("%s at byte %d of %d: %w", r.path, at, r.size, err)
				}
				part = part[:n]
				if _, err := into.Write(part); err != nil {
					return Hash{}, err
				}
			}
			sum.Write(part)
			at += int64(len(part))
			w.tick(at)
		}
	}
	return Hash(sum.Sum(nil)), nil
}

// forget drops what the page cache has of a file. That it cannot is no harm.
func forget(f *os.File) { _ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) }
