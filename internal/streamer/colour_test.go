package streamer_test

import (
	"bytes"
	"os/exec"
	"testing"

	"github.com/BurntSushi/xgb/xproto"

	"github.com/backlot/backlot/internal/wire"
)

// stripes draws red and blue columns of one pixel: with half the colour they are violet.
func stripes(t *testing.T, x *xserver) {
	t.Helper()
	gc, err := xproto.NewGcontextId(x.x)
	if err != nil {
		t.Fatal(err)
	}
	xproto.CreateGC(x.x, gc, xproto.Drawable(x.root), xproto.GcSubwindowMode, []uint32{xproto.SubwindowModeIncludeInferiors})
	for i, colour := range []uint32{0xff0000, 0x0000ff} {
		xproto.ChangeGC(x.x, gc, xproto.GcForeground, []uint32{colour})
		var columns []xproto.Rectangle
		for left := i; left < 640; left += 2 {
			columns = append(columns, xproto.Rectangle{X: int16(left), Width: 1, Height: 480})
		}
		xproto.PolyFillRectangle(x.x, xproto.Drawable(x.root), gc, columns)
	}
	x.x.Sync()
}

// colours is the red difference of the last frame, as ffmpeg decodes it.
func colours(t *testing.T, video []wire.Video, width, height int) []byte {
	t.Helper()
	var stream bytes.Buffer
	for _, v := range video {
		stream.Write(v.Data)
	}
	c := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-f", "h264", "-i", "-", "-f", "rawvideo", "-pix_fmt", "yuv444p", "-")
	c.Stdin = &stream
	out, err := c.Output()
	if err != nil {
		t.Fatalf("ffmpeg: %v", err)
	}
	plane := width * height
	if len(out) < 3*plane {
		t.Fatalf("%d bytes decoded", len(out))
	}
	return out[len(out)-plane:]
}

// profile is that of a key frame, as its SPS says.
func profile(key wire.Video) byte { return key.Data[bytes.Index(key.Data, []byte{0, 0, 1, 0x67})+4] }

func TestFullColour(t *testing.T) {
	t.Parallel()
	need(t, "ffmpeg")
	x, g := desktop(t)
	stripes(t, x)
	g.send(watch(true))
	if first := await(g, "the first frame", anyOf[wire.Video]); profile(first) != 66 {
		t.Errorf("it begins with profile %d, want baseline", profile(first))
	}
	for _, c := range []struct {
		full      bool
		profile   byte
		red, blue byte
	}{{true, 244, 240, 110}, {false, 66, 175, 175}} {
		g.send(wire.Format{FullColour: c.full})
		key := await(g, "a key frame of the other profile", func(v wire.Video) bool { return v.Key && profile(v) == c.profile })
		begin := len(g.video) - 1
		g.still()
		plane := colours(t, g.video[begin:], int(key.Width), int(key.Height))
		for at, want := range []byte{c.red, c.blue} {
			if got := plane[100*int(key.Width)+100+at]; max(got, want)-min(got, want) > 4 {
				t.Errorf("full colour %v: red difference %d in column %d, want %d", c.full, got, at, want)
			}
		}
	}
}
