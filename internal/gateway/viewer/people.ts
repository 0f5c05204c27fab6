// Who is in the session, and what its owner lets them do.

import { button, type Control } from "./controls";
import { ask, type People as List, type Person, type Shared, type Standing, Wish } from "./session";
import { toast } from "./toast";

const find = <T extends HTMLElement = HTMLElement>(selector: string) => document.querySelector<T>(selector)!;

export class People {
	standing: Standing = { type: "standing", control: true, share: false, stop: false, keeps: true, secondsLeft: Infinity };
	private people: Person[] = [];
	private shared: Shared = { type: "shared", control: false, link: "" };
	private readonly items = find<HTMLUListElement>("#people ul");
	private readonly link = find<HTMLInputElement>("#link");
	private readonly mark = find("#mark");

	constructor(private readonly send: (bytes: Uint8Array<ArrayBuffer>) => void, private readonly changed: () => void) {
		find("#copy").addEventListener("click", () => void this.copy());
	}

	// controls are those of the owner.
	get controls(): Control[] {
		const { send } = this;
		const may = () => this.standing.share;
		return [
			button(() => "Let others watch", () => send(ask(Wish.Watched)), () => may() && (!this.shared.link || this.shared.control)),
			button(() => "Let others work in it", () => send(ask(Wish.Helped)), () => may() && (!this.shared.link || !this.shared.control)),
			button(() => "End sharing", () => send(ask(Wish.Private)), () => may() && Boolean(this.shared.link)),
		];
	}

	// own tells that the desktop is yours.
	get own(): boolean {
		return this.people.some((p) => p.you && !p.guest && !p.visitor);
	}

	// others have control besides you.
	get helped(): boolean {
		return this.standing.share && this.people.some((p) => !p.you && p.control);
	}

	takeBack(): void {
		if (this.helped) this.send(ask(Wish.Control));
	}

	stood(standing: Standing): void {
		const before = this.standing;
		this.standing = standing;
		if (before.control !== standing.control) {
			toast(standing.control ? "You have control: keyboard and pointer are yours." : "You are watching: your keys and pointer do nothing here.");
		}
		this.show();
	}

	there({ people }: List): void {
		const before = new Map(this.people.map((p) => [p.number, p]));
		const first = this.people.length === 0;
		this.people = people;
		for (const p of people) {
			const known = before.get(p.number);
			before.delete(p.number);
			if (p.you || (known && known.control === p.control)) continue;
			if (!known && first) continue; // they were there before
			toast(`${named(p)} ${known ? (p.control ? "has control now" : "is watching now") : p.control ? "is here, and has control" : "is watching"}`);
		}
		for (const p of before.values()) if (!p.you) toast(`${named(p)} has left`);
		this.show();
	}

	share(shared: Shared): void {
		const before = this.shared;
		this.shared = shared;
		if (before.link && !shared.link) toast("Sharing has ended.");
		const here = this.link.closest(".panel")?.contains(document.activeElement);
		this.show();
		if (!before.link && shared.link && here) {
			this.link.focus();
			this.link.select();
		}
	}

	private show(): void {
		const { people, standing, shared } = this;
		const focused = (document.activeElement as HTMLElement | null)?.dataset.key;
		this.items.replaceChildren(...people.map((p) => this.item(p)));
		if (focused) this.items.querySelector<HTMLElement>(`[data-key="${focused}"]`)?.focus();

		find("#others").textContent = people.length > 1 ? `${people.length} people` : "Share";
		find("#others").hidden = people.length < 2 && !standing.share;
		find("#back").hidden = !this.helped;
		find("#shared").hidden = !shared.link;
		this.link.value = shared.link;
		find("#terms").textContent = shared.control
			? "Whoever is signed in, belongs to your studio and has this link can see this desktop and work in it."
			: "Whoever is signed in, belongs to your studio and has this link can see this desktop, and do nothing in it.";

		const others = people.filter((p) => !p.you);
		const helper = others.find((p) => p.control) ?? others.find((p) => p.visitor);
		const words = !standing.control
			? `You are watching${others.find((p) => p.control) ? `: ${others.find((p) => p.control)!.name} has control` : ""}`
			: helper
				? `${named(helper)} ${helper.control ? "has control too" : "is watching"}`
				: others.length > 0
					? `${others.length === 1 ? named(others[0]!) : `${others.length} others`} ${others.length === 1 ? "is" : "are"} watching`
					: "";
		this.mark.hidden = !words;
		if (this.mark.textContent !== words) this.mark.textContent = words;
		this.changed();
	}

	private item(p: Person): HTMLLIElement {
		const item = document.createElement("li");
		const words = document.createElement("span");
		words.textContent = `${named(p)}${p.you ? " (you)" : ""}: ${p.control ? "has control" : "watches"}`;
		item.append(words);
		if (this.standing.share && !p.you) {
			const give = button(
				() => (p.control ? "Take control" : "Give control"),
				() => this.send(ask(p.control ? Wish.Take : Wish.Give, p.number)),
			);
			give.refresh();
			give.element.dataset.key = String(p.number);
			give.element.setAttribute("aria-label", `${p.control ? "Take control from" : "Give control to"} ${p.name}`);
			item.append(give.element);
		}
		return item;
	}

	private async copy(): Promise<void> {
		this.link.select();
		try {
			await navigator.clipboard.writeText(this.link.value);
			toast("The link is copied.");
		} catch {
			// Only in secure contexts, and where it is allowed.
			toast("The link is marked: copy it with Ctrl+C, or ⌘C on a Mac.");
			this.link.focus();
		}
	}
}

const named = (p: Person) => (p.visitor ? `${p.name}, an administrator,` : p.name);
