// What the desktop plays, from its Opus packets to the loudspeaker. A browser's own
// player of WebRTC holds sound back for as long as the way was ever uneven, hundreds of
// milliseconds on a busy machine; here it is a few after the picture, and after each
// silence it is new.

// plays tells that this browser can.
export const plays = typeof AudioDecoder !== "undefined" && typeof AudioContext !== "undefined";

const rate = 48000;
const leastLead = 0.01, mostLead = 0.25; // s between a packet and its sound
const pause = 0.1; // s of silence after which sound may come at another time
const idle = 30_000; // ms of silence after which the loudspeaker is let go
const watch = 300; // packets

export class Player {
	private readonly context = new AudioContext({ sampleRate: rate, latencyHint: 0 });
	private readonly gain = this.context.createGain();
	private decoder: AudioDecoder | null = null;
	private times: number[] = []; // in s, of what is being decoded: the decoder counts on, whatever was left out
	private lead = leastLead;
	private offset = 0; // s from the desktop's clock to the loudspeaker's
	private end = -Infinity; // of the last packet on the desktop's clock, in s
	private packets = 0;
	private spare = Infinity; // s that the last of them came too early
	private timer = 0;

	// changed is called when the browser has begun or ceased to let it be heard.
	constructor(changed: () => void) {
		this.gain.connect(this.context.destination);
		this.context.onstatechange = changed;
	}

	// waiting tells that the browser waits for a click or a key press.
	get waiting(): boolean {
		return this.context.state === "suspended" && this.timer === 0;
	}

	set volume(part: number) {
		this.gain.gain.value = part;
	}

	// start is to be called from a click or a key press, if the browser waits for one.
	start(): void {
		void this.context.resume();
	}

	// take plays a packet that was recorded at so many µs.
	take(micros: number, data: Uint8Array<ArrayBuffer>): void {
		if (this.timer && this.context.state === "suspended") void this.context.resume();
		clearTimeout(this.timer);
		this.timer = window.setTimeout(() => void this.context.suspend(), idle);
		if (this.decoder?.state !== "configured") {
			this.decoder = new AudioDecoder({ output: (sound) => this.play(sound), error: () => {} }); // the next packet makes another
			this.times = [];
			this.decoder.configure({ codec: "opus", sampleRate: rate, numberOfChannels: 2 });
		}
		this.times.push(micros / 1e6);
		this.decoder.decode(new EncodedAudioChunk({ type: "key", timestamp: micros, data }));
	}

	private play(sound: AudioData): void {
		const { numberOfFrames, numberOfChannels } = sound;
		const buffer = this.context.createBuffer(numberOfChannels, numberOfFrames, rate);
		for (let i = 0; i < numberOfChannels; i++) {
			sound.copyTo(buffer.getChannelData(i), { planeIndex: i, format: "f32-planar" });
		}
		sound.close();
		const when = this.when(this.times.shift() ?? 0, numberOfFrames / rate);
		if (when < 0) return;
		const source = this.context.createBufferSource();
		source.buffer = buffer;
		source.connect(this.gain);
		source.start(when);
	}

	// when is the time on the loudspeaker's clock to play a packet at; below 0: not at all.
	private when(at: number, length: number): number {
		const now = this.context.currentTime;
		const fresh = at > this.end + pause || at < this.end - 1;
		this.end = at + length;
		let spare = at + this.offset - now;
		if (fresh) {
			this.lead = Math.max(leastLead, this.lead * 0.5);
			this.move(now + this.lead - at);
			spare = this.lead;
		} else if (spare < 0) {
			this.lead = Math.min(mostLead, Math.max(this.lead, leastLead - spare));
			this.move(now + this.lead - at);
			spare = this.lead;
		}
		this.spare = Math.min(this.spare, spare);
		if (++this.packets >= watch) {
			const early = this.spare > leastLead + 2 * length;
			this.packets = 0;
			this.spare = Infinity;
			// Nothing was late for seconds: sound may come sooner by a packet.
			if (early) {
				this.lead = Math.max(leastLead, this.lead - length);
				this.offset -= Math.round(length * rate) / rate;
				return -1;
			}
		}
		return Math.round((at + this.offset) * rate) / rate;
	}

	private move(offset: number): void {
		this.offset = offset;
		this.packets = 0;
		this.spare = Infinity;
	}
}
