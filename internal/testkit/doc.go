// Package testkit is what tests of several rooms need.
//
// It touches temporary folders and the sources of the tree.
//
// Code of the product must never move in, nor import it.
package testkit
