//go:build linux

package streamer

/*
#cgo pkg-config: opus
#include <opus.h>

static OpusEncoder *sound_encoder(int bits_per_second) {
	int err;
	// Without the modes for speech it needs 4 ms less of what comes next.
	OpusEncoder *e = opus_encoder_create(48000, 2, OPUS_APPLICATION_RESTRICTED_LOWDELAY, &err);
	if (err != OPUS_OK)
		return NULL;
	// Up to 6 it does not look for noise, which DTX would take for silence.
	if (opus_encoder_ctl(e, OPUS_SET_BITRATE(bits_per_second)) != OPUS_OK ||
		opus_encoder_ctl(e, OPUS_SET_COMPLEXITY(5)) != OPUS_OK ||
		opus_encoder_ctl(e, OPUS_SET_DTX(1)) != OPUS_OK) {
		opus_encoder_destroy(e);
		return NULL;
	}
	return e;
}
*/
import "C"

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/backlot/backlot/internal/wire"
)

const (
	soundRate          = 48_000 // samples per second of each channel
	soundChannels      = 2
	soundFrame         = soundRate / 100 // samples of each channel in a packet
	soundBitsPerSecond = 128_000
	// microphoneLongest is how many samples a packet may hold: 120 ms.
	microphoneLongest = soundRate * 12 / 100
)

// opusEncoder makes Opus packets of 10 ms. One goroutine uses it.
type opusEncoder struct {
	e      *C.OpusEncoder
	packet [wire.MaxSound]byte
}

func newOpusEncoder() (*opusEncoder, error) {
	e := C.sound_encoder(soundBitsPerSecond)
	if e == nil {
		return nil, errors.New("open the Opus encoder")
	}
	return &opusEncoder{e: e}, nil
}

// encode returns a packet that is good until the next call.
func (o *opusEncoder) encode(samples *[soundFrame * soundChannels]float32) ([]byte, error) {
	n := C.opus_encode_float(o.e, (*C.float)(&samples[0]), soundFrame, (*C.uchar)(&o.packet[0]), C.opus_int32(len(o.packet)))
	if n < 1 {
		return nil, fmt.Errorf("encode sound with Opus: error %d", int(n))
	}
	return o.packet[:n], nil
}

func (o *opusEncoder) close() { C.opus_encoder_destroy(o.e) }

// opusDecoder turns Opus packets of whatever length and channels into 16-bit samples
// of as many channels as are wanted. One goroutine uses it.
type opusDecoder struct {
	d        *C.OpusDecoder
	channels int
	samples  []int16
}

func newOpusDecoder(channels int) (*opusDecoder, error) {
	var status C.int
	d := C.opus_decoder_create(soundRate, C.int(channels), &status)
	if status != C.OPUS_OK {
		return nil, fmt.Errorf("open the Opus decoder: error %d", int(status))
	}
	return &opusDecoder{d: d, channels: channels, samples: make([]int16, microphoneLongest*channels)}, nil
}

// decode returns samples that are good until the next call.
func (o *opusDecoder) decode(packet []byte) ([]int16, error) {
	return o.take(packet, microphoneLongest, 0)
}

// conceal makes up for a lost packet of so many samples: from what the packet after
// it, if that is known, tells of it, or from what came before.
func (o *opusDecoder) conceal(after []byte, samples int) ([]int16, error) {
	return o.take(after, samples, 1)
}

func (o *opusDecoder) take(packet []byte, samples int, fec C.int) ([]int16, error) {
	n := C.opus_decode(o.d, (*C.uchar)(unsafe.SliceData(packet)), C.opus_int32(len(packet)), (*C.opus_int16)(&o.samples[0]), C.int(samples), fec)
	if n < 0 {
		return nil, fmt.Errorf("decode sound with Opus: error %d", int(n))
	}
	return o.samples[:int(n)*o.channels], nil
}

func (o *opusDecoder) close() { C.opus_decoder_destroy(o.d) }
