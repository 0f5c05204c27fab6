// The picture's place in the window: pixel for pixel when the desktop has the
// window's size, otherwise as large as fits, in the middle. The video has fewer pixels than
// the desktop while the network is too narrow.

import * as wire from "./wire";

const settle = 120; // ms without change before the desktop is asked to follow

export class Screen {
	readonly stage = document.querySelector("main")!;
	readonly video = document.createElement("video");
	private box = { width: 0, height: 0 }; // of the window, in device pixels
	private told = { width: 0, height: 0 }; // of the desktop, in its own pixels; 0: nothing yet
	private timer = 0;

	// placed is called when the picture has another place or size, resized when the
	// window has had another size for a while.
	constructor(private readonly placed: () => void, private readonly resized: () => void) {
		const { video, stage } = this;
		video.autoplay = video.muted = video.playsInline = true;
		video.disablePictureInPicture = true;
		video.tabIndex = 0;
		video.setAttribute("aria-label", "Desktop");
		video.addEventListener("resize", () => {
			if (!this.told.width) this.layout();
		});
		stage.append(video);
		this.box = this.measured();
		const observer = new ResizeObserver(([entry]) => this.measure(entry?.devicePixelContentBoxSize?.[0]));
		// Zooming changes no device pixel, yet how many of them a CSS pixel has.
		window.addEventListener("resize", () => this.layout());
		try {
			observer.observe(stage, { box: "device-pixel-content-box" });
		} catch {
			observer.observe(stage);
		}
	}

	// wanted is the screen that fills the window.
	get wanted(): { width: number; height: number } {
		const even = (n: number, min: number, max: number) => Math.max(min, Math.min(max, n)) & ~1;
		return {
			width: even(this.box.width, wire.minWidth, wire.maxWidth),
			height: even(this.box.height, wire.minHeight, wire.maxHeight),
		};
	}

	// desktop is its size in its own pixels.
	get desktop(): { width: number; height: number } {
		return this.told.width ? this.told : { width: this.video.videoWidth, height: this.video.videoHeight };
	}

	// scale is how many device pixels a pixel of the desktop takes.
	get scale(): number {
		const { width, height } = this.desktop;
		if (!width || !height) return 1;
		const spare = { x: this.box.width - width, y: this.box.height - height };
		// An odd window is one pixel larger than any screen.
		if (spare.x >= 0 && spare.x <= 1 && spare.y >= 0 && spare.y <= 1) return 1;
		return Math.min(this.box.width / width, this.box.height / height);
	}

	// is takes the desktop's own size.
	is({ width, height }: wire.Screen): void {
		this.told = { width, height };
		this.layout();
	}

	// at is the desktop's pixel under a point of the window, or beside it.
	at(e: MouseEvent, beyond = false): { x: number; y: number } {
		const { width, height } = this.desktop;
		const { x, y } = this.part(e);
		// Browsers round places of the window, where a pixel begins too.
		const pixel = (part: number, size: number) => Math.floor(part * size + 0.01) || 0;
		const inside = (part: number, size: number) => Math.max(0, Math.min(size - 1, pixel(part, size)));
		return { x: beyond ? pixel(x, width) : inside(x, width), y: inside(y, height) };
	}

	// part is where on the desktop a point of the window is: 0 to 1 of its width and height.
	part({ clientX, clientY }: MouseEvent): { x: number; y: number } {
		const rect = this.video.getBoundingClientRect();
		return { x: (clientX - rect.left) / rect.width, y: (clientY - rect.top) / rect.height };
	}

	private measure(exact?: ResizeObserverSize): void {
		this.box = this.measured(exact);
		this.layout();
		clearTimeout(this.timer);
		this.timer = window.setTimeout(this.resized, settle);
	}

	// measured is the window's size; exact is what the browser says of it.
	private measured(exact?: ResizeObserverSize): { width: number; height: number } {
		const whole = (css: number, exact = 0) => {
			const about = css * devicePixelRatio;
			// Where devices are emulated, Chromium's exact size is that of the real one.
			return Math.abs(exact - about) < 2 ? exact : Math.floor(about);
		};
		return {
			width: whole(this.stage.clientWidth, exact?.inlineSize),
			height: whole(this.stage.clientHeight, exact?.blockSize),
		};
	}

	private layout(): void {
		const { video, box, scale, desktop } = this;
		const width = Math.round(desktop.width * scale);
		const height = Math.round(desktop.height * scale);
		// Whole device pixels, or the picture is smeared over its neighbours.
		const css = (n: number) => `${n / devicePixelRatio}px`;
		video.style.width = css(width);
		video.style.height = css(height);
		video.style.left = css(Math.floor((box.width - width) / 2));
		video.style.top = css(Math.floor((box.height - height) / 2));
		this.placed();
	}
}
