package gateway

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/pion/rtcp"

	"github.com/backlot/backlot/internal/wire"
)

func TestFlow(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var f flow
	var arrived []time.Duration
	progress := func(received, shown uint32, perFrame time.Duration) bool {
		return f.progress(wire.Progress{Received: received, Shown: shown, FrameMicros: uint32(perFrame.Microseconds())}, now,
			func(_ departed, took time.Duration) { arrived = append(arrived, took) })
	}
	const bits = 8_000_000 // 1 kB a millisecond
	if !f.room(bits) {
		t.Error("no room at the start")
	}
	f.depart(60_000, now)
	if f.room(bits) {
		t.Error("room while 60 ms are on the way")
	}
	now = now.Add(10 * time.Millisecond)
	if !progress(1, 0, 0) || !f.room(bits) {
		t.Error("no room once it has arrived")
	}
	if !progress(1, 1, 5*time.Millisecond) {
		t.Error("what was shown is refused")
	}
	for range 6 {
		f.depart(1000, now)
	}
	if !f.room(bits) {
		t.Error("no room for small frames that a quick page shows in 30 ms")
	}
	now = now.Add(10 * time.Millisecond)
	if !progress(7, 2, 50*time.Millisecond) || f.room(bits) {
		t.Error("room in a page that is slow")
	}
	if !progress(7, 7, 50*time.Millisecond) || !f.room(bits) {
		t.Error("no room in a slow page that has nothing to do")
	}
	if len(arrived) != 7 {
		t.Errorf("%d frames arrived, want 7", len(arrived))
	}
	for _, lie := range [][2]uint32{{8, 7}, {6, 6}, {7, 8}, {7, 6}, {1 << 31, 7}, {7, 1 << 31}} {
		if progress(lie[0], lie[1], 0) {
			t.Errorf("received %d, shown %d is believed", lie[0], lie[1])
		}
	}
}

func TestPacketLog(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var l packetLog
	first := l.depart(100, now)
	for i := range 5 {
		l.depart(101+i, now.Add(time.Duration(i+1)*time.Millisecond))
	}
	word := &rtcp.TransportLayerCC{
		BaseSequenceNumber: first, PacketStatusCount: 6, ReferenceTime: 2,
		PacketChunks: []rtcp.PacketStatusChunk{
			&rtcp.RunLengthChunk{PacketStatusSymbol: rtcp.TypeTCCPacketReceivedSmallDelta, RunLength: 2},
			&rtcp.StatusVectorChunk{SymbolList: []uint16{
				rtcp.TypeTCCPacketNotReceived, rtcp.TypeTCCPacketReceivedLargeDelta, rtcp.TypeTCCPacketReceivedSmallDelta,
				rtcp.TypeTCCPacketNotReceived, rtcp.TypeTCCPacketReceivedSmallDelta,
			}},
		},
		RecvDeltas: []*rtcp.RecvDelta{{Delta: 1000}, {Delta: 2000}, {Delta: 20000}, {Delta: -500}, {Delta: 1}},
	}
	const ms = time.Millisecond
	got := l.arrive(word, now)
	want := []delivery{
		{bytes: 100, took: 129 * ms, at: now.Add(-21500 * time.Microsecond)},
		{bytes: 101, took: 130 * ms, at: now.Add(-19500 * time.Microsecond)},
		{bytes: 103, took: 148 * ms, at: now.Add(500 * time.Microsecond)},
		{bytes: 104, took: 146500 * time.Microsecond, at: now},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(delivery{}), cmpopts.EquateApproxTime(0)); diff != "" {
		t.Error(diff)
	}
	if again := l.arrive(word, now); len(again) > 0 {
		t.Errorf("%d packets arrive twice", len(again))
	}
	word.RecvDeltas = nil
	word.BaseSequenceNumber += 60000
	if none := l.arrive(word, now); len(none) > 0 {
		t.Error("packets arrive that were not sent")
	}
}
