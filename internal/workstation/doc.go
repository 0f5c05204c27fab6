// Package workstation runs the desktops of sessions. Driver is the contract,
// workstationtest its specification; oci runs them on this machine with runc,
// fake is for the tests of other rooms.
//
// It touches the container runtime, cgroups, namespaces, mounts and the network
// of the machine.
//
// Sessions, backups and volumes must never move in: a workstation is given
// directories and limits, and the caller knows what they mean.
package workstation
