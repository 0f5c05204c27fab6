// Which layout the artist's keyboard has: as chosen, else as the browser tells, else
// by language. The desktop's keyboard is given the same.

import * as hands from "./hands";

export interface Layout {
	id: string; // XKB's name, or "name(variant)"
	label: string;
	signature: string; // what the keys of codes give, where it tells layouts apart
	languages: string; // whose usual layout it is
}

// The keys by which layouts are told apart.
const codes = ("Backquote Minus Equal BracketLeft BracketRight Semicolon Quote Backslash IntlBackslash " +
	"KeyQ KeyW KeyA KeyZ KeyY KeyM Comma Slash Digit1").split(" ");

export const layouts: readonly Layout[] = ([
	["us", "English (US)", "`-=[];'\\<qwazym,/1", "en"],
	["us(intl)", "English (US, international)", "", ""],
	["us(dvorak)", "English (Dvorak)", "`[]/=s-\\<',a;fmwz1", ""],
	["us(colemak)", "English (Colemak)", "`-=[]o'\\-qwazjm,/1", ""],
	["gb", "English (UK)", "`-=[];'#\\qwazym,/1", "en-GB en-IE"],
	["de", "German", "^ß´ü+öä#<qwayzm,-1", "de"],
	["ch", "German (Switzerland)", "§'^ü¨öä$<qwayzm,-1", "de-CH de-LI"],
	["ch(fr)", "French (Switzerland)", "§'^è¨éà$<qwayzm,-1", "fr-CH"],
	["fr", "French", "²)=^$mù*<azqwy,;!&", "fr"],
	["be", "Belgian", "²)-^$mùµ<azqwy,;=&", "fr-BE nl-BE"],
	["ca", "French (Canada)", "#-=^¸;`<«qwazym,é1", "fr-CA"],
	["es", "Spanish", "º'¡`+ñ´ç<qwazym,-1", "es ca"],
	["latam", "Spanish (Latin America)", "|'¿´+ñ{}<qwazym,-1", "es-419 es-MX es-AR es-CO es-CL es-PE"],
	["pt", "Portuguese", "\\'«+´çº~<qwazym,-1", "pt"],
	["br", "Portuguese (Brazil)", "'-=´[ç~]\\qwazym,;1", "pt-BR"],
	["it", "Italian", "\\'ìè+òàù<qwazym,-1", "it"],
	["nl", "Dutch", "@/°¨*+´<]qwazym,-1", ""],
	["se", "Swedish", "§+´å¨öä'<qwazym,-1", "sv"],
	["fi", "Finnish", "§+´å¨öä'<qwazym,-1", "fi"],
	["no", "Norwegian", "|+\\å¨øæ'<qwazym,-1", "nb nn no"],
	["dk", "Danish", "½+´å¨æø'<qwazym,-1", "da"],
	["pl", "Polish", "`-=[];'\\<qwazym,/1", "pl"],
	["cz", "Czech", ";=´ú)ů§¨\\qwayzm,-+", "cs"],
	["sk", "Slovak", ";=´úäô§ň\\qwayzm,-+", "sk"],
	["hu", "Hungarian", "0üóőúéáűíqwayzm,-1", "hu"],
	["ro", "Romanian", "`-=[];'\\\\qwazym,/1", "ro"],
	["tr", "Turkish", "\"*-ğüşi,<qwazymö.1", "tr"],
	["gr", "Greek", "`-=[]´'\\«;ςαζυμ,/1", "el"],
	["il", "Hebrew", ";-=][ף,\\</'שזטצת.1", "he"],
	["ru", "Russian", "ё-=хъжэ\\/йцфяньб.1", "ru"],
	["ua", "Ukrainian", "'-=хїжєґ/йцфяньб.1", "uk"],
	["jp", "Japanese", " -^@[;:]<qwazym,/1", "ja"],
	["kr", "Korean", "`-=[];'\\<qwazym,/1", "ko"],
] as const).map(([id, label, signature, languages]) => ({ id, label, signature, languages }));

// A dead key may be told as the mark that it puts on a letter.
const marks = new Map([["\u0300", "`"], ["\u0301", "´"], ["\u0302", "^"], ["\u0303", "~"], ["\u0308", "¨"], ["\u0327", "¸"]]);

// byLanguage is the layout that is usual where one of these languages is spoken.
export function byLanguage(languages: readonly string[]): string {
	for (const language of languages) {
		const spoken = (tag: string) => layouts.find((l) => l.languages.split(" ").includes(tag));
		const found = spoken(language) ?? spoken(language.split("-")[0] ?? "");
		if (found) return found.id;
	}
	return "us";
}

// byKeys is the layout whose keys give most of what the keyboard's do; the usual one
// among equals.
export function byKeys(keys: ReadonlyMap<string, string>, usual: string): string {
	let best = usual, most = 0;
	for (const { id, signature } of layouts) {
		let count = 0;
		codes.forEach((code, i) => {
			const key = keys.get(code);
			if (key && (marks.get(key) ?? key) === signature[i]) count++;
		});
		if (count > most || (count === most && id === usual)) [best, most] = [id, count];
	}
	return most > codes.length / 2 ? best : usual;
}

const storageKey = "backlot keyboard";

// Keyboard is the choice of a layout. It is the browser's, and outlives the page.
export class Keyboard {
	private told = "";

	// changed is called when current is another.
	constructor(private readonly send: (bytes: Uint8Array<ArrayBuffer>) => void, public changed: () => void = () => {}) {
		this.current = byLanguage(navigator.languages);
		void this.detect();
		// Of some browsers: the user has changed to another layout.
		keyboardOf(navigator)?.addEventListener?.("layoutchange", () => void this.detect());
	}

	// current is the layout in use.
	current: string;

	// chosen is what the user chose: a layout's id, or "auto".
	get chosen(): string {
		try {
			return localStorage.getItem(storageKey) ?? "auto";
		} catch {
			return "auto";
		}
	}

	choose(id: string): void {
		try {
			localStorage.setItem(storageKey, id);
		} catch {
			// Good until the page is closed.
		}
		if (id === "auto") void this.detect();
		else this.use(id);
	}

	// open tells a desktop that was just connected to.
	open(): void {
		this.told = "";
		this.tell();
	}

	private async detect(): Promise<void> {
		const usual = byLanguage(navigator.languages);
		// Only in secure contexts, and not in every browser.
		const keys = await keyboardOf(navigator)?.getLayoutMap?.().catch(() => undefined);
		const { chosen } = this;
		if (chosen !== "auto" && layouts.some((l) => l.id === chosen)) return this.use(chosen);
		this.use(keys ? byKeys(keys, usual) : usual);
	}

	private use(id: string): void {
		if (id === this.current) return this.tell();
		this.current = id;
		this.tell();
		this.changed();
	}

	private tell(): void {
		if (this.told === this.current) return;
		this.told = this.current;
		const [name = "us", variant = ""] = this.current.split(/[()]/);
		this.send(hands.layout(name, variant));
	}
}

interface KeyboardOfBrowser {
	getLayoutMap?(): Promise<ReadonlyMap<string, string>>;
	lock?(): Promise<void>;
	unlock?(): void;
	addEventListener?(type: "layoutchange", listener: () => void): void;
}

// keyboardOf is a part of browsers that TypeScript does not know.
export const keyboardOf = (navigator: Navigator) => (navigator as { keyboard?: KeyboardOfBrowser }).keyboard;

// locks tells that this browser can give the system's shortcuts to the page.
export const locks = keyboardOf(navigator)?.lock !== undefined;

// In full screen, however it came to it, the desktop gets them. Escape held down leads out.
if (locks) {
	document.addEventListener("fullscreenchange", () => {
		const keyboard = keyboardOf(navigator)!;
		if (document.fullscreenElement) keyboard.lock!().catch(() => {});
		else keyboard.unlock?.();
	});
}

// fullscreen goes in and out of full screen.
export async function fullscreen(): Promise<void> {
	if (document.fullscreenElement) return document.exitFullscreen();
	await document.documentElement.requestFullscreen({ navigationUI: "hide" });
}
