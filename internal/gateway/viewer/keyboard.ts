// The keyboard, by physical key: the desktop is given its layout, see layout.ts.

import * as hands from "./hands";
import { evdev, keysym } from "./keys";
import { composing } from "./text";
import * as wire from "./wire";

const mac = /^Mac|^iP/.test(navigator.platform);

// The modifiers, and whether an event says that one of each is held.
const modifiers: readonly [RegExp, (e: KeyboardEvent | PointerEvent) => boolean][] = [
	[/^Shift/, (e) => e.shiftKey],
	[/^Control/, (e) => e.ctrlKey],
	[/^Alt/, (e) => e.altKey || e.getModifierState("AltGraph")],
	[/^(Meta|OS)/, (e) => e.metaKey],
];

const locking = /^(CapsLock|NumLock)$/;

// shortcuts are what the page does itself, by the code of the key that is pressed
// with Control, Alt and Shift.
export function listen(
	send: (bytes: Uint8Array<ArrayBuffer>) => void,
	active: () => boolean,
	shortcuts: ReadonlyMap<string, () => void> = new Map(),
	shared: (e: KeyboardEvent) => boolean = () => false, // the browser is to have it, too
): { forget(): void; held(): boolean } {
	const held = new Map<string, { key: wire.Key; at: number }>();
	const name = (e: KeyboardEvent) => e.code || e.key;
	let locks = ""; // as told

	const lift = (id: string) => {
		const pressed = held.get(id);
		if (!pressed) return;
		held.delete(id);
		send(wire.key(pressed.key, false));
	};
	const press = (e: KeyboardEvent) => {
		const code = evdev.get(e.code) ?? 0;
		// A Mac's left Option key is Alt: what it would make of a key is not meant.
		const key = { code, keysym: mac && code && held.has("AltLeft") && e.key.length === 1 ? 0 : keysym(e.key) };
		if ((!key.code && !key.keysym) || held.has(name(e))) return;
		held.set(name(e), { key, at: e.timeStamp });
		send(wire.key(key, true));
	};
	// settle has the desktop hold no modifier that was let go where nobody saw it, and
	// its locks be as they are here.
	const settle = (e: KeyboardEvent | PointerEvent) => {
		const code = "code" in e ? e.code : "";
		for (const [modifier, down] of modifiers) {
			if (modifier.test(code) || down(e)) continue;
			for (const id of [...held.keys()]) if (modifier.test(id)) lift(id);
		}
		// With a lock's own key browsers differ in whether it counts already.
		if (/move|update/.test(e.type) || locking.test(code)) return;
		const caps = e.getModifierState("CapsLock"), num = mac || e.getModifierState("NumLock");
		if (`${caps} ${num}` === locks) return;
		locks = `${caps} ${num}`;
		send(hands.locks(caps, num));
	};

	const listener = (e: KeyboardEvent, handle: () => void) => {
		if (!active() || composing(e)) return;
		// Or the browser would take it: find, reload, back, focus.
		if (!shared(e)) e.preventDefault();
		e.stopPropagation();
		handle();
	};

	window.addEventListener("keydown", (e) => listener(e, () => {
		// A held key repeats in the desktop.
		if (e.repeat) return;
		const shortcut = e.ctrlKey && e.altKey && e.shiftKey && shortcuts.get(e.code);
		if (shortcut) return shortcut();
		const control = held.get("ControlLeft");
		// Windows puts a Control before AltGr that nobody pressed.
		if (e.key === "AltGraph" && control && e.timeStamp - control.at < 20) lift("ControlLeft");
		settle(e);
		// A Mac's right Option key makes characters, its left one is Alt.
		if (mac && held.has("AltRight") && e.key.length === 1) lift("AltRight");
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

	for (const type of ["pointerdown", "pointermove", "pointerrawupdate"]) {
		window.addEventListener(type, (e) => {
			if (active() && (held.size > 0 || type === "pointerdown")) settle(e as PointerEvent);
		}, true);
	}

	return {
		held: () => held.size > 0,
		forget() {
			held.clear();
			locks = "";
		},
	};
}
