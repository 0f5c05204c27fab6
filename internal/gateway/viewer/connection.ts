// The connection to the gateway: a WebSocket that carries the WebRTC offer and
// answer and then stays, and the WebRTC connection itself; where that does not get
// through, the WebSocket carries all. When the WebSocket is lost, both are made anew,
// until the gateway says that there is no more to connect to.

import { Decoder, decodes } from "./decoder";
import { type State } from "./notice";
import { Peer, receives } from "./peer";
import { monitor } from "./screens";
import { tally, type Tally } from "./stats";
import { blocked, type Choice, type Road, type Transport } from "./transport";

export interface Events {
	state(state: State): void;
	title(title: string): void;
	desktop(there: boolean): void;
	message(data: ArrayBuffer): void;
	open(): void; // input gets through
	track(track: MediaStreamTrack): void;
	sound(track: MediaStreamTrack, way: RTCRtpTransceiver): void;
	lost(): void; // the track will end
	held(): boolean; // something is held down, or drawn
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
	Closed = 4002,
	Bad = 4400,
	Refused = 4403,
	TooMuch = 4429,
}

const mediaWithin = 6000; // ms that the media may take to get through
const socketWithin = 4000; // ms that the server may take to answer
// While the network is away each try to come back is short: what is lost of its beginning
// is sent again later and later. Every fifth is for a network that is slow.
const returnWithin = 2000; // ms
const storageKey = `backlot ${location.pathname}`;

export class Connection {
	private readonly ticket = new URLSearchParams(location.search).get("authToken") ?? "";
	private resume = stored() ?? "";
	private tries = 0;
	private began = 0; // the last of them
	private opened = false; // at least once
	private over = false;
	private attempt: Attempt | null = null;
	private timer = 0;

	private wish = named();

	constructor(private readonly on: Events) {
		window.addEventListener("hashchange", () => this.transport.set(named()));
	}

	// transport is by which road it goes.
	get transport(): Transport {
		return {
			current: this.attempt?.road ?? "",
			roundTrip: this.attempt?.roundTrip ?? 0,
			silence: this.attempt?.silence ?? 0,
			choice: this.wish,
			possible: (choice) => (choice === "websocket" ? decodes : choice === "auto" || receives()),
			set: (choice) => {
				this.wish = choice;
				this.attempt?.choose(choice);
			},
		};
	}

	// start connects, now.
	start(): void {
		clearTimeout(this.timer);
		this.attempt?.close();
		if (this.over) return;
		this.began = performance.now();
		this.attempt = new Attempt(
			{ ticket: this.ticket, resume: this.resume, monitor, ...this.on.size() },
			this.wish,
			this.opened && this.tries % 5 < 4 ? returnWithin : socketWithin,
			{
				...this.on,
				open: () => {
					this.opened = true;
					this.tries = 0;
					document.body.dataset.road = this.transport.current;
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

	// hurry connects at once if the next try is waited for, and looks whether the
	// connection still lives if there is one.
	hurry(): void {
		if (this.attempt?.open) this.attempt.probe();
		else if (this.attempt || this.timer !== 0) this.start();
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
	async stats(): Promise<Tally | null> {
		return this.attempt?.stats() ?? null;
	}

	private lost(code: number, inTheWay: boolean): void {
		this.attempt = null;
		switch (code) {
			case Bye.Stopped:
				return this.end("stopped");
			case Bye.Unshared:
				return this.end("unshared");
			case Bye.Closed:
				return this.end("closed");
			case Bye.Refused:
				return this.end(this.resume ? "stopped" : "refused");
			case Bye.Bad:
				return this.end("unsupported");
			case Bye.TooMuch:
				this.on.state("crowded");
				return this.again(5000);
		}
		if (inTheWay) this.on.state("blocked");
		else if (this.opened) this.on.state("reconnecting");
		// At once; 0.1 s, 0.2 s, 0.4 s, 0.8 s after the last try began, then every second;
		// after minutes, every two.
		const pause = this.tries > 120 ? 2000 : Math.min(1000, 100 * 2 ** this.tries);
		this.again(this.began + pause - performance.now());
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

// named is the choice that the address ends with: #udp, #tcp or #websocket.
const named = () => (/#(udp|tcp|websocket)$/.exec(location.hash)?.[1] ?? "auto") as Choice;

interface AttemptEvents extends Events {
	resume(token: string): void;
	over(code: number, blocked: boolean): void;
}

const enum Type {
	Video = 0x03,
	Road = 0xc0,
	Echo = 0xcd,
}

const beatEvery = 700, lookEvery = 350; // ms
const silent = 1600, dead = 2200; // ms without an answer
const deaf = 4000; // ms without an answer by the WebSocket, while WebRTC goes on
const proveWithin = 1200; // ms that WebRTC may take before the WebSocket does it
const firstRetry = 15_000, lastRetry = 300_000; // ms between tries of a better road

// Attempt is one connection, from its start to its loss: the WebSocket, and what is
// tried and used of WebRTC meanwhile.
class Attempt {
	private readonly socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}${location.pathname}/connect`);
	private readonly decoder = new Decoder(
		(bytes) => this.say(bytes),
		(track) => {
			if (this.by === this.socket) this.on.track(track);
		},
		() => this.say(new Uint8Array([Type.Road, 1])),
	);
	private peer: Peer | null = null; // tried or in use
	private greeted = false; // the server
	private offered: Peer[] = []; // whose offers are to be answered, in turn
	private by: Peer | WebSocket | null = null; // the road in use
	private deadline = 0; // of what comes next
	private proof = 0; // timer
	private retry = 0; // timer
	private pause = firstRetry;
	private ticker = 0;
	private ticked = Date.now(); // which goes on while the machine sleeps
	private asked = performance.now();
	private heardSocket = this.asked;
	private heardPeer = this.asked;
	roundTrip = 0; // ms by the road in use, of late; 0: not known yet
	private closed = false;

	constructor(private readonly hello: object, private choice: Choice, within: number, private readonly on: AttemptEvents) {
		const { socket } = this;
		if (this.wantsPeer() && !(choice === "auto" && decodes && blocked.get())) this.connect();
		socket.binaryType = "arraybuffer";
		socket.onopen = async () => {
			this.expect(socketWithin);
			try {
				await this.greet();
			} catch {
				this.lose(Bye.Bad);
			}
		};
		socket.onmessage = ({ data }) => {
			this.heardSocket = performance.now();
			if (data instanceof ArrayBuffer) this.take(data);
			else this.heard(JSON.parse(data as string) as Reply);
		};
		socket.onclose = ({ code }) => this.lose(code);
		this.expect(within);
	}

	// open tells that the server has answered.
	get open(): boolean {
		return this.by !== null;
	}

	// silence is for how long nothing has come by the road in use, in ms.
	get silence(): number {
		return performance.now() - (this.by === this.socket ? this.heardSocket : this.heardPeer);
	}

	get road(): Road | "" {
		if (this.by === this.socket) return "websocket";
		return this.by instanceof Peer ? this.by.transport : "";
	}

	send(bytes: Uint8Array<ArrayBuffer>): void {
		if (this.by === this.socket) this.say(bytes);
		else if (this.by instanceof Peer) this.by.send(bytes);
	}

	async stats(): Promise<Tally | null> {
		if (this.by === this.socket) return this.decoder.tally;
		return this.by instanceof Peer ? tally(await this.by.stats()) : null;
	}

	// choose takes another road, or tries to.
	choose(choice: Choice): void {
		this.choice = choice;
		this.pause = firstRetry;
		if (this.road === choice && choice !== "websocket") return;
		if (decodes) this.useSocket(); // meanwhile, or for good
		this.drop(); // also one that is only tried
		if (this.wantsPeer()) this.offer();
	}

	// probe finds out whether the connection still lives, within a second.
	probe(): void {
		const now = performance.now();
		this.heardSocket = Math.min(this.heardSocket, now - dead + 900);
		this.heardPeer = Math.min(this.heardPeer, now - dead + 900);
		this.ask();
		window.setTimeout(() => this.tick(), 950);
		if (this.by === this.socket && this.choice === "auto") this.offer();
	}

	close(): void {
		this.closed = true;
		clearTimeout(this.deadline);
		clearTimeout(this.proof);
		clearTimeout(this.retry);
		clearInterval(this.ticker);
		this.socket.close();
		this.peer?.close();
		this.decoder.stop();
	}

	private wantsPeer(): boolean {
		return this.choice !== "websocket" && receives();
	}

	// greet says who comes, with the offer that is current.
	private async greet(): Promise<void> {
		let peer, offer;
		do {
			peer = this.peer;
			offer = await peer?.offer;
		} while (peer !== this.peer);
		this.greeted = true;
		this.propose(peer, { ...this.hello, offer });
	}

	private propose(peer: Peer | null, what: object): void {
		if (peer) this.offered.push(peer);
		this.say(JSON.stringify(what));
	}

	// connect begins a WebRTC connection.
	private connect(): Peer {
		const only = this.choice === "udp" || this.choice === "tcp" ? this.choice : "";
		const peer: Peer = new Peer(only, {
			open: () => this.usePeer(peer),
			message: (data) => {
				this.heardPeer = performance.now();
				if (this.by === peer && !this.heedBeat(data, peer)) this.on.message(data);
			},
			lost: () => {
				if (this.peer === peer) this.peer = null;
				if (this.by !== peer) return this.later();
				if (decodes && this.choice === "auto") this.useSocket();
				else this.lose(0);
			},
		});
		return (this.peer = peer);
	}

	// offer tries WebRTC while another road is in use.
	private offer(): void {
		clearTimeout(this.retry);
		if (this.closed || this.peer || !this.wantsPeer()) return;
		const peer = this.connect();
		if (this.greeted) peer.offer.then((offer) => this.propose(peer, { offer }), () => this.drop());
		this.proof = window.setTimeout(() => {
			if (this.by === peer) return;
			this.drop();
			this.later();
		}, mediaWithin);
	}

	// later tries a better road in a while.
	private later(): void {
		clearTimeout(this.retry);
		if (this.closed || this.by !== this.socket || this.choice === "websocket") return;
		this.retry = window.setTimeout(() => this.offer(), this.pause);
		this.pause = Math.min(2 * this.pause, lastRetry);
	}

	private drop(): void {
		clearTimeout(this.proof);
		this.peer?.leave();
		this.peer = null;
	}

	private usePeer(peer: Peer): void {
		if (this.closed || this.peer !== peer) return;
		clearTimeout(this.proof);
		const before = this.by;
		if (before && this.on.held()) { // which another road would cut
			window.setTimeout(() => this.usePeer(peer), lookEvery);
			return;
		}
		this.by = peer;
		this.heardPeer = performance.now();
		this.pause = firstRetry;
		if (this.choice === "auto") blocked.set(false);
		if (before) {
			this.say(new Uint8Array([Type.Road, 0]));
			this.show(peer);
		}
		this.begun();
		window.setTimeout(() => {
			if (this.by === peer) this.decoder.stop();
		}, 2000); // the last picture of it stays until there is another
	}

	private useSocket(): void {
		if (this.closed || !this.greeted || this.by === this.socket || this.socket.readyState !== WebSocket.OPEN) return;
		this.by = this.socket;
		this.decoder.stop(); // a former track of it is shown no more
		this.say(new Uint8Array([Type.Road, 1]));
		this.begun();
	}

	private begun(): void {
		this.roundTrip = 0;
		this.expect(0);
		if (!this.ticker) this.ticker = window.setInterval(() => this.tick(), lookEvery);
		this.on.open();
	}

	// show takes the peer's tracks, as far as they are there, once.
	private show(peer: Peer): void {
		const { video, audio } = peer;
		peer.video = peer.audio = null;
		if (video) this.on.track(video);
		if (audio) this.on.sound(audio.track, audio.transceiver);
	}

	private take(data: ArrayBuffer): void {
		if (this.heedBeat(data, this.socket)) return;
		if (new Uint8Array(data)[0] === Type.Video) this.decoder.take(data);
		else this.on.message(data);
	}

	private heard({ answer, resume, title, desktop }: Reply): void {
		if (resume) this.on.resume(resume);
		if (title) this.on.title(title);
		if (desktop !== undefined) this.on.desktop(desktop);
		const { peer } = this;
		if (answer && this.offered.shift() === peer && peer) {
			peer.answer(answer).then(() => {
				// Messages may have got through meanwhile.
				if (!this.by || this.by === peer) this.show(peer);
			}, () => (this.by ? this.drop() : this.lose(Bye.Bad)));
		}
		if (!resume || this.by) return;
		if (!peer) {
			this.by = this.socket;
			this.begun();
			this.later();
		} else if (this.choice === "auto" && decodes) {
			this.expect(0);
			this.proof = window.setTimeout(() => {
				if (this.by) return;
				blocked.set(true);
				this.useSocket();
				// WebRTC may come yet, and is better.
				this.proof = window.setTimeout(() => {
					if (this.by === peer) return;
					this.drop();
					this.later();
				}, mediaWithin);
			}, proveWithin);
		} else {
			this.expect(mediaWithin, true);
		}
	}

	private say(data: string | Uint8Array<ArrayBuffer>): void {
		if (this.socket.readyState === WebSocket.OPEN) this.socket.send(data);
	}

	private ask(): void {
		this.asked = performance.now();
		const beat = new Uint8Array(5);
		beat[0] = Type.Echo;
		new DataView(beat.buffer).setUint32(1, tenths());
		this.say(beat);
		if (this.by instanceof Peer) this.by.send(beat);
	}

	// heedBeat takes a beat that comes back; false: this is something else.
	private heedBeat(data: ArrayBuffer, by: Peer | WebSocket): boolean {
		const view = new DataView(data);
		if (view.byteLength !== 5 || view.getUint8(0) !== Type.Echo) return false;
		if (by !== this.by) return true;
		const took = ((tenths() - view.getUint32(1)) >>> 0) / 10;
		// One late answer is not yet a slow network.
		this.roundTrip = this.roundTrip ? this.roundTrip * 0.7 + took * 0.3 : took;
		return true;
	}

	// tick looks whether the road in use still answers.
	private tick(): void {
		if (this.closed) return;
		const late = Math.abs(Date.now() - this.ticked) > 2 * beatEvery;
		this.ticked = Date.now();
		const { road } = this; // WebRTC goes over to UDP by itself
		if (document.body.dataset.road !== road) document.body.dataset.road = road;
		if (late) return this.probe(); // the machine slept, or the page did
		const now = performance.now();
		if (now - this.asked >= beatEvery - 50) this.ask();
		const socket = now - this.heardSocket, peer = now - this.heardPeer;
		if (this.by === this.socket) {
			if (socket > dead) this.lose(0);
		} else if (peer > silent && socket < silent && this.choice === "auto" && decodes) {
			this.drop();
			this.useSocket();
			this.later();
		} else if (socket > deaf || (peer > dead && (socket > dead || socket < silent))) {
			this.lose(0);
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

// tenths is the time in tenths of ms, which a beat carries to and fro.
const tenths = () => Math.round(performance.now() * 10) >>> 0;

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
