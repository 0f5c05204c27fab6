package gateway

import (
	"errors"
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// Header extensions of the video: how long the player may hold a frame (0 to 0:
// show it at once; without, its jitter buffer holds it for up to 190 ms), and when
// a packet was sent, by which the receiver estimates what the way carries.
const (
	playoutDelayURI = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
	absSendTimeURI  = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
)

var errNotBound = errors.New("video track is not bound")

// track is the video of one viewer. Its packets and their times are our own:
// Pion's sample track counts durations, which fits no varying frame rate.
type track struct {
	mu       sync.Mutex
	out      webrtc.TrackLocalWriter // nil while not bound
	header   rtp.Header
	sendTime uint8 // id of the extension; 0: not negotiated
}

// ID names the track.
func (t *track) ID() string { return "desktop" }

// RID is for simulcast, which is not used.
func (t *track) RID() string { return "" }

// StreamID names the media stream.
func (t *track) StreamID() string { return "desktop" }

// Kind is video.
func (t *track) Kind() webrtc.RTPCodecType { return webrtc.RTPCodecTypeVideo }

// Bind takes what was negotiated.
func (t *track) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	for _, codec := range c.CodecParameters() {
		if codec.MimeType != webrtc.MimeTypeH264 {
			continue
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		t.out = c.WriteStream()
		t.header = rtp.Header{
			Version:        2,
			PayloadType:    uint8(codec.PayloadType),
			SSRC:           uint32(c.SSRC()),
			SequenceNumber: t.header.SequenceNumber,
		}
		for _, e := range c.HeaderExtensions() {
			id := uint8(e.ID)
			switch e.URI {
			case playoutDelayURI:
				if err := t.header.SetExtension(id, []byte{0, 0, 0}); err != nil {
					return webrtc.RTPCodecParameters{}, err
				}
			case absSendTimeURI:
				t.sendTime = id
			}
		}
		return codec, nil
	}
	return webrtc.RTPCodecParameters{}, webrtc.ErrUnsupportedCodec
}

// Unbind forgets what was negotiated.
func (t *track) Unbind(webrtc.TrackLocalContext) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.out = nil
	return nil
}

// write sends one packet of a frame.
func (t *track) write(payload []byte, timestamp uint32, last bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.out == nil {
		return errNotBound
	}
	t.header.SequenceNumber++
	t.header.Timestamp = timestamp
	t.header.Marker = last
	if t.sendTime != 0 {
		at, err := rtp.NewAbsSendTimeExtension(time.Now()).Marshal()
		if err != nil {
			return err
		}
		if err := t.header.SetExtension(t.sendTime, at); err != nil {
			return err
		}
	}
	_, err := t.out.WriteRTP(&t.header, payload)
	return err
}
