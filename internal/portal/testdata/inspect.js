const wrong = [];
const visible = (e) => e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !e.closest(".unseen, .skip");
const called = (e) => `${e.localName} “${(e.textContent || e.id).trim().slice(0, 40)}”`;
const open = document.querySelector("dialog[open]");
const shown = [...document.querySelectorAll("body *")].filter((e) => visible(e) && (!open || open.contains(e)));

if (document.documentElement.scrollWidth > innerWidth) wrong.push(`the page is ${document.documentElement.scrollWidth} wide`);
if (document.documentElement.lang !== "en" || !document.title) wrong.push("language or title is missing");

const headings = [...document.querySelectorAll("h1, h2, h3, h4")].filter(visible).map((h) => Number(h.localName[1]));
if (headings[0] !== 1 || headings.filter((level) => level === 1).length !== 1) wrong.push(`headings ${headings}: one h1 must come first`);
headings.forEach((level, i) => level > (headings[i - 1] ?? level) + 1 && wrong.push(`headings ${headings}: a level is left out`));

const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
for (const id of ids.filter((id, i) => ids.indexOf(id) !== i)) wrong.push(`two elements have the id ${id}`);
for (const e of document.querySelectorAll("[aria-labelledby], [aria-describedby]"))
	for (const id of `${e.getAttribute("aria-labelledby") ?? ""} ${e.getAttribute("aria-describedby") ?? ""}`.split(" "))
		if (id && !document.getElementById(id)) wrong.push(`${called(e)} is described by ${id}, which is not there`);
for (const image of document.images) if (!image.hasAttribute("alt")) wrong.push("an image has no alt");

for (const e of shown.filter((e) => e.matches("a, button, select, summary"))) {
	const name = e.localName === "select" ? e.labels[0]?.textContent : e.textContent.trim();
	if (!name) wrong.push(`${called(e)} has no name`);
	const { width, height } = e.getBoundingClientRect();
	if (width < 24 || height < 20 || (e.matches("button, select, .button") && height < 44)) wrong.push(`${called(e)} is small: ${width} x ${height}`);
}

const rgba = (text) => {
	const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
	return [r, g, b, a];
};
const over = (top, below) => top.slice(0, 3).map((c, i) => c * top[3] + below[i] * (1 - top[3]));
const ground = (e) => {
	if (!e) return [255, 255, 255];
	const own = rgba(getComputedStyle(e).backgroundColor);
	return own[3] === 1 ? own : over(own, ground(e.parentElement));
};
const luminance = (c) => {
	const [r, g, b] = c.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
	return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
for (const e of shown.filter((e) => [...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.data.trim()))) {
	const below = ground(e);
	const [a, b] = [luminance(over(rgba(getComputedStyle(e).color), below)), luminance(below)];
	const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
	if (contrast < 4.5) wrong.push(`${called(e)} has a contrast of ${contrast.toFixed(2)}`);
}

const first = document.querySelector("#sessions > *");
const height = first && !first.querySelector("details[open]") ? first.getBoundingClientRect().height : 0;
return { wrong, height };
