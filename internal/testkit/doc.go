// Package testkit is what tests of several rooms need.
//
// It touches temporary folders, the sources of the tree and the installed
// programs of PostgreSQL.
//
// Code of the product must never move in, nor import it.
package testkit
