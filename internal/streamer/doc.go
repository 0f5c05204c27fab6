// Package streamer is the media process of one session. It captures the X
// display when it changes, encodes it, and injects what viewers press and move;
// it speaks wire with the gateway over one connection that it dials, again and
// again as long as it lives.
//
// It touches the X display, the pipes of the desktop's sound server, the gateway's
// socket and the file of its credential, and nothing else: no network, no other file. It is the only package with cgo
// (x264 behind the encoder interface, libyuv in picture.go,
// libdeflate in tile.go, libopus in opus.go).
//
// Who may watch, how packets travel and what a session is must never move in:
// the gateway knows.
package streamer
