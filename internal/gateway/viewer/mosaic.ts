// The tiles on screen: canvases in the video's place, each with room for several tiles
// and shown while it has all of them. One of which a tile goes is hidden whole: after
// drawing in a canvas that shows, the browser copies all of it before the next frame.

export const tileSide = 128;
const along = 4; // tiles on each side of a canvas

interface Cell {
	canvas: HTMLCanvasElement;
	context: CanvasRenderingContext2D | null;
	missing: Set<number>;
}

export class Mosaic {
	width = 0;
	height = 0;
	columns = 0; // of tiles
	private rows = 0;
	private across = 0; // canvases
	private cells: Cell[] = [];
	private readonly box = document.createElement("div");

	constructor(video: HTMLVideoElement) {
		this.box.className = "tiles";
		this.box.setAttribute("aria-hidden", "true");
		this.box.hidden = true;
		video.after(this.box);
	}

	get tiles(): number {
		return this.columns * this.rows;
	}

	get hidden(): boolean {
		return this.box.hidden;
	}

	set hidden(is: boolean) {
		if (this.box.hidden !== is) this.box.hidden = is;
	}

	// place puts it where the video is.
	place({ width, height, left, top }: CSSStyleDeclaration): void {
		Object.assign(this.box.style, { width, height, left, top });
	}

	// size makes it empty, of that many pixels.
	size(width: number, height: number): void {
		this.width = width;
		this.height = height;
		this.columns = Math.ceil(width / tileSide);
		this.rows = Math.ceil(height / tileSide);
		this.across = Math.ceil(this.columns / along);
		this.cells = [];
		const side = along * tileSide;
		for (let y = 0; y < height; y += side) {
			for (let x = 0; x < width; x += side) {
				const canvas = document.createElement("canvas");
				canvas.hidden = true;
				canvas.width = Math.min(side, width - x);
				canvas.height = Math.min(side, height - y);
				const part = (n: number, of: number) => `${(100 * n) / of}%`;
				Object.assign(canvas.style, {
					left: part(x, width), top: part(y, height), width: part(canvas.width, width), height: part(canvas.height, height),
				});
				const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
				this.cells.push({ canvas, context, missing: new Set() });
			}
		}
		for (let tile = 0; tile < this.tiles; tile++) this.cell(tile).missing.add(tile);
		this.box.replaceChildren(...this.cells.map((c) => c.canvas));
	}

	// remove has the video show where a tile is.
	remove(tile: number): void {
		const { missing, canvas } = this.cell(tile);
		missing.add(tile);
		if (!canvas.hidden) canvas.hidden = true;
	}

	// draw puts a tile in its place, and returns what is there then.
	draw(tile: number, pixels: ImageData): ImageData | null {
		const { context, missing, canvas } = this.cell(tile);
		if (!context) return null;
		const x = ((tile % this.columns) % along) * tileSide, y = (Math.floor(tile / this.columns) % along) * tileSide;
		context.putImageData(pixels, x, y);
		missing.delete(tile);
		if (missing.size === 0) canvas.hidden = false;
		return context.getImageData(x, y, pixels.width, pixels.height);
	}

	private cell(tile: number): Cell {
		const column = tile % this.columns, row = Math.floor(tile / this.columns);
		return this.cells[Math.floor(row / along) * this.across + Math.floor(column / along)]!;
	}
}
