// The entries of the panels: one line makes one. An entry whose module has nothing
// to offer is not shown.

export interface Control {
	readonly element: HTMLElement;
	refresh(): void;
}

type Offer = () => boolean;

const always: Offer = () => true;

// button does something; what it says may change.
export function button(label: () => string, press: () => void, there: Offer = always): Control {
	const element = document.createElement("button");
	element.type = "button";
	element.addEventListener("click", press);
	return {
		element,
		refresh() {
			element.hidden = !there();
			const text = label();
			if (element.textContent !== text) element.textContent = text;
		},
	};
}

// choice is one of several. The values are the options' own.
export function choice(
	label: string,
	options: () => readonly (readonly [value: string, label: string])[],
	value: () => string,
	choose: (value: string) => void,
	there: Offer = always,
): Control {
	const element = document.createElement("label");
	const select = document.createElement("select");
	element.append(`${label} `, select);
	select.addEventListener("change", () => choose(select.value));
	let shown = "";
	return {
		element,
		refresh() {
			const list = options();
			element.hidden = !there() || list.length < 2;
			if (JSON.stringify(list) !== shown) {
				shown = JSON.stringify(list);
				select.replaceChildren(...list.map(([value, label]) => new Option(label, value)));
			}
			if (document.activeElement !== select) select.value = value();
		},
	};
}

// slider is a part of the whole, from 0 to 1.
export function slider(label: string, value: () => number, set: (part: number) => void, there: Offer = always): Control {
	const element = document.createElement("label");
	const input = document.createElement("input");
	Object.assign(input, { type: "range", min: "0", max: "100" });
	element.append(`${label} `, input);
	input.addEventListener("input", () => set(Number(input.value) / 100));
	return {
		element,
		refresh() {
			element.hidden = !there();
			if (document.activeElement !== input) input.value = String(Math.round(value() * 100));
		},
	};
}

// note is a line of words; an empty one is not shown.
export function note(text: () => string): Control {
	const element = document.createElement("p");
	return {
		element,
		refresh() {
			const words = text();
			element.hidden = words === "";
			if (element.textContent !== words) element.textContent = words;
		},
	};
}
