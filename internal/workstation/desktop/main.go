package desktop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
)

// Main runs one of the programs of a sandbox and returns its exit code:
// "session-init" as process 1, "session-menu" for the window manager,
// "session-files" to receive files of viewers. The
// arguments are those after the program's name. When ctx ends, session-init ends
// as after SIGTERM.
func Main(ctx context.Context, args, environment []string, stdout, stderr io.Writer) int {
	err := errors.New("usage: session-init | session-menu | session-files DIRECTORY BYTES")
	switch {
	case len(args) == 1 && args[0] == "session-init":
		err = runInit(ctx, environment, slog.New(slog.NewTextHandler(stderr, nil)))
	case len(args) == 1 && args[0] == "session-menu":
		err = writeMenu(variables(environment), stdout)
	case len(args) == 3 && args[0] == "session-files":
		err = takeFiles(ctx, args[1], args[2])
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "backlot:", err)
		return 1
	}
	return 0
}

// Config is what session-init is told, all of it in its environment.
type Config struct {
	// User and UID are the account the desktop runs as, made when it is missing:
	// BACKLOT_USER and BACKLOT_UID. Its group has the same name and number.
	User string
	UID  int
	// Command starts the desktop, run by sh, in place of the window manager that
	// is found: BACKLOT_DESKTOP_COMMAND.
	Command string
	// Display is the number of the X display: DISPLAY, 0 when missing. The cookie
	// for it lies in the file Xauthority: XAUTHORITY.
	Display    int
	Xauthority string
	// UploadRoot is where files of viewers go, empty for nowhere, UploadBytes what each
	// may have: BACKLOT_UPLOAD_ROOT and BACKLOT_UPLOAD_BYTES.
	UploadRoot, UploadBytes string
	// Environment is what the desktop's programs get, as KEY=value: everything
	// but the BACKLOT variables above, with HOME, USER and LOGNAME of the
	// account, and what a desktop expects (PATH, LANG, XDG_RUNTIME_DIR and so on)
	// where it is missing.
	Environment []string
}

func parseConfig(environment []string) (Config, error) {
	env := variables(environment)
	c := Config{
		User: env["BACKLOT_USER"], Command: env["BACKLOT_DESKTOP_COMMAND"], Xauthority: env["XAUTHORITY"],
		UploadRoot: env[UploadRootVariable], UploadBytes: env[UploadBytesVariable],
	}
	if !regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`).MatchString(c.User) || c.User == "root" {
		return c, errors.New("BACKLOT_USER: want the name of an ordinary account")
	}
	var err error
	if c.UID, err = strconv.Atoi(env["BACKLOT_UID"]); err != nil || c.UID < 1 || c.UID > 65533 {
		return c, errors.New("BACKLOT_UID: want a user id of 1 to 65533")
	}
	setMissing(env, "DISPLAY", ":0")
	number, _, _ := strings.Cut(strings.TrimPrefix(env["DISPLAY"], ":"), ".")
	if c.Display, err = strconv.Atoi(number); err != nil || c.Display < 0 {
		return c, errors.New("DISPLAY: want a local display such as :0")
	}
	if below, ok := strings.CutPrefix(c.UploadRoot, "$HOME/"); ok {
		c.UploadRoot = home(c.User) + "/" + below
	}
	for _, ours := range []string{"BACKLOT_USER", "BACKLOT_UID", "BACKLOT_DESKTOP_COMMAND", ScriptsVariable, UploadRootVariable, UploadBytesVariable} {
		delete(env, ours)
	}
	env["USER"], env["LOGNAME"], env["HOME"] = c.User, c.User, home(c.User)
	setMissing(env, "PATH", defaultPath)
	setMissing(env, "SHELL", shell)
	setMissing(env, "LANG", "C.UTF-8")
	setMissing(env, "XDG_SESSION_TYPE", "x11")
	setMissing(env, "XDG_RUNTIME_DIR", runtimeDir(c.UID))
	setMissing(env, "DBUS_SESSION_BUS_ADDRESS", "unix:path="+busSocket(c.UID))
	setMissing(env, "XDG_CONFIG_DIRS", configDir+":/etc/xdg")
	setMissing(env, "XAPPLRESDIR", configDir)
	setMissing(env, "PULSE_CLIENTCONFIG", configDir+"/pulse/client.conf")
	c.Environment = list(env)
	return c, nil
}

// Where things are in the sandbox.
const (
	defaultPath = "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"
	shell       = "/bin/bash"
	configDir   = "/run/backlot/desktop" // what the window manager and xterm read
)

func home(user string) string    { return "/home/" + user }
func runtimeDir(uid int) string  { return fmt.Sprintf("/run/user/%d", uid) }
func busSocket(uid int) string   { return runtimeDir(uid) + "/bus" }
func xSocket(display int) string { return fmt.Sprintf("/tmp/.X11-unix/X%d", display) }
