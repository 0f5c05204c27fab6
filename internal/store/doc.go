// Package store keeps the nouns of studio in a database: one table for each
// kind, one query code for all of them, and the leases by which a reconcile
// loop holds a noun that is due.
//
// It touches the database and nothing else. The time is handed in; SQL never
// reads a clock, so that a test, and a second server, can tell what happens when.
//
// What a noun means must never move in: the store knows the columns that a noun
// derives from itself, and its content is text to it.
package store
