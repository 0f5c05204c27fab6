// backlot-streamer shows one session's X display to the gateway. It is started
// by the server, one for each session, and configured by its environment:
//
//	DISPLAY, XAUTHORITY               the X display and its cookie
//	BACKLOT_STREAMER_SOCKET           path of the gateway's Unix socket
//	BACKLOT_STREAMER_CREDENTIAL_FILE  path of the file with the credential
//	BACKLOT_STREAMER_SESSION          key of the session in the gateway
//	BACKLOT_STREAMER_SOUND            directory of the pipes to and from the sound server,
//	                                  if there is one
//	BACKLOT_STREAMER_INPUT            directory with the sockets of X's input devices; none without
//	BACKLOT_STREAMER_CLIPBOARD        1: viewers may share the desktop's clipboard
//	BACKLOT_STREAMER_FILES            path of the Unix socket where the sandbox takes
//	                                  viewers' files; none: it takes none
//	BACKLOT_STREAMER_AFTER            number of an open file; when there is one, the
//	                                  display is shown once a byte can be read from it
//
// It ends with an error when the X server goes away.
//
// It links x264 and is therefore distributed under the GPL, unlike its source.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/backlot/backlot/internal/streamer"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Getenv, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "backlot-streamer:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, env func(string) string, stderr io.Writer) error {
	for _, name := range []string{"DISPLAY", "BACKLOT_STREAMER_SOCKET", "BACKLOT_STREAMER_CREDENTIAL_FILE", "BACKLOT_STREAMER_SESSION"} {
		if env(name) == "" {
			return fmt.Errorf("%s is not set", name)
		}
	}
	if err := await(env("BACKLOT_STREAMER_AFTER")); err != nil {
		return fmt.Errorf("wait until the display may be shown: %w", err)
	}
	session := env("BACKLOT_STREAMER_SESSION")
	return streamer.Run(ctx, streamer.Config{
		Display:        env("DISPLAY"),
		Socket:         env("BACKLOT_STREAMER_SOCKET"),
		CredentialFile: env("BACKLOT_STREAMER_CREDENTIAL_FILE"),
		SoundDir:       env("BACKLOT_STREAMER_SOUND"),
		Session:        session,
		Input:          env("BACKLOT_STREAMER_INPUT"),
		Clipboard:      env("BACKLOT_STREAMER_CLIPBOARD") == "1",
		Files:          env("BACKLOT_STREAMER_FILES"),
		Log:            slog.New(slog.NewTextHandler(stderr, nil)).With("session_id", session),
	})
}

// await reads a byte from the open file of that number, if there is one. Only
// SIGKILL ends the wait, by which streamers are ended anyway.
func await(number string) error {
	if number == "" {
		return nil
	}
	fd, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return err
	}
	file := os.NewFile(uintptr(fd), "gate")
	_, err = io.ReadFull(file, make([]byte, 1))
	return errors.Join(err, file.Close())
}
