package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"github.com/backlot/backlot/internal/config"
	"github.com/backlot/backlot/internal/studio"
	"github.com/backlot/backlot/internal/volume"
	"github.com/backlot/backlot/internal/volume/local"
)

// examine looks at a data directory and its machine, and changes neither. While a
// server runs, most is the server's to look at.
func examine(ctx context.Context, c config.Config, log *slog.Logger) []finding {
	i, err := readInstallation(c.Data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return []finding{{c.Data, "No server has ever run here.", "Give another data directory by --data, or start a server by `backlot serve`.", true}}
	case err != nil:
		return []finding{{c.Data, err.Error(), "Put the file back from a copy.", true}}
	}
	found := examineDisk(c.Data)
	lock, err := lockData(c.Data, false)
	switch {
	case errors.Is(err, errInUse):
		return append(found, finding{
			c.Data, "A server runs here, so its store and its volumes were left alone.",
			"To have it tell what is lost, set AWS_ENDPOINT_URL and the keys of an account administrator.", false,
		})
	case err != nil:
		return append(found, finding{c.Data, err.Error(), "Make the data directory writable, and room on its disk.", true})
	}
	defer func() { _ = lock.Close() }()
	found = append(found, remains(i, c.Data)...)
	known, err := openRecords(ctx, c, log)
	if err != nil {
		return append(found, finding{"the store", err.Error(), "See docs/store.md: bring it back by `backlot store restore`.", true})
	}
	defer func() { _ = known.store.Close() }() // nothing was written
	return append(found, examineVolumes(ctx, c, known, log)...)
}

// examineDisk looks for room on a disk of ours.
func examineDisk(dir string) []finding {
	disk, err := volume.DiskOf(dir)
	switch {
	case err != nil:
		return []finding{{dir, err.Error(), "Look at the disk.", true}}
	case disk.Stopped:
		return []finding{{dir, "The disk lets nobody write.", "Look at the disk and at the kernel's log; mount it anew.", true}}
	case disk.Free < disk.Reserve:
		return []finding{{
			dir, fmt.Sprintf("The disk has %s left, of which %s should stay free: sessions may not be able to write soon.", bytesOf(disk.Free), bytesOf(disk.Reserve)),
			"Make room on the disk.", true,
		}}
	}
	return nil
}

// examineVolumes opens the volume store as a server would, but where nobody sees it.
func examineVolumes(ctx context.Context, c config.Config, known *records, log *slog.Logger) (found []finding) {
	const about = "the volume store"
	dir := filepath.Join(c.Data, "volumes")
	if _, err := os.Stat(dir); err != nil {
		return []finding{{about, err.Error(), "Put the directory back, with all that is in it; without it all volumes and backups are gone.", true}}
	}
	mounted, err := os.MkdirTemp("", "backlot-doctor-")
	if err != nil {
		return []finding{{about, err.Error(), "Make room for temporary files.", true}}
	}
	defer func() { _ = os.Remove(mounted) }()
	volumes, err := local.Open(ctx, local.Config{Dir: dir, MountDir: mounted, Kind: local.Kind(c.Volumes.Kind)}, log)
	if err != nil {
		return []finding{{about, err.Error(), "Until it can be opened no session starts. Look at the disk and at the kernel's log.", true}}
	}
	defer func() { _ = volumes.Close() }() // else its mount ends with this process
	free, err := volumes.Free(ctx)
	switch {
	case err != nil:
		found = append(found, finding{about, err.Error(), "Look at the disk and at the kernel's log.", true})
	case free < reserve:
		found = append(found, finding{
			about, fmt.Sprintf("It has %s left, and no session is made with less than %s.", bytesOf(free), bytesOf(reserve)),
			"Make room on its disk, or delete sessions and backups that nobody needs.", true,
		})
	}
	lost, err := lostOf(ctx, c, known, volumes, log)
	if err != nil {
		return append(found, finding{about, err.Error(), "Look at the disk and at the kernel's log.", true})
	}
	found = append(found, lostFindings(lost)...)
	return append(found, idle(ctx, c.Data, known, volumes)...)
}

// lostOf asks the domain what is lost, by the rule that a server keeps it by.
func lostOf(ctx context.Context, c config.Config, known *records, volumes local.Store, log *slog.Logger) (all []studio.Lost, err error) {
	by, err := readRules(c)
	if err != nil {
		return nil, err
	}
	nowhere := &url.URL{}
	service, err := newService(c, by, known, &machine{volumes: volumes}, nowhere, func() *url.URL { return nowhere }, log)
	if err != nil {
		return nil, err
	}
	for token := ""; ; {
		answer, err := service.ListLost(ctx, administrator, &studio.ListLostRequest{NextToken: token})
		if err != nil {
			return nil, err
		}
		all = append(all, answer.Lost...)
		if token = answer.NextToken; token == "" {
			return all, nil
		}
	}
}

// idle are the checksum trees of snapshots that are gone, and the fences of sessions
// and backups that are: a server removes the former.
func idle(ctx context.Context, data string, known *records, volumes local.Store) (found []finding) {
	there, err := volumes.List(ctx)
	keys := map[string]bool{}
	if err == nil {
		err = known.store.Read(ctx, func(tx studio.Tx) error {
			sessions, err := studio.List[studio.Session](ctx, tx, studio.Query{})
			for _, s := range sessions {
				keys[s.Key] = true
			}
			if err != nil {
				return err
			}
			backups, err := studio.List[studio.Backup](ctx, tx, studio.Query{})
			for _, b := range backups {
				keys[b.Key] = true
			}
			return err
		})
	}
	if err != nil {
		return []finding{{data, err.Error(), "See docs/store.md.", true}}
	}
	for name, kept := range map[string]func(string) bool{
		"manifests": func(id string) bool { return slices.Contains(there.Snapshots, id) },
		"fences":    func(key string) bool { return keys[key] },
	} {
		entries, err := os.ReadDir(filepath.Join(data, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			found = append(found, finding{data, err.Error(), "Look at the disk.", true})
		}
		n := 0
		for _, e := range entries {
			if !kept(e.Name()) {
				n++
			}
		}
		if n > 0 {
			found = append(found, finding{filepath.Join(data, name), fmt.Sprintf("%d of what is in it is of nothing that is there any more.", n), "It does no harm.", false})
		}
	}
	return found
}
