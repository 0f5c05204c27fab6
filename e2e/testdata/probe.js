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
	const rows = [16, 139, 263, 389, 515, 641, 777, 903, 1063]; // the first tells the number
	const strip = canvas(512, rows.length);
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

	// The picture is the largest video or canvas of the page.
	let found = null;
	function source() {
		if (found?.isConnected && sized(found)) return found;
		const all = [...document.querySelectorAll("video, canvas")].filter(sized);
		return (found = all[0] ?? null);
	}
	const sized = (e) => (e.videoWidth ?? e.width) === width && (e.videoHeight ?? e.height) === height;
	const isVideo = () => source() instanceof HTMLVideoElement;

	// read takes one row of the picture, or all of rows, into bytes.
	function read(n) {
		for (let i = 0; i < n; i++) strip.drawImage(source(), 0, rows[i], 512, 1, 0, i, 512, 1);
		return strip.getImageData(0, 0, 512, n).data;
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

	// each calls f with every frame of a video, or every tick of the page, until it
	// says true.
	function each(f) {
		const video = isVideo() ? source() : null;
		const next = () => (video ? video.requestVideoFrameCallback(tick) : requestAnimationFrame(tick));
		const tick = () => {
			if (!f(performance.now())) next();
		};
		next();
	}
	const keep = () => new VideoFrame(source(), { timestamp: 0 });

	// judge compares a kept frame with the truth, in the part that has changed, and
	// lets the frame go.
	function judge(frame, name, w, h, { left = 0, top = 0, stride = width } = {}) {
		whole.drawImage(frame, 0, 0);
		frame.close();
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
		bit: () => bit(read(1)),
		number: () => number(read(1)),
		learn(name, text) {
			truth[name] = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
		},

		// arm waits for a key and keeps the frames from the first that has changed.
		arm(want) {
			const e = (episode = { want, key: null, first: 0, frames: [] });
			let before = null;
			each((t) => {
				if (e.over) return true;
				if (!e.key) return false;
				const video = isVideo();
				const data = e.first && !video ? read(rows.length) : read(1);
				if (!e.first) {
					if (bit(data) !== want) return false;
					e.first = t;
					e.frames.push({ t, frame: keep() });
					if (!video) before = read(rows.length);
				} else if (video || !same(before, data)) {
					before = data;
					e.frames.push({ t, frame: keep() });
				}
				return false;
			});
		},
		changed: () => !!episode.first,

		// finish judges what arm kept: the times are ms after the key.
		finish(name, w, h, exact) {
			const e = episode;
			episode = null;
			e.over = true;
			// What the rows did not show: as it is now.
			if (e.first && !isVideo()) e.frames.push({ t: performance.now(), frame: keep() });
			const key = e.key?.at ?? 0;
			const result = { wall: wall(key) * 1000, delivery: key - (e.key?.made ?? 0), first: e.first ? e.first - key : -1, frames: [] };
			let done = false;
			for (const { t, frame } of e.frames) {
				if (done) {
					frame.close();
					continue;
				}
				const psnr = judge(frame, name, w, h);
				result.frames.push({ at: t - key, psnr, exact: exact !== undefined && hash() === exact });
				done = exact === undefined ? psnr >= 50 : result.frames.at(-1).exact;
			}
			return result;
		},

		// pan watches the moving picture for a while, and keeps every so-manieth frame.
		pan(ms, every) {
			return new Promise((resolve) => {
				const seen = [], kept = [];
				const began = performance.now();
				let last = number(read(1));
				each((t) => {
					const n = number(read(1));
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
			const result = episode.kept.map(([n, frame]) =>
				[n, judge(frame, "pan", width, height, { left: (step * n) % period, top: block, stride: 2 * period })]);
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
	};
})();
