// Which road the page takes to the gateway, and what is remembered of it.

// A road brings pictures and messages: by WebRTC over UDP or TCP, or by the WebSocket.
export type Road = "udp" | "tcp" | "websocket";

// Choice is a road that the user insists on, or auto: the best that gets through.
export type Choice = "auto" | Road;

// Transport is what others see of it.
export interface Transport {
	readonly current: Road | ""; // "": none yet
	readonly choice: Choice;
	readonly roundTrip: number; // ms; 0: not known yet
	readonly silence: number; // ms for which nothing has come
	// possible tells what this browser can.
	possible(choice: Choice): boolean;
	set(choice: Choice): void;
}

// Kept for all desktops of a server: it is the network's doing.
const key = "backlot blocked";

export const blocked = {
	get(): boolean {
		try {
			return localStorage.getItem(key) !== null;
		} catch {
			return false;
		}
	},
	set(is: boolean): void {
		try {
			if (is) localStorage.setItem(key, "1");
			else localStorage.removeItem(key);
		} catch {
			// Found out anew the next time.
		}
	},
};
