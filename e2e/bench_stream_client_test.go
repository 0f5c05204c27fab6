package e2e_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/pion/webrtc/v4"

	"github.com/backlot/backlot/e2e/scene"
)

// client is a viewer of Backlot's without a browser: it decodes nothing and shows nothing.
type client struct {
	t        testing.TB
	input    *webrtc.DataChannel
	pictures chan struct{} // closed at the first

	mu     sync.Mutex
	frames []arrival
}

// arrival is one frame of video.
type arrival struct {
	time        uint32 // of RTP
	first, last time.Time
	bytes       int
}

// newClient opens a stream as the page does.
func newClient(t testing.TB, stream string) (*client, func()) {
	t.Helper()
	address, err := url.Parse(stream)
	if err != nil {
		t.Fatal(err)
	}
	ticket := address.Query().Get("authToken")
	address.Scheme, address.RawQuery = "ws", ""
	address = address.JoinPath("connect")

	settings := webrtc.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	media := &webrtc.MediaEngine{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(media)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		t.Fatal(err)
	}
	c := &client{t: t}
	agreed, id := true, uint16(0)
	if c.input, err = pc.CreateDataChannel("input", &webrtc.DataChannelInit{Negotiated: &agreed, ID: &id}); err != nil {
		t.Fatal(err)
	}
	opened := make(chan struct{})
	c.pictures = make(chan struct{})
	c.input.OnOpen(func() { close(opened) })
	pc.OnTrack(c.receive)
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	socket, _, err := websocket.Dial(t.Context(), address.String(), nil) //nolint:bodyclose // Dial says it needs no closing
	if err != nil {
		t.Fatal(err)
	}
	ask, err := json.Marshal(map[string]any{"ticket": ticket, "offer": offer.SDP, "width": scene.Width, "height": scene.Height})
	if err != nil {
		t.Fatal(err)
	}
	if err := socket.Write(t.Context(), websocket.MessageText, ask); err != nil {
		t.Fatal(err)
	}
	var reply struct{ Answer string }
	for reply.Answer == "" {
		_, text, err := socket.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &reply); err != nil {
			t.Fatal(err)
		}
	}
	go func() { // what else it says is not needed
		for {
			if _, _, err := socket.Read(context.Background()); err != nil {
				return
			}
		}
	}()
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: reply.Answer}); err != nil {
		t.Fatal(err)
	}
	for _, there := range []chan struct{}{opened, c.pictures} {
		select {
		case <-there:
		case <-time.After(20 * time.Second):
			t.Fatal("nothing gets through")
		}
	}
	return c, func() {
		_ = socket.CloseNow()
		_ = pc.Close()
	}
}

func (c *client) receive(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		now := time.Now()
		c.mu.Lock()
		n := len(c.frames)
		if n == 0 {
			close(c.pictures)
		}
		if n == 0 || c.frames[n-1].time != packet.Timestamp {
			c.frames = append(c.frames, arrival{time: packet.Timestamp, first: now})
		}
		f := &c.frames[len(c.frames)-1]
		f.last, f.bytes = now, f.bytes+len(packet.Payload)
		c.mu.Unlock()
	}
}

// nothing is the size of a frame that shows no change.
const nothing = 24

// showing is the first frame that shows a change after a time.
func (c *client) showing(after time.Time) (arrival, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.frames {
		if f.bytes > nothing && f.first.After(after) {
			return f, true
		}
	}
	return arrival{}, false
}

// still waits until the picture has not changed for a while.
func (c *client) still() {
	c.t.Helper()
	const quiet = 250 * time.Millisecond
	for deadline := time.Now().Add(8 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if _, changed := c.showing(time.Now().Add(-quiet)); !changed {
			return
		}
	}
}

// press presses a key, and tells how long the first and the last byte of the frame
// took that shows what it changed.
func (c *client) press() (first, last time.Duration, bytes int) {
	c.t.Helper()
	c.still()
	began := time.Now()
	for _, down := range []byte{1, 0} {
		if err := c.input.Send(keyMessage(30, down)); err != nil {
			c.t.Fatal(err)
		}
	}
	for {
		if f, ok := c.showing(began); ok && time.Since(f.last) > 20*time.Millisecond {
			return f.first.Sub(began), f.last.Sub(began), f.bytes
		}
		if time.Since(began) > 2*time.Second {
			c.t.Fatal("a key changes nothing")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// keyMessage is a key's press or release as the page would send it.
func keyMessage(code uint16, down byte) []byte {
	b := binary.BigEndian.AppendUint16([]byte{0x84}, code)
	return append(b, 0, 0, 0, 0, down)
}
