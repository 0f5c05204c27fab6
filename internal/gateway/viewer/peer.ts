// The WebRTC connection to the gateway.

const lingers = 2000; // ms

// receives tells that this browser takes the picture by WebRTC. Firefox comes to H.264
// for it by a download of its own, some time after it has been installed.
export const receives = (): boolean => {
	if (typeof RTCPeerConnection === "undefined") return false;
	const known = RTCRtpReceiver.getCapabilities?.("video")?.codecs;
	return !known || known.some(({ mimeType }) => mimeType.toLowerCase() === "video/h264");
};

export interface PeerEvents {
	open(): void; // pictures and messages get through
	message(data: ArrayBuffer): void;
	lost(): void;
}

export class Peer {
	// offer is to be sent to the gateway, whose answer to be given to answer.
	readonly offer: Promise<string>;
	video: MediaStreamTrack | null = null;
	audio: RTCTrackEvent | null = null;
	closed = false;
	private readonly pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
	private readonly input = this.pc.createDataChannel("input", { negotiated: true, id: 0 });
	private readonly sound = this.pc.createDataChannel("sound", { negotiated: true, id: 1, ordered: false, maxRetransmits: 0 });

	// only is the transport to go by; empty: any.
	constructor(readonly only: string, private readonly on: PeerEvents) {
		const { pc, input, sound } = this;
		pc.addTransceiver("video", { direction: "recvonly" });
		pc.addTransceiver("audio"); // for the microphone, too, which needs no new offer then
		pc.ontrack = (e) => {
			if (e.track.kind === "audio") {
				this.audio = e;
				return;
			}
			// Show frames as they come; typed loosely, since not every browser knows it.
			Object.assign(e.receiver, { jitterBufferTarget: 0 });
			this.video = e.track;
		};
		pc.onconnectionstatechange = () => {
			if (pc.connectionState === "failed") this.lose();
		};
		input.binaryType = "arraybuffer";
		input.onopen = () => {
			if (!this.closed) on.open();
		};
		input.onclose = () => this.lose();
		input.onmessage = ({ data }) => on.message(data as ArrayBuffer);
		sound.binaryType = "arraybuffer";
		sound.onmessage = ({ data }) => on.message(data as ArrayBuffer);
		this.offer = pc.createOffer()
			.then(({ sdp }) => pc.setLocalDescription({ type: "offer", sdp: stereo(sdp) }))
			.then(() => pc.localDescription!.sdp);
	}

	// answer resolves when the tracks are there.
	answer(sdp: string): Promise<void> {
		const heeded = sdp.split(/(?<=\n)/).filter((line) => !line.startsWith("a=candidate:") || line.includes(` ${this.only} `) || !this.only);
		return this.pc.setRemoteDescription({ type: "answer", sdp: heeded.join("") });
	}

	get open(): boolean {
		return this.input.readyState === "open";
	}

	// transport is what it goes by: udp or tcp.
	get transport(): "udp" | "tcp" {
		const ice = this.pc.sctp?.transport.iceTransport as { getSelectedCandidatePair?(): { local?: RTCIceCandidate } | null } | undefined;
		return ice?.getSelectedCandidatePair?.()?.local?.protocol === "tcp" ? "tcp" : "udp";
	}

	send(bytes: Uint8Array<ArrayBuffer>): void {
		if (this.open) this.input.send(bytes);
	}

	stats(): Promise<RTCStatsReport> {
		return this.pc.getStats();
	}

	close(): void {
		this.closed = true;
		this.pc.close();
	}

	// leave closes it once there is another picture: with it goes its last one.
	leave(): void {
		this.closed = true;
		window.setTimeout(() => this.pc.close(), lingers);
	}

	private lose(): void {
		if (this.closed) return;
		this.leave();
		this.on.lost();
	}
}

// stereo says that both channels are wanted, which Chromium does not by itself.
const stereo = (sdp = "") => sdp.replace(/^a=fmtp:\d+ (?!.*\bstereo=).*useinbandfec=1/gm, "$&;stereo=1");
