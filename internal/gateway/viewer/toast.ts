// Short words at the lower edge: what has just happened. They go by themselves,
// but those that somebody must do something about.

const stay = 6000; // ms

export function toast(text: string, keep = false): void {
	const list = document.querySelector<HTMLElement>(".toasts")!;
	const item = document.createElement("div");
	const words = document.createElement("p");
	words.textContent = text;
	item.append(words);
	if (keep) {
		const close = document.createElement("button");
		close.type = "button";
		close.textContent = "All right";
		close.addEventListener("click", () => {
			item.remove();
			document.querySelector<HTMLElement>("main textarea, main video")?.focus({ preventScroll: true });
		});
		item.append(close);
	} else {
		window.setTimeout(() => item.remove(), stay);
	}
	list.append(item);
	while (list.children.length > 4) list.firstElementChild!.remove();
}
