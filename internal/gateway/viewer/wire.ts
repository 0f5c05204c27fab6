// What the page and the gateway say to each other on the data channel: the bytes
// of Go's package wire, whose testdata also tests this file.

const enum Type {
	Cursor = 0x04,
	Screen = 0x05,
	Resize = 0x80,
	Pointer = 0x81,
	Button = 0x82,
	Wheel = 0x83,
	Key = 0x84,
	ReleaseAll = 0x85,
}

export interface Cursor {
	type: "cursor";
	serial: number;
	hotX: number;
	hotY: number;
	width: number; // 0: the desktop hides its pointer
	height: number;
	pixels: Uint8ClampedArray<ArrayBuffer>; // rows of R, G, B, A
}

export interface Screen {
	type: "screen";
	width: number;
	height: number;
}

export interface Key {
	code: number; // evdev; 0: unknown
	keysym: number; // X; 0: unknown
}

// Bounds that package wire enforces.
export const minWidth = 320, minHeight = 200, maxWidth = 7680, maxHeight = 4320;

const int16 = (n: number) => Math.max(-0x8000, Math.min(0x7fff, n));

function message(type: Type, size: number, fill: (view: DataView) => void): Uint8Array<ArrayBuffer> {
	const bytes = new Uint8Array(1 + size);
	bytes[0] = type;
	fill(new DataView(bytes.buffer, 1));
	return bytes;
}

// resize asks for a screen of that many pixels.
export const resize = (width: number, height: number) =>
	message(Type.Resize, 4, (v) => {
		v.setUint16(0, width);
		v.setUint16(2, height);
	});

// pointer moves the pointer to a pixel of the screen.
export const pointer = (x: number, y: number) =>
	message(Type.Pointer, 4, (v) => {
		v.setInt16(0, int16(x));
		v.setInt16(2, int16(y));
	});

// button presses or releases an X button.
export const button = (number: number, down: boolean) =>
	message(Type.Button, 2, (v) => {
		v.setUint8(0, number);
		v.setUint8(1, down ? 1 : 0);
	});

// wheel turns the wheel by 1/120 of a notch, right and down.
export const wheel = (dx: number, dy: number) =>
	message(Type.Wheel, 4, (v) => {
		v.setInt16(0, int16(dx));
		v.setInt16(2, int16(dy));
	});

// key presses or releases a key.
export const key = ({ code, keysym }: Key, down: boolean) =>
	message(Type.Key, 7, (v) => {
		v.setUint16(0, code);
		v.setUint32(2, keysym);
		v.setUint8(6, down ? 1 : 0);
	});

// releaseAll lifts whatever this page holds down.
export const releaseAll = () => message(Type.ReleaseAll, 0, () => {});

// decode reads what the gateway sent; null if this page does not know it.
export function decode(buffer: ArrayBuffer): Cursor | Screen | null {
	const view = new DataView(buffer);
	try {
		switch (view.getUint8(0)) {
			case Type.Screen:
				return { type: "screen", width: view.getUint16(1), height: view.getUint16(3) };
			case Type.Cursor: {
				const width = view.getUint16(9), height = view.getUint16(11);
				return {
					type: "cursor",
					serial: view.getUint32(1),
					hotX: view.getUint16(5),
					hotY: view.getUint16(7),
					width,
					height,
					pixels: new Uint8ClampedArray(buffer, 13, 4 * width * height),
				};
			}
		}
	} catch {
		// Cut short: the same as unknown.
	}
	return null;
}
