// Requests about clipboard and files, which go beside the connection: see transfer.go.

const enum Type {
	Allows = 0x14,
	Copied = 0x15,
	ViewerKey = 0xd8,
}

export interface Copied {
	serial: number;
	text: boolean;
	image: boolean;
}

export interface Events {
	allows(clipboard: boolean, upload: boolean): void;
	copied(what: Copied): void;
}

export class Exchange {
	private key = "";
	private waiting: (() => void)[] = [];

	constructor(private readonly on: Events) {}

	// message takes what concerns it, and says so.
	message(data: ArrayBuffer): boolean {
		const v = new DataView(data);
		switch (v.byteLength && v.getUint8(0)) {
			case Type.Allows:
				this.on.allows(v.getUint8(1) === 1, v.getUint8(2) === 1);
				return true;
			case Type.Copied:
				this.on.copied({ serial: v.getUint32(1), text: v.getUint8(5) === 1, image: v.getUint8(6) === 1 });
				return true;
			case Type.ViewerKey:
				this.key = new TextDecoder().decode(data.slice(2));
				for (const go of this.waiting.splice(0)) go();
				return true;
		}
		return false;
	}

	// lost forgets the key: another connection has another.
	lost(): void {
		this.key = "";
		this.on.allows(false, false);
	}

	// ready waits for a connection.
	ready(): Promise<void> {
		return this.key ? Promise.resolve() : new Promise((go) => this.waiting.push(go));
	}

	request(what: string, init: RequestInit = {}): Promise<Response> {
		return fetch(`${location.pathname}/${what}`, {
			...init,
			cache: "no-store",
			headers: { ...init.headers, Authorization: `Bearer ${this.key}` },
		});
	}
}
