//go:build linux

package streamer

/*
#cgo pkg-config: x264
#include <stdint.h>
#include <stdlib.h>
#include <x264.h>

typedef struct {
	x264_t *x264;
	x264_param_t param;
	int64_t pts;
} h264;

static void h264_budget(x264_param_t *p, int kilobits_per_second, int kilobits) {
	p->rc.i_vbv_max_bitrate = kilobits_per_second;
	p->rc.i_vbv_buffer_size = kilobits;
}

static h264 *h264_open(int width, int height, int quality, int frames_per_second, int kilobits_per_second, int kilobits) {
	h264 *h = calloc(1, sizeof *h);
	x264_param_t *p = &h->param;
	if (x264_param_default_preset(p, "ultrafast", "zerolatency") < 0)
		goto fail;
	p->i_log_level = X264_LOG_NONE;
	p->i_width = width;
	p->i_height = height;
	p->i_csp = X264_CSP_I420;
	p->i_threads = 2;
	p->b_sliced_threads = 1;
	p->i_keyint_max = X264_KEYINT_MAX_INFINITE;
	p->b_repeat_headers = 1;
	p->b_annexb = 1;
	p->analyse.b_mb_info = 1;
	// What ARGBToI420 makes of a desktop: BT.709 primaries, sRGB curve, BT.601 matrix.
	p->vui.i_colorprim = 1;
	p->vui.i_transfer = 13;
	p->vui.i_colmatrix = 6;
	// Constant quality, and the rate as a bound. qcompress 1 keeps the quantizer
	// constant whatever the picture's complexity.
	p->b_vfr_input = 0;
	p->i_fps_num = frames_per_second;
	p->i_fps_den = 1;
	p->rc.i_rc_method = X264_RC_CRF;
	p->rc.f_rf_constant = quality;
	p->rc.f_qcompress = 1;
	h264_budget(p, kilobits_per_second, kilobits);
	if (x264_param_apply_profile(p, "baseline") < 0 || !(h->x264 = x264_encoder_open(p)))
		goto fail;
	return h;
fail:
	free(h);
	return NULL;
}

static int h264_set_budget(h264 *h, int kilobits_per_second, int kilobits) {
	h264_budget(&h->param, kilobits_per_second, kilobits);
	return x264_encoder_reconfig(h->x264, &h->param);
}

// Returns the size of the unit at *data, which is good until the next call, or -1.
static int h264_encode(h264 *h, uint8_t *y, uint8_t *u, uint8_t *v, uint8_t *same, int key, uint8_t **data, int *is_key, double *quality) {
	x264_picture_t in, out;
	x264_nal_t *nal;
	int count, size;
	x264_picture_init(&in);
	in.img.i_csp = X264_CSP_I420;
	in.img.i_plane = 3;
	in.img.plane[0] = y;
	in.img.plane[1] = u;
	in.img.plane[2] = v;
	in.img.i_stride[0] = h->param.i_width;
	in.img.i_stride[1] = in.img.i_stride[2] = h->param.i_width / 2;
	in.i_type = key ? X264_TYPE_IDR : X264_TYPE_P;
	in.i_pts = h->pts++;
	// Same blocks are skipped, unless the reference is coarser than what this picture may have.
	in.prop.mb_info = same;
	size = x264_encoder_encode(h->x264, &nal, &count, &in, &out);
	if (size <= 0 || count == 0)
		return -1;
	*data = nal[0].p_payload;
	*is_key = out.b_keyframe;
	*quality = out.prop.f_crf_avg;
	return size;
}

static void h264_close(h264 *h) {
	x264_encoder_close(h->x264);
	free(h);
}
*/
import "C"

import (
	"errors"
	"fmt"
	"time"
	"unsafe"
)

const (
	// h264Quality is the quantizer of a picture that the rate does not hold
	// back: 42 to 48 dB luma.
	h264Quality = 18
	// h264FrameRate is the frame rate that x264 believes in. budget makes up for it.
	h264FrameRate = 60
	// h264Burst is how much of the rate a key frame or a sudden change may use at once.
	h264Burst = 200 * time.Millisecond
	// h264Filled is the part of its bucket that x264 starts with.
	h264Filled = 0.9
	// h264MaxRate is the highest rate that x264 takes, in bits per second.
	h264MaxRate = 2_000_000_000
)

// h264Encoder is x264: H.264 constrained baseline in Annex B, SPS and PPS before
// each key frame.
type h264Encoder struct {
	h      *C.h264
	budget *budget
	told   struct{ rate, burst C.int } // kilobits
}

func newH264(width, height, bitsPerSecond int) (*h264Encoder, error) {
	e := &h264Encoder{budget: newBudget(h264FrameRate, bitsPerSecond, h264Burst, h264Filled)}
	e.told.rate, e.told.burst = e.kilobits(float64(bitsPerSecond))
	e.h = C.h264_open(C.int(width), C.int(height), h264Quality, h264FrameRate, e.told.rate, e.told.burst)
	if e.h == nil {
		return nil, fmt.Errorf("open x264 for %dx%d", width, height)
	}
	return e, nil
}

func (e *h264Encoder) setRate(bitsPerSecond int) { e.budget.set(bitsPerSecond, h264Burst) }

// kilobits are a rate, and the size of the bucket, in x264's units.
func (e *h264Encoder) kilobits(rate float64) (perSecond, burst C.int) {
	return C.int(min(rate, h264MaxRate) / 1000), C.int(e.budget.burst / 1000)
}

func (e *h264Encoder) encode(p *picture, key bool, elapsed time.Duration) (unit, error) {
	rate, burst := e.kilobits(e.budget.before(elapsed))
	if rate != e.told.rate || burst != e.told.burst {
		if C.h264_set_budget(e.h, rate, burst) != 0 {
			return unit{}, fmt.Errorf("tell x264 a rate of %d kbit/s", rate)
		}
		e.told.rate, e.told.burst = rate, burst
	}
	var (
		data    *C.uint8_t
		isKey   C.int
		quality C.double
		wantKey C.int
	)
	if key {
		wantKey = 1
	}
	n := C.h264_encode(e.h, pointer(p.y), pointer(p.u), pointer(p.v), pointer(p.same), wantKey, &data, &isKey, &quality)
	if n < 0 {
		return unit{}, errors.New("encode picture with x264")
	}
	e.budget.after(int(n))
	return unit{
		data:  unsafe.Slice((*byte)(data), int(n)),
		key:   isKey != 0,
		sharp: quality < h264Quality+0.05,
	}, nil
}

func (e *h264Encoder) close() { C.h264_close(e.h) }
