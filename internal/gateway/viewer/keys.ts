// Keys: from a browser's name to evdev code and X keysym.

const list = (first: number, names: string): [string, number][] =>
	names.split(" ").map((name, i) => [name, first + i]);

// evdev codes by KeyboardEvent.code (UI Events, "code" values; linux/input-event-codes.h).
export const evdev: ReadonlyMap<string, number> = new Map([
	...list(1, "Escape Digit1 Digit2 Digit3 Digit4 Digit5 Digit6 Digit7 Digit8 Digit9 Digit0 Minus Equal Backspace"),
	...list(15, "Tab KeyQ KeyW KeyE KeyR KeyT KeyY KeyU KeyI KeyO KeyP BracketLeft BracketRight Enter"),
	...list(29, "ControlLeft KeyA KeyS KeyD KeyF KeyG KeyH KeyJ KeyK KeyL Semicolon Quote Backquote"),
	...list(42, "ShiftLeft Backslash KeyZ KeyX KeyC KeyV KeyB KeyN KeyM Comma Period Slash ShiftRight"),
	...list(55, "NumpadMultiply AltLeft Space CapsLock F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 NumLock ScrollLock"),
	...list(71, "Numpad7 Numpad8 Numpad9 NumpadSubtract Numpad4 Numpad5 Numpad6 NumpadAdd"),
	...list(79, "Numpad1 Numpad2 Numpad3 Numpad0 NumpadDecimal"),
	...list(85, "Lang5 IntlBackslash F11 F12 IntlRo Lang3 Lang4 Convert KanaMode NonConvert"),
	...list(96, "NumpadEnter ControlRight NumpadDivide PrintScreen AltRight"),
	...list(102, "Home ArrowUp PageUp ArrowLeft ArrowRight End ArrowDown PageDown Insert Delete"),
	...list(113, "AudioVolumeMute AudioVolumeDown AudioVolumeUp Power NumpadEqual NumpadSignChange Pause"),
	...list(121, "NumpadComma Lang1 Lang2 IntlYen MetaLeft MetaRight ContextMenu"),
	...list(128, "BrowserStop Again Props Undo Select Copy Open Paste Find Cut Help"),
	["LaunchApp2", 140], ["Sleep", 142], ["WakeUp", 143], ["LaunchApp1", 144],
	["LaunchMail", 155], ["BrowserFavorites", 156], ["BrowserBack", 158], ["BrowserForward", 159], ["Eject", 161],
	...list(163, "MediaTrackNext MediaPlayPause MediaTrackPrevious MediaStop"),
	["BrowserHome", 172], ["BrowserRefresh", 173], ["NumpadParenLeft", 179], ["NumpadParenRight", 180],
	...list(183, "F13 F14 F15 F16 F17 F18 F19 F20 F21 F22 F23 F24"),
	["BrowserSearch", 217], ["BrightnessDown", 224], ["BrightnessUp", 225], ["MediaSelect", 226],
	["MailSend", 231], ["MailReply", 232], ["MailForward", 233],
	// Names of older browsers.
	["OSLeft", 125], ["OSRight", 126], ["VolumeMute", 113], ["VolumeDown", 114], ["VolumeUp", 115],
]);

// X keysyms by KeyboardEvent.key, for keys without a code: those of virtual
// keyboards and of programs that type (X11/keysymdef.h).
const named: ReadonlyMap<string, number> = new Map([
	["Backspace", 0xff08], ["Tab", 0xff09], ["Clear", 0xff0b], ["Enter", 0xff0d], ["Pause", 0xff13],
	["ScrollLock", 0xff14], ["Escape", 0xff1b], ["Delete", 0xffff],
	...list(0xff50, "Home ArrowLeft ArrowUp ArrowRight ArrowDown PageUp PageDown End"),
	["Select", 0xff60], ["PrintScreen", 0xff61], ["Insert", 0xff63], ["Undo", 0xff65], ["Redo", 0xff66],
	["ContextMenu", 0xff67], ["Find", 0xff68], ["Cancel", 0xff69], ["Help", 0xff6a], ["NumLock", 0xff7f],
	...list(0xffbe, "F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 F11 F12 F13 F14 F15 F16 F17 F18 F19 F20 F21 F22 F23 F24"),
	["Shift", 0xffe1], ["Control", 0xffe3], ["CapsLock", 0xffe5], ["Alt", 0xffe9], ["Meta", 0xffeb],
	["AltGraph", 0xfe03],
]);

// keysym is 0 for a key that stands for nothing, such as a dead one.
export function keysym(key: string): number {
	const known = named.get(key);
	if (known) return known;
	const point = key.codePointAt(0) ?? 0;
	if (String.fromCodePoint(point) !== key || point < 0x20 || (point >= 0x7f && point < 0xa0)) return 0;
	return point < 0x100 ? point : 0x01000000 + point;
}
