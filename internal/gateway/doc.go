// Package gateway is where viewers meet desktops: it serves the stream page,
// checks tickets, pairs each viewer with the connection its session's streamer
// dialled, ends WebRTC, and passes picture one way and input the other.
//
// It touches sockets: HTTP and WebSocket, one UDP port for the media of all
// sessions, and the listener that streamers dial. What it knows of sessions it
// asks of Studio. It keeps everything in memory: streamers and pages connect
// again by themselves, and that makes it anew.
//
// Capture, encoding and what a key means must never move in, nor the rules of
// who may open which stream.
package gateway
