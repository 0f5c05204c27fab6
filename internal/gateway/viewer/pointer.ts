// Mouse, pen and touch. A pen and a finger act as a mouse.

import * as wire from "./wire";

// X buttons by the bit of PointerEvent.buttons.
const buttons = new Map([[1, 1], [2, 3], [4, 2], [8, 8], [16, 9]]);

const notch = 120; // units of the wheel
const pixelsPerNotch = 100, linesPerNotch = 3;

export function listen(
	stage: HTMLElement,
	send: (bytes: Uint8Array<ArrayBuffer>) => void,
	at: (e: MouseEvent) => { x: number; y: number },
): { forget(): void } {
	let down = 0; // bits of the buttons that are pressed
	let last = { x: -1, y: -1 };
	let rest = { x: 0, y: 0 }; // of the wheel, less than one unit

	const move = (e: MouseEvent) => {
		const { x, y } = at(e);
		if (x === last.x && y === last.y) return;
		last = { x, y };
		send(wire.pointer(x, y));
	};
	// Only the first and the last of several buttons make pointerdown and
	// pointerup, so every event is asked which are pressed.
	const press = (e: PointerEvent) => {
		for (const [bit, button] of buttons) {
			if ((e.buttons & bit) !== (down & bit)) send(wire.button(button, (e.buttons & bit) !== 0));
		}
		down = e.buttons;
	};
	const both = (e: PointerEvent) => {
		if (!e.isPrimary) return;
		move(e);
		press(e);
	};

	stage.addEventListener("pointerdown", (e) => {
		// A drag goes on outside the window.
		if (e.isPrimary) stage.setPointerCapture(e.pointerId);
		both(e);
	});
	stage.addEventListener("pointermove", both);
	stage.addEventListener("pointerup", both);
	stage.addEventListener("pointercancel", (e) => {
		if (!e.isPrimary) return;
		for (const [bit, button] of buttons) if (down & bit) send(wire.button(button, false));
		down = 0;
	});
	// Moves as the device reports them, not once a frame. Only in secure contexts.
	stage.addEventListener("pointerrawupdate", (e) => {
		if ((e as PointerEvent).isPrimary) move(e as PointerEvent);
	});

	stage.addEventListener("wheel", (e) => {
		e.preventDefault();
		move(e);
		const units = turned(e);
		const x = units.x + rest.x, y = units.y + rest.y;
		rest = { x: x % 1, y: y % 1 };
		if (Math.trunc(x) || Math.trunc(y)) send(wire.wheel(Math.trunc(x), Math.trunc(y)));
	}, { passive: false });

	// What the browser would do with them itself: menus, drags, selections, going back.
	for (const type of ["contextmenu", "dragstart", "selectstart", "mousedown", "mouseup", "auxclick"]) {
		stage.addEventListener(type, (e) => e.preventDefault());
	}

	return {
		forget() {
			down = 0;
			last = { x: -1, y: -1 };
		},
	};
}

// turned is how far the wheel was turned, in 1/120 of a notch.
function turned(e: WheelEvent & { wheelDeltaX?: number; wheelDeltaY?: number }): { x: number; y: number } {
	// Deprecated, yet the only thing that counts notches: pixels for each differ by browser and system.
	if (e.wheelDeltaX || e.wheelDeltaY) return { x: -(e.wheelDeltaX ?? 0), y: -(e.wheelDeltaY ?? 0) };
	const unit = [notch / pixelsPerNotch, notch / linesPerNotch, notch][e.deltaMode] ?? 1;
	return { x: e.deltaX * unit, y: e.deltaY * unit };
}
