package gateway

import (
	"time"

	"github.com/pion/rtcp"
)

// numberedPackets is how many packets are remembered until word of them comes: a
// power of two, and more than a round trip's worth.
const numberedPackets = 4096

// packetLog remembers when packets were sent, and makes deliveries of what the
// receiver says of them (draft-holmer-rmcat-transport-wide-cc-extensions-01).
type packetLog struct {
	next  uint16
	sent  [numberedPackets]departed
	start time.Time
}

// depart records a packet and returns its number.
func (l *packetLog) depart(bytes int, now time.Time) uint16 {
	if l.start.IsZero() {
		l.start = now
	}
	l.next++
	l.sent[l.next%numberedPackets] = departed{bytes, now}
	return l.next
}

// arrive reads a receiver's word. The clocks differ: what the deliveries took is good
// for comparing one with another.
func (l *packetLog) arrive(m *rtcp.TransportLayerCC, now time.Time) []delivery {
	var came []delivery
	at := time.Duration(m.ReferenceTime) * 64 * time.Millisecond
	number, left, deltas := m.BaseSequenceNumber, int(m.PacketStatusCount), m.RecvDeltas
	one := func(status uint16) bool {
		if left--; left < 0 {
			return false
		}
		defer func() { number++ }()
		if status != rtcp.TypeTCCPacketReceivedSmallDelta && status != rtcp.TypeTCCPacketReceivedLargeDelta {
			return true
		}
		if len(deltas) == 0 {
			return false
		}
		at += time.Duration(deltas[0].Delta) * time.Microsecond
		deltas = deltas[1:]
		if d := &l.sent[number%numberedPackets]; d.bytes > 0 && l.next-number < numberedPackets {
			came = append(came, delivery{d.bytes, at - d.at.Sub(l.start), now.Add(at)})
			d.bytes = 0 // it does not arrive twice
		}
		return true
	}
	for _, chunk := range m.PacketChunks {
		switch chunk := chunk.(type) {
		case *rtcp.RunLengthChunk:
			for i := 0; i < int(chunk.RunLength) && one(chunk.PacketStatusSymbol); i++ {
			}
		case *rtcp.StatusVectorChunk:
			for _, status := range chunk.SymbolList {
				if !one(status) {
					break
				}
			}
		}
	}
	for i := range came { // the last of them just now
		came[i].at = came[i].at.Add(-at)
	}
	return came
}
