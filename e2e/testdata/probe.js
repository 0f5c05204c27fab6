// What the streaming benchmark puts into every page before the page's own scripts:
// it watches the picture as the page has it, frame by frame, and judges it after.
(() => {
	const width = 1920, height = 1080, bits = 16, block = 32;
	const canvas = (w, h) => {
		const c = document.createElement("canvas");
		c.width = w;
		c.height = h;
		const context = c.getContext("2d", { willReadFrequently: true });
		context.imageSmoothingEnabled = false;
		return context;
	};
	const strip = canvas(bits * block, 1); // of the row that tells the number
	const grid = canvas(width / 16, Math.ceil(height / 16)); // a pixel of every 16 x 16
	const whole = canvas(width, height);
	const truth = {}; // name: Uint8Array of luma
	const wall = (t) => performance.timeOrigin + t; // ms

	const peers = [];
	const Peer = window.RTCPeerConnection;
	if (Peer) {
		window.RTCPeerConnection = class extends Peer {
			constructor(...args) {
				super(...args);
				peers.push(this);
			}
		};
	}

	// The picture is the page's video or canvas of that size. The video may become smaller.
	let found = null;
	function source() {
		if (found?.isConnected && (found instanceof HTMLVideoElement || sized(found))) return found;
		const all = [...document.querySelectorAll("video, canvas")].filter(sized);
		return (found = all[0] ?? null);
	}
	const sized = (e) => (e.videoWidth ?? e.width) === width && (e.videoHeight ?? e.height) === height;
	const isVideo = () => source() instanceof HTMLVideoElement;
	// What a page shows over its video.
	const over = () => [...document.querySelectorAll("video + .tiles:not([hidden]) > canvas:not([hidden])")].map((canvas) => {
		const { left, top } = canvas.style; // in %
		return { canvas, x: Math.round((parseFloat(left) * width) / 100), y: Math.round((parseFloat(top) * height) / 100) };
	});

	// read takes the row that tells the number. Of a video it is cut out before: else
	// all of the frame would be converted, for 5 ms.
	function read(picture = source()) {
		if (picture instanceof HTMLVideoElement) {
			const frame = new VideoFrame(picture);
			const data = read(frame);
			frame.close();
			return data;
		}
		const tiles = isVideo() ? over() : [];
		const w = bits * block, y = block / 2;
		if (picture instanceof VideoFrame) {
			const part = picture.displayWidth / width, even = (n) => Math.floor(n * part) & ~1;
			const row = new VideoFrame(picture, { visibleRect: { x: 0, y: even(y), width: even(w), height: 2 } });
			strip.drawImage(row, 0, 0, even(w), 1, 0, 0, even(w) / part, 1);
			row.close();
		} else {
			strip.drawImage(picture, 0, y, w, 1, 0, 0, w, 1);
		}
		for (const tile of tiles) strip.drawImage(tile.canvas, tile.x, tile.y - y);
		return strip.getImageData(0, 0, w, 1).data;
	}
	// sample takes a pixel here and there of a canvas: enough to see that noise has changed.
	function sample(picture) {
		const { width: w, height: h } = grid.canvas;
		grid.drawImage(picture, 0, 0, w, h);
		return grid.getImageData(0, 0, w, h).data;
	}
	const bit = (data, i = 0) => data[4 * (i * block + block / 2) + 1] > 127 ? 1 : 0;
	const number = (data) => {
		let n = 0;
		for (let i = 0; i < bits; i++) n += bit(data, i) << i;
		return n;
	};
	const same = (a, b) => {
		if (!a) return false;
		const x = new Uint32Array(a.buffer), y = new Uint32Array(b.buffer);
		for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return false;
		return true;
	};

	// composed is a frame with what is shown over it.
	function composed(picture) {
		const both = canvas(width, height);
		both.drawImage(picture, 0, 0, width, height);
		for (const tile of over()) both.drawImage(tile.canvas, tile.x, tile.y);
		return new VideoFrame(both.canvas, { timestamp: 0 });
	}

	// each calls f with every frame of a video, or with the canvas at every tick of the
	// page, until it says true. A video may show the next frame from one line to the
	// next: whoever looks twice looks at the same copy, which costs no copying.
	function each(f) {
		const video = isVideo() ? source() : null;
		const next = () => (video ? video.requestVideoFrameCallback(tick) : requestAnimationFrame(tick));
		const tick = () => {
			const t = performance.now();
			const picture = video ? new VideoFrame(video) : source();
			const kept = [];
			const done = f(t, picture, () => {
				const frame = !video ? new VideoFrame(picture, { timestamp: 0 }) : over().length > 0 ? composed(picture) : picture;
				kept.push(frame);
				return frame;
			});
			if (video && !kept.includes(picture)) picture.close();
			if (!done) next();
		};
		next();
	}

	// take puts a kept frame where it can be judged, and lets it go.
	function take(frame) {
		whole.imageSmoothingEnabled = frame.displayWidth !== width;
		whole.drawImage(frame, 0, 0, width, height);
		frame.close();
	}
	// judge compares what was taken with the truth, in the part that has changed.
	function judge(name, w, h, { left = 0, top = 0, stride = width } = {}) {
		const have = whole.getImageData(0, 0, w, h).data, want = truth[name];
		let sum = 0;
		for (let y = top; y < h; y++) {
			for (let x = 0, i = 4 * y * w, j = y * stride + left; x < w; x++, i += 4, j++) {
				const d = ((54 * have[i] + 183 * have[i + 1] + 19 * have[i + 2] + 128) >> 8) - want[j];
				sum += d * d;
			}
		}
		const error = sum / (w * (h - top));
		return error === 0 ? 99 : Math.min(99, 10 * Math.log10(65025 / error));
	}
	function hash() {
		const data = new Uint32Array(whole.getImageData(0, 0, width, height).data.buffer);
		let h = 2166136261;
		for (let i = 0; i < data.length; i++) {
			const p = data[i]; // A, B, G, R from the top
			h = Math.imul(h ^ (((p & 255) << 16) | (p & 0xff00) | ((p >>> 16) & 255)), 16777619);
		}
		return h >>> 0;
	}

	let episode = null;
	window.addEventListener("keydown", (e) => {
		if (episode && !episode.key) episode.key = { at: performance.now(), made: e.timeStamp };
	}, true);

	window.bench = {
		there: () => !!source(),
		place() {
			const { left, top } = source().getBoundingClientRect();
			return { X: Math.round(left), Y: Math.round(top) };
		},
		bit: () => bit(read()),
		number: () => number(read()),
		learn(name, text) {
			truth[name] = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
		},

		// arm waits for a key and keeps the frames from the first that has changed.
		arm(want) {
			const e = (episode = { want, key: null, first: 0, frames: [] });
			let before = null;
			each((t, picture, keep) => {
				if (e.over) return true;
				if (!e.key || (!e.first && bit(read(picture)) !== want)) return false;
				e.first ||= t;
				if (!isVideo()) {
					const now = sample(picture);
					if (same(before, now)) return false;
					before = now;
				}
				e.frames.push({ t, frame: keep() });
				return false;
			});
			if (!isVideo()) return;
			// What is shown over a video changes without a frame. When all of it is exact the
			// page says so, and is looked at.
			const says = new MutationObserver(() => {
				if (e.over) says.disconnect();
				else if (e.first && document.body.dataset.exact) e.frames.push({ t: performance.now(), frame: composed(source()) });
			});
			says.observe(document.body, { attributeFilter: ["data-exact"] });
		},
		changed: () => !!episode.first,

		// finish judges what arm kept: the times are ms after the key.
		finish(name, w, h, exact) {
			const e = episode;
			episode = null;
			e.over = true;
			// What the samples did not show: as it is now.
			if (e.first && !isVideo()) e.frames.push({ t: performance.now(), frame: new VideoFrame(source(), { timestamp: 0 }) });
			const key = e.key?.at ?? 0;
			const result = { wall: wall(key) * 1000, delivery: key - (e.key?.made ?? 0), first: e.first ? e.first - key : -1, frames: [] };
			let done = false;
			for (const { t, frame } of e.frames) {
				if (done) {
					frame.close();
					continue;
				}
				take(frame);
				const psnr = judge(name, w, h);
				result.frames.push({ at: t - key, psnr, exact: exact !== undefined && hash() === exact });
				done = exact === undefined ? psnr >= 50 : result.frames.at(-1).exact;
			}
			return result;
		},

		// pan watches the moving picture for a while, and keeps every so many-th frame.
		pan(ms, every) {
			return new Promise((resolve) => {
				const seen = [], kept = [];
				const began = performance.now();
				let last = number(read());
				each((t, picture, keep) => {
					const n = number(read(picture));
					if (n !== last) {
						seen.push([n, wall(t) * 1000]);
						if (seen.length % every === 0) kept.push([n, keep()]);
						last = n;
					}
					if (t - began < ms) return false;
					episode = { kept };
					resolve({ ms: t - began, seen });
					return true;
				});
			});
		},
		// quality judges what pan kept: the texture moved on by step for each number.
		quality(step, period) {
			const result = episode.kept.map(([n, frame]) => {
				take(frame);
				return [n, judge("pan", width, height, { left: (step * n) % period, top: block, stride: 2 * period })];
			});
			episode = null;
			return result;
		},

		// stats sums what WebRTC says of the video.
		async stats() {
			const sum = { bytes: 0, decoded: 0, decodeMs: 0, waitMs: 0, emitted: 0, dropped: 0, keys: 0, nacks: 0, plis: 0 };
			for (const pc of peers) {
				if (pc.connectionState === "closed") continue;
				for (const s of (await pc.getStats()).values()) {
					if (s.type !== "inbound-rtp" || s.kind !== "video") continue;
					sum.bytes += s.bytesReceived + (s.headerBytesReceived ?? 0);
					sum.decoded += s.framesDecoded ?? 0;
					sum.decodeMs += 1000 * (s.totalDecodeTime ?? 0);
					sum.waitMs += 1000 * (s.jitterBufferDelay ?? 0);
					sum.emitted += s.jitterBufferEmittedCount ?? 0;
					sum.dropped += s.framesDropped ?? 0;
					sum.keys += s.keyFramesDecoded ?? 0;
					sum.nacks += s.nackCount ?? 0;
					sum.plis += s.pliCount ?? 0;
				}
			}
			return sum;
		},

		// codec is what the video comes in, as SDP says it.
		async codec() {
			for (const pc of peers) {
				const all = await pc.getStats();
				for (const s of all.values()) {
					if (s.type === "inbound-rtp" && s.kind === "video" && s.codecId) return all.get(s.codecId)?.sdpFmtpLine ?? "";
				}
			}
			return "";
		},
	};
})();
