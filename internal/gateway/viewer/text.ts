// Text that comes without keys: from input methods, emoji pickers, dead keys and
// programs that type. A field that nobody sees takes it and passes it on.

import { keysym } from "./keys";
import * as wire from "./wire";

export function listen(stage: HTMLElement, send: (bytes: Uint8Array<ArrayBuffer>) => void): void {
	// A finger would call up the virtual keyboard with every touch.
	if (matchMedia("(pointer: coarse)").matches) return;
	const field = document.createElement("textarea");
	field.setAttribute("aria-label", "Keyboard of the desktop");
	field.autocapitalize = field.autocomplete = "off";
	field.spellcheck = false;
	stage.prepend(field);

	const pass = () => {
		for (const character of field.value) {
			const key = { code: 0, keysym: keysym(character === "\n" ? "Enter" : character) };
			if (!key.keysym) continue;
			send(wire.key(key, true));
			send(wire.key(key, false));
		}
		field.value = "";
	};
	field.addEventListener("input", (e) => {
		if (!(e as InputEvent).isComposing) pass();
	});
	field.addEventListener("compositionend", pass);
}

// composing tells key presses that an input method is still at work on.
export const composing = (e: KeyboardEvent) => e.isComposing || e.keyCode === 229 || e.key === "Dead";
