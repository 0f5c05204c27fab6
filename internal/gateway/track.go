package gateway

import (
	"errors"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// Header extensions of the video: how long the player may hold a frame (0 to 0:
// show it at once; without, its jitter buffer holds it for up to 190 ms), and the
// number of a packet, by which the receiver tells when each arrived.
const (
	playoutDelayURI = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
	transportURI    = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
)

var errNotBound = errors.New("track is not bound")

// track is the video, or the sound, of one viewer. Its packets and their times are our own:
// Pion's sample track counts durations, which fits no varying frame rate.
type track struct {
	// mime is the codec's name. Picture and sound are streams of their own: of one and
	// the same stream a browser holds back what comes first, which is the picture.
	mime string

	mu     sync.Mutex
	out    webrtc.TrackLocalWriter // nil while not bound
	header rtp.Header
	// agreed are the payload types by profile, of the video.
	agreed   map[profile]uint8
	numbered uint8 // id of the extension; 0: not negotiated
	log      packetLog
	kept     []kept // to be sent again, of the video
}

// keptPackets is how many packets are kept until word of their loss comes: a power of two.
const keptPackets = 2048

// kept is a packet that was sent.
type kept struct {
	sequence    uint16
	timestamp   uint32
	marked      bool
	payloadType uint8
	payload     []byte
}

// ID names the track.
func (t *track) ID() string { return t.Kind().String() }

// RID is for simulcast, which is not used.
func (t *track) RID() string { return "" }

// StreamID names the media stream.
func (t *track) StreamID() string { return t.Kind().String() }

// Kind is video or audio.
func (t *track) Kind() webrtc.RTPCodecType {
	if t.mime == webrtc.MimeTypeOpus {
		return webrtc.RTPCodecTypeAudio
	}
	return webrtc.RTPCodecTypeVideo
}

// Bind takes what was negotiated.
func (t *track) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	for _, codec := range c.CodecParameters() {
		if codec.MimeType != t.mime {
			continue
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		t.out = c.WriteStream()
		t.agreed = payloadTypes(c.CodecParameters())
		if t.Kind() == webrtc.RTPCodecTypeVideo {
			t.kept = make([]kept, keptPackets)
		}
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
			case transportURI:
				t.numbered = id
			}
		}
		return codec, nil
	}
	return webrtc.RTPCodecParameters{}, webrtc.ErrUnsupportedCodec
}

// next has the next packets sent as those of a profile.
func (t *track) next(p profile) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.header.PayloadType = t.agreed[p]
}

// Unbind forgets what was negotiated.
func (t *track) Unbind(webrtc.TrackLocalContext) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.out = nil
	return nil
}

// write sends one packet. The last of a frame is marked, the first sound after silence.
func (t *track) write(payload []byte, timestamp uint32, marked bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.out == nil {
		return errNotBound
	}
	t.header.SequenceNumber++
	k := kept{t.header.SequenceNumber, timestamp, marked, t.header.PayloadType, payload}
	if len(t.kept) > 0 {
		t.kept[k.sequence%keptPackets] = k
	}
	return t.put(k)
}

// again sends once more what was lost on the way, as far as it is kept.
func (t *track) again(sequences []uint16) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.out == nil || len(t.kept) == 0 {
		return
	}
	now := t.header
	defer func() { t.header = now }()
	for _, sequence := range sequences {
		if k := t.kept[sequence%keptPackets]; k.payload != nil && k.sequence == sequence && t.put(k) != nil {
			return
		}
	}
}

func (t *track) put(k kept) error {
	h := &t.header
	h.SequenceNumber, h.Timestamp, h.Marker, h.PayloadType = k.sequence, k.timestamp, k.marked, k.payloadType
	if t.numbered != 0 {
		n := t.log.depart(len(k.payload), time.Now())
		if err := h.SetExtension(t.numbered, []byte{byte(n >> 8), byte(n)}); err != nil {
			return err
		}
	}
	_, err := t.out.WriteRTP(h, k.payload)
	return err
}

// arrivals are the packets that the receiver says it has.
func (t *track) arrivals(m *rtcp.TransportLayerCC) []delivery {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.log.arrive(m, time.Now())
}
