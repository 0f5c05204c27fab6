// Package reconcile makes true what the store says. Its Loop takes nouns that
// are due, asks the studio for the one next thing to do for each, does it
// through the drivers, and records what came of it, until all is at rest. It
// also looks over the machine for what nobody wants, and for desktops that died.
//
// It touches workstations, volumes and images through their drivers, and the
// clock.
//
// What a state means, and which action follows which, must never move in: that
// is the studio's. Here an action is only carried out.
package reconcile
