// The desktop's further monitors: each has a window of its own, which is this page with
// the monitor's number in its address.

import { toast } from "./toast";

const monitors = 0x27; // of package wire
const most = 4;

// monitor is which one this window shows.
export const monitor = Math.min(Math.max(Number(new URLSearchParams(location.search).get("screen")) || 1, 1), most);

// What the Window Management API has of a computer's displays.
interface Display {
	availLeft: number;
	availTop: number;
	availWidth: number;
	availHeight: number;
}

interface Displays {
	screens: readonly Display[];
	currentScreen: Display;
}

export class Screens {
	changed = () => {}; // is called when there are others
	private there = 0; // a bit for each, the first is the lowest; 0: there can be no others
	private readonly windows = new Map<number, Window>();

	// next is the number of another one, 0: there can be no more.
	get next(): number {
		return (this.there && this.numbers.find((n) => !this.has(n))) || 0;
	}

	// others are those that other windows show.
	get others(): number[] {
		return this.numbers.filter((n) => n !== monitor && this.has(n));
	}

	// open shows a monitor in a window of its own, on another display if there is one.
	async open(number: number): Promise<void> {
		const known = this.windows.get(number);
		if (known && !known.closed) return known.focus();
		const { screens = [], currentScreen } = (await displays()) ?? {};
		const others = screens.filter((s) => s !== currentScreen);
		const on = others[(number + others.length - 2) % others.length];
		const features = on
			? `popup,fullscreen,left=${on.availLeft},top=${on.availTop},width=${on.availWidth},height=${on.availHeight}`
			: `popup,width=${innerWidth},height=${innerHeight}`;
		const address = new URL(location.href);
		address.searchParams.set("screen", String(number));
		const opened = window.open(address, `${location.pathname} ${number}`, features);
		if (opened) this.windows.set(number, opened);
		else toast("The browser kept the window from opening. Allow pop-ups for this page, then try again.");
	}

	// message takes which there are; false: this is something else.
	message(data: ArrayBuffer): boolean {
		const view = new DataView(data);
		if (data.byteLength !== 2 || view.getUint8(0) !== monitors) return false;
		this.there = view.getUint8(1);
		this.changed();
		return true;
	}

	private get numbers(): number[] {
		return Array.from({ length: most }, (_, i) => i + 1);
	}

	private has(number: number): boolean {
		return ((this.there >> (number - 1)) & 1) === 1;
	}
}

// displays asks for the computer's displays, of which the browser asks its user; null:
// there is but one, or they are not told.
async function displays(): Promise<Displays | null> {
	const { getScreenDetails } = window as { getScreenDetails?: () => Promise<Displays> };
	if (!getScreenDetails || !(screen as { isExtended?: boolean }).isExtended) return null;
	try {
		return await getScreenDetails.call(window);
	} catch {
		return null;
	}
}
