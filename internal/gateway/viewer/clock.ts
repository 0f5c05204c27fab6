// When the session ends by itself: shown in the last hour, and told in time.

import { toast } from "./toast";
import { type Standing } from "./session";

const warnings = [900, 300]; // seconds before

export class Clock {
	private ends = Infinity; // by performance.now()
	private keeps = true;
	private warned = Infinity;
	private readonly shown = document.querySelector<HTMLElement>("#left")!;

	constructor() {
		window.setInterval(() => this.tick(), 1000);
	}

	set({ secondsLeft, keeps }: Standing): void {
		const ends = performance.now() + 1000 * secondsLeft;
		if (ends > this.ends + 60_000) this.warned = Infinity; // there is more time again
		this.ends = ends;
		this.keeps = keeps;
		this.tick();
	}

	private tick(): void {
		const left = Math.max(0, Math.round((this.ends - performance.now()) / 1000));
		this.shown.hidden = !(left <= 3600);
		if (this.shown.hidden) return;
		const text = `${left > 90 ? `${Math.ceil(left / 60)} min` : `${left} s`} left`;
		if (this.shown.textContent !== text) this.shown.textContent = text;
		this.shown.classList.toggle("soon", left <= 300);
		const due = warnings.filter((at) => left <= at).at(-1);
		if (due === undefined || due >= this.warned || left === 0) return;
		this.warned = due;
		const minutes = Math.max(1, Math.round(left / 60));
		toast(`This desktop ${this.keeps ? "stops" : "is deleted"} by itself in ${minutes} minute${minutes === 1 ? "" : "s"}. ` +
			(this.keeps
				? "Save your work: what is on its disk is kept, programs that run are closed. Afterwards you can start it again."
				: "Save your work elsewhere: everything on it goes with it."), true);
	}
}
