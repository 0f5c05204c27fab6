// The keyboard, by physical key: the desktop has a layout of its own.

import { evdev, keysym } from "./keys";
import { composing } from "./text";
import * as wire from "./wire";

const mac = /^Mac|^iP/.test(navigator.platform);

export function listen(
	send: (bytes: Uint8Array<ArrayBuffer>) => void,
	active: () => boolean,
): { forget(): void } {
	const held = new Map<string, { key: wire.Key; at: number }>();
	const name = (e: KeyboardEvent) => e.code || e.key;

	const lift = (id: string) => {
		const pressed = held.get(id);
		if (!pressed) return;
		held.delete(id);
		send(wire.key(pressed.key, false));
	};
	const press = (e: KeyboardEvent) => {
		const key = { code: evdev.get(e.code) ?? 0, keysym: keysym(e.key) };
		if ((!key.code && !key.keysym) || held.has(name(e))) return;
		held.set(name(e), { key, at: e.timeStamp });
		send(wire.key(key, true));
	};

	const listener = (e: KeyboardEvent, handle: () => void) => {
		if (!active() || composing(e)) return;
		// Or the browser would take it: find, reload, back, focus.
		e.preventDefault();
		e.stopPropagation();
		handle();
	};

	window.addEventListener("keydown", (e) => listener(e, () => {
		// A held key repeats in the desktop.
		if (e.repeat) return;
		const control = held.get("ControlLeft");
		// Windows puts a Control before AltGr that nobody pressed.
		if (e.key === "AltGraph" && control && e.timeStamp - control.at < 20) lift("ControlLeft");
		press(e);
		// A Mac says when CapsLock goes on and off, not when it is pressed and released.
		if (mac && e.code === "CapsLock") lift("CapsLock");
	}), true);

	window.addEventListener("keyup", (e) => listener(e, () => {
		// Of these there is no press: Windows takes PrintScreen's, a Mac CapsLock's.
		if (e.code === "PrintScreen" || (mac && e.code === "CapsLock")) press(e);
		lift(name(e));
		// A Mac tells of no release while Command is held.
		if (mac && e.key === "Meta") for (const id of [...held.keys()]) lift(id);
	}), true);

	return { forget: () => held.clear() };
}
