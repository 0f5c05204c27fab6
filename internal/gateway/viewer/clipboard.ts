// The clipboards of desktop and browser are made one, as far as the browser lets a
// page: what is copied in the desktop is written here at once where that is granted,
// else with the next key or click. What was copied here is sent when it is pasted, or
// before, where reading it was granted to the page and the page has the focus.

import { type Copied, type Exchange } from "./exchange";

const longestText = 4 << 20, largestImage = 16 << 20; // bytes, as package wire has them
const pasteWithin = 3000; // ms that keys wait for what they are to paste
const eventWithin = 60; // ms after its keys that a browser may take to tell of a paste

interface Content {
	text: string;
	image: Blob | null;
}

const mac = /^Mac|^iP/.test(navigator.platform);

export class Clipboard {
	private allowed = false;
	private serial = -1; // of the desktop's copy that is known; -1: none yet
	private known = ""; // what both have
	private read = ""; // what was read here last
	private pending: Copied | null = null; // copied there, and to be fetched
	private unwritten: Content | null = null; // fetched, and not granted to be written
	private queue: Uint8Array<ArrayBuffer>[] | null = null; // keys that wait
	private timer = 0;

	// send sends keys and the like, say tells the user.
	constructor(
		private readonly exchange: Exchange,
		private readonly send: (bytes: Uint8Array<ArrayBuffer>) => void,
		private readonly active: () => boolean,
		private readonly say: (words: string) => void,
	) {
		window.addEventListener("keydown", (e) => {
			if (this.active() && this.pastes(e) && !e.repeat) this.hold(eventWithin);
		}, true);
		window.addEventListener("paste", (e) => this.pasted(e), true);
		window.addEventListener("focus", () => this.focused());
		document.addEventListener("visibilitychange", () => this.focused());
		// Where nothing is granted a user's act may do.
		for (const type of ["pointerup", "keyup"]) window.addEventListener(type, () => void this.write(), true);
		navigator.clipboard?.addEventListener?.("clipboardchange", () => this.focused());
	}

	// allow says whether the desktop's launch profile allows it, and this page is to.
	allow(allowed: boolean): void {
		if (allowed === this.allowed) return;
		this.allowed = allowed;
		if (allowed) this.focused();
		else this.pending = this.unwritten = null;
	}

	get possible(): boolean {
		return this.allowed;
	}

	// copied is told what a program of the desktop has copied.
	copied(what: Copied): void {
		const first = this.serial < 0 || what.serial < this.serial;
		const same = what.serial === this.serial;
		this.serial = what.serial;
		// What was there before this page came is not to replace what is here.
		if (first || same || !(what.text || what.image)) return;
		this.pending = what;
		this.unwritten = null;
		void this.fetch();
	}

	// pastes tells the keys by which programs paste: the browser, too, is to have them.
	pastes(e: KeyboardEvent): boolean {
		if (!this.allowed || e.altKey) return false;
		if (e.code === "KeyV") return mac ? e.metaKey !== e.ctrlKey : e.ctrlKey && !e.metaKey;
		return e.code === "Insert" && e.shiftKey && !e.ctrlKey;
	}

	// pass sends what a key or the pointer did, in its turn.
	pass(bytes: Uint8Array<ArrayBuffer>): void {
		if (this.queue) this.queue.push(bytes);
		else this.send(bytes);
	}

	// forget drops what waits: whoever held those keys has let go of them.
	forget(): void {
		clearTimeout(this.timer);
		this.queue = null;
	}

	// share reads the browser's clipboard, for which it may ask the user, and sends it.
	// To be called by a click.
	async share(): Promise<void> {
		await this.offer(await local());
	}

	// sendText makes a text the desktop's clipboard.
	sendText(text: string): Promise<void> {
		return this.put({ text, image: null });
	}

	// desktopText is the text of the desktop's clipboard.
	async desktopText(): Promise<string> {
		return await (await this.get("clipboard")).text();
	}

	private hold(within: number): void {
		this.queue ??= [];
		clearTimeout(this.timer);
		this.timer = window.setTimeout(() => this.go(), within);
	}

	private go(): void {
		clearTimeout(this.timer);
		const waiting = this.queue ?? [];
		this.queue = null;
		for (const bytes of waiting) this.send(bytes);
	}

	private pasted(e: ClipboardEvent): void {
		if (!this.active() || !this.allowed || !e.clipboardData) return;
		// Or it would be typed.
		e.preventDefault();
		e.stopPropagation();
		const image = [...e.clipboardData.files].find((f) => f.type === "image/png") ?? null;
		const content = { text: e.clipboardData.getData("text/plain"), image };
		this.hold(pasteWithin);
		this.put(content).catch(() => {}).finally(() => this.go());
	}

	private focused(): void {
		if (!this.allowed || !document.hasFocus() || !this.active()) return;
		if (this.pending || this.unwritten) {
			void this.fetch();
			return;
		}
		void granted().then(async (yes) => {
			if (yes && document.hasFocus()) await this.offer(await local());
		}).catch(() => {});
	}

	// offer sends what was copied here since it was looked at last.
	private async offer(content: Content): Promise<void> {
		const is = await signature(content);
		if (is === this.read) return;
		this.read = is;
		await this.put(content);
	}

	private async put(content: Content): Promise<void> {
		const is = await signature(content);
		if (!this.allowed || !is || is === this.known) return;
		const image = content.text ? null : content.image;
		const body = image ?? new Blob([content.text]);
		if (body.size > (image ? largestImage : longestText)) {
			return this.say(`What you copied is too large to paste here: ${image ? "images up to 16" : "text up to 4"} MiB can be.`);
		}
		const answer = await this.exchange.request("clipboard", {
			method: "PUT",
			headers: { "Content-Type": image ? "image/png" : "text/plain;charset=utf-8" },
			body,
		});
		if (!answer.ok) throw new Error("not taken");
		this.known = is;
	}

	private async get(what: string): Promise<Response> {
		const answer = await this.exchange.request(what);
		if (!answer.ok) throw new Error("not given");
		return answer;
	}

	// fetch brings what was copied there.
	private async fetch(): Promise<void> {
		const what = this.pending;
		if (what && document.hasFocus()) {
			this.pending = null;
			try {
				const text = what.text ? await (await this.get("clipboard")).text() : "";
				const image = what.image ? await (await this.get("clipboard?image")).blob() : null;
				if (this.serial !== what.serial) return; // there is another by now
				this.unwritten = { text, image };
			} catch {
				return; // the program has gone, or does not give it
			}
		}
		await this.write();
	}

	private async write(): Promise<void> {
		const content = this.unwritten;
		if (!content || !this.allowed || !document.hasFocus() || !navigator.clipboard) return;
		this.unwritten = null;
		this.known = await signature(content);
		try {
			if (content.image) {
				const all: Record<string, Blob> = { "image/png": content.image };
				if (content.text) all["text/plain"] = new Blob([content.text], { type: "text/plain" });
				await navigator.clipboard.write([new ClipboardItem(all)]);
				// Browsers write images anew: as it is now it must be known again.
				if (await granted()) this.read = this.known = await signature(await local());
			} else {
				await navigator.clipboard.writeText(content.text);
				this.read = this.known;
			}
		} catch {
			this.unwritten ??= content; // with the next key or click
		}
	}
}

// granted says whether the clipboard may be read without asking the user.
async function granted(): Promise<boolean> {
	try {
		const is = await navigator.permissions.query({ name: "clipboard-read" as PermissionName });
		return is.state === "granted";
	} catch {
		return false; // this browser always asks
	}
}

// local is what the browser's clipboard holds.
async function local(): Promise<Content> {
	const content: Content = { text: "", image: null };
	for (const item of await navigator.clipboard.read()) {
		if (item.types.includes("text/plain")) content.text = await (await item.getType("text/plain")).text();
		if (item.types.includes("image/png")) content.image = await item.getType("image/png");
	}
	return content;
}

// signature is the same for the same content; "" for none.
async function signature({ text, image }: Content): Promise<string> {
	if (text) return `text ${text}`;
	if (!image) return "";
	const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", await image.arrayBuffer()));
	return `image ${sum}`;
}
