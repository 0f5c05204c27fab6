// Fingers: one is a mouse, whose right button is a finger that stays where it is;
// two turn the wheel.

import * as wire from "./wire";

const longPress = 500; // ms
const slop = 8; // CSS pixels within which a finger stays where it is
const unitsPerPixel = 2; // of the wheel: a notch for 60 pixels

interface Finger {
	x: number;
	y: number;
}

export class Touch {
	private readonly fingers = new Map<number, Finger>();
	private button = 0; // that is pressed
	private scrolled = false; // these fingers: until all are up they are no mouse
	private start: Finger = { x: 0, y: 0 };
	private timer = 0;

	// move has the pointer go where an event is.
	constructor(private readonly send: (bytes: Uint8Array<ArrayBuffer>) => void, private readonly move: (e: PointerEvent) => void) {}

	get held(): boolean {
		return this.fingers.size > 0;
	}

	down(e: PointerEvent): void {
		this.fingers.set(e.pointerId, { x: e.clientX, y: e.clientY });
		clearTimeout(this.timer);
		if (this.fingers.size > 1) {
			this.scrolled = true;
			this.press(0);
			return;
		}
		this.scrolled = false;
		this.start = { x: e.clientX, y: e.clientY };
		this.move(e);
		this.timer = window.setTimeout(() => this.press(3), longPress);
	}

	moved(e: PointerEvent): void {
		const finger = this.fingers.get(e.pointerId);
		if (!finger) return;
		const dx = e.clientX - finger.x, dy = e.clientY - finger.y;
		if (this.scrolled) {
			// Each finger does its part of the way.
			const share = unitsPerPixel / this.fingers.size;
			const x = Math.trunc(-dx * share), y = Math.trunc(-dy * share);
			if (!x && !y) return;
			finger.x -= x / share;
			finger.y -= y / share;
			this.send(wire.wheel(x, y));
			return;
		}
		if (this.button === 0) {
			if (Math.hypot(e.clientX - this.start.x, e.clientY - this.start.y) < slop) return;
			clearTimeout(this.timer);
			this.press(1);
		}
		this.move(e);
	}

	up(e: PointerEvent): void {
		if (!this.fingers.delete(e.pointerId)) return;
		clearTimeout(this.timer);
		if (!this.scrolled) {
			if (this.button === 0) this.press(1); // a tap
			this.press(0);
		}
	}

	cancel(e: PointerEvent): void {
		clearTimeout(this.timer);
		if (this.fingers.delete(e.pointerId)) this.press(0);
	}

	forget(): void {
		clearTimeout(this.timer);
		this.fingers.clear();
		this.button = 0;
	}

	// press presses this button and none besides; 0 is none.
	private press(button: number): void {
		if (this.button) this.send(wire.button(this.button, false));
		if (button) this.send(wire.button(button, true));
		this.button = button;
	}
}
