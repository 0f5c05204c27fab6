// Mouse, pen and touch.

import * as hands from "./hands";
import { Pen } from "./pen";
import { Touch } from "./touch";
import * as wire from "./wire";

// X buttons by the bit of PointerEvent.buttons.
const buttons = new Map([[1, 1], [2, 3], [4, 2], [8, 8], [16, 9]]);

const notch = 120; // units of the wheel
const pixelsPerNotch = 100, linesPerNotch = 3;

export interface Place {
	at(e: MouseEvent, beyond?: boolean): { x: number; y: number }; // in pixels of the screen
	part(e: MouseEvent): { x: number; y: number }; // of its width and height
	scale: number; // device pixels of a pixel
}

export function listen(
	stage: HTMLElement,
	send: (bytes: Uint8Array<ArrayBuffer>) => void,
	place: Place,
	several: () => boolean, // there are other screens, to which things can be dragged
): { forget(): void; held(): boolean; grab(): void } {
	let down = 0; // bits of the buttons that are pressed
	let last = { x: -1, y: -1 };
	let rest = { x: 0, y: 0 }; // of the wheel, less than one unit
	let way = { x: 0, y: 0 }; // of a grabbed mouse, less than one pixel
	const pen = new Pen(send, (e) => place.part(e));
	const grabbed = () => document.pointerLockElement === stage;
	// Moves as the device reports them, not once a frame. Only in secure contexts.
	const raw = "onpointerrawupdate" in stage;

	const move = (e: MouseEvent) => {
		if (grabbed()) return;
		pen.leave();
		const { x, y } = place.at(e, down !== 0 && several());
		if (x === last.x && y === last.y) return;
		last = { x, y };
		send(wire.pointer(x, y));
	};
	const touch = new Touch(send, move);
	// travel moves a grabbed mouse by the way that it made.
	const travel = (e: PointerEvent) => {
		const pixels = devicePixelRatio / place.scale;
		const x = way.x + e.movementX * pixels, y = way.y + e.movementY * pixels;
		way = { x: x % 1, y: y % 1 };
		if (Math.trunc(x) || Math.trunc(y)) send(hands.motion(Math.trunc(x), Math.trunc(y)));
	};
	// Only the first and the last of several buttons make pointerdown and
	// pointerup, so every event is asked which are pressed.
	const press = (e: PointerEvent) => {
		for (const [bit, button] of buttons) {
			if ((e.buttons & bit) !== (down & bit)) send(wire.button(button, (e.buttons & bit) !== 0));
		}
		down = e.buttons;
	};
	const heard = (e: PointerEvent) => {
		if (e.pointerType === "pen") {
			pen.event(e);
			last = { x: -1, y: -1 }; // the pointer is where the pen is
		} else if (e.pointerType === "touch") {
			if (e.type === "pointermove") touch.moved(e);
			else if (e.type === "pointerdown") touch.down(e);
			else touch.up(e);
		} else {
			if (!grabbed()) move(e);
			else if (!raw && e.type === "pointermove") travel(e);
			press(e);
		}
	};

	stage.addEventListener("pointerdown", (e) => {
		// A drag goes on outside the window.
		if (!grabbed()) stage.setPointerCapture(e.pointerId);
		heard(e);
	});
	stage.addEventListener("pointermove", heard);
	stage.addEventListener("pointerup", heard);
	stage.addEventListener("pointerleave", (e) => {
		if (e.pointerType === "pen") pen.leave();
		last = { x: -1, y: -1 }; // another window may move the pointer
	});
	stage.addEventListener("pointercancel", (e) => {
		if (e.pointerType === "pen") return pen.leave();
		if (e.pointerType === "touch") return touch.cancel(e);
		for (const [bit, button] of buttons) if (down & bit) send(wire.button(button, false));
		down = 0;
	});
	stage.addEventListener("pointerrawupdate", (event) => {
		const e = event as PointerEvent;
		if (e.pointerType === "pen") heard(e);
		else if (e.pointerType !== "touch") grabbed() ? travel(e) : move(e);
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
		held: () => down !== 0 || pen.held || touch.held,
		forget() {
			down = 0;
			last = { x: -1, y: -1 };
			pen.forget();
			touch.forget();
		},
		// grab has the mouse tell its way and not its place, for programs that turn
		// things with it; again, or Escape, and it is as before.
		grab() {
			if (grabbed()) return document.exitPointerLock();
			// Without the system's acceleration where the browser can.
			const ask = stage.requestPointerLock as (options?: object) => Promise<void> | void;
			void Promise.resolve(ask.call(stage, { unadjustedMovement: true })).catch(() => ask.call(stage)?.catch(() => {}));
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
