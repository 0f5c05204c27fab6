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

static h264 *h264_open(int width, int height, int full_colour, int thorough, int cabac) {
	h264 *h = calloc(1, sizeof *h);
	x264_param_t *p = &h->param;
	if (x264_param_default_preset(p, "ultrafast", "zerolatency") < 0)
		goto fail;
	p->i_log_level = X264_LOG_NONE;
	p->i_width = width;
	p->i_height = height;
	p->i_csp = full_colour ? X264_CSP_I444 : X264_CSP_I420;
	// x264 is no faster by AVX-512, and slower by a fifth where much is skipped.
	p->cpu &= ~X264_CPU_AVX512;
	// Movement by parts of a pixel.
	if (thorough)
		p->analyse.i_subpel_refine = 2;
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
	// Each picture comes with its quantizer. x264 keeps it between those that it
	// would give to I and B frames: 7 and 46.
	p->rc.i_rc_method = X264_RC_CQP;
	p->rc.i_qp_constant = 27;
	p->rc.f_ip_factor = p->rc.f_pb_factor = 10;
	p->b_cabac = cabac;
	if (x264_param_apply_profile(p, full_colour ? "high444" : cabac ? "main" : "baseline") < 0 || !(h->x264 = x264_encoder_open(p)))
		goto fail;
	return h;
fail:
	free(h);
	return NULL;
}

// Returns the size of the unit at *data, which is good until the next call, or -1.
static int h264_encode(h264 *h, uint8_t *y, uint8_t *u, uint8_t *v, uint8_t *same, int type, int quantizer, uint8_t **data, int *is_key) {
	x264_picture_t in, out;
	x264_nal_t *nal;
	int count, size;
	x264_picture_init(&in);
	in.img.i_csp = h->param.i_csp;
	in.img.i_plane = 3;
	in.img.plane[0] = y;
	in.img.plane[1] = u;
	in.img.plane[2] = v;
	in.img.i_stride[0] = h->param.i_width;
	in.img.i_stride[1] = in.img.i_stride[2] = h->param.i_csp == X264_CSP_I444 ? h->param.i_width : h->param.i_width / 2;
	in.i_type = type;
	in.i_qpplus1 = quantizer + 1;
	in.i_pts = h->pts++;
	// Same blocks are skipped, unless the reference is coarser than what this picture may have.
	in.prop.mb_info = same;
	size = x264_encoder_encode(h->x264, &nal, &count, &in, &out);
	if (size <= 0 || count == 0)
		return -1;
	*data = nal[0].p_payload;
	*is_key = out.b_keyframe;
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

// much coarser is a picture that costs about half.
const much = 5

// h264Encoder is x264: H.264 in Annex B, SPS and PPS before each key frame;
// constrained baseline, main, or High 4:4:4 Predictive of pictures in full colour.
type h264Encoder struct {
	h       *C.h264
	budget  *budget
	quality *quality
}

// newH264 makes an encoder for pictures like p. A thorough one in the main profile, or in full
// colour, writes with CABAC, which takes 13 to 30 % fewer bits than CAVLC.
func newH264(p *picture, b *budget, c coding) (*h264Encoder, error) {
	flag := func(on bool) C.int {
		if on {
			return 1
		}
		return 0
	}
	h := C.h264_open(C.int(p.width), C.int(p.height), flag(p.full), flag(c.thorough), flag(c.main || c.thorough && p.full))
	if h == nil {
		return nil, fmt.Errorf("open x264 for %dx%d", p.width, p.height)
	}
	return &h264Encoder{h: h, budget: b, quality: newQuality(len(p.same))}, nil
}

func (e *h264Encoder) encode(p *picture, key bool, elapsed time.Duration) (unit, error) {
	e.budget.pass(elapsed)
	quantizer := e.quality.choose(p, key, elapsed, e.budget)
	kind := C.int(C.X264_TYPE_P)
	switch {
	case key:
		kind = C.X264_TYPE_IDR
	case e.quality.fresh:
		// To look for what is alike in the picture before would take a third of the time.
		kind = C.X264_TYPE_I
	}
	data, isKey, err := e.code(p, kind, quantizer)
	if err != nil {
		return unit{}, err
	}
	if !isKey && e.quality.anew() && e.budget.overrun(len(data)) {
		// It was taken for movement, and is another picture. Who looks on must not wait for
		// it: a key frame does without it.
		thought := *e.quality
		if coarser := e.quality.choose(p, true, 0, e.budget); coarser < quantizer+much {
			*e.quality = thought
		} else {
			e.quality.learn(quantizer, len(data))
			quantizer = coarser
			if data, isKey, err = e.code(p, C.X264_TYPE_IDR, quantizer); err != nil {
				return unit{}, err
			}
		}
	}
	e.budget.spend(len(data))
	e.quality.coded(p, isKey, quantizer, len(data))
	return unit{
		data:      data,
		key:       isKey,
		quantizer: quantizer,
		sharp:     e.quality.sharp(),
		debt:      e.budget.debt(),
	}, nil
}

// code returns the access unit of a picture, which is good until the next.
func (e *h264Encoder) code(p *picture, kind C.int, quantizer int) (data []byte, key bool, err error) {
	var (
		start *C.uint8_t
		isKey C.int
	)
	n := C.h264_encode(e.h, pointer(p.y), pointer(p.u), pointer(p.v), pointer(p.same), kind, C.int(quantizer), &start, &isKey)
	if n < 0 {
		return nil, false, errors.New("encode picture with x264")
	}
	return unsafe.Slice((*byte)(start), int(n)), isKey != 0, nil
}

func (e *h264Encoder) close() { C.h264_close(e.h) }
