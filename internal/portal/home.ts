// The home page can be read without this script. With it, states move live,
// times are the reader's own, problems show without a new page, and deleting
// asks first.

import { adopt, localTimes, update } from "./list";

function byId(id: string): HTMLElement {
	return document.getElementById(id)!;
}

const lists = [byId("sessions"), byId("profiles")];
const inLists = (node: Node | null): boolean => lists.some((list) => list.contains(node));
const announce = byId("announce");
const offline = byId("offline");
const problem = byId("problem");
const dialog = byId("confirm") as HTMLDialogElement;

// Forms that are under way wait for the next news. Their buttons are not disabled,
// which would take the focus from them.
const waiting = new Set<HTMLFormElement>();
// A launch leads the reader to the new workstation, once it shows.
let launched = false;

function draw(html: string): void {
	const fresh = document.createElement("template");
	fresh.innerHTML = html;
	const words: string[] = [];
	for (const list of lists) {
		const news = update(list, fresh.content.querySelector(`#${list.id}`)!);
		for (const part of [...news.added, ...news.changed]) {
			const state = part.querySelector(".state")?.textContent;
			if (state) words.push(`${part.querySelector("h3")?.textContent}: ${state}`);
		}
		if (launched && list.id === "sessions" && news.added[0]) {
			launched = false;
			news.added[0].focus();
		}
	}
	if (words.length > 0) announce.textContent = words.join(". ");
	release();
}

function release(): void {
	for (const form of waiting) form.removeAttribute("aria-busy");
	waiting.clear();
}

let events: EventSource | undefined;
let again = 0;
let silence = 0;

function listen(): void {
	hush();
	events = new EventSource("/events");
	events.addEventListener("live", (event) => {
		clearTimeout(silence);
		silence = 0;
		offline.hidden = true;
		draw(JSON.parse((event as MessageEvent<string>).data) as string);
	});
	events.addEventListener("signed-out", home);
	events.addEventListener("error", () => {
		// A connection that is back within a moment is not worth a word.
		silence ||= setTimeout(() => {
			offline.hidden = false;
			announce.textContent = offline.textContent;
		}, 1500);
		if (events?.readyState === EventSource.CLOSED) again = setTimeout(listen, 1000);
	});
}

function hush(): void {
	events?.close();
	clearTimeout(again);
}

function home(): void {
	location.assign("/");
}

function complain(text: string): void {
	problem.querySelector("p")!.textContent = text;
	problem.hidden = text === "";
}

async function send(form: HTMLFormElement): Promise<void> {
	if (waiting.has(form)) return;
	const body = new URLSearchParams([...new FormData(form)].map(([name, value]) => [name, String(value)]));
	waiting.add(form);
	form.setAttribute("aria-busy", "true");
	launched = form.classList.contains("launch");
	complain("");
	try {
		const answer = await fetch(form.action, { method: "POST", body, redirect: "manual" });
		if (answer.type === "opaqueredirect") return; // what came of it comes as an event
		if (answer.status === 401) return home();
		const page = new DOMParser().parseFromString(await answer.text(), "text/html");
		complain(page.querySelector("#problem p")?.textContent || "Something went wrong on the server. Try again in a moment.");
	} catch {
		complain("The server does not answer, so nothing was done. Try again in a moment.");
	}
	launched = false;
	release();
}

// What the dialog asks about.
let doubtful: HTMLFormElement | undefined;

function ask(form: HTMLFormElement): void {
	doubtful = form;
	byId("confirm-title").textContent = form.dataset.confirm!;
	dialog.returnValue = "no";
	dialog.showModal();
}

dialog.addEventListener("close", () => {
	if (dialog.open || !doubtful) return; // it asks again already
	const card = doubtful.closest("article")!.id;
	if (dialog.returnValue === "yes") void send(doubtful);
	doubtful = undefined;
	// If the card was drawn anew behind the dialog, its button is not there for the
	// focus to go back to.
	if (!inLists(document.activeElement)) document.getElementById(card)?.focus({ preventScroll: true });
});

document.addEventListener("submit", (event) => {
	const form = event.target as HTMLFormElement;
	if (form.target || !inLists(form)) return;
	event.preventDefault();
	if (form.dataset.confirm) ask(form);
	else void send(form);
});

problem.querySelector("button")!.addEventListener("click", () => complain(""));

// A tab that nobody sees holds no connection: browsers allow six to a server.
document.addEventListener("visibilitychange", () => {
	clearTimeout(silence);
	silence = 0;
	if (document.hidden) return hush();
	localTimes(document);
	listen();
});

lists.forEach(adopt);
if (!document.hidden) listen();
