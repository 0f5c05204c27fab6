package gateway

import (
	"bytes"
	"time"
)

// maxPayload bounds an RTP payload in bytes. With headers, extensions, SRTP's tag,
// UDP and IPv6 a packet then stays under 1280 bytes, which every IPv6 link takes.
const maxPayload = 1150

// maxPackets bounds a frame: what is larger is no picture but an attack.
const maxPackets = 8 << 10

// frame is one access unit, cut into RTP payloads. All viewers share it.
type frame struct {
	key      bool
	profile  profile
	time     uint32 // in 1/90000 s
	payloads [][]byte
	size     int    // of all payloads, in bytes
	unit     []byte // the whole as a message; nil while no road is a WebSocket
}

// packetize cuts an H.264 access unit in Annex B form into RTP payloads: single
// NAL unit packets and FU-A (RFC 6184 sections 5.6 and 5.8), which do not lie in
// annexB. There are none if it holds no picture.
func packetize(annexB []byte) ([][]byte, int) {
	const header = 2 // of FU-A
	arena := make([]byte, 0, len(annexB)+header*(len(annexB)/(maxPayload-header)+1))
	var payloads [][]byte
	emit := func(start int) { payloads = append(payloads, arena[start:len(arena):len(arena)]) }
	for unit := range units(annexB) {
		if len(payloads)+len(unit)/(maxPayload-header) >= maxPackets {
			return nil, 0
		}
		if len(unit) <= maxPayload {
			arena = append(arena, unit...)
			emit(len(arena) - len(unit))
			continue
		}
		indicator, kind := unit[0]&0xe0|28, unit[0]&0x1f
		for rest, first := unit[1:], true; len(rest) > 0; first = false {
			part := rest[:min(len(rest), maxPayload-header)]
			rest = rest[len(part):]
			fu := kind
			if first {
				fu |= 0x80
			}
			if len(rest) == 0 {
				fu |= 0x40
			}
			start := len(arena)
			arena = append(append(arena, indicator, fu), part...)
			emit(start)
		}
	}
	return payloads, len(arena)
}

// units yields the NAL units between start codes, without access unit delimiters
// and fillers, which RTP has no use for.
func units(annexB []byte) func(func([]byte) bool) {
	start := []byte{0, 0, 1}
	return func(yield func([]byte) bool) {
		_, rest, found := bytes.Cut(annexB, start)
		for found {
			var unit []byte
			unit, rest, found = bytes.Cut(rest, start)
			unit = bytes.TrimRight(unit, "\x00") // of a four-byte start code, or trailing zeros
			if len(unit) == 0 {
				continue
			}
			if kind := unit[0] & 0x1f; kind == 9 || kind == 12 {
				continue
			}
			if !yield(unit) {
				return
			}
		}
	}
}

// timeline turns the streamers' capture times into one clock that goes on from
// one streamer to the next, and never backwards.
type timeline struct {
	offset  int64 // added to a capture time, in µs
	last    int64 // in µs
	lastAt  time.Time
	restart bool // the next capture time counts from another start
}

// maxLeap is the longest step that a streamer's clock is believed, in µs.
const maxLeap = int64(time.Hour / time.Microsecond)

func (t *timeline) rtp(capturedMicros uint64, now time.Time) uint32 {
	return uint32(t.micros(capturedMicros, now) * 9 / 100)
}

// of is the clock's time of something that came after a frame, in µs.
func (t *timeline) of(capturedMicros uint64) uint64 {
	return uint64(max(0, int64(min(capturedMicros, 1<<62))+t.offset))
}

// micros is the time of a frame in µs.
func (t *timeline) micros(capturedMicros uint64, now time.Time) uint64 {
	captured := int64(min(capturedMicros, 1<<62))
	at := captured + t.offset
	if t.restart || at < t.last || at > t.last+maxLeap {
		at = t.last + max(now.Sub(t.lastAt).Microseconds(), 1)
		if t.lastAt.IsZero() {
			at = 0
		}
		t.offset, t.restart = at-captured, false
	}
	t.last, t.lastAt = at, now
	return uint64(at)
}
