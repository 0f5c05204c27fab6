// The connection to the gateway: a WebSocket that carries the WebRTC offer and
// answer and then stays, and the WebRTC connection itself. When either is lost,
// both are made anew, until the gateway says that there is no more to connect to.

import { type State } from "./notice";

export interface Events {
	state(state: State): void;
	title(title: string): void;
	desktop(there: boolean): void;
	message(data: ArrayBuffer): void;
	open(): void; // input gets through
	track(track: MediaStreamTrack): void;
	sound(track: MediaStreamTrack, way: RTCRtpTransceiver): void;
	lost(): void; // the track will end
	size(): { width: number; height: number };
}

interface Reply {
	answer?: string;
	resume?: string;
	title?: string;
	desktop?: boolean;
}

// Close codes of the WebSocket: see viewer.go.
const enum Bye {
	Stopped = 4000,
	Unshared = 4001,
	Bad = 4400,
	Refused = 4403,
	TooMuch = 4429,
}

const mediaWithin = 6000; // ms that the media may take to get through
const socketWithin = 5000; // ms that the server may take to answer
const silence = 2000; // ms without media that are waited out
const storageKey = `backlot ${location.pathname}`;

export class Connection {
	private readonly ticket = new URLSearchParams(location.search).get("authToken") ?? "";
	private resume = stored() ?? "";
	private tries = 0;
	private opened = false; // at least once
	private over = false;
	private attempt: Attempt | null = null;
	private timer = 0;

	constructor(private readonly on: Events) {}

	// start connects, now.
	start(): void {
		clearTimeout(this.timer);
		this.attempt?.close();
		if (this.over) return;
		this.attempt = new Attempt(
			{ ticket: this.ticket, resume: this.resume, ...this.on.size() },
			{
				...this.on,
				open: () => {
					this.opened = true;
					this.tries = 0;
					this.on.open();
				},
				resume: (token) => {
					this.resume = token;
					store(token);
				},
				over: (code, blocked) => this.lost(code, blocked),
			},
		);
	}

	// hurry connects at once if the next try is waited for.
	hurry(): void {
		if (this.timer !== 0 && !this.attempt) this.start();
	}

	// leave parts with the gateway; start connects again.
	leave(): void {
		clearTimeout(this.timer);
		this.attempt?.close();
		this.attempt = null;
	}

	send(bytes: Uint8Array<ArrayBuffer>): void {
		this.attempt?.send(bytes);
	}

	// stats is what the browser counts of the media.
	async stats(): Promise<RTCStatsReport | null> {
		return this.attempt?.stats() ?? null;
	}

	private lost(code: number, blocked: boolean): void {
		this.attempt = null;
		switch (code) {
			case Bye.Stopped:
				return this.end("stopped");
			case Bye.Unshared:
				return this.end("unshared");
			case Bye.Refused:
				return this.end(this.resume ? "stopped" : "refused");
			case Bye.Bad:
				return this.end("unsupported");
			case Bye.TooMuch:
				this.on.state("crowded");
				return this.again(5000);
		}
		if (blocked) this.on.state("blocked");
		else if (this.opened) this.on.state("reconnecting");
		// 0.1 s, 0.2 s, 0.4 s, 0.8 s, then every second; after minutes, every five.
		this.again(this.tries > 120 ? 5000 : Math.min(1000, 100 * 2 ** this.tries));
		this.tries++;
	}

	private again(after: number): void {
		this.timer = window.setTimeout(() => this.start(), after);
	}

	private end(state: State): void {
		this.over = true;
		forget();
		this.on.state(state);
	}
}

interface AttemptEvents extends Events {
	resume(token: string): void;
	over(code: number, blocked: boolean): void;
}

// Attempt is one connection, from its start to its loss.
class Attempt {
	private readonly pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
	private readonly input = this.pc.createDataChannel("input", { negotiated: true, id: 0 });
	private readonly socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}${location.pathname}/connect`);
	private deadline = 0;
	private closed = false;

	constructor(private readonly hello: object, private readonly on: AttemptEvents) {
		const { pc, socket, input } = this;
		pc.addTransceiver("video", { direction: "recvonly" });
		pc.addTransceiver("audio"); // for the microphone, too, which needs no new offer then
		pc.ontrack = ({ track, receiver, transceiver }) => {
			if (track.kind === "audio") return this.on.sound(track, transceiver);
			// Show frames as they come; typed loosely, since not every browser knows it.
			Object.assign(receiver, { jitterBufferTarget: 0 });
			this.on.track(track);
		};
		pc.onconnectionstatechange = () => {
			switch (pc.connectionState) {
				case "connected":
					return this.expect(0);
				case "disconnected":
					return this.expect(silence);
				case "failed":
					return this.lose(0);
			}
		};
		input.binaryType = "arraybuffer";
		input.onopen = () => this.on.open();
		input.onclose = () => this.lose(0);
		input.onmessage = ({ data }) => this.on.message(data as ArrayBuffer);
		const offer = pc.createOffer().then(({ sdp }) => pc.setLocalDescription({ type: "offer", sdp: stereo(sdp) }));
		socket.onopen = () => offer.then(() => this.ask(), () => this.lose(Bye.Bad));
		socket.binaryType = "arraybuffer";
		socket.onmessage = ({ data }) => {
			if (data instanceof ArrayBuffer) this.on.message(data);
			else this.heard(JSON.parse(data as string) as Reply);
		};
		socket.onclose = ({ code }) => this.lose(code);
		this.expect(socketWithin);
	}

	send(bytes: Uint8Array<ArrayBuffer>): void {
		if (this.input.readyState === "open") this.input.send(bytes);
	}

	stats(): Promise<RTCStatsReport> {
		return this.pc.getStats();
	}

	close(): void {
		this.closed = true;
		clearTimeout(this.deadline);
		this.socket.close();
		this.pc.close();
	}

	private ask(): void {
		this.socket.send(JSON.stringify({ ...this.hello, offer: this.pc.localDescription?.sdp }));
	}

	private heard({ answer, resume, title, desktop }: Reply): void {
		if (resume) this.on.resume(resume);
		if (title) this.on.title(title);
		if (desktop !== undefined) this.on.desktop(desktop);
		if (answer) {
			this.expect(mediaWithin, true);
			this.pc.setRemoteDescription({ type: "answer", sdp: answer }).catch(() => this.lose(Bye.Bad));
		}
	}

	// expect gives what comes next so many milliseconds; 0 takes the deadline away.
	// Media that do not come although the server answered are blocked on the way.
	private expect(within: number, media = false): void {
		clearTimeout(this.deadline);
		if (within > 0) this.deadline = window.setTimeout(() => this.lose(0, media), within);
	}

	private lose(code: number, blocked = false): void {
		if (this.closed) return;
		this.on.lost();
		this.close();
		this.on.over(code, blocked);
	}
}

// stereo says that both channels are wanted, which Chromium does not by itself.
const stereo = (sdp = "") => sdp.replace(/^a=fmtp:\d+ (?!.*\bstereo=).*useinbandfec=1/gm, "$&;stereo=1");

// The token opens the stream again after a reload, also when the ticket has
// expired. A browser that forbids storage does without.
export function stored(): string | null {
	try {
		return sessionStorage.getItem(storageKey);
	} catch {
		return null;
	}
}

function store(token: string): void {
	try {
		sessionStorage.setItem(storageKey, token);
	} catch {
		// Kept in memory only.
	}
}

function forget(): void {
	try {
		sessionStorage.removeItem(storageKey);
	} catch {
		// There was nothing to forget.
	}
}
