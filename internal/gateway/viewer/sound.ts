// The desktop's sound, and the microphone of whoever looks at it. A browser plays
// no sound before the first click or key press: until then sound waits for that.

import { Player, plays } from "./player";
import { Voice } from "./voice";

const enum Type {
	Sound = 0x10,
	Listen = 0xa9,
}

export type Microphone =
	| "off"
	| "asking" // the browser asks its user
	| "on"
	| "refused" // by that user, or by what the browser was told before
	| "missing"; // there is none, or this connection is not one that may have it

export class Sound {
	muted = false;
	waiting = false; // for a click or a key press
	microphone: Microphone = "off";
	changed: () => void = () => {};

	private loudness = 1;
	private player: Player | null = null;
	// old is for browsers that do not let a page decode sound: it plays that of WebRTC.
	private old: HTMLAudioElement | null = null;
	private sender: RTCRtpSender | null = null;
	private heard: MediaStreamTrack | null = null; // by the microphone
	private voice: Voice | null = null; // encoded here
	private listens = false;

	// bySocket tells whether messages go by the WebSocket, where there is no WebRTC.
	constructor(private readonly send: (bytes: Uint8Array<ArrayBuffer>) => void, private readonly bySocket: () => boolean) {
		for (const gesture of ["pointerdown", "pointerup", "keydown"]) {
			window.addEventListener(gesture, () => {
				// A modifier alone, or a finger that was only put down, is no gesture to a browser.
				if (this.waiting && navigator.userActivation?.isActive !== false) this.start();
			}, true);
		}
	}

	// there tells that the desktop can be heard.
	get there(): boolean {
		return this.player !== null || this.old !== null;
	}

	get volume(): number {
		return this.loudness;
	}

	set volume(part: number) {
		this.loudness = part;
		if (this.player) this.player.volume = part;
		if (this.old) this.old.volume = part;
		this.changed();
	}

	// open is called when messages get through, by whichever road.
	open(): void {
		if (plays && !this.player) {
			this.player = new Player(() => this.wait(this.player!.waiting));
			this.waiting = this.player.waiting;
			if (navigator.userActivation?.isActive) this.start();
		}
		this.speakHere();
		this.listens = false;
		this.tell();
		this.changed();
	}

	// message takes what is sound, and says whether it was.
	message(data: ArrayBuffer): boolean {
		const view = new DataView(data);
		if (data.byteLength < 10 || view.getUint8(0) !== Type.Sound) return false;
		if (this.player && this.listens) this.player.take(Number(view.getBigUint64(1)), new Uint8Array(data, 9));
		return true;
	}

	// track takes what WebRTC plays, and its way for what the microphone hears.
	track(track: MediaStreamTrack, { sender, receiver }: RTCRtpTransceiver): void {
		this.sender = sender;
		this.speakHere();
		if (plays) return;
		// Played as it comes, as the picture is shown.
		Object.assign(receiver, { jitterBufferTarget: 0 });
		this.old ??= document.createElement("audio");
		this.old.srcObject = new MediaStream([track]);
		this.old.volume = this.loudness;
		this.start();
	}

	mute(muted: boolean): void {
		this.muted = muted;
		if (this.old) this.old.muted = muted;
		this.tell();
		this.changed();
	}

	// speak turns the microphone on or off.
	async speak(on: boolean): Promise<void> {
		if (!on) return this.hush("off");
		if (this.heard || this.microphone === "asking") return;
		this.set("asking");
		try {
			const [heard] = (await navigator.mediaDevices.getUserMedia({ audio: true })).getAudioTracks();
			if (!heard) return this.hush("missing");
			heard.onended = () => this.hush("off"); // it was unplugged, or taken back
			this.heard = heard;
			this.set("on");
			this.speakHere();
		} catch (e) {
			this.hush((e as DOMException).name === "NotAllowedError" ? "refused" : "missing");
		}
	}

	// speakHere has what the microphone hears go by the road that is in use.
	private speakHere(): void {
		this.voice?.stop();
		this.voice = null;
		const socket = this.bySocket();
		// A connection that was closed meanwhile has no use for it.
		this.sender?.replaceTrack(socket ? null : this.heard).catch(() => {});
		if (!socket || !this.heard) return;
		try {
			this.voice = new Voice(this.heard, this.send);
		} catch {
			this.hush("missing");
		}
	}

	private hush(state: Microphone): void {
		this.heard?.stop();
		this.heard = null;
		this.speakHere();
		this.set(state);
	}

	private set(state: Microphone): void {
		this.microphone = state;
		this.changed();
	}

	private start(): void {
		this.player?.start();
		this.old?.play().then(() => this.wait(false), (e: DOMException) => this.wait(e.name === "NotAllowedError"));
	}

	private wait(waiting: boolean): void {
		this.waiting = waiting;
		this.tell();
		this.changed();
	}

	// tell says whether anybody hears the desktop: while nobody does nothing is sent.
	private tell(): void {
		const listens = this.there && !this.muted && !this.waiting;
		if (listens === this.listens) return;
		this.listens = listens;
		this.send(new Uint8Array([Type.Listen, listens ? 1 : 0, plays ? 1 : 0]));
	}
}
