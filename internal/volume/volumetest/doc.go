// Package volumetest is the specification of volume.Driver, as behaviours that
// every driver shows. A driver's own tests call Run and add what is peculiar to it.
//
// It touches what the driver under test touches, and temporary folders. It runs
// the test binary again to kill it in the middle of a verb. Some file types need root.
//
// Production code must never import it, and it must never look behind a driver:
// what the interface cannot show is no behaviour.
package volumetest
