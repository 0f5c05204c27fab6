package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
	"time"

	"github.com/backlot/backlot/internal/reconcile"
	"github.com/backlot/backlot/internal/studio"
	"github.com/backlot/backlot/internal/volume"
)

// Holdings implements studio.Vault.
func (v vault) Holdings(ctx context.Context) (studio.Holdings, error) {
	there, err := v.volumes.List(ctx)
	return studio.Holdings(there), err
}

// Empty implements studio.Vault.
func (v vault) Empty(ctx context.Context, id string) (bool, error) {
	empty, err := reconcile.Empty(ctx, v.volumes, id)
	return empty, gone(err)
}

// Survey implements studio.Vault. A file system counts a volume by itself.
func (v vault) Survey(ctx context.Context, kind, id string) (bytes int64, changed time.Time, err error) {
	open := v.volumes.Mount
	if kind == studio.LostSnapshot {
		open = v.volumes.MountSnapshot
	}
	dir, err := open(ctx, id)
	if err != nil {
		return 0, changed, gone(err)
	}
	if kind == studio.LostVolume {
		var use volume.Usage
		use, err = v.volumes.Usage(ctx, id)
		bytes = use.UsedBytes
	} else {
		bytes, err = volume.TreeBytes(ctx, dir)
	}
	if err != nil {
		return 0, changed, gone(err)
	}
	changed, err = newest(ctx, dir)
	return bytes, changed, gone(err)
}

// newest is when anything in a tree was changed last.
func newest(ctx context.Context, dir string) (last time.Time, err error) {
	return last, filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		var info fs.FileInfo
		if err == nil {
			info, err = e.Info()
		}
		if err != nil {
			return err
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			if at := time.Unix(st.Ctim.Unix()).UTC(); at.After(last) {
				last = at
			}
		}
		return nil
	})
}

// gone tells that something is not there any more.
func gone(err error) error {
	if errors.Is(err, volume.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", studio.ErrNoFile, err)
	}
	return err
}

// Remove implements studio.Vault.
func (v vault) Remove(ctx context.Context, kind, id string) error {
	if kind == studio.LostVolume {
		return v.volumes.Delete(ctx, id)
	}
	return v.volumes.DeleteSnapshot(ctx, id)
}
