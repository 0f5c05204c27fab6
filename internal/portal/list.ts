// Keeps a list of the page as the server sends it. Only parts that changed are
// touched: what the reader has open, chosen or focused in the others stays.

// What the server sent for each part, before times became the reader's own.
const sent = new WeakMap<Element, string>();

function take(part: Element): void {
	sent.set(part, part.outerHTML);
	localTimes(part);
}

// localTimes puts times into the reader's own words.
export function localTimes(root: ParentNode): void {
	for (const time of root.querySelectorAll("time")) {
		const at = new Date(time.dateTime);
		const hour = at.toLocaleTimeString([], { hour: "numeric", minute: "2-digit" });
		time.textContent = `${dayOf(at)} at ${hour}`;
	}
}

function dayOf(at: Date): string {
	const days = Math.round((new Date(at).setHours(12, 0, 0, 0) - new Date().setHours(12, 0, 0, 0)) / 86_400_000);
	const near: Record<number, string> = { [-1]: "yesterday", 0: "today", 1: "tomorrow" };
	return near[days] ?? at.toLocaleDateString("en-GB", { weekday: "short", day: "numeric", month: "short" });
}

// adopt takes the list that came with the page.
export function adopt(list: Element): void {
	for (const part of list.children) take(part);
}

// update makes the list what the server sent, and tells which parts are new or changed.
export function update(list: Element, fresh: Element): { added: HTMLElement[]; changed: HTMLElement[] } {
	const wanted = [...fresh.children] as HTMLElement[];
	const ids = new Set(wanted.map((part) => part.id));
	for (const part of [...list.children]) {
		if (ids.has(part.id)) continue;
		if (part.contains(document.activeElement)) list.closest("section")?.querySelector("h2")?.focus({ preventScroll: true });
		part.remove();
	}
	const old = new Map([...list.children].map((part) => [part.id, part]));
	const news = { added: [] as HTMLElement[], changed: [] as HTMLElement[] };
	wanted.forEach((part, i) => {
		const before = old.get(part.id);
		if (before && sent.get(before) === part.outerHTML) {
			if (list.children[i] !== before) list.insertBefore(before, list.children[i] ?? null);
			return;
		}
		take(part);
		if (before) {
			replace(before, part);
			news.changed.push(part);
		} else {
			list.insertBefore(part, list.children[i] ?? null);
			news.added.push(part);
		}
	});
	return news;
}

function replace(before: Element, part: HTMLElement): void {
	const focused = before.contains(document.activeElement) ? document.activeElement?.id : undefined;
	if (before.querySelector("details[open]")) part.querySelector("details")?.setAttribute("open", "");
	const chosen = before.querySelector("select")?.value;
	for (const option of part.querySelectorAll("option")) option.selected = option.value === chosen;
	before.replaceWith(part);
	if (focused !== undefined) (document.getElementById(focused) ?? part).focus({ preventScroll: true });
}
