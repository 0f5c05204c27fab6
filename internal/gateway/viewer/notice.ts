// What the page says about itself when there is no picture to look at. The words
// are in page.tmpl; the body's data-state chooses among them.

export type State =
	| "connecting"
	| "waiting"
	| "live"
	| "reconnecting"
	| "blocked"
	| "crowded"
	| "stopped"
	| "unshared"
	| "closed"
	| "refused"
	| "unsupported";

let desktop = "Desktop";

export const state = () => document.body.dataset.state;

export function show(next: State): void {
	if (state() === next) return;
	document.body.dataset.state = next;
	const notice = document.querySelector<HTMLElement>(`[data-for="${next}"]`);
	document.title = `${notice?.dataset.title ?? desktop} – Backlot`;
	if (next === "live") {
		document.querySelector<HTMLElement>("textarea, video")?.focus({ preventScroll: true });
	} else {
		// Where the user can do something about it, the keyboard is taken there.
		notice?.querySelector<HTMLElement>("a")?.focus();
	}
}

// name sets what the desktop is called.
export function name(title: string): void {
	desktop = title;
}
