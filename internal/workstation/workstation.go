package workstation

import (
	"context"
	"errors"
	"time"
)

// Driver runs workstations. One workstation is a sandbox with a desktop in it,
// the X server that shows it and the streamer that sends its picture.
//
// The caller chooses the ids (1-32 characters of a-z0-9) and keeps the truth.
// The driver tags whatever it makes with the id and finds it again by that tag,
// also after the server was killed and started anew: workstations are children
// of nobody and run on without the server.
//
// Every verb may be called again, or on what is gone, and then succeeds. A verb
// that is interrupted leaves something that Observe reports truthfully and that
// the next Ensure, Stop or Remove brings to its end.
type Driver interface {
	// Ensure makes the workstation exist and run as spec says, and returns as
	// soon as its processes run. When it runs already nothing happens; when only
	// parts of it run, the missing parts are started, and the streamer, which tells
	// that the desktop is there. Scripts of spec run on by
	// themselves; that one has failed is told by the next Ensure.
	Ensure(ctx context.Context, spec Spec) error
	// Observe tells what is true now. A workstation nobody knows is Absent.
	Observe(ctx context.Context, id string) (Status, error)
	// Stop asks the desktop to end, waits at most grace, then kills what is left.
	// Afterwards nothing of it runs or is mounted, and the volume has everything.
	Stop(ctx context.Context, id string, grace time.Duration) error
	// Remove takes everything of the workstation off the machine, stopping it
	// first without grace if it runs. The volume is not touched.
	Remove(ctx context.Context, id string) error
	// List returns all that we own, to sweep what nobody wants.
	List(ctx context.Context) ([]Status, error)
}

// Spec says what a workstation is.
type Spec struct {
	ID       string
	Hostname string
	// Lower are the read-only directories of the machine image, topmost first.
	Lower []string
	// Volume is the directory on the host that takes everything the session
	// writes: the root file system's upper layer.
	Volume string
	User   User
	// Environment of the desktop, as KEY=value.
	Environment []string
	Limits      Limits
	Screen      Screen
	Scripts     Scripts
	// Uploads is where files of viewers go.
	Uploads Uploads
	// Streamer is how the streamer finds the gateway and proves which session it is.
	Streamer Streamer
}

// User is the account the desktop runs as, made in the sandbox when the image lacks it.
type User struct {
	Name string
	ID   int // user and group id inside the sandbox
}

// Limits bound what a workstation takes of the machine. 0 means no limit.
type Limits struct {
	CPUs        float64
	MemoryBytes int64
	Processes   int64
	// IOPS and BytesPerSecond bound the disk below the volume.
	IOPS           int64
	BytesPerSecond int64
}

// Screen is the size the desktop starts with, in pixels.
type Screen struct{ Width, Height int }

// Streamer is how the streamer reaches the gateway.
type Streamer struct {
	// SocketDir is the directory of the gateway's socket. The directory, not the
	// socket, is handed in: a restarted gateway makes a new socket there.
	SocketDir string
	// Credential proves to the gateway which session this is. Secret.
	Credential string
	// Clipboard lets viewers have the desktop's clipboard, and the other way round.
	Clipboard bool
}

// Uploads is where files of viewers go. The zero value takes none.
type Uploads struct {
	// Root is the directory in the sandbox: absolute, or $HOME/ and more.
	Root string
	// MaxBytes bounds each file; 0: the volume alone does.
	MaxBytes int64
}

// Status is what is true of a workstation.
type Status struct {
	ID    string
	State State
	// Detail says in a sentence what is missing or went wrong, for the operator.
	Detail string
}

// State of a workstation.
type State string

// States of a workstation.
const (
	Absent  State = "ABSENT"  // nothing of it is on the machine
	Running State = "RUNNING" // sandbox, X server and streamer run
	Partial State = "PARTIAL" // some of it is there; Ensure, Stop or Remove mend that
	Stopped State = "STOPPED" // nothing of it runs; files of it are left
)

// ErrNoCapacity says that the machine has no room for the workstation.
var ErrNoCapacity = errors.New("the machine has no room for another workstation")

// Permanent marks an error that no repetition will cure.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanentError{err}
}

// IsPermanent reports whether err was marked with Permanent.
func IsPermanent(err error) bool {
	var p permanentError
	return errors.As(err, &p)
}

type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }
