// Package workstationtest is the specification of workstation.Driver, as a suite
// that every driver and the fake pass. Run is where to start.
//
// It touches what the driver under test touches.
//
// What only one driver promises must never move in: that is tested beside it.
package workstationtest
