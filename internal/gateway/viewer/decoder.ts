// The picture over the WebSocket: decoded here, and shown in the same place as the
// one by WebRTC, as a track. Every frame is acknowledged, by which the gateway knows
// when another has room.

import { named, type Tally } from "./stats";

const enum Type {
	Progress = 0xc1,
}

// Not every browser has it, and TypeScript does not know it.
declare class MediaStreamTrackGenerator extends MediaStreamTrack {
	constructor(init: { kind: string });
	readonly writable: WritableStream<VideoFrame>;
}

// decodes tells that this browser can.
export const decodes = typeof VideoDecoder !== "undefined";

const head = 14; // bytes of a Video message before its data

export class Decoder {
	private decoder: VideoDecoder | null = null;
	private codec = "";
	private sink: Sink | null = null;
	private came: number[] = []; // when the frames did that are being decoded
	private last = 0; // when one was done
	private received = 0;
	private shown = 0;
	private took = 0; // ms for one, in the mean
	private readonly sums = { frames: 0, decode: 0, bytes: 0 };

	// track is what shows the picture, once there is one; broken asks for a key frame.
	constructor(
		private readonly send: (bytes: Uint8Array<ArrayBuffer>) => void,
		private readonly track: (track: MediaStreamTrack) => void,
		private readonly broken: () => void,
	) {}

	get tally(): Tally {
		return { ...this.sums, dropped: 0, packets: 0, lost: 0, codec: named(this.codec.slice(5, 7)) };
	}

	// take decodes a Video message.
	take(message: ArrayBuffer): void {
		const view = new DataView(message);
		this.received++;
		this.sums.bytes += message.byteLength;
		const key = view.getUint8(1) === 1;
		const data = new Uint8Array(message, head);
		if (key) this.configure(data);
		if (!this.decoder || this.decoder.state !== "configured") {
			this.shown = this.received;
			return this.tell();
		}
		this.came.push(performance.now());
		try {
			this.decoder.decode(new EncodedVideoChunk({ type: key ? "key" : "delta", timestamp: Number(view.getBigUint64(2)), data }));
		} catch {
			this.fail();
		}
		this.tell();
	}

	// stop forgets the picture; what comes from then on is only counted, up to a key frame.
	stop(): void {
		if (this.decoder?.state !== "closed") this.decoder?.close();
		this.sink?.close();
		this.decoder = this.sink = null;
		this.came = [];
		this.shown = this.received;
	}

	private configure(data: Uint8Array): void {
		const codec = codecOf(data);
		if (!codec || (this.decoder?.state === "configured" && codec === this.codec)) return;
		if (this.decoder?.state !== "closed") this.decoder?.close();
		this.came = [];
		this.shown = this.received - 1;
		this.codec = codec;
		this.decoder = new VideoDecoder({ output: (frame) => this.done(frame), error: () => this.fail() });
		this.decoder.configure({ codec, optimizeForLatency: true });
	}

	private done(frame: VideoFrame): void {
		const now = performance.now();
		const took = now - Math.max(this.came.shift() ?? now, this.last);
		this.took += (took - this.took) / 8;
		this.sums.frames++;
		this.sums.decode += took / 1000;
		this.last = now;
		this.shown++;
		if (!this.sink) {
			this.sink = sink();
			this.track(this.sink.track);
		}
		this.sink.show(frame);
		this.tell();
	}

	private fail(): void {
		this.decoder = null;
		this.came = [];
		this.shown = this.received;
		this.tell();
		this.broken();
	}

	private tell(): void {
		const bytes = new Uint8Array(13);
		const view = new DataView(bytes.buffer);
		view.setUint8(0, Type.Progress);
		view.setUint32(1, this.received);
		view.setUint32(5, this.shown);
		view.setUint32(9, Math.max(0, Math.min(1e9, Math.round(this.took * 1000))));
		this.send(bytes);
	}
}

// codecOf reads the name of the codec in the sequence parameter set (RFC 6381 section 3.3).
function codecOf(data: Uint8Array): string {
	for (let i = 0; i + 6 < data.length && i < 4096; i++) {
		if (data[i] || data[i + 1] || data[i + 2] !== 1 || (data[i + 3]! & 31) !== 7) continue;
		return "avc1." + [...data.subarray(i + 4, i + 7)].map((n) => n.toString(16).padStart(2, "0")).join("");
	}
	return "";
}

interface Sink {
	track: MediaStreamTrack;
	show(frame: VideoFrame): void;
	close(): void;
}

// sink makes a track of frames.
function sink(): Sink {
	if (typeof MediaStreamTrackGenerator !== "undefined") {
		const track = new MediaStreamTrackGenerator({ kind: "video" });
		const writer = track.writable.getWriter();
		return {
			track,
			show: (frame) => void writer.write(frame).catch(() => frame.close()),
			close: () => void writer.close().catch(() => {}),
		};
	}
	const canvas = document.createElement("canvas");
	const context = canvas.getContext("2d", { alpha: false, desynchronized: true });
	const [track] = canvas.captureStream().getVideoTracks();
	return {
		track: track!,
		show(frame) {
			if (canvas.width !== frame.displayWidth || canvas.height !== frame.displayHeight) {
				canvas.width = frame.displayWidth;
				canvas.height = frame.displayHeight;
			}
			context?.drawImage(frame, 0, 0);
			frame.close();
		},
		close: () => track?.stop(),
	};
}
