// The desktop's sound, and the microphone of whoever looks at it. A browser plays
// no sound before the first click or key press: until then sound waits for that.

const enum Type {
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

	private readonly player = document.createElement("audio");
	private sender: RTCRtpSender | null = null;
	private voice: MediaStreamTrack | null = null;
	private listens = false;

	constructor(private readonly send: (bytes: Uint8Array<ArrayBuffer>) => void) {
		document.body.append(this.player);
		for (const gesture of ["pointerdown", "pointerup", "keydown"]) {
			window.addEventListener(gesture, () => {
				if (this.waiting) this.play();
			}, true);
		}
	}

	// there tells that the desktop has sound.
	get there(): boolean {
		return this.player.srcObject !== null;
	}

	get volume(): number {
		return this.player.volume;
	}

	set volume(part: number) {
		this.player.volume = part;
		this.changed();
	}

	// open is called when messages get through.
	open(): void {
		this.listens = false;
		this.tell();
	}

	// track takes what the desktop plays, and the way for what the microphone hears.
	track(track: MediaStreamTrack, { sender, receiver }: RTCRtpTransceiver): void {
		// Played as it comes, as the picture is shown.
		Object.assign(receiver, { jitterBufferTarget: 0 });
		this.sender = sender;
		this.player.srcObject = new MediaStream([track]);
		this.play();
		if (this.voice) void sender.replaceTrack(this.voice);
	}

	mute(muted: boolean): void {
		this.muted = muted;
		this.player.muted = muted;
		this.tell();
		this.changed();
	}

	// speak turns the microphone on or off.
	async speak(on: boolean): Promise<void> {
		if (!on) return this.hush("off");
		if (this.voice || this.microphone === "asking") return;
		this.set("asking");
		try {
			const heard = await navigator.mediaDevices.getUserMedia({ audio: true });
			const [voice] = heard.getAudioTracks();
			if (!voice) return this.hush("missing");
			voice.onended = () => this.hush("off"); // it was unplugged, or taken back
			this.voice = voice;
			await this.sender?.replaceTrack(voice);
			this.set("on");
		} catch (e) {
			this.hush((e as DOMException).name === "NotAllowedError" ? "refused" : "missing");
		}
	}

	private hush(state: Microphone): void {
		this.voice?.stop();
		this.voice = null;
		void this.sender?.replaceTrack(null);
		this.set(state);
	}

	private set(state: Microphone): void {
		this.microphone = state;
		this.changed();
	}

	private play(): void {
		this.player.play().then(() => this.wait(false), (e: DOMException) => this.wait(e.name === "NotAllowedError"));
	}

	private wait(waiting: boolean): void {
		this.waiting = waiting;
		this.tell();
		this.changed();
	}

	// tell says whether anybody hears the desktop: while nobody does nothing is sent.
	private tell(): void {
		const listens = !this.muted && !this.waiting && this.player.srcObject !== null;
		if (listens === this.listens) return;
		this.listens = listens;
		this.send(new Uint8Array([Type.Listen, listens ? 1 : 0]));
	}
}
