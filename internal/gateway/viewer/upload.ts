// Files and folders that are dropped on the page go to the desktop, part by part; what
// a lost connection cut goes on where it was. See workstation/desktop/upload.go.

import { type Exchange } from "./exchange";

const largestPart = 8 << 20; // bytes of one request
const smallestPart = 512 << 10; // which any proxy lets through
const atOnce = 3; // files on their way
const pause = 500; // ms before another try

interface Item {
	path: string;
	file: File | null; // null: an empty folder
	sent: number;
}

interface Answer {
	offset: number;
	done?: boolean;
	name?: string;
	problem?: string;
}

// words say what came of a file that was not taken.
const words: Record<string, string> = {
	full: "There is no room left on the desktop's disk. Delete something there, then try again.",
	large: "It is larger than this server takes.",
	name: "Its name cannot be used on the desktop.",
	blocked: "The upload folder on the desktop has something else in its place, or cannot be written to.",
	gone: "It cannot be read any more on this computer.",
	forbidden: "This desktop takes no files from you.",
	failed: "The desktop could not take it.",
};

class Problem extends Error {}

export interface Progress {
	files: number; // all of this round
	done: number;
	bytes: number;
	sent: number;
	failed: { path: string; why: string }[];
}

export class Upload {
	private allowed = false;
	private queue: Item[] = [];
	private running = 0;
	private walking = 0; // drops that are looked through
	private part = largestPart;
	private stop = new AbortController();
	private round: Item[] = [];
	private progress: Progress = empty();
	private readonly drop = document.querySelector<HTMLElement>(".drop")!;
	private readonly card = document.querySelector<HTMLElement>(".upload")!;
	private readonly said = this.card.querySelector("p")!;
	private readonly bar = this.card.querySelector("progress")!;
	private readonly button = this.card.querySelector("button")!;

	constructor(private readonly exchange: Exchange) {
		let over = 0;
		const files = (e: DragEvent) => e.dataTransfer?.types.includes("Files") === true;
		const show = (n: number) => {
			over = Math.max(0, n);
			this.drop.hidden = over === 0 || !this.allowed;
		};
		window.addEventListener("dragenter", (e) => {
			if (files(e)) show(over + 1);
		});
		window.addEventListener("dragleave", (e) => {
			if (files(e)) show(over - 1);
		});
		window.addEventListener("dragover", (e) => {
			// Or the browser would open the file instead of this page.
			e.preventDefault();
			if (e.dataTransfer) e.dataTransfer.dropEffect = this.allowed && files(e) ? "copy" : "none";
		});
		window.addEventListener("drop", (e) => {
			e.preventDefault();
			show(0);
			if (!this.allowed || !e.dataTransfer) return;
			// The list is good during the event only.
			const entries = [...e.dataTransfer.items].filter((i) => i.kind === "file")
				.map((i) => ({ entry: i.webkitGetAsEntry(), file: i.getAsFile() }));
			void this.walk(entries);
		});
		// The browser asks whether to leave.
		window.addEventListener("beforeunload", (e) => {
			if (this.busy) e.preventDefault();
		});
		this.button.addEventListener("click", () => {
			if (this.busy) this.cancel();
			else this.card.hidden = true;
		});
	}

	// allow says whether the desktop takes files from this page.
	allow(allowed: boolean): void {
		this.allowed = allowed;
		if (!allowed) this.drop.hidden = true;
	}

	get possible(): boolean {
		return this.allowed;
	}

	// pick lets the user choose files, or a folder. To be called by a click.
	pick(folder = false): void {
		const input = document.createElement("input");
		input.type = "file";
		input.multiple = true;
		input.webkitdirectory = folder;
		input.addEventListener("change", () => this.add([...input.files ?? []].map((f) => item(f.webkitRelativePath || f.name, f))));
		input.click();
	}

	// say shows the user a sentence.
	say(words: string): void {
		if (this.busy) return;
		this.bar.hidden = true;
		this.button.textContent = "Close";
		this.said.textContent = words;
		this.card.hidden = false;
	}

	// cancel ends what is on its way, and what the desktop has of it in part.
	cancel(): void {
		this.queue = [];
		this.stop.abort();
	}

	private async walk(found: { entry: FileSystemEntry | null; file: File | null }[]): Promise<void> {
		this.begin();
		this.walking++;
		for (const { entry, file } of found) {
			if (entry) await this.enter(entry);
			else if (file) this.add([item(file.name, file)]);
		}
		this.walking--;
		this.show();
	}

	private async enter(entry: FileSystemEntry): Promise<void> {
		if (this.stop.signal.aborted) return;
		const path = entry.fullPath.replace(/^\//, "");
		if (entry.isFile) {
			try {
				const file = await new Promise<File>((done, fail) => (entry as FileSystemFileEntry).file(done, fail));
				this.add([item(path, file)]);
			} catch {
				this.fail(path, words.gone!);
			}
			return;
		}
		const reader = (entry as FileSystemDirectoryEntry).createReader();
		let any = false;
		for (;;) {
			const some = await new Promise<FileSystemEntry[]>((done) => reader.readEntries(done, () => done([])));
			if (some.length === 0) break;
			any = true;
			for (const e of some) await this.enter(e);
		}
		if (!any) this.add([item(path, null)]);
	}

	private get busy(): boolean {
		return this.running > 0 || this.walking > 0;
	}

	// begin starts a new round, unless one is going on.
	private begin(): void {
		if (this.busy) return;
		this.progress = empty();
		this.round = [];
		this.stop = new AbortController();
	}

	private add(items: Item[]): void {
		this.begin();
		for (const i of items) {
			this.progress.files++;
			this.progress.bytes += i.file?.size ?? 0;
			this.round.push(i);
			this.queue.push(i);
		}
		while (this.running < atOnce && this.queue.length > 0) void this.work();
		this.show();
	}

	private async work(): Promise<void> {
		this.running++;
		for (let next = this.queue.shift(); next; next = this.queue.shift()) {
			try {
				await this.send(next);
				this.progress.done++;
			} catch (e) {
				if (this.stop.signal.aborted) break;
				this.fail(next.path, e instanceof Problem ? e.message : words.failed!);
			}
			this.show();
		}
		this.running--;
		this.show();
	}

	private fail(path: string, why: string): void {
		this.progress.failed.push({ path, why });
	}

	private async send(i: Item): Promise<void> {
		const headers = { "Backlot-Path": encodeURIComponent(i.path) };
		if (!i.file) {
			for (;;) {
				const answer = await this.ask("folder", { method: "PUT", headers });
				if (answer) return;
			}
		}
		const { file } = i;
		const begun = unfinished.get(i.path, file);
		const id = begun ?? unfinished.name();
		if (!begun && file.size > this.part) unfinished.set(i.path, file, id);
		for (let known = !begun;;) {
			const at = `file?id=${id}&size=${file.size}&offset=${i.sent}`;
			const part = file.slice(i.sent, i.sent + this.part);
			const answer = await (known
				? this.ask(at, { method: "PUT", headers, body: await readable(part) })
				: this.ask(at, { headers })).catch((e) => {
				unfinished.forget(i.path, file, id);
				this.discard(at, headers);
				throw e;
			});
			if (!answer) {
				known = false;
				continue;
			}
			known = true;
			i.sent = answer.offset;
			if (answer.done) return unfinished.forget(i.path, file, id);
			this.show();
		}
	}

	// discard has the desktop delete what it has of a file. If it does not hear that, it
	// does so a day later.
	private discard(at: string, headers: Record<string, string>): void {
		window.setTimeout(() => this.exchange.request(at, { method: "DELETE", headers }).catch(() => {}), pause);
	}

	// ask is null where it has to be asked what is there, after a while.
	private async ask(what: string, init: RequestInit): Promise<Answer | null> {
		const { signal } = this.stop;
		await Promise.race([this.exchange.ready(), new Promise((_, fail) => signal.addEventListener("abort", fail))]);
		try {
			const response = await this.exchange.request(what, { ...init, signal });
			if (response.status === 403) throw new Problem(words.forbidden);
			if (response.status === 413 && this.part > smallestPart) {
				this.part = smallestPart;
				return null;
			}
			if (response.ok || response.status === 409) {
				const answer = await response.json() as Answer;
				if (!answer.problem) return answer;
				if (answer.problem === "offset") return null;
				if (answer.problem !== "busy") throw new Problem(words[answer.problem] ?? words.failed);
			}
		} catch (e) {
			if (e instanceof Problem || signal.aborted) throw e;
		}
		await new Promise((go) => setTimeout(go, pause));
		return null;
	}

	private show(): void {
		const { files, done, bytes, failed } = this.progress;
		const sent = this.round.reduce((n, i) => n + i.sent, 0);
		this.progress.sent = sent;
		this.card.hidden = files === 0 && failed.length === 0;
		const { busy } = this;
		this.bar.hidden = !busy;
		if (bytes > 0) this.bar.value = sent / bytes;
		else this.bar.removeAttribute("value");
		this.button.textContent = busy ? "Cancel" : "Close";
		const count = (n: number) => n === 1 ? "1 file" : `${n} files`;
		const lines = [
			busy ? `Uploading ${count(files)}: ${done} done.`
				: this.stop.signal.aborted ? `Cancelled. ${count(done)} of ${files} uploaded.`
				: `Uploaded ${count(done)} to the desktop.`,
			...failed.slice(0, 3).map(({ path, why }) => `${path}: ${why}`),
		];
		if (failed.length > 3) lines.push(`and ${failed.length - 3} more`);
		const text = lines.join("\n");
		// Said again and again it would be read aloud again and again.
		if (this.said.textContent !== text) this.said.textContent = text;
		this.card.dataset.state = busy ? "busy" : failed.length > 0 ? "failed" : "done";
	}
}

// unfinished are the names by which the desktop knows files that are large and not all there:
// after the page was loaded anew they go on where they were.
const unfinished = {
	active: new Map<string, string>(), // here and now: the same file may be sent twice
	key: (path: string, f: File) => `backlot upload ${location.pathname} ${f.lastModified} ${f.size} ${path}`,
	name: () => [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join(""),
	get(path: string, f: File): string | null {
		const key = this.key(path, f);
		if (this.active.has(key)) return null;
		const id = kept(() => sessionStorage.getItem(key));
		if (id) this.active.set(key, id);
		return id;
	},
	set(path: string, f: File, id: string): void {
		const key = this.key(path, f);
		if (this.active.has(key)) return;
		this.active.set(key, id);
		kept(() => sessionStorage.setItem(key, id));
	},
	forget(path: string, f: File, id: string): void {
		const key = this.key(path, f);
		if (this.active.get(key) !== id) return;
		this.active.delete(key);
		kept(() => sessionStorage.removeItem(key));
	},
};

// kept is what a browser keeps; null where it does not.
function kept<T>(of: () => T): T | null {
	try {
		return of();
	} catch {
		return null;
	}
}

const empty = (): Progress => ({ files: 0, done: 0, bytes: 0, sent: 0, failed: [] });
const item = (path: string, file: File | null): Item => ({ path, file, sent: 0 });

// readable is the part, unless its file has changed or gone.
async function readable(part: Blob): Promise<Blob> {
	try {
		await part.slice(0, 1).arrayBuffer();
		return part;
	} catch {
		throw new Problem(words.gone);
	}
}
