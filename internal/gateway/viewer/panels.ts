// What is in the bar and its panels: of each module, what it has to offer.

import { Bar } from "./bar";
import { type Clipboard } from "./clipboard";
import { Clock } from "./clock";
import { button, choice, note, slider } from "./controls";
import { fullscreen, type Keyboard, layouts, locks } from "./layout";
import { People } from "./people";
import { type Keep, limits, type Picture } from "./picture";
import { Scale } from "./scale";
import { type Screen } from "./screen";
import { monitor, type Screens } from "./screens";
import * as session from "./session";
import { type Sound } from "./sound";
import { Meter, roads, rows, type Tally } from "./stats";
import { toast } from "./toast";
import { type Choice, type Transport } from "./transport";
import { type Text } from "./text";
import { type Upload } from "./upload";

export interface Modules {
	stage: HTMLElement;
	screen: Screen;
	sound: Sound;
	layout: Keyboard;
	colour: Picture;
	upload: Upload;
	clipboard: Clipboard;
	screens: Screens;
	text: Text;
	grab(): void;
	send(bytes: Uint8Array<ArrayBuffer>): void;
	stats(): Promise<Tally | null>;
	transport(): Transport;
	release(): void; // of whatever is held in the desktop
	control(has: boolean): void;
}

const find = (selector: string) => document.querySelector<HTMLElement>(selector)!;

export class Panels {
	readonly bar: Bar;
	private readonly clock = new Clock();
	private readonly meter: Meter;
	private readonly people: People;
	private readonly scale: Scale;
	private greeted = false;

	constructor(private readonly m: Modules) {
		this.bar = new Bar(m.stage, m.release);
		const { bar } = this;
		this.meter = new Meter(m.screen, m.stats, m.transport, () => this.measured());
		this.people = new People(m.send, () => bar.refresh());
		this.scale = new Scale(m.send, () => this.people.own && this.people.standing.control);
		this.fill();
		for (const words of document.querySelectorAll<HTMLElement>("[data-locks]")) words.hidden = words.dataset.locks !== String(locks);
		find("#back").addEventListener("click", () => this.people.takeBack());
		find("#mark").addEventListener("click", () => bar.toggle(find("#others")));
		// While keys go to the desktop, they are taken out before.
		window.addEventListener("keydown", (e) => {
			if (e.defaultPrevented || !e.ctrlKey || !e.altKey || !e.shiftKey || !this.shortcut(e.code)) return;
			e.preventDefault();
		}, true);
		document.addEventListener("fullscreenchange", () => bar.refresh());
	}

	// shortcut does what the key with Control, Alt and Shift is for, if it is one.
	shortcut(code: string): boolean {
		if (code === "KeyB" && document.body.dataset.state === "live") this.bar.call();
		else if (code === "KeyT") this.people.takeBack();
		else return false;
		return true;
	}

	// live is called when the desktop is shown and can be worked in.
	live(): void {
		if (this.greeted) return;
		this.greeted = true;
		this.bar.greet();
		if (monitor > 1) toast(`This is screen ${monitor}: closing its window takes it away. Ctrl+Alt+Shift+Enter is full screen.`);
		else toast("Ctrl+Alt+Shift+B shows the bar of this page, and so does the pointer at the upper edge.");
	}

	open(): void {
		this.meter.open();
	}

	// message takes what is about the session; it says no to what is not.
	message(data: ArrayBuffer): boolean {
		if (this.scale.message(data)) return true;
		const m = session.decode(data);
		if (!m) return false;
		switch (m.type) {
			case "stats":
				this.meter.made(m);
				break;
			case "standing":
				this.clock.set(m);
				this.m.control(m.control);
				this.people.stood(m);
				break;
			case "people":
				this.people.there(m);
				break;
			case "shared":
				this.people.share(m);
				break;
			case "notice":
				toast(m.text, true);
				break;
			case "looked":
				toast(`While you were away ${m.name}, an administrator, looked at this desktop: ${ago(m.secondsAgo)}.`, true);
		}
		return true;
	}

	private measured(): void {
		const { figures, verdict } = this.meter;
		const shown = find("#quality"), words = find("#quality span");
		shown.className = verdict.grade;
		const short = verdict.words.split(":")[0]!;
		if (words.textContent !== short) words.textContent = short;
		if (find("#connection").hidden) return;
		find("#verdict").textContent = verdict.words;
		const list = find("#connection dl");
		rows(figures).forEach(([name, value], i) => {
			const term = list.children[2 * i] ?? list.appendChild(document.createElement("dt"));
			const data = list.children[2 * i + 1] ?? list.appendChild(document.createElement("dd"));
			if (term.textContent !== name) term.textContent = name;
			if (data.textContent !== value) data.textContent = value;
		});
		this.bar.refresh();
	}

	private fill(): void {
		const { bar, people, scale, m } = this;
		const { sound, layout, colour, upload, clipboard, screens } = m;
		const control = () => people.standing.control;
		bar.add("bar", button(
			() => (document.fullscreenElement ? "Leave full screen" : "Full screen"),
			() => void fullscreen().then(() => bar.leave(), () => toast("This browser does not go to full screen here.")),
			() => document.fullscreenEnabled,
		));
		const add = (there: () => boolean) => button(
			() => "Add a screen",
			() => {
				bar.leave();
				void screens.open(screens.next);
			},
			() => control() && screens.next > 0 && there(),
		);
		const wide = () => innerWidth > 600;
		bar.add("bar", add(wide));
		screens.changed = () => bar.refresh();
		bar.add("share", ...people.controls);
		const heard = () => sound.there;
		bar.add("sound",
			button(() => (sound.muted ? "Turn sound on" : "Turn sound off"), () => sound.mute(!sound.muted), heard),
			slider("Volume", () => sound.volume, (part) => (sound.volume = part), heard),
			button(
				() => (sound.microphone === "on" ? "Turn microphone off" : "Turn microphone on"),
				() => void sound.speak(sound.microphone !== "on"),
				() => heard() && control(),
			),
			note(() => {
				switch (sound.microphone) {
					case "refused":
						return "The browser does not give the microphone to this page: allow it beside the address, then try again.";
					case "missing":
						return isSecureContext ? "No microphone was found: plug one in, then try again." : "Browsers give no microphone to pages without https.";
					case "on":
						return "Programs in the desktop hear your microphone.";
				}
				return sound.waiting ? "Click once to hear the desktop." : "";
			}),
		);
		sound.changed = () => bar.refresh();
		bar.add("screen",
			choice(
				"Size of text and windows",
				() => scale.choices.map((n) => [String(n), `${n} %`]),
				() => String(scale.percent),
				(percent) => scale.choose(Number(percent)),
				() => scale.there && control(),
			),
			note(() => (scale.there && control() ? "Programs follow when they are started anew." : "")),
			add(() => !wide()),
			...[2, 3, 4].map((n) => button(() => `Show screen ${n}`, () => {
				bar.leave();
				void screens.open(n);
			}, () => screens.others.includes(n))),
		);
		scale.changed = () => bar.refresh();
		bar.add("keyboard",
			choice(
				"Layout",
				() => [["auto", `As this computer's: ${layouts.find((l) => l.id === layout.current)?.label ?? layout.current}`], ...layouts.map((l) => [l.id, l.label] as const)],
				() => layout.chosen,
				(id) => layout.choose(id),
				control,
			),
			button(() => "Call up the keyboard", () => {
				bar.leave();
				m.text.call();
			}, () => m.text.possible && control()),
			button(() => "Hold the pointer", () => {
				bar.leave();
				m.grab();
			}, control),
		);
		layout.changed = () => bar.refresh();
		bar.add("picture",
			choice(
				"Colour",
				() => [["no", "Fast: colour at half the sharpness"], ["yes", "Exact: every pixel its own colour"]],
				() => (colour.wanted ? "yes" : "no"),
				(value) => colour.want(value === "yes"),
				control,
			),
			note(() => (colour.wanted && !colour.possible ? "Not everybody who is here can be shown exact colour: it stays fast." : "")),
		);
		bar.add("picture",
			choice(
				"Movement",
				() => [["both", "Balanced"], ["pixels", "Sharp, with fewer pictures"], ["frames", "Smooth, with fewer pixels"]],
				() => colour.keep,
				(keep) => colour.prefer(keep as Keep),
				control,
			),
			note(() => (control() ? "It matters where the network is narrow. What rests is exact in any case." : "")),
		);
		colour.changed = () => bar.refresh();
		bar.add("way", choice(
			"Way",
			() => [["auto", "The best that gets through"], ...Object.entries(roads)].filter(([way]) => m.transport().possible(way as Choice)) as [string, string][],
			() => m.transport().choice,
			(way) => m.transport().set(way as Choice),
		));
		bar.add("way", choice(
			"Data at most",
			() => limits.map((n) => [String(n), n ? `${n} Mbit/s` : "No limit"]),
			() => String(colour.most),
			(most) => colour.limit(Number(most)),
			control,
		));
		bar.add("files",
			button(() => "Send what I copied here", () => {
				clipboard.share().then(
					() => toast("The desktop has what you copied: paste it there."),
					() => toast("The browser does not let this page read what you copied: paste with Ctrl+V in the desktop."),
				);
			}, () => clipboard.possible),
			button(() => "Upload files…", () => upload.pick(), () => upload.possible),
			button(() => "Upload a folder…", () => upload.pick(true), () => upload.possible),
			note(() => (clipboard.possible || upload.possible ? "" : "This desktop exchanges no text and no files with other computers.")),
		);
		bar.add("session", button(() => "Stop this desktop…", () => this.stop(), () => people.standing.stop));
	}

	private stop(): void {
		const dialog = document.querySelector<HTMLDialogElement>("#stop")!;
		dialog.returnValue = "no";
		dialog.onclose = () => {
			if (dialog.returnValue === "yes") this.m.send(session.ask(session.Wish.Stop));
			this.bar.leave();
		};
		dialog.showModal();
	}
}

// ago is a time in words.
function ago(seconds: number): string {
	const units: [string, number][] = [["day", 86400], ["hour", 3600], ["minute", 60]];
	const [unit, length] = units.find(([, length]) => seconds >= length) ?? ["", 0];
	if (!unit) return "just now";
	const count = Math.floor(seconds / length);
	return `${count} ${unit}${count === 1 ? "" : "s"} ago`;
}
