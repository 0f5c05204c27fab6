// Text that comes without keys: from input methods, emoji pickers, dead keys, virtual
// keyboards and programs that type. A field that nobody sees takes it and passes it on.

import { keysym } from "./keys";
import * as wire from "./wire";

export class Text {
	// possible tells that there may be a virtual keyboard to call up.
	readonly possible = matchMedia("(any-pointer: coarse)").matches;
	private readonly field = document.createElement("textarea");
	// A virtual keyboard tells that something was deleted only where there is something.
	private filler = "";

	constructor(stage: HTMLElement, private readonly send: (bytes: Uint8Array<ArrayBuffer>) => void) {
		const { field } = this;
		field.setAttribute("aria-label", "Keyboard of the desktop");
		field.autocapitalize = field.autocomplete = "off";
		field.spellcheck = false;
		field.addEventListener("input", (e) => {
			if (!(e as InputEvent).isComposing) this.pass();
		});
		field.addEventListener("compositionend", () => this.pass());
		field.addEventListener("blur", () => this.wait());
		this.wait();
		stage.prepend(field);
	}

	// call has the virtual keyboard come. To be called by a click.
	call(): void {
		this.field.blur();
		this.field.inputMode = "text";
		this.field.value = this.filler = " ";
		this.field.focus({ preventScroll: true });
	}

	// wait keeps it away: a finger would call it up with every touch.
	private wait(): void {
		if (this.possible) this.field.inputMode = "none";
		this.field.value = this.filler = "";
	}

	private pass(): void {
		const { field, filler } = this, { value } = field;
		if (filler && !value) this.press("Backspace");
		const text = value.startsWith(filler) ? value.slice(filler.length) : value;
		for (const character of text) this.press(character === "\n" ? "Enter" : character);
		field.value = filler;
	}

	private press(name: string): void {
		const key = { code: 0, keysym: keysym(name) };
		if (!key.keysym) return;
		this.send(wire.key(key, true));
		this.send(wire.key(key, false));
	}
}

// composing tells key presses that an input method is still at work on.
export const composing = (e: KeyboardEvent) => e.isComposing || e.keyCode === 229 || e.key === "Dead";
