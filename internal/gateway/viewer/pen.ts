// The pen: every sample that the device made, with its pressure.

import * as hands from "./hands";

type Place = (e: PointerEvent) => { x: number; y: number };

export class Pen {
	private latest = 0; // the time of the last sample that was sent
	private near = false;
	private pressed = 0; // bits of its buttons; its tip is one

	// place is where on the screen an event is, as parts of its width and height.
	constructor(private readonly send: (bytes: Uint8Array<ArrayBuffer>) => void, private readonly place: Place) {}

	// event takes any event of a pen. Browsers tell of a movement once at once, where
	// they can, and again when they draw: no sample is sent twice.
	event(e: PointerEvent): void {
		const moved = e.type === "pointermove" || e.type === "pointerrawupdate";
		const coalesced = moved ? e.getCoalescedEvents?.() ?? [] : [];
		const samples = (coalesced.length > 0 ? coalesced : [e]).filter((s) => !moved || s.timeStamp > this.latest);
		if (samples.length === 0) return;
		this.latest = Math.max(...samples.map((s) => s.timeStamp));
		this.near = true;
		this.pressed = e.buttons;
		for (const bytes of hands.pen(samples.map((s) => this.sample(s)))) this.send(bytes);
	}

	// leave: the pen is out of reach.
	leave(): void {
		if (!this.near) return;
		this.forget();
		for (const bytes of hands.pen([])) this.send(bytes);
	}

	forget(): void {
		this.near = false;
		this.pressed = 0;
	}

	get held(): boolean {
		return this.pressed !== 0;
	}

	private sample(e: PointerEvent): hands.PenSample {
		const { x, y } = this.place(e);
		return { x: x * 65536, y: y * 65536, pressure: e.pressure * 65535, tiltX: e.tiltX, tiltY: e.tiltY, buttons: e.buttons };
	}
}
