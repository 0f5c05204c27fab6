// What the artist chooses of the picture: full colour, or half the colour each way,
// which costs less. Whether it is to be had depends on everybody who watches.

const colourWish = 0xa1, colours = 0xd2; // of package wire
const storageKey = "backlot full colour";

// messageOf are the bytes by which a page says what it wants, and whether it can show it
// of frames that come as messages.
export const messageOf = (full: boolean, decodes: boolean) =>
	new Uint8Array([colourWish, full ? 1 : 0, decodes ? 1 : 0]);

export class Picture {
	wanted = stored();
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
	}

	// want chooses full colour, for the next time, too.
	want(full: boolean): void {
		this.wanted = full;
		try {
			localStorage.setItem(storageKey, full ? "yes" : "no");
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

function stored(): boolean {
	try {
		return localStorage.getItem(storageKey) === "yes";
	} catch {
		return false;
	}
}
