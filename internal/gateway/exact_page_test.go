package gateway_test

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/chromedp"

	"github.com/backlot/backlot/internal/wire"
)

// TestHiddenPageKeepsTheLatestTiles: a browser presents no frames in a tab that nobody
// sees, and the desktop changes on.
func TestHiddenPageKeepsTheLatestTiles(t *testing.T) {
	t.Parallel()
	w := newWindow(t, 400, 300, "")
	w.load(`import { Exact } from "./exact";
		const Real = ImageData;
		globalThis.pixels = [];
		globalThis.ImageData = class extends Real {
			constructor(...how) {
				super(...how);
				pixels.push(new WeakRef(this));
			}
		};
		const video = document.body.appendChild(document.createElement("video"));
		let present;
		video.requestVideoFrameCallback = (then) => (present = then);
		const exact = new Exact(video, () => ({ width: 256, height: 128 }), () => {});
		exact.open();
		present(0, { rtpTimestamp: 1 }); // the last
		globalThis.part = (bytes) => exact.message(bytes.buffer);`)
	var data bytes.Buffer
	deflate, err := flate.NewWriter(&data, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := deflate.Write(make([]byte, 3*wire.TileSide*wire.TileSide)); err != nil {
		t.Fatal(err)
	}
	if err := deflate.Close(); err != nil {
		t.Fatal(err)
	}
	send := func(b []byte) {
		t.Helper()
		w.do(chromedp.Evaluate(fmt.Sprintf("part(Uint8Array.from(atob(%q), (c) => c.charCodeAt(0)))", base64.StdEncoding.EncodeToString(b)), nil))
	}
	send(wire.Append(nil, wire.Part{}))
	const times = 100
	for i := range times {
		tile := wire.Append(nil, wire.Tile{
			CapturedMicros: uint64(i+1) * 1_000_000, Width: 256, Height: 128, Column: uint16(i % 2), Data: data.Bytes(),
		})
		body := append(binary.BigEndian.AppendUint32(nil, uint32(len(tile))), tile...)
		send(wire.Append(nil, wire.Part{Data: body}))
	}
	w.holds(`pixels.length === 100`)
	w.do(heapprofiler.CollectGarbage())
	var kept int
	w.eval(`return pixels.filter((p) => p.deref()).length`, &kept)
	if kept > 10 {
		t.Errorf("%d of %d tiles of 2 places are kept", kept, times)
	}
}
