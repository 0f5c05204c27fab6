package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/backlot/backlot/internal/image"
	"github.com/backlot/backlot/internal/studio"
	"github.com/backlot/backlot/internal/volume"
	"github.com/backlot/backlot/internal/workstation"
)

// says are the sentences for the owner of a session when an action fails.
var says = map[studio.Action]string{
	studio.CreateVolume:      "The session's volume could not be made.",
	studio.EnsureWorkstation: "The workstation could not be started.",
	studio.StopWorkstation:   "The workstation could not be stopped.",
	studio.RemoveWorkstation: "The workstation could not be removed.",
	studio.TakeSnapshot:      "The backup could not be made.",
	studio.DeleteVolume:      "The session's volume could not be deleted.",
	studio.DeleteSnapshots:   "The session's backups could not be deleted.",
	studio.DeleteSnapshot:    "The backup could not be deleted.",
}

// step does one thing to the machine, unless another has taken the lease over.
type step func(do func() error) error

// fenced is the name of what a task is about on the machine; things of the
// catalogue are not there.
func fenced(task studio.Task) string {
	switch {
	case task.Session != nil:
		return task.Session.Key
	case task.Backup != nil:
		return task.Backup.Key
	default:
		return ""
	}
}

func (l *Loop) steps(task studio.Task) step {
	name := fenced(task)
	return func(do func() error) error {
		if name != "" {
			if err := l.fences.pass(name, task.Lease.Number); err != nil {
				return err
			}
		}
		return do()
	}
}

// perform carries out a task, and tells in the domain's words why it failed.
func (l *Loop) perform(ctx context.Context, task studio.Task) *studio.Failure {
	ctx, cancel := context.WithDeadline(ctx, task.Before)
	defer cancel()
	err := l.act(ctx, task, l.steps(task))
	if err == nil {
		return nil
	}
	var script *workstation.ScriptError
	f := &studio.Failure{Code: studio.InternalFailure, Message: says[task.Action], Err: err}
	switch {
	case errors.As(err, &script):
		f.Code, f.Final = studio.ScriptFailed, true
		f.Message = fmt.Sprintf("The system initialization script of the studio component %s failed: %s.", script.Name, script.How)
	case errors.Is(err, workstation.ErrNoCapacity):
		f.Code, f.Final = studio.InsufficientCapacity, true
		f.Message = "The machine has no room for another workstation; stop a session and try again."
	case errors.Is(err, volume.ErrNoCapacity):
		f.Code, f.Final = studio.InsufficientCapacity, true
		f.Message = "The disk of the volumes is full; delete sessions or backups that are not needed, and try again."
	case errors.Is(err, image.ErrNotFound):
		f.Code, f.Final = studio.ImageInvalid, true
		f.Message = "The machine image is not on this installation any more."
	case workstation.IsPermanent(err) || volume.IsPermanent(err) || errors.Is(err, volume.ErrNotFound):
		f.Final = true
	}
	return f
}

// act does one thing that is harmless when done twice. What only the time has
// brought about needs nothing done here.
func (l *Loop) act(ctx context.Context, task studio.Task, step step) error {
	switch task.Action {
	case studio.CreateVolume:
		return l.createVolume(ctx, task.Session, step)
	case studio.EnsureWorkstation:
		return step(func() error { return l.ensureWorkstation(ctx, task) })
	case studio.StopWorkstation:
		key := task.Session.Leftover
		l.cfg.Viewers.Disconnect(key)
		if err := step(func() error { return l.cfg.Workstations.Stop(ctx, key, grace) }); err != nil {
			return fmt.Errorf("stop workstation %s: %w", key, err)
		}
		return step(func() error { return l.removeWorkstation(ctx, key) })
	case studio.RemoveWorkstation:
		l.cfg.Viewers.Disconnect(task.Session.Leftover)
		return step(func() error { return l.removeWorkstation(ctx, task.Session.Leftover) })
	case studio.TakeSnapshot:
		if err := step(func() error { return l.cfg.Volumes.Snapshot(ctx, task.SnapshotOf, task.Snapshot) }); err != nil {
			return fmt.Errorf("snapshot volume %s as %s: %w", task.SnapshotOf, task.Snapshot, err)
		}
	case studio.DeleteVolume:
		if err := step(func() error { return l.cfg.Volumes.Delete(ctx, task.Session.Trash[0]) }); err != nil {
			return fmt.Errorf("delete volume %s: %w", task.Session.Trash[0], err)
		}
	case studio.DeleteSnapshots, studio.DeleteSnapshot:
		for _, id := range task.Volumes {
			if err := l.cfg.Volumes.Delete(ctx, id); err != nil {
				return fmt.Errorf("delete volume %s: %w", id, err)
			}
		}
		for _, id := range task.Snapshots {
			if err := step(func() error { return l.deleteSnapshot(ctx, id) }); err != nil {
				return fmt.Errorf("delete snapshot %s: %w", id, err)
			}
		}
	default:
	}
	return nil
}

func (l *Loop) createVolume(ctx context.Context, s *studio.Session, step step) error {
	if s.Volume == s.Adopted {
		return l.adoptVolume(ctx, s, step)
	}
	free, err := l.cfg.Volumes.Free(ctx)
	if err != nil {
		return fmt.Errorf("look for room for volume %s: %w", s.Volume, err)
	}
	if free < l.cfg.Reserve {
		return fmt.Errorf("create volume %s with %d of %d bytes to be kept free: %w", s.Volume, free, l.cfg.Reserve, volume.ErrNoCapacity)
	}
	options := volume.Options{FromSnapshot: s.From, LimitBytes: s.VolumeBytes()}
	if err := step(func() error { return l.cfg.Volumes.Create(ctx, s.Volume, options) }); err != nil {
		return fmt.Errorf("create volume %s: %w", s.Volume, err)
	}
	if s.Compare == "" {
		return nil
	}
	// What was restored is frozen before anybody changes it, to be compared in peace.
	// Nobody's desktop shall have to wait for that it can be.
	err = step(func() error { return l.cfg.Volumes.Snapshot(ctx, s.Volume, s.Compare) })
	if errors.Is(err, errFenced) || ctx.Err() != nil {
		return fmt.Errorf("snapshot restored volume %s: %w", s.Volume, err)
	}
	if err != nil {
		l.cfg.Log.WarnContext(ctx, "a restored volume will not be compared with its backup", "volume", s.Volume, "err", err)
	}
	return nil
}

// adoptVolume gives a volume that was lost the limit of the session that has it now.
func (l *Loop) adoptVolume(ctx context.Context, s *studio.Session, step step) error {
	if _, err := l.cfg.Volumes.Mount(ctx, s.Volume); err != nil {
		return fmt.Errorf("adopt volume %s: %w", s.Volume, err)
	}
	limiter, ok := l.cfg.Volumes.(volume.Limiter)
	if !ok {
		return nil
	}
	if err := step(func() error { return limiter.Limit(ctx, s.Volume, s.VolumeBytes()) }); err != nil {
		return fmt.Errorf("limit volume %s: %w", s.Volume, err)
	}
	return nil
}

func (l *Loop) ensureWorkstation(ctx context.Context, task studio.Task) error {
	s := task.Session
	lower, err := l.cfg.Images.Lower(ctx, s.MachineImage)
	if err != nil {
		return fmt.Errorf("open machine image %s: %w", s.MachineImage, err)
	}
	dir, err := l.cfg.Volumes.Mount(ctx, s.Volume)
	if err != nil {
		return fmt.Errorf("mount volume %s: %w", s.Volume, err)
	}
	if !s.Running {
		if err := l.makeRoom(ctx, s.Volume); err != nil {
			return err
		}
	}
	key := s.Workstation()
	spec := workstation.Spec{
		ID: key, Hostname: "desktop", Lower: lower, Volume: dir, User: l.cfg.User,
		Environment: []string{"BACKLOT_SESSION_ID=" + s.SessionID, "BACKLOT_STUDIO_ID=" + s.StudioID},
		Limits:      workstation.Limits{CPUs: task.Type.CPUs, MemoryBytes: task.Type.MemoryBytes, Processes: processes},
		Screen:      l.cfg.Screen,
		Scripts:     scripts(task),
		Streamer:    workstation.Streamer{SocketDir: l.cfg.SocketDir, Credential: l.cfg.Credential(key), Clipboard: s.Clipboard},
	}
	if s.UploadRoot != "" {
		spec.Uploads = workstation.Uploads{Root: s.UploadRoot, MaxBytes: l.cfg.UploadBytes}
	}
	if v := s.VolumeConfiguration; v != nil {
		spec.Limits.IOPS, spec.Limits.BytesPerSecond = int64(v.IOPS), int64(v.Throughput)<<20
	}
	if err := l.cfg.Workstations.Ensure(ctx, spec); err != nil {
		return fmt.Errorf("ensure workstation %s: %w", key, err)
	}
	return nil
}

// makeRoom lets a desktop start on a volume that is full: its limit goes up as far
// as that needs, and its owner can make more room.
func (l *Loop) makeRoom(ctx context.Context, id string) error {
	limiter, ok := l.cfg.Volumes.(volume.Limiter)
	if !ok {
		return nil
	}
	use, err := l.cfg.Volumes.Usage(ctx, id)
	if err == nil && use.LimitBytes > 0 && use.LimitBytes < use.UsedBytes+elbowRoom {
		err = limiter.Limit(ctx, id, use.UsedBytes+elbowRoom)
	}
	if err != nil {
		return fmt.Errorf("make room in volume %s: %w", id, err)
	}
	return nil
}

// deleteSnapshot deletes a snapshot and then what was known of it.
func (l *Loop) deleteSnapshot(ctx context.Context, id string) error {
	if err := l.cfg.Volumes.DeleteSnapshot(ctx, id); err != nil {
		return err
	}
	err := os.Remove(l.manifest(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (l *Loop) removeWorkstation(ctx context.Context, key string) error {
	if err := l.cfg.Workstations.Remove(ctx, key); err != nil {
		return fmt.Errorf("remove workstation %s: %w", key, err)
	}
	return nil
}

// scripts are those of a task, each under the id of its component.
func scripts(task studio.Task) workstation.Scripts {
	if !task.Scripted() {
		return workstation.Scripts{}
	}
	named := func(all []studio.LaunchProfileInitializationScript) (list []workstation.Script) {
		for _, s := range all {
			list = append(list, workstation.Script{Name: s.StudioComponentID, Text: s.Script})
		}
		return list
	}
	return workstation.Scripts{
		System: named(task.Initialization.SystemInitializationScripts),
		User:   named(task.Initialization.UserInitializationScripts),
		Within: task.ScriptTime,
	}
}
