// Package wire is what streamer and gateway say to each other over one stream
// connection, and what gateway and viewer page say to each other in binary
// messages. Both use the same bytes for a message (its type, then its fields,
// big-endian), so that the gateway checks a viewer's input and passes it on.
//
// It is pure: it reads and writes the io it is given and touches nothing else.
// Every decoder is bounded and takes any bytes without harm. The files in
// testdata hold each message in hex, for the Go tests and for those of the page.
//
// What a message means to a desktop, sockets, WebRTC and its signalling must
// never move in.
package wire
