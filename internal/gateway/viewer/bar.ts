// The bar at the top edge: it comes when it is called, by pointer, touch or keys,
// and hides by itself. Below it at most one panel is open.

import { type Control } from "./controls";

const dwell = 350; // ms at the edge before the bar comes
const linger = 1500; // ms after the pointer has left it
const greeting = 4000; // ms for which it shows itself at first

const find = (selector: string) => document.querySelector<HTMLElement>(selector)!;

// busy tells that keys are the page's own now, and not the desktop's.
export const busy = () => Boolean(document.activeElement?.closest("nav, dialog, .toasts, .upload"));

export class Bar {
	private readonly nav = find("nav");
	private readonly strip = find(".strip");
	private readonly controls: Control[] = [];
	private open = ""; // the panel
	private opener: HTMLElement | null = null;
	private hiding = 0;
	private coming = 0;
	private shown = false;

	// called is told when keys and pointer leave the desktop.
	constructor(stage: HTMLElement, private readonly called: () => void) {
		const { nav } = this;
		window.addEventListener("pointermove", (e) => {
			const edge = e.clientY <= 1 && e.buttons === 0 && e.pointerType !== "touch" && !document.pointerLockElement;
			if (!edge) {
				clearTimeout(this.coming);
				this.coming = 0;
			} else if (!this.coming) this.coming = window.setTimeout(() => this.come(), dwell);
		}, true);
		nav.addEventListener("pointerenter", () => clearTimeout(this.hiding));
		nav.addEventListener("pointerleave", () => this.goSoon());
		nav.addEventListener("focusin", () => {
			clearTimeout(this.hiding);
			this.called();
		});
		nav.addEventListener("keydown", (e) => {
			if (e.key !== "Escape") return;
			if (this.open) this.close(true);
			else this.leave();
		});
		stage.addEventListener("pointerdown", () => this.leave(), true);
		find("#grip").addEventListener("click", () => this.enter());
		for (const opener of nav.querySelectorAll<HTMLElement>("[aria-controls]")) {
			opener.addEventListener("click", () => this.toggle(opener));
		}
	}

	// call is enter, or leave where the keyboard is there already.
	call(): void {
		if (this.nav.contains(document.activeElement)) this.leave();
		else this.enter();
	}

	// greet shows the bar for a moment, so that it is known to be there.
	greet(): void {
		this.come();
		this.goSoon(greeting);
	}

	// enter shows the bar and takes the keyboard there.
	enter(): void {
		this.come();
		this.strip.querySelector<HTMLElement>("button:not([hidden])")?.focus();
	}

	// toggle opens the panel of a button, or closes it.
	toggle(opener: HTMLElement): void {
		const id = opener.getAttribute("aria-controls")!;
		const same = this.open === id;
		this.opener = opener;
		this.close();
		if (same) return;
		this.come();
		this.open = id;
		this.refresh();
		this.mark();
		find(`#${id}`).focus();
	}

	// leave gives the keyboard back to the desktop, and hides.
	leave(): void {
		this.close();
		this.go();
		if (busy()) (document.activeElement as HTMLElement).blur();
		find("main textarea, main video").focus({ preventScroll: true });
	}

	// add puts controls into the place of that name.
	add(place: string, ...controls: Control[]): void {
		find(`[data-place="${place}"]`).append(...controls.map((c) => c.element));
		this.controls.push(...controls);
		for (const control of controls) control.refresh();
	}

	// refresh shows how things are now.
	refresh(): void {
		const focused = document.activeElement as HTMLElement | null;
		for (const control of this.controls) control.refresh();
		for (const group of this.nav.querySelectorAll<HTMLElement>("[data-group]")) {
			group.hidden = !group.querySelector("[data-place] > :not([hidden])");
		}
		// What is not offered any more must not leave the keyboard to the desktop.
		if (focused?.hidden) focused.closest<HTMLElement>(".panel")?.focus();
	}

	private close(back = false): void {
		this.open = "";
		this.mark();
		if (back) this.opener?.focus();
	}

	private mark(): void {
		for (const opener of this.nav.querySelectorAll<HTMLElement>("[aria-controls]")) {
			const id = opener.getAttribute("aria-controls")!;
			opener.setAttribute("aria-expanded", String(id === this.open));
			find(`#${id}`).hidden = id !== this.open;
		}
	}

	private come(): void {
		clearTimeout(this.hiding);
		if (this.shown) return;
		this.shown = true;
		this.refresh();
		this.nav.classList.add("shown");
	}

	private goSoon(after = linger): void {
		clearTimeout(this.hiding);
		this.hiding = window.setTimeout(() => {
			if (!this.open && !this.nav.contains(document.activeElement)) this.go();
		}, after);
	}

	private go(): void {
		this.shown = false;
		this.nav.classList.remove("shown");
	}
}
