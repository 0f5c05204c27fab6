// Package desktop is what runs inside a workstation's sandbox: process 1, which
// makes the account, waits for the X server, starts and keeps up the window
// manager, the message bus and the sound server, and ends all programs in order; and the maker of
// the programs menu. Main is where to start.
//
// It touches the sandbox's own root file system, its processes and its X
// display, and relies on nothing that must be installed but a window manager.
//
// What the sandbox is made of, and anything that is not in the standard library
// or x/sys, must never move in: this starts with every session, before all else.
package desktop
