// What the gateway says of the session and who is in it, and what a page asks for:
// the bytes of Go's wire/people.go.

const enum Type {
	Stats = 0x24,
	Standing = 0xc8,
	People = 0xc9,
	Shared = 0xca,
	Notice = 0xcb,
	Looked = 0xd9,
	Ask = 0xcc,
}

export const enum Wish {
	Stop = 1,
	Watched,
	Helped,
	Private,
	Control,
	Give,
	Take,
}

// Stats are the streamer's means of the last second.
export interface Stats {
	type: "stats";
	frames: number;
	captureMicros: number;
	encodeMicros: number;
	bytes: number;
}

export interface Standing {
	type: "standing";
	control: boolean;
	share: boolean;
	stop: boolean;
	keeps: boolean;
	secondsLeft: number; // Infinity: the session does not end by itself
}

export interface Person {
	number: number;
	you: boolean;
	control: boolean;
	guest: boolean;
	visitor: boolean; // an administrator
	name: string;
}

export interface People {
	type: "people";
	people: Person[];
}

export interface Shared {
	type: "shared";
	control: boolean;
	link: string; // "": not shared
}

export type Message = Stats | Standing | People | Shared | { type: "notice"; text: string } | { type: "looked"; secondsAgo: number; name: string };

export const ask = (wish: Wish, person = 0) => new Uint8Array([Type.Ask, wish, person]);

// decode reads a message of this kind; null if it is another.
export function decode(buffer: ArrayBuffer): Message | null {
	const view = new DataView(buffer);
	let at = 1;
	const byte = () => view.getUint8(at++);
	const flag = () => byte() === 1;
	const number = () => {
		at += 4;
		return view.getUint32(at - 4);
	};
	const text = () => {
		const length = byte();
		at += length;
		return new TextDecoder().decode(new Uint8Array(buffer, at - length, length));
	};
	try {
		switch (view.getUint8(0)) {
			case Type.Stats:
				at = 3;
				return { type: "stats", frames: view.getUint16(1), captureMicros: number(), encodeMicros: number(), bytes: number() };
			case Type.Standing: {
				const [control, share, stop, keeps, left] = [flag(), flag(), flag(), flag(), number()];
				return { type: "standing", control, share, stop, keeps, secondsLeft: left === 0xffffffff ? Infinity : left };
			}
			case Type.People: {
				const people: Person[] = [];
				for (let n = byte(); n > 0; n--) {
					people.push({ number: byte(), you: flag(), control: flag(), guest: flag(), visitor: flag(), name: text() });
				}
				return { type: "people", people };
			}
			case Type.Shared:
				return { type: "shared", control: flag(), link: text() };
			case Type.Looked:
				return { type: "looked", secondsAgo: number(), name: text() };
			case Type.Notice:
				return { type: "notice", text: text() };
		}
	} catch {
		// Cut short: the same as unknown.
	}
	return null;
}
