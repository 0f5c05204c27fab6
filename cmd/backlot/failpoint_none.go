//go:build !failpoints

package main

import (
	"github.com/backlot/backlot/internal/gateway"
	"github.com/backlot/backlot/internal/reconcile"
	"github.com/backlot/backlot/internal/studio"
)

// failing, failingTickets and failingTiming change nothing: only a program built
// with the tag failpoints fails where a test tells it to.
func failing(c reconcile.Config) reconcile.Config { return c }

func failingTickets(t tickets) gateway.Studio { return t }

func failingTiming(t studio.Timing) studio.Timing { return t }
