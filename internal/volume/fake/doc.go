// Package fake is a volume driver for the tests of other rooms: real directories
// and real copies without the care for power cuts, and verbs that fail when told.
//
// It touches one directory, usually of t.TempDir, and runs cp.
//
// What a test wants to know must never move in as a counter or a log of calls: a
// test looks at what List and the files say, or brings its own Fail.
package fake
