// The home page is whole without this script; with it, states move live, times
// are the reader's own, and deleting asks first.

const live = document.getElementById("live")!;
const offline = document.getElementById("offline")!;
const announce = document.getElementById("announce")!;
const dialog = document.getElementById("confirm") as HTMLDialogElement;

function localTimes(root: ParentNode): void {
	for (const time of root.querySelectorAll("time")) {
		const at = new Date(time.dateTime);
		const day = at.toDateString() === new Date().toDateString() ? {} : ({ weekday: "short", day: "numeric", month: "short" } as const);
		const words = at.toLocaleString([], { hour: "2-digit", minute: "2-digit", ...day });
		time.textContent = time.dataset.prefix ? `${time.dataset.prefix} ${words}` : words;
	}
}

function states(): Map<string, string> {
	const found = new Map<string, string>();
	for (const card of live.querySelectorAll<HTMLElement>("[data-session]")) {
		const name = card.querySelector("h3")?.textContent ?? "";
		found.set(card.id, `${name}: ${card.querySelector(".state")?.textContent?.trim() ?? ""}`);
	}
	return found;
}

// Replaces what is shown, and keeps what the reader has open, chosen and focused.
function show(html: string): void {
	const before = states();
	const focused = document.activeElement?.id;
	const open = [...live.querySelectorAll("details[open]")].map((d) => d.id);
	const chosen = [...live.querySelectorAll("select")].map((s) => [s.id, s.value] as const);
	live.innerHTML = html;
	localTimes(live);
	for (const id of open) document.getElementById(id)?.setAttribute("open", "");
	for (const [id, value] of chosen) {
		const select = document.getElementById(id) as HTMLSelectElement | null;
		if (select) select.value = value;
	}
	if (focused && document.activeElement?.id !== focused) {
		(document.getElementById(focused) ?? document.getElementById("workstations"))?.focus();
	}
	const news = [...states()].filter(([id, words]) => before.get(id) !== words).map(([, words]) => words);
	if (news.length > 0) announce.textContent = news.join(". ");
}

function listen(): void {
	const events = new EventSource("/events");
	events.addEventListener("live", (event) => {
		offline.hidden = true;
		show(JSON.parse((event as MessageEvent<string>).data) as string);
	});
	events.addEventListener("signed-out", () => location.reload());
	events.addEventListener("error", () => {
		offline.hidden = false;
		if (events.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
	});
}

async function send(form: HTMLFormElement): Promise<void> {
	const body = new URLSearchParams([...new FormData(form)].map(([k, v]) => [k, String(v)]));
	for (const button of form.querySelectorAll("button")) button.disabled = true;
	try {
		const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "text/x-live" } });
		if (answer.redirected) location.assign(answer.url);
		else show(await answer.text());
	} catch {
		offline.hidden = false;
		for (const button of form.querySelectorAll("button")) button.disabled = false;
	}
}

document.addEventListener("submit", (event) => {
	const form = event.target as HTMLFormElement;
	if (form.method !== "post" || form.target || !live.contains(form)) return;
	event.preventDefault();
	if (!form.hasAttribute("data-confirm")) {
		void send(form);
		return;
	}
	dialog.returnValue = "no";
	dialog.addEventListener("close", () => dialog.returnValue === "yes" && void send(form), { once: true });
	dialog.showModal();
});

localTimes(document);
listen();
