// Package viewer is the stream page: its template, style and script, which
// `go generate` bundles into dist with esbuild, and which are compiled in.
//
// It touches nothing outside: a page is rendered from what it is given.
//
// Tickets, sessions and HTTP are the gateway's and must never move in, nor
// anything that is drawn into the desktop itself.
package viewer
