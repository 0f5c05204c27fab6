package btrfs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/volume"
)

// A write below a loop file that the disk has no room for is an error of the
// device. Where a session wrote data, it is that session's; where the file system
// wrote of itself, it stops for everybody. So the space of its own is set aside in
// the loop file, and never given back to the disk, as a discard by the kernel would:
// the store is mounted without, and trimmed where sessions' data was.

// chunk is a part of the file system: where it is in its own addresses and, once or
// twice, in the loop file.
type chunk struct {
	start, length uint64
	own           bool // it holds what is the file system's, not of sessions
	at            []uint64
}

// chunks lists those that there are, ordered by start.
func (d *Driver) chunks() ([]chunk, error) {
	root, err := d.openDir()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	const tree, object, item = 3, 256, 228 // as in <linux/btrfs_tree.h>
	var all []chunk
	for from := uint64(0); ; {
		args := searchArgs{
			tree: tree, minObject: object, maxObject: object, minOffset: from, maxOffset: ^uint64(0), maxTransaction: ^uint64(0),
			minType: item, maxType: item, items: 1000,
		}
		if err := ioctl(root, treeSearch, &args); err != nil {
			return nil, fmt.Errorf("list the chunks of the volume store: %w", err)
		}
		if args.items == 0 {
			return all, nil
		}
		found := bytes.NewReader(args.found[:])
		for range args.items {
			var head searchHeader
			if err := binary.Read(found, binary.LittleEndian, &head); err != nil {
				return nil, err
			}
			body := make([]byte, head.Length)
			if _, err := found.Read(body); err != nil {
				return nil, err
			}
			all = append(all, chunkOf(head.Offset, body))
			from = head.Offset + 1
		}
	}
}

// chunkOf reads struct btrfs_chunk.
func chunkOf(start uint64, item []byte) chunk {
	const data, fixed, stripe = 1, 48, 32
	c := chunk{start: start, length: binary.LittleEndian.Uint64(item)}
	c.own = binary.LittleEndian.Uint64(item[24:])&data == 0
	for i := range int(binary.LittleEndian.Uint16(item[44:])) {
		c.at = append(c.at, binary.LittleEndian.Uint64(item[fixed+i*stripe+8:]))
	}
	return c
}

// back sets the space aside that the file system needs for itself, where it has not
// been yet, and, to trim, gives back to the disk what sessions have deleted.
func (d *Driver) back(trim bool) error {
	file, err := os.OpenFile(filepath.Join(d.dir, loopFile), os.O_RDWR|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	all, err := d.chunks()
	if err != nil {
		return err
	}
	var now unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &now); err != nil {
		return err
	}
	own := slices.DeleteFunc(slices.Clone(all), func(c chunk) bool { return !c.own })
	same := func(a, b chunk) bool { return a.start == b.start && a.length == b.length }
	if now.Blocks < d.backed.blocks || !slices.EqualFunc(own, d.backed.own, same) {
		for _, c := range own {
			for _, at := range c.at {
				err := unix.Fallocate(int(file.Fd()), unix.FALLOC_FL_KEEP_SIZE, int64(at), int64(c.length))
				if err != nil && !errors.Is(err, unix.EOPNOTSUPP) {
					return fmt.Errorf("set %d bytes aside for the volume store itself: %w", c.length, err)
				}
			}
		}
		d.backed.own = own
	}
	if trim {
		if err := d.trimData(own, now.Blocks*512); err != nil {
			return err
		}
	}
	if err := unix.Fstat(int(file.Fd()), &now); err != nil {
		return err
	}
	d.backed.blocks = now.Blocks
	return nil
}

// trimData gives back to the disk what sessions' data does not use any more, when that
// may have become more.
func (d *Driver) trimData(own []chunk, taken int64) error {
	idle, err := d.idle(taken)
	if err != nil {
		return err
	}
	if d.backed.trimmed && idle < d.backed.idle+slack {
		d.backed.idle = min(idle, d.backed.idle)
		return nil
	}
	root, err := d.openDir()
	if err != nil {
		return err
	}
	defer root.Close()
	start := uint64(0)
	for _, c := range append(own, chunk{start: math.MaxUint64}) {
		if c.start > start {
			err = ioctl(root, fitrim, &trimArgs{start: start, length: c.start - start})
		}
		if errors.Is(err, unix.EOPNOTSUPP) {
			break
		}
		if err != nil {
			return fmt.Errorf("give back to the disk what the volume store does not use: %w", err)
		}
		start = c.start + c.length
	}
	var st unix.Stat_t
	path := filepath.Join(d.dir, loopFile)
	if err := unix.Stat(path, &st); err != nil {
		return &os.PathError{Op: "stat", Path: path, Err: err}
	}
	d.backed.trimmed = true
	d.backed.idle, err = d.idle(st.Blocks * 512)
	return err
}

// idle is how much the loop file takes of the disk beyond what is in it.
func (d *Driver) idle(taken int64) (int64, error) {
	store, err := volume.DiskOf(d.root)
	return taken - (store.Bytes - store.Free), err
}

// backed is what was set aside, and what the loop file took of the disk then.
type backed struct {
	own    []chunk
	blocks int64
	// idle is how many bytes it took without need when it was last trimmed.
	idle    int64
	trimmed bool
}
