import { busy } from "./bar";
import { Clipboard } from "./clipboard";
import { Connection, stored } from "./connection";
import { Pointer } from "./cursor";
import { decodes } from "./decoder";
import { Exact } from "./exact";
import { Exchange } from "./exchange";
import * as keyboard from "./keyboard";
import { fullscreen, Keyboard } from "./layout";
import { name, show, state } from "./notice";
import { Panels } from "./panels";
import { receives } from "./peer";
import { Picture } from "./picture";
import * as mouse from "./pointer";
import { Screen } from "./screen";
import { monitor, Screens } from "./screens";
import { Sound } from "./sound";
import { Text } from "./text";
import { Upload } from "./upload";
import * as wire from "./wire";

function start(): void {
	const screen = new Screen(() => {
		pointer.draw();
		exact.place();
	}, () => ask());
	const { video, stage } = screen;
	const exact = new Exact(video, () => screen.desktop, (bytes) => connection.send(bytes));
	const colour = new Picture((bytes) => connection.send(bytes));
	const screens = new Screens();
	const sound = new Sound((bytes) => connection.send(bytes), () => connection.transport.current === "websocket");
	const pointer = new Pointer(stage, () => screen.scale / devicePixelRatio);

	const connection = new Connection({
		state(next) {
			if (next === "stopped" || next === "unshared") void sound.speak(false);
			show(next);
		},
		title: (title) => name(monitor > 1 ? `${title}, screen ${monitor}` : title),
		size: () => screen.wanted,
		open() {
			hands = true;
			exact.open();
			if (monitor === 1) sound.open(); // of several windows one is heard
			colour.open();
			panels.open();
			live();
			for (const input of inputs) input.forget();
			layout.open();
			asked = { width: 0, height: 0 };
			ask();
		},
		desktop(there) {
			expected = there;
			shown = false;
			if (!there) return show("waiting");
			picture(() => {
				shown = expected;
				live();
			});
		},
		message(data) {
			if (sound.message(data) || exact.message(data) || colour.message(data) || screens.message(data) || panels.message(data) || exchange.message(data)) return;
			const m = wire.decode(data);
			if (m?.type === "cursor") pointer.set(m);
			else if (m?.type === "screen") screen.is(m);
		},
		track(track) {
			const play = () => {
				video.srcObject = new MediaStream([track]);
				video.play().catch(() => {}); // refused only while hidden: it plays by itself then
			};
			// The last picture stays until there is another.
			if (video.srcObject && track.muted) track.onunmute = play;
			else play();
		},
		sound(track, way) {
			if (monitor === 1) sound.track(track, way);
		},
		lost() {
			hands = shown = false;
			exact.reset();
			exchange.lost();
			expected = false; // the black frame with which Chromium ends a track is no picture
			video.pause(); // and is not to be shown
		},
		held: () => hand.held() || keys.held(),
	});

	let expected = false; // that the next frame shows the desktop
	let shown = false; // the desktop
	let hands = false; // reach it
	function live(): void {
		if (!shown || !hands) return;
		show("live");
		panels.live();
	}

	let asked = { width: 0, height: 0 };
	function ask(): void {
		const { width, height } = screen.wanted;
		if (width === asked.width && height === asked.height) return;
		asked = { width, height };
		connection.send(wire.resize(width, height));
	}

	// picture calls then at the next frame shown.
	function picture(then: () => void): void {
		if ("requestVideoFrameCallback" in video) video.requestVideoFrameCallback(then);
		else (video as HTMLVideoElement).addEventListener("timeupdate", then, { once: true });
	}

	const exchange = new Exchange({
		allows(paste, files) {
			clipboard.allow(paste);
			upload.allow(files);
		},
		copied: (what) => clipboard.copied(what),
	});
	const upload = new Upload(exchange);
	const clipboard = new Clipboard(exchange, (bytes) => connection.send(bytes), () => state() === "live", (words) => upload.say(words));
	const send = (bytes: Uint8Array<ArrayBuffer>) => {
		if (state() === "live") clipboard.pass(bytes);
	};
	const hand = mouse.listen(stage, send, screen, () => screens.others.length > 0);
	const layout = new Keyboard((bytes) => connection.send(bytes));
	const panelKeys = ["KeyB", "KeyT"].map((code) => [code, () => panels.shortcut(code)] as [string, () => void]);
	const shortcuts = new Map([["KeyG", hand.grab], ["Enter", () => void fullscreen().catch(() => {})], ...panelKeys]);
	const keys = keyboard.listen(send, () => state() === "live" && control && !busy(), shortcuts, (e) => clipboard.pastes(e));
	const inputs = [hand, keys, clipboard];
	const text = new Text(stage, send);

	// Whoever looks elsewhere no longer holds keys here.
	const release = () => {
		connection.send(wire.releaseAll());
		for (const input of inputs) input.forget();
	};
	let control = true;
	const panels = new Panels({
		stage, screen, sound, layout, release, colour, upload, clipboard, screens, text,
		grab: hand.grab,
		send: (bytes) => connection.send(bytes),
		stats: () => connection.stats(),
		transport: () => connection.transport,
		control(has) {
			control = has;
			if (!has) void sound.speak(false);
		},
	});
	window.addEventListener("blur", release);
	document.addEventListener("visibilitychange", () => {
		if (document.hidden) release();
		else connection.hurry();
	});
	window.addEventListener("online", () => connection.hurry());
	window.addEventListener("pagehide", () => {
		release();
		connection.leave();
	});
	window.addEventListener("pageshow", (e) => {
		if (e.persisted) connection.start();
	});
	connection.start();
}

if (!receives() && !decodes) show("unsupported");
// A link that opens nothing may yet belong to a tab that had opened it.
else if (state() === "connecting" || (state() === "refused" && stored())) {
	show("connecting");
	start();
}
