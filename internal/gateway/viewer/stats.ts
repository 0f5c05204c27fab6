// How the connection does: figures once a second, and what they come to in words.

import { type Screen } from "./screen";
import type * as session from "./session";
import { type Road, type Transport } from "./transport";

export interface Figures {
	shown: number; // pictures a second, here
	made: number; // by the streamer
	roundTrip: number; // ms
	making: number; // ms a picture, of the streamer
	decoding: number; // ms a picture, here
	bits: number; // a second
	lost: number; // part of the packets
	dropped: number; // part of the pictures
	road: string;
	codec: string;
	size: string;
	fewer: boolean; // pixels than the desktop
}

export interface Verdict {
	grade: "good" | "fair" | "bad";
	words: string;
}

// judge says in plain words what keeps the picture from being good.
export function judge(f: Figures, silent: boolean): Verdict {
	const rounded = (n: number) => Math.round(n / 10) * 10;
	if (silent) return { grade: "bad", words: "No answer from the server: it is tried again by itself" };
	if (f.made > 15 && (f.decoding * f.made > 900 || f.dropped > 0.25)) {
		return { grade: "bad", words: "This computer is too slow to decode: choose fewer pictures, or a smaller window" };
	}
	if (f.lost > 0.03) return { grade: "bad", words: `Bad network: ${Math.ceil(f.lost * 100)} % gets lost on the way` };
	if (f.roundTrip > 120) {
		return { grade: f.roundTrip > 300 ? "bad" : "fair", words: `Slow network: an answer takes ${rounded(f.roundTrip)} ms` };
	}
	if (f.fewer) return { grade: "fair", words: "Narrow network: what moves has fewer pixels" };
	if (f.making > 30) return { grade: "fair", words: `Busy server: a picture takes ${rounded(f.making)} ms to make` };
	return { grade: "good", words: "Good" };
}

// Tally is what has come so far.
export interface Tally {
	frames: number;
	dropped: number;
	decode: number; // seconds
	bytes: number;
	packets: number;
	lost: number;
	codec: string;
}

// roads are the ways by which pictures come.
export const roads: Record<Road, string> = { udp: "WebRTC over UDP", tcp: "WebRTC over TCP", websocket: "WebSocket" };

const silence = 1500; // ms without a sign of life

export class Meter {
	figures: Figures = {
		shown: 0, made: 0, roundTrip: 0, making: 0, decoding: 0, bits: 0, lost: 0, dropped: 0, road: "", codec: "", size: "", fewer: false,
	};
	verdict: Verdict = { grade: "good", words: "Good" };
	private last: (Tally & { at: number }) | null = null;

	// report is what is counted of the connection; null: nothing.
	constructor(
		private readonly screen: Screen,
		private readonly report: () => Promise<Tally | null>,
		private readonly transport: () => Transport,
		private readonly changed: () => void,
	) {
		window.setInterval(() => void this.tick(), 1000);
	}

	// open is called when messages get through.
	open(): void {
		this.last = null;
	}

	made({ frames, captureMicros, encodeMicros }: session.Stats): void {
		this.figures.made = frames;
		if (frames > 0) this.figures.making = (captureMicros + encodeMicros) / 1000;
	}

	private async tick(): Promise<void> {
		if (document.hidden || document.body.dataset.state !== "live") return this.open();
		const now = performance.now();
		const { figures: f, screen: { video, desktop } } = this;
		const transport = this.transport();
		f.roundTrip = transport.roundTrip;
		f.size = `${video.videoWidth} × ${video.videoHeight}`;
		f.fewer = video.videoWidth < desktop.width;
		if (f.fewer) f.size += ` for ${desktop.width} × ${desktop.height}`;
		const road = roads[transport.current || "udp"];
		if (road !== f.road) this.last = null; // it counts by itself
		f.road = road;
		const report = await this.report().catch(() => null);
		if (report) this.take(report, now);
		this.verdict = judge(f, transport.silence > silence);
		this.changed();
	}

	private take(is: Tally, at: number): void {
		const { figures: f } = this;
		f.codec = is.codec || f.codec;
		const { last } = this;
		this.last = { ...is, at };
		if (!last || at - last.at < 200) return;
		const seconds = (at - last.at) / 1000;
		const frames = is.frames - last.frames, dropped = is.dropped - last.dropped;
		const lost = Math.max(0, is.lost - last.lost), packets = is.packets - last.packets + lost;
		f.shown = frames / seconds;
		if (frames > 0) f.decoding = (1000 * (is.decode - last.decode)) / frames;
		f.dropped = frames + dropped > 0 ? dropped / (frames + dropped) : 0;
		f.lost = packets > 20 ? lost / packets : 0;
		f.bits = (8 * (is.bytes - last.bytes)) / seconds;
	}
}

// tally reads what the browser counts of WebRTC.
export function tally(report: RTCStatsReport): Tally {
	const is: Tally = { frames: 0, dropped: 0, decode: 0, bytes: 0, packets: 0, lost: 0, codec: "" };
	report.forEach((s) => {
		if (s.type === "inbound-rtp" && s.kind === "video") {
			is.frames = s.framesDecoded ?? 0;
			is.dropped = s.framesDropped ?? 0;
			is.decode = s.totalDecodeTime ?? 0;
			is.packets = s.packetsReceived ?? 0;
			is.lost = s.packetsLost ?? 0;
			const codec = report.get(s.codecId);
			const profile = /profile-level-id=([0-9a-f]{2})/i.exec(codec?.sdpFmtpLine ?? "")?.[1];
			if (codec) is.codec = named(profile ?? codec.mimeType);
		} else if (s.type === "transport") {
			is.bytes = s.bytesReceived ?? 0;
		}
	});
	return is;
}

// named is a codec as people know it, by the first byte of its profile-level-id.
export function named(profile: string): string {
	const known = new Map([["42", "H.264"], ["4d", "H.264 Main"], ["64", "H.264 High"], ["f4", "H.264 with full colour (4:4:4)"]]);
	return known.get(profile.toLowerCase()) ?? profile.replace("video/", "");
}

// rows are the figures as the panel shows them.
export function rows(f: Figures): [name: string, value: string][] {
	const ms = (n: number) => (n ? `${n < 10 ? n.toFixed(1) : Math.round(n)} ms` : "–");
	const bits = f.bits < 1e6 ? `${Math.round(f.bits / 1000)} kbit/s` : `${(f.bits / 1e6).toFixed(1)} Mbit/s`;
	return [
		["Pictures a second", `${Math.round(f.shown)}`],
		["Round trip", ms(f.roundTrip)],
		["Making a picture", ms(f.making)],
		["Decoding it", ms(f.decoding)],
		["Data", bits],
		["Lost on the way", `${(100 * f.lost).toFixed(1)} %`],
		["Way", f.road || "–"],
		["Codec", f.codec || "–"],
		["Picture", f.size],
	];
}
