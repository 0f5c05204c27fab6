// Package api answers the Amazon Nimble Studio API (2020-08-01): the table of
// operations, the REST-JSON codec compiled from the tags of studio's structs,
// the signature check, throttling, and the one place where an error becomes a
// status.
//
// It touches HTTP only. Who holds a key is asked of Keys; what an operation
// does is one method of studio.Service.
//
// Rules of the domain, permissions and storage must never move in.
package api

//go:generate go test -run ^TestReferenceIsFresh$ -update .
