package workstation

import (
	"fmt"
	"time"
)

// Scripts prepare a sandbox each time that it is made: at a first Ensure, at the
// one after Stop, and when the sandbox has died and is mended; not when only
// programs in it are started again. The workstation is shown to the gateway once
// all of them have ended. They hold secrets.
type Scripts struct {
	// System are run as root, one after the other, before any program of the
	// user. The first that fails ends the sandbox: Ensure tells of it by a ScriptError.
	System []Script
	// User are run as the desktop's user afterwards. One that fails harms nothing.
	User []Script
	// Within is how long all of them together may take. What runs longer has failed.
	Within time.Duration
}

// Empty tells whether there is nothing to run.
func (s Scripts) Empty() bool { return len(s.System) == 0 && len(s.User) == 0 }

// Script is run by /bin/sh unless its first line names an interpreter.
type Script struct {
	// Name tells whose script it is. It is no secret.
	Name string
	Text string
}

// ScriptError says that a system script has failed. The same Ensure again runs
// the scripts anew.
type ScriptError struct {
	// Name is the script's.
	Name string
	// How it failed: "exit status 1".
	How string
}

func (e *ScriptError) Error() string {
	return fmt.Sprintf("initialization script of %s: %s", e.Name, e.How)
}
