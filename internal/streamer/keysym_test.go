package streamer

import (
	"encoding/binary"
	"maps"
	"testing"

	"github.com/BurntSushi/xgb/xproto"
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
	b = append(b, 6, 0, 3, 0, 2, 0, 1, 0, 3, 0, 1, 0)
	b = append(b, "Pen\x00"...)
	tilt := make([]byte, 44) // class 2, of axis 3, labelled 77, from -64 to 63
	copy(tilt, []byte{2, 0, 11, 0, 6, 0, 3, 0, 77, 0, 0, 0, 0xc0, 0xff, 0xff, 0xff})
	tilt[20] = 63
	return append(b, tilt...)
}

func TestFindDevice(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct {
		id   uint16
		axes map[xproto.Atom]valuator
	}{"Mouse": {2, map[xproto.Atom]valuator{}}, "Pen": {6, map[xproto.Atom]valuator{77: {3, -64, 63}}}, "Pe": {}} {
		if id, axes, ok := findDevice(twoDevices(), name); id != want.id || !maps.Equal(axes, want.axes) || ok != (want.id != 0) {
			t.Errorf("%s: %d, %v, %v", name, id, axes, ok)
		}
	}
}

func FuzzFindDevice(f *testing.F) {
	f.Add(twoDevices())
	f.Fuzz(func(_ *testing.T, b []byte) { findDevice(b, "Pen") })
}
