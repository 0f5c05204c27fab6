package streamer

import (
	"testing"

	"github.com/BurntSushi/xgb/xfixes"
	"github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/wire"
)

func TestCursorMessage(t *testing.T) {
	t.Parallel()
	got := cursorMessage(&xfixes.GetCursorImageReply{
		CursorSerial: 7, Width: 2, Height: 1, Xhot: 1,
		CursorImage: []uint32{0xffff8000, 0x80402000},
	})
	want := wire.Cursor{Serial: 7, Width: 2, Height: 1, HotX: 1, Pixels: []byte{255, 128, 0, 255, 127, 63, 0, 128}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("half transparent (-want +got):\n%s", diff)
	}

	got = cursorMessage(&xfixes.GetCursorImageReply{CursorSerial: 8, Width: 4, Height: 4, Xhot: 2, CursorImage: make([]uint32, 16)})
	if diff := cmp.Diff(wire.Cursor{Serial: 8}, got); diff != "" {
		t.Errorf("hidden (-want +got):\n%s", diff)
	}

	large := make([]uint32, 200*300)
	for i := range large {
		large[i] = 0xff000000 | uint32(i)
	}
	got = cursorMessage(&xfixes.GetCursorImageReply{CursorSerial: 9, Width: 200, Height: 300, Xhot: 150, Yhot: 20, CursorImage: large})
	if _, err := wire.Decode(wire.Append(nil, got)); err != nil || got.Width != 128 || got.HotX != 128 || got.HotY != 20 {
		t.Errorf("large: %dx%d, hot spot %d,%d: %v", got.Width, got.Height, got.HotX, got.HotY, err)
	}
	if p := got.Pixels[4*128:][:3]; p[2] != 200 {
		t.Errorf("the second row of a large cursor begins with %v", p)
	}
}
