// The picture without loss: tiles that come after it has rested, over the video where
// that has not moved on. A tile is shown once the frame it belongs to is, and until the
// next frame that changes it is. It goes in that frame's own tick: the page is drawn once
// for both, and a frame that came first would wait for another tick. What is shown is
// read back and summed: all sums right is the very picture.

import { Mosaic, tileSide } from "./mosaic";

const enum Type {
	Change = 0x07,
	Tile = 0x08,
	Still = 0x09,
	Exact = 0xa0,
	Taken = 0xd0,
	Part = 0xd1,
}

const areaSide = 16;
const sign = "◆ ";
const markAfter = 400; // ms that a picture has been exact before the page says so

// after compares RTP times, which wrap around.
const after = (a: number, b: number) => ((a - b) | 0) > 0;

// ticks is the RTP time of a time in µs.
const ticks = (micros: number) => Math.floor((micros * 9) / 100) % 2 ** 32 | 0;

interface Tile {
	time: number; // µs
	index: number;
	sum: [number, number];
	pixels: ImageData;
}

export class Exact {
	private readonly mosaic: Mosaic;
	private changed: number[] = []; // when, by tile, µs
	private sums: ([number, number] | null)[] = []; // of tiles that are shown without loss
	private still: [number, number] | null = null;
	private early = new Map<number, Tile>(); // of frames that are not shown yet, the latest at each place
	private leaving = new Map<number, number>(); // tiles that a frame that is not shown yet has changed: its RTP time
	private begun = false; // the stream of parts has, since the last reset
	private rest = new Uint8Array(0); // of the stream of parts: the beginning of a message
	private taken = 0; // bytes of parts
	private noted = 0; // RTP time of the last frame that was announced
	private shown: number | null = null; // RTP time of the frame on screen; null: that is not known
	private round = 0; // what was begun before a reset is not finished
	private timer = 0;

	// screen is of the desktop, in pixels.
	constructor(
		private readonly video: HTMLVideoElement,
		private readonly screen: () => { width: number; height: number },
		private readonly send: (bytes: Uint8Array<ArrayBuffer>) => void,
	) {
		this.mosaic = new Mosaic(video);
		if (!tellsFrames(video)) return;
		const next = () => video.requestVideoFrameCallback((_, { rtpTimestamp }) => {
			next();
			this.presented(rtpTimestamp);
		});
		next();
	}

	// place puts the tiles where the video is.
	place(): void {
		this.mosaic.place(this.video.style);
		this.reveal();
	}

	// open asks for tiles, if this browser can show them.
	open(): void {
		this.reset();
		if (typeof DecompressionStream !== "undefined") this.take(0);
	}

	// reset forgets all tiles.
	reset(): void {
		this.round++;
		this.begun = false;
		this.rest = new Uint8Array(0);
		this.early.clear();
		this.taken = 0;
		this.still = null;
		this.shown = null;
		this.size(0, 0);
	}

	// message takes what the gateway sent, and says whether it was for here.
	message(buffer: ArrayBuffer): boolean {
		const view = new DataView(buffer);
		try {
			switch (view.byteLength && view.getUint8(0)) {
				case Type.Change:
					this.change(view);
					return true;
				case Type.Part:
					this.part(view);
					return true;
			}
		} catch {
			return true; // cut short: of no use
		}
		return false;
	}

	// presented is told the RTP time of each frame that the page shows. Of one that did not
	// come by WebRTC it is not known: that came in order with what was said before it.
	private presented(time?: number): void {
		this.shown = time === undefined ? null : time | 0;
		for (const [tile, changed] of this.leaving) {
			if (this.shown === null || !after(changed, this.shown)) this.remove(tile);
		}
		const early = [...this.early.values()];
		this.early.clear();
		for (const tile of early) this.draw(tile);
		this.reveal();
	}

	private remove(tile: number): void {
		this.leaving.delete(tile);
		this.mosaic.remove(tile);
	}

	// change takes note of what a frame is about to change.
	private change(view: DataView): void {
		const time = micros(view, 1);
		this.noted = ticks(time);
		for (let at = 9; at + 8 <= view.byteLength; at += 8) {
			this.clear(time, view.getUint16(at), view.getUint16(at + 2), view.getUint16(at + 4), view.getUint16(at + 6));
		}
		if (this.leaving.size === 0) this.reveal();
	}

	// clear has a part of the screen go, in areas, with the frame that changes it.
	private clear(time: number, left: number, top: number, width: number, height: number): void {
		const { mosaic, shown, noted } = this, per = tileSide / areaSide;
		const now = !tellsFrames(this.video) || document.hidden || (shown !== null && !after(noted, shown));
		this.still = null;
		const right = Math.min(Math.ceil((left + width) / per), mosaic.columns);
		for (let y = Math.floor(top / per); y < (top + height) / per; y++) {
			for (let x = Math.floor(left / per); x < right; x++) {
				const tile = y * mosaic.columns + x;
				if (tile >= mosaic.tiles) return;
				this.changed[tile] = time;
				this.sums[tile] = null;
				if (now) this.remove(tile);
				else if (!this.leaving.has(tile)) this.leaving.set(tile, noted);
			}
		}
	}

	// part takes the next piece of a stream of messages, each after its length.
	private part(view: DataView): void {
		this.begun ||= view.byteLength === 1;
		if (!this.begun) return; // it is of an earlier stream
		const { rest, round } = this;
		const data = new Uint8Array(rest.length + view.byteLength - 1);
		data.set(rest);
		data.set(new Uint8Array(view.buffer as ArrayBuffer, 1), rest.length);
		const lengths = new DataView(data.buffer), work: Promise<void>[] = [];
		let at = 0;
		while (at + 4 <= data.length && at + 4 + lengths.getUint32(at) <= data.length) {
			const end = at + 4 + lengths.getUint32(at);
			work.push(this.whole(new DataView(data.buffer, at + 4, end - at - 4)));
			at = end;
		}
		this.rest = data.slice(at);
		// A tile that cannot be read is not shown.
		void Promise.allSettled(work).then(() => {
			if (round === this.round && view.byteLength > 1) this.take(view.byteLength - 1);
		});
	}

	private take(bytes: number): void {
		this.taken = (this.taken + bytes) >>> 0;
		const message = new Uint8Array(5);
		message[0] = Type.Taken;
		new DataView(message.buffer).setUint32(1, this.taken);
		this.send(message);
	}

	private async whole(m: DataView<ArrayBuffer>): Promise<void> {
		const width = m.getUint16(9), height = m.getUint16(11);
		const { mosaic } = this;
		if (width !== mosaic.width || height !== mosaic.height) this.size(width, height);
		if (m.getUint8(0) === Type.Still) {
			this.still = [m.getUint32(13), m.getUint32(17)];
			return this.judge();
		}
		const column = m.getUint16(13), row = m.getUint16(15);
		const w = Math.min(tileSide, width - column * tileSide), h = Math.min(tileSide, height - row * tileSide);
		const tile = { time: micros(m, 1), index: row * mosaic.columns + column, sum: [m.getUint32(17), m.getUint32(21)] as [number, number] };
		const round = this.round;
		const planes = await inflate(new Uint8Array(m.buffer, m.byteOffset + 26, m.byteLength - 26), 3 * w * h);
		if (round !== this.round || width !== mosaic.width || height !== mosaic.height || tile.index >= mosaic.tiles) return;
		const pixels = decode(planes, w, h, m.getUint8(25) === 1);
		if (this.shown !== null && after(ticks(tile.time), this.shown)) this.early.set(tile.index, { ...tile, pixels });
		else this.draw({ ...tile, pixels });
	}

	private draw({ time, index, sum, pixels }: Tile): void {
		if (this.changed[index]! > time) return;
		this.leaving.delete(index);
		const there = this.mosaic.draw(index, pixels);
		const [a, b] = there ? total(new Uint32Array(there.data.buffer)) : [];
		// Some browsers change a little of what is read back, and keep it to themselves.
		this.sums[index] = a === sum[0] && b === sum[1] ? sum : null;
		this.reveal();
	}

	// reveal shows the tiles unless there is a frame on screen of which it is not known
	// what that has changed.
	private reveal(): void {
		const { mosaic } = this, screen = this.screen();
		const known = this.shown === null || !after(this.shown, this.noted);
		mosaic.hidden = !known || screen.width !== mosaic.width || screen.height !== mosaic.height;
		this.judge();
	}

	// judge says that the picture is exact when all of its sums are right.
	private judge(): void {
		const { still, mosaic } = this;
		const { dataset } = document.body;
		const name = still && hex(still);
		if (still && !mosaic.hidden && (dataset["exact"] === name || this.right(still))) {
			if (dataset["exact"] === name) return;
			dataset["exact"] = name!;
			const message = new Uint8Array(9);
			message[0] = Type.Exact;
			const view = new DataView(message.buffer);
			view.setUint32(1, still[0]);
			view.setUint32(5, still[1]);
			this.send(message);
			clearTimeout(this.timer);
			this.timer = window.setTimeout(() => this.mark(true), markAfter);
		} else if (dataset["exact"]) {
			clearTimeout(this.timer);
			delete dataset["exact"];
			this.mark(false);
		}
	}

	// mark says it in the bar and in the title: a mark over the picture would cover pixels.
	private mark(on: boolean): void {
		document.body.classList.toggle("exact", on);
		document.title = (on ? sign : "") + document.title.replace(sign, "");
	}

	private right(still: [number, number]): boolean {
		if (this.sums.length === 0 || this.sums.includes(null)) return false;
		const [a, b] = total(new Uint32Array(this.sums.flatMap((s) => s!)));
		return a === still[0] && b === still[1];
	}

	private size(width: number, height: number): void {
		this.mosaic.size(width, height);
		this.changed = new Array<number>(this.mosaic.tiles).fill(0);
		this.sums = new Array<null>(this.mosaic.tiles).fill(null);
		this.still = null;
		this.leaving.clear();
		this.reveal();
	}
}

const tellsFrames = (video: HTMLVideoElement) => "requestVideoFrameCallback" in video;

const micros = (view: DataView, at: number) => view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
const hex = (sum: [number, number]) => sum.map((n) => n.toString(16).padStart(8, "0")).join("");

// total is a sum by which pictures are told from each other: tile.go has the same.
export function total(words: Uint32Array): [number, number] {
	let a = 0, b = 0;
	for (let i = 0; i < words.length; i++) {
		const v = words[i]!;
		a = Math.imul(a ^ v, 0x9e3779b1);
		b = (b + v) | 0;
		b = Math.imul(b ^ (b >>> 15), 0x85ebca6b);
	}
	return [a >>> 0, b >>> 0];
}

// inflate returns size bytes, or fails.
export async function inflate(data: Uint8Array<ArrayBuffer>, size: number): Promise<Uint8Array<ArrayBuffer>> {
	const { readable, writable } = new DecompressionStream("deflate-raw");
	const writer = writable.getWriter(), reader = readable.getReader();
	// What is wrong with the data the reader tells, too.
	writer.write(data).catch(() => {});
	writer.close().catch(() => {});
	const all = new Uint8Array(size);
	let at = 0;
	for (;;) {
		const { done, value } = await reader.read();
		if (done) break;
		if (at + value.length > size) {
			await reader.cancel();
			break;
		}
		all.set(value, at);
		at += value.length;
	}
	if (at !== size) throw new Error("tile of another size");
	return all;
}

// decode makes pixels of the planes green, red less green, blue less green.
export function decode(planes: Uint8Array, width: number, height: number, up: boolean): ImageData {
	const n = width * height;
	if (up) {
		for (let plane = 0; plane < 3 * n; plane += n) {
			for (let i = plane + width; i < plane + n; i++) planes[i]! += planes[i - width]!;
		}
	}
	const image = new ImageData(width, height);
	const pixels = new Uint32Array(image.data.buffer);
	for (let i = 0; i < n; i++) {
		const g = planes[i]!;
		pixels[i] = 0xff000000 | (((planes[2 * n + i]! + g) & 255) << 16) | (g << 8) | ((planes[n + i]! + g) & 255);
	}
	return image;
}
