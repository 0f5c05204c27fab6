// At what size the desktop's programs draw text and windows: chosen here, read by them
// when they start.

const scaleWish = 0xa4, scaled = 0x25; // of package wire
const offered = [100, 125, 150, 175, 200];

export const messageOf = (percent: number) => new Uint8Array([scaleWish, percent >> 8, percent & 255]);

export class Scale {
	there = false; // the desktop says what it is
	percent = 100;
	changed = () => {}; // is called when either is another

	// own says whether this is the page of the desktop's owner, who can work in it.
	constructor(private readonly send: (bytes: Uint8Array<ArrayBuffer>) => void, private readonly own: () => boolean) {}

	get choices(): number[] {
		return [...new Set([...offered, this.percent])].sort((a, b) => a - b);
	}

	choose(percent: number): void {
		this.send(messageOf(percent));
	}

	// message takes what the desktop says of it; false: this is something else.
	message(data: ArrayBuffer): boolean {
		const view = new DataView(data);
		if (data.byteLength !== 3 || view.getUint8(0) !== scaled) return false;
		const percent = view.getUint16(1);
		this.there = true;
		this.percent = percent || 100;
		this.changed();
		// Nobody has chosen yet: what comes nearest to this screen.
		if (!percent && this.own()) this.choose(nearest(100 * devicePixelRatio));
		return true;
	}
}

export const nearest = (percent: number) =>
	offered.reduce((best, n) => (Math.abs(n - percent) < Math.abs(best - percent) ? n : best));
