// The desktop's pointer, drawn by the browser as its own: it follows the hand
// with no delay, whatever the connection does.

import { type Cursor } from "./wire";

const kept = 64; // pictures

export class Pointer {
	private readonly canvas = document.createElement("canvas");
	private readonly pictures = new Map<number, string>(); // by serial
	private latest: Cursor | null = null;

	// scale is how many CSS pixels a pixel of the desktop takes.
	constructor(private readonly stage: HTMLElement, private readonly scale: () => number) {}

	set(cursor: Cursor): void {
		this.latest = cursor;
		this.draw();
	}

	// draw shows the latest again, for another scale.
	draw(): void {
		if (!this.latest) return;
		const { width, hotX, hotY } = this.latest;
		if (width === 0) {
			this.stage.style.cursor = "none";
			return;
		}
		const scale = this.scale();
		const hot = `${Math.floor(hotX * scale)} ${Math.floor(hotY * scale)}`;
		this.stage.style.cursor = `image-set(url(${this.picture(this.latest)}) ${1 / scale}x) ${hot}, default`;
	}

	private picture(cursor: Cursor): string {
		let picture = this.pictures.get(cursor.serial);
		if (!picture) {
			const { canvas } = this;
			canvas.width = cursor.width;
			canvas.height = cursor.height;
			canvas.getContext("2d")!.putImageData(new ImageData(cursor.pixels, cursor.width, cursor.height), 0, 0);
			picture = canvas.toDataURL();
			if (this.pictures.size >= kept) this.pictures.clear();
			this.pictures.set(cursor.serial, picture);
		}
		return picture;
	}
}
