package desktop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// What tells session-init that files of viewers may come: where they go ($HOME/ and
// more, or absolute) and how large each may be, 0 for any size. The socket they come
// by is the last of its open files.
const (
	UploadRootVariable  = "BACKLOT_UPLOAD_ROOT"
	UploadBytesVariable = "BACKLOT_UPLOAD_BYTES"
)

// Uploaded is the answer to a request about a file.
type Uploaded struct {
	// Offset is how much of the file is here.
	Offset int64 `json:"offset"`
	// Done tells that it is all here, by the name Name, below the root.
	Done bool   `json:"done,omitempty"`
	Name string `json:"name,omitempty"`
	// Problem says why no more was taken.
	Problem Problem `json:"problem,omitempty"`
}

// Problem is a reason to take no more of a file.
type Problem string

// The problems there can be.
const (
	// ProblemOffset: what was sent does not follow on what is here.
	ProblemOffset Problem = "offset"
	// ProblemBusy: somebody else is sending this file; it may be a connection that is
	// dead and not known to be.
	ProblemBusy Problem = "busy"
	// ProblemName: nothing of the name can be used.
	ProblemName Problem = "name"
	// ProblemLarge: the file is larger than files may be.
	ProblemLarge Problem = "large"
	// ProblemFull: the disk has no room.
	ProblemFull Problem = "full"
	// ProblemBlocked: something else is where a folder should be, or the folder cannot
	// be written to.
	ProblemBlocked Problem = "blocked"
	// ProblemFailed: anything else.
	ProblemFailed Problem = "failed"
)

const (
	// staleAfter is how long a file that is not whole waits for the rest.
	staleAfter = 24 * time.Hour
	// lookEvery is the time between two looks for stale ones.
	lookEvery = time.Hour
	// rememberDone is how many files are known to be done, for those who missed the answer.
	rememberDone = 256
)

// Upload takes files into a directory. It answers GET, PUT and DELETE of /file with the
// parameters id, path, size and offset, and PUT of /folder with path.
//
// What has come of a file lies hidden in the root, under its id, which the sender
// chooses at random. It gets its name when it is whole, and never that of another.
type Upload struct {
	Root  string
	Limit int64 // of a file, in bytes; 0: none

	mu     sync.Mutex
	busy   map[string]bool
	done   map[string]string // name by id
	order  []string          // ids of done, oldest first
	looked time.Time
}

// takeFiles is the program that receives files as the user, from the listening
// socket that is its first open file.
func takeFiles(ctx context.Context, root, limit string) error {
	bytes, err := strconv.ParseInt(limit, 10, 64)
	if err != nil || !filepath.IsAbs(root) {
		return errors.New("usage: session-files DIRECTORY BYTES")
	}
	socket := os.NewFile(3, "files")
	ln, err := net.FileListener(socket)
	if err != nil {
		return fmt.Errorf("take over the socket: %w", err)
	}
	_ = socket.Close()
	server := &http.Server{Handler: &Upload{Root: root, Limit: bytes}, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 32 << 10}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(ln); ctx.Err() == nil {
		return err
	}
	return nil
}

var uploadID = regexp.MustCompile(`^[0-9a-f]{32}$`)

// ServeHTTP implements http.Handler.
func (u *Upload) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var answer Uploaded
	switch q := r.URL.Query(); {
	case r.URL.Path == "/folder" && r.Method == http.MethodPut:
		answer = u.folder(q.Get("path"))
	case r.URL.Path == "/file" && uploadID.MatchString(q.Get("id")):
		size, err := strconv.ParseInt(q.Get("size"), 10, 64)
		offset, oerr := strconv.ParseInt(q.Get("offset"), 10, 64)
		if errors.Join(err, oerr) != nil || offset < 0 || size < offset {
			http.Error(w, "size and offset", http.StatusBadRequest)
			return
		}
		answer = u.file(r, q.Get("id"), q.Get("path"), size, offset)
	default:
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if answer.Problem != "" {
		w.WriteHeader(http.StatusConflict)
	}
	_ = json.NewEncoder(w).Encode(answer) // who is gone asks again
}

func (u *Upload) file(r *http.Request, id, path string, size, offset int64) Uploaded {
	names := cleanPath(path)
	switch {
	case len(names) == 0:
		return Uploaded{Problem: ProblemName}
	case u.Limit > 0 && size > u.Limit:
		return Uploaded{Problem: ProblemLarge}
	case !u.begin(id):
		return Uploaded{Problem: ProblemBusy}
	}
	defer u.end(id)
	if name, ok := u.isDone(id); ok {
		return Uploaded{Offset: size, Done: true, Name: name}
	}
	root, err := u.open()
	if err != nil {
		return Uploaded{Problem: problem(err)}
	}
	defer root.Close()
	part := ".backlot-" + id + ".part"
	if r.Method == http.MethodGet {
		var st unix.Stat_t
		err := unix.Fstatat(int(root.Fd()), part, &st, unix.AT_SYMLINK_NOFOLLOW)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return Uploaded{Problem: problem(err)}
		}
		return Uploaded{Offset: st.Size}
	}
	if r.Method == http.MethodDelete {
		_ = unix.Unlinkat(int(root.Fd()), part, 0) // there may be none
		return Uploaded{}
	}
	if offset == 0 { // better known now than when all has come
		dir, err := descend(root, names[:len(names)-1])
		if err != nil {
			return Uploaded{Problem: problem(err)}
		}
		_ = dir.Close()
	}
	have, err := u.append(root, part, r.Body, size, offset)
	name := ""
	if err == nil && have == size {
		name, err = place(root, part, names)
	}
	switch is := problem(err); {
	case name != "":
		u.remember(id, name)
		return Uploaded{Offset: size, Done: true, Name: name}
	case is == ProblemFull, is == ProblemBlocked && have == size:
		_ = unix.Unlinkat(int(root.Fd()), part, 0) // of no use, and in the way
		return Uploaded{Problem: is}
	default:
		return Uploaded{Offset: have, Problem: is}
	}
}

var errOffset = errors.New("does not follow on what is here")

// append adds what comes to the part of a file, and returns how much there is then.
func (u *Upload) append(root *os.File, part string, body io.Reader, size, offset int64) (have int64, err error) {
	fd, err := unix.Openat(int(root.Fd()), part, unix.O_WRONLY|unix.O_CREAT|unix.O_APPEND|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return 0, err
	}
	f := os.NewFile(uintptr(fd), part)
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	fi, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if !fi.Mode().IsRegular() {
		return 0, unix.ENOTDIR
	}
	if have = fi.Size(); have != offset {
		return have, errOffset
	}
	if offset == 0 {
		u.sweep(root)
		var disk unix.Statfs_t
		if unix.Fstatfs(fd, &disk) == nil && size > 0 && uint64(size)/uint64(disk.Bsize) > disk.Bavail {
			return 0, unix.ENOSPC
		}
	}
	n, err := io.CopyBuffer(struct{ io.Writer }{f}, struct{ io.Reader }{io.LimitReader(body, size-offset)}, make([]byte, 128<<10))
	return have + n, err
}

// place gives a file that is whole its name, or one like it that is free.
func place(root *os.File, part string, names []string) (string, error) {
	dir, err := descend(root, names[:len(names)-1])
	if err != nil {
		return "", err
	}
	defer dir.Close()
	const tries = 10_000
	last := names[len(names)-1]
	for n := 1; n <= tries; n++ {
		name := numbered(last, n)
		err = unix.Renameat2(int(root.Fd()), part, int(dir.Fd()), name, unix.RENAME_NOREPLACE)
		switch {
		case errors.Is(err, unix.EEXIST):
			continue
		case err != nil:
			return "", err
		}
		// Only now: nobody else was to open what is not whole.
		_ = unix.Fchmodat(int(dir.Fd()), name, 0o644, 0)
		return strings.Join(append(names[:len(names)-1:len(names)-1], name), "/"), nil
	}
	return "", err
}

func (u *Upload) folder(path string) Uploaded {
	names := cleanPath(path)
	if len(names) == 0 {
		return Uploaded{Problem: ProblemName}
	}
	root, err := u.open()
	if err != nil {
		return Uploaded{Problem: problem(err)}
	}
	defer root.Close()
	dir, err := descend(root, names)
	if err != nil {
		return Uploaded{Problem: problem(err)}
	}
	_ = dir.Close()
	return Uploaded{Done: true, Name: strings.Join(names, "/")}
}

// open opens the root, which it makes if need be.
func (u *Upload) open() (*os.File, error) {
	if err := os.MkdirAll(u.Root, 0o755); err != nil {
		return nil, err
	}
	return os.OpenFile(u.Root, os.O_RDONLY|unix.O_DIRECTORY, 0)
}

// descend opens a directory below another, and makes what is missing on the way. No
// step follows a symbolic link, and names have no separator in them, so there is no
// way out.
func descend(from *os.File, names []string) (*os.File, error) {
	const how = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	at, err := unix.Openat(int(from.Fd()), ".", how, 0)
	for _, name := range names {
		if err != nil {
			break
		}
		var next int
		if next, err = unix.Openat(at, name, how, 0); errors.Is(err, unix.ENOENT) {
			if err = unix.Mkdirat(at, name, 0o755); err == nil || errors.Is(err, unix.EEXIST) {
				next, err = unix.Openat(at, name, how, 0)
			}
		}
		_ = unix.Close(at)
		at = next
	}
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(at), "folder"), nil
}

// problem is what an error means to who sends a file.
func problem(err error) Problem {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, errOffset):
		return ProblemOffset
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return ProblemFull
	case errors.Is(err, unix.EFBIG):
		return ProblemLarge
	case errors.Is(err, unix.ENAMETOOLONG), errors.Is(err, unix.EINVAL):
		return ProblemName
	case errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP), errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM),
		errors.Is(err, unix.EROFS), errors.Is(err, unix.EXDEV), errors.Is(err, unix.EISDIR), errors.Is(err, unix.ENXIO), errors.Is(err, unix.EEXIST):
		return ProblemBlocked
	}
	return ProblemFailed
}

func (u *Upload) begin(id string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.busy == nil {
		u.busy, u.done = map[string]bool{}, map[string]string{}
	}
	if u.busy[id] {
		return false
	}
	u.busy[id] = true
	return true
}

func (u *Upload) end(id string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.busy, id)
}

func (u *Upload) isDone(id string) (string, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	name, ok := u.done[id]
	return name, ok
}

func (u *Upload) remember(id, name string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.order) >= rememberDone {
		delete(u.done, u.order[0])
		u.order = u.order[1:]
	}
	u.done[id], u.order = name, append(u.order, id)
}

// sweep removes what nobody has gone on with.
func (u *Upload) sweep(root *os.File) {
	u.mu.Lock()
	due := time.Since(u.looked) > lookEvery
	if due {
		u.looked = time.Now()
	}
	u.mu.Unlock()
	if !due {
		return
	}
	entries, _ := os.ReadDir(u.Root)
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".backlot-") || !strings.HasSuffix(e.Name(), ".part") {
			continue
		}
		if fi, err := e.Info(); err == nil && fi.Mode().IsRegular() && time.Since(fi.ModTime()) > staleAfter {
			_ = unix.Unlinkat(int(root.Fd()), e.Name(), 0)
		}
	}
}
