package desktop

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// takeFilesSocket takes over the socket that files come by, which follows those of
// the scripts, if any. It is to be called before any program is started, which would
// inherit it.
func takeFilesSocket(env map[string]string, scripted bool) *os.File {
	if env[UploadRootVariable] == "" {
		return nil
	}
	fd := scriptsFile
	if scripted {
		fd = gateFile + 1
	}
	unix.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), "files")
}

// filesService is this very program, as the user. The socket stays when it ends:
// whoever comes meanwhile waits for the next.
func (s *session) filesService(program string, socket *os.File) *service {
	if socket == nil {
		return nil
	}
	return &service{name: "file receiver", argv: []string{program, "session-files", s.UploadRoot, s.UploadBytes}, file: socket}
}

// startFiles starts the receiver, once: like the sound server after what is more urgent.
func (s *session) startFiles() {
	if s.files == nil || !s.files.started.IsZero() {
		return
	}
	if err := s.makeUploadRoot(); err != nil {
		s.log.Warn("viewers' files have nowhere to go", "err", err)
	}
	s.start(s.files)
}

// makeUploadRoot makes a root that the user could not make. What is in the home is
// left to the user, and what is there to whom it belongs.
func (s *session) makeUploadRoot() error {
	below, inHome := strings.CutPrefix(s.UploadRoot, home(s.User)+"/")
	if _, err := os.Stat(s.UploadRoot); inHome && below != "" || !errors.Is(err, os.ErrNotExist) {
		return nil
	}
	top, err := os.Open("/")
	if err != nil {
		return err
	}
	defer top.Close()
	dir, err := descend(top, strings.Split(strings.Trim(filepath.Clean(s.UploadRoot), "/"), "/"))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Chown(s.UID, s.UID)
}
