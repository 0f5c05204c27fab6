// What a microphone hears, as Opus packets in messages: for where there is no WebRTC.

const enum Type {
	Microphone = 0xa8,
}

// Not every browser has it, and TypeScript does not know it.
declare class MediaStreamTrackProcessor {
	constructor(init: { track: MediaStreamTrack });
	readonly readable: ReadableStream<AudioData>;
}

const bitsPerSecond = 32_000;

export class Voice {
	private readonly encoder: AudioEncoder;
	private readonly reader: ReadableStreamDefaultReader<AudioData>;
	private sequence = 0;

	// It throws where the browser cannot.
	constructor(track: MediaStreamTrack, private readonly send: (bytes: Uint8Array<ArrayBuffer>) => void) {
		this.reader = new MediaStreamTrackProcessor({ track: track.clone() }).readable.getReader();
		this.encoder = new AudioEncoder({ output: (chunk) => this.pass(chunk), error: () => this.stop() });
		void this.run();
	}

	stop(): void {
		void this.reader.cancel();
		if (this.encoder.state !== "closed") this.encoder.close();
	}

	private async run(): Promise<void> {
		for (;;) {
			const { value: heard, done } = await this.reader.read();
			if (done || this.encoder.state === "closed") return heard?.close();
			if (this.encoder.state === "unconfigured") {
				const { sampleRate, numberOfChannels } = heard;
				this.encoder.configure({ codec: "opus", sampleRate, numberOfChannels, bitrate: bitsPerSecond });
			}
			this.encoder.encode(heard);
			heard.close();
		}
	}

	private pass(chunk: EncodedAudioChunk): void {
		const message = new Uint8Array(3 + chunk.byteLength);
		new DataView(message.buffer).setUint8(0, Type.Microphone);
		new DataView(message.buffer).setUint16(1, this.sequence++);
		chunk.copyTo(message.subarray(3));
		this.send(message);
	}
}
