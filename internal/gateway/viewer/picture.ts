// What the artist chooses of the picture: full colour, or half the colour each way,
// which costs less; what it keeps on a narrow network, and what it may cost at most.
// Whether full colour is to be had depends on everybody who watches.

const colourWish = 0xa1, preference = 0xa2, colours = 0xd2; // of package wire
const colourKey = "backlot full colour", keepKey = "backlot picture keeps", mostKey = "backlot megabits";

// keeps are what the picture may keep, as package wire numbers them.
export const keeps = ["both", "pixels", "frames"] as const;
export type Keep = (typeof keeps)[number];

// limits are what it may cost at most, in Mbit/s; 0: as much as the network carries.
export const limits = [0, 20, 10, 5, 2];

// messageOf are the bytes by which a page says what it wants, and whether it can show it
// of frames that come as messages.
export const messageOf = (full: boolean, decodes: boolean) =>
	new Uint8Array([colourWish, full ? 1 : 0, decodes ? 1 : 0]);

// preferenceOf are the bytes by which a page says the rest.
export function preferenceOf(keep: number, bitsPerSecond: number): Uint8Array<ArrayBuffer> {
	const bytes = new Uint8Array(6);
	bytes[0] = preference;
	bytes[1] = keep;
	new DataView(bytes.buffer).setUint32(2, bitsPerSecond);
	return bytes;
}

export class Picture {
	wanted = stored(colourKey) === "yes";
	keep: Keep = keeps.find((k) => k === stored(keepKey)) ?? "both";
	most = limits.find((n) => String(n) === stored(mostKey)) ?? 0; // Mbit/s
	full = false; // now
	possible = false; // for all who watch
	private decodes = false; // this page, frames that come as messages
	changed = () => {}; // is called when any of these is another

	constructor(private readonly send: (bytes: Uint8Array<ArrayBuffer>) => void) {
		if (typeof VideoDecoder === "undefined") return;
		VideoDecoder.isConfigSupported({ codec: "avc1.f40028" }).then(({ supported }) => {
			this.decodes = supported === true;
			this.open();
		}, () => {});
	}

	// open is called when messages get through, anew.
	open(): void {
		this.send(messageOf(this.wanted, this.decodes));
		this.send(preferenceOf(keeps.indexOf(this.keep), this.most * 1e6));
	}

	// want chooses full colour, for the next time, too; so do the others what they are of.
	want(full: boolean): void {
		this.wanted = full;
		this.chosen(colourKey, full ? "yes" : "no");
	}

	prefer(keep: Keep): void {
		this.keep = keep;
		this.chosen(keepKey, keep);
	}

	limit(most: number): void {
		this.most = most;
		this.chosen(mostKey, String(most));
	}

	private chosen(key: string, value: string): void {
		try {
			localStorage.setItem(key, value);
		} catch {
			// For this time only.
		}
		this.open();
		this.changed();
	}

	// message takes what the gateway says of it; false: this is something else.
	message(data: ArrayBuffer): boolean {
		const bytes = new Uint8Array(data);
		if (bytes[0] !== colours || bytes.length !== 3) return false;
		this.full = bytes[1] === 1;
		this.possible = bytes[2] === 1;
		this.changed();
		return true;
	}
}

function stored(key: string): string | null {
	try {
		return localStorage.getItem(key);
	} catch {
		return null;
	}
}
