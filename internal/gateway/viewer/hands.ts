// What the page says of pen, pointer and keyboard beyond wire.ts: the bytes of
// input.go in Go's package wire.

const enum Type {
	Pen = 0x86,
	Motion = 0x87,
	Layout = 0x88,
	Locks = 0x89,
}

type Bytes = Uint8Array<ArrayBuffer>;

export interface PenSample {
	x: number; // of the screen's width and height, in 1/65536
	y: number;
	pressure: number; // 0 to 65535
	tiltX: number; // degrees
	tiltY: number;
	buttons: number; // as in PointerEvent
}

const maxSamples = 64;
const penButtons = 1 | 2 | 4 | 32;

const within = (n: number, low: number, high: number) => Math.round(Math.max(low, Math.min(high, n))) || 0;

// pen says what a pen did, in as many messages as it takes; without samples it has left.
export function pen(samples: PenSample[]): Bytes[] {
	const messages: Bytes[] = [];
	for (let from = 0; from === 0 || from < samples.length; from += maxSamples) {
		const some = samples.slice(from, from + maxSamples);
		const bytes = new Uint8Array(2 + 9 * some.length);
		const view = new DataView(bytes.buffer);
		view.setUint8(0, Type.Pen);
		view.setUint8(1, some.length);
		some.forEach((s, i) => {
			const at = 2 + 9 * i;
			view.setUint16(at, within(s.x, 0, 0xffff));
			view.setUint16(at + 2, within(s.y, 0, 0xffff));
			view.setUint16(at + 4, within(s.pressure, 0, 0xffff));
			view.setInt8(at + 6, within(s.tiltX, -90, 90));
			view.setInt8(at + 7, within(s.tiltY, -90, 90));
			view.setUint8(at + 8, s.buttons & penButtons);
		});
		messages.push(bytes);
	}
	return messages;
}

// motion moves the pointer by pixels of the screen.
export function motion(dx: number, dy: number): Bytes {
	const view = new DataView(new ArrayBuffer(5));
	view.setUint8(0, Type.Motion);
	view.setInt16(1, within(dx, -0x8000, 0x7fff));
	view.setInt16(3, within(dy, -0x8000, 0x7fff));
	return new Uint8Array(view.buffer);
}

// layout asks for a keyboard layout by XKB's names.
export function layout(name: string, variant: string): Bytes {
	const text = (s: string) => [s.length, ...[...s].map((c) => c.charCodeAt(0))];
	return new Uint8Array([Type.Layout, ...text(name), ...text(variant)]);
}

// locks says which locks are on.
export const locks = (caps: boolean, num: boolean): Bytes => new Uint8Array([Type.Locks, caps ? 1 : 0, num ? 1 : 0]);
