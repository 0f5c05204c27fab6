package studio_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/backlot/backlot/internal/studio"
)

// vault are the backups of a world as files: each has one, "/work", with what was
// written to the volume, and as an archive is that.
type vault struct{ *world }

func (v vault) content(snapshot string) (string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	content, ok := v.snapshots[snapshot]
	if !ok {
		return "", fmt.Errorf("snapshot %s: %w", snapshot, studio.ErrNoFile)
	}
	return content, nil
}

func (v vault) Entries(_ context.Context, snapshot, path, after string, limit int) (list []studio.BackupFile, err error) {
	content, err := v.content(snapshot)
	if err == nil && path != "." {
		err = studio.ErrNoFile
	}
	for _, name := range []string{"a", "b", "c", "work"} {
		if err == nil && name > after && len(list) < limit {
			list = append(list, studio.BackupFile{Name: name, Type: studio.FileRegular, Size: len(content)})
		}
	}
	return list, err
}

func (v vault) Open(_ context.Context, snapshot, path string) (io.ReadSeekCloser, studio.BackupFile, error) {
	content, err := v.content(snapshot)
	if err == nil && path != "work" {
		err = studio.ErrNoFile
	}
	return struct {
		io.ReadSeeker
		io.Closer
	}{strings.NewReader(content), io.NopCloser(nil)}, studio.BackupFile{Name: "work"}, err
}

func (v vault) Export(_ context.Context, snapshot string, _ map[string]string, w io.Writer) error {
	content, err := v.content(snapshot)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, "archive "+content)
	return err
}

// Import leaves its volume behind when r panics, as a server does that is killed.
func (v vault) Import(_ context.Context, snapshot string, _ int64, r io.Reader) (studio.Sum, error) {
	set := func(volume, content string) {
		v.mu.Lock()
		defer v.mu.Unlock()
		if volume == "" {
			delete(v.volumes, studio.ImportVolume(snapshot))
			return
		}
		v.volumes[volume] = content
	}
	set(studio.ImportVolume(snapshot), "")
	var read bytes.Buffer
	_, err := read.ReadFrom(r)
	content, ok := strings.CutPrefix(read.String(), "archive ")
	if content == deadly {
		panic(killer{})
	}
	set("", "")
	switch {
	case err != nil:
		return studio.Sum{}, errors.Join(studio.ErrNoArchive, err)
	case !ok:
		return studio.Sum{}, studio.ErrNoArchive
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.snapshots[snapshot] = content
	return studio.Sum{Root: rootOf(content), Files: 1, Bytes: int64(len(content))}, nil
}

func (v vault) Holdings(context.Context) (studio.Holdings, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return studio.Holdings{Volumes: slices.Collect(maps.Keys(v.volumes)), Snapshots: slices.Collect(maps.Keys(v.snapshots))}, nil
}

func (v vault) Empty(_ context.Context, volume string) (bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	content, ok := v.volumes[volume]
	if !ok {
		return false, studio.ErrNoFile
	}
	return content == "", nil
}

func (v vault) Survey(_ context.Context, kind, id string) (int64, time.Time, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	content, ok := v.kept(kind)[id]
	if !ok {
		return 0, time.Time{}, studio.ErrNoFile
	}
	return int64(len(content)), v.clock.Now(), nil
}

func (v vault) Remove(_ context.Context, kind, id string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.kept(kind), id)
	return nil
}

func (v vault) kept(kind string) map[string]string {
	if kind == studio.LostVolume {
		return v.volumes
	}
	return v.snapshots
}

// deadly ends the server when all of it has been read.
const deadly = "deadly"

// rootOf names a tree with that content.
func rootOf(content string) string { return "root of " + content }

// sweep removes copies that were made to be compared and are not wanted any more,
// as the loop does.
func (w *world) sweep(t errorer, ctx context.Context) {
	t.Helper()
	wanted, err := w.Wanted(ctx)
	must(t, err)
	for id := range w.snapshots {
		if strings.HasSuffix(id, "c") && !wanted.Snapshots[id] {
			delete(w.snapshots, id)
		}
	}
}

// needed tells which session's volume is still to be made from a snapshot.
func (w *world) needed(t errorer, ctx context.Context, snapshot string) (by string) {
	t.Helper()
	must(t, w.store.Read(ctx, func(tx studio.Tx) error {
		sessions, err := studio.List[studio.Session](ctx, tx, studio.Query{States: []studio.State{studio.CreateInProgress, studio.StartInProgress}})
		for _, s := range sessions {
			if s.From == snapshot && !s.VolumeMade {
				by = s.SessionID
			}
		}
		return err
	}))
	return by
}
