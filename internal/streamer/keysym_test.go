package streamer

import (
	"encoding/binary"
	"testing"

	"github.com/jezek/xgb/xproto"
)

func TestMeaning(t *testing.T) {
	t.Parallel()
	for sym, want := range map[xproto.Keysym]rune{
		'a': 'a', 0xe9: 'é', 0x1b1: 'ą', 0x6c6: 'ф', 0x7e1: 'α', 0x4b1: 'ア', 0x20ac: '€', 0x13bd: 'œ', 0x0100263a: '☺',
		0xff0d: 0, 0xfe51: 0, 0x1a4: 0, 0x80: 0, 0x20a0: 0,
	} {
		if got := meaning(sym); got != want {
			t.Errorf("0x%x: %q, want %q", sym, got, want)
		}
	}
	if !same(0x20ac, 0x010020ac) || same(0xff0d, 0xff8d) || !same(0xff0d, 0xff0d) {
		t.Error("what is the same is not the same")
	}
}

// twoDevices is an answer of the X server with two devices.
func twoDevices() []byte {
	b := make([]byte, 32)
	binary.LittleEndian.PutUint16(b[8:], 2)
	b = append(b, 2, 0, 1, 0, 3, 0, 1, 0, 5, 0, 1, 0)
	b = append(b, "Mouse\x00\x00\x00"...)
	b = append(b, 1, 0, 2, 0, 9, 9, 9, 9)
	b = append(b, 6, 0, 3, 0, 2, 0, 0, 0, 3, 0, 1, 0)
	return append(b, "Pen\x00"...)
}

func TestFindDevice(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]uint16{"Mouse": 2, "Pen": 6, "Pe": 0} {
		if id, ok := findDevice(twoDevices(), name); id != want || ok != (want != 0) {
			t.Errorf("%s: %d, %v", name, id, ok)
		}
	}
}

func FuzzFindDevice(f *testing.F) {
	f.Add(twoDevices())
	f.Fuzz(func(_ *testing.T, b []byte) { findDevice(b, "Pen") })
}
