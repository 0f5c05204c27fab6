package gateway

import (
	"bytes"
	"testing"
	"time"

	"github.com/pion/rtp/codecs"
	"pgregory.net/rapid"
)

func TestPacketize(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var annexB, want []byte
		for range rapid.IntRange(0, 5).Draw(t, "units") {
			unit := make([]byte, rapid.SampledFrom([]int{1, 2, 40, maxPayload - 1, maxPayload, maxPayload + 1, 3*maxPayload - 5, 9000}).Draw(t, "size"))
			for i := range unit {
				unit[i] = byte(i%250 + 1) // neither start codes nor trailing zeros
			}
			kind := rapid.SampledFrom([]byte{1, 5, 6, 7, 8, 9, 12}).Draw(t, "kind")
			unit[0] = 0x60 | kind
			annexB = append(append(annexB, []byte{0, 0, 0, 1}[rapid.IntRange(0, 1).Draw(t, "start"):]...), unit...)
			if kind != 9 && kind != 12 {
				want = append(append(want, 0, 0, 0, 1), unit...)
			}
		}
		payloads, size := packetize(annexB)
		var got []byte
		var reader codecs.H264Packet
		sum := 0
		for _, p := range payloads {
			if len(p) > maxPayload {
				t.Fatalf("payload of %d bytes", len(p))
			}
			sum += len(p)
			b, err := reader.Unmarshal(p)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, b...)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("%d bytes came back as %d others", len(want), len(got))
		}
		if size != sum {
			t.Fatalf("size %d, want %d", size, sum)
		}
	})
}

func FuzzPacketize(f *testing.F) {
	f.Add([]byte{0, 0, 1})
	f.Add([]byte{0, 0, 0, 1, 0x65, 0, 0, 1, 0, 0, 1, 9})
	f.Add(append([]byte{0, 0, 1}, make([]byte, 3000)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		payloads, _ := packetize(b)
		for _, p := range payloads {
			if len(p) == 0 || len(p) > maxPayload {
				t.Errorf("payload of %d bytes", len(p))
			}
		}
		if !bytes.Equal(b, before) {
			t.Error("input was written to")
		}
	})
}

func TestTimeline(t *testing.T) {
	t.Parallel()
	var line timeline
	now := time.Now()
	step := func(captured uint64, wall time.Duration) uint32 {
		now = now.Add(wall)
		return line.rtp(captured, now)
	}
	for i, c := range []struct {
		captured uint64
		wall     time.Duration
		restart  bool
		want     uint32
	}{
		{captured: 5_000_000, restart: true},
		{captured: 5_033_333, wall: 40 * time.Millisecond, want: 2999},
		{captured: 5_033_333, want: 2999},
		{captured: 100, wall: time.Second, want: 2999 + 90_000},                                   // it began again
		{captured: 10_000_100, wall: time.Second, want: 2999 + 90_000 + 900_000},                  // and is believed
		{captured: 10_000_200, wall: time.Second, restart: true, want: 2999 + 990_000 + 90_000},   // another
		{captured: 1 << 63, wall: 2 * time.Second, want: 2999 + 990_000 + 90_000 + 2*90_000},      // a liar
		{captured: 20_000_000, wall: time.Second, want: 2999 + 990_000 + 90_000 + 3*90_000},       // at rest
		{captured: 20_010_000, wall: time.Second, want: 2999 + 990_000 + 90_000 + 3*90_000 + 900}, // and on
	} {
		line.restart = c.restart
		if got := step(c.captured, c.wall); got < c.want || got > c.want+1 {
			t.Errorf("step %d: %d, want %d", i, got, c.want)
		}
	}
}
