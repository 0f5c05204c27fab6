// Notes when the page shows a flash and plays a click, in ms of the wall clock.
globalThis.claps = { flashes: [], clicks: [] };

globalThis.watchClaps = () => {
	const video = document.querySelector("video");
	const canvas = new OffscreenCanvas(1, 1);
	const context = canvas.getContext("2d", { willReadFrequently: true });
	let white = null;
	const look = (now) => {
		context.drawImage(video, video.videoWidth / 2, video.videoHeight / 2, 1, 1, 0, 0, 1, 1);
		const is = context.getImageData(0, 0, 1, 1).data[1] > 128;
		if (white !== null && is !== white) claps.flashes.push(performance.timeOrigin + now);
		white = is;
		video.requestVideoFrameCallback(look);
	};
	video.requestVideoFrameCallback(look);
};

// speaker is what the page plays last before the loudspeaker.
let speaker = null;
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (to, ...how) {
	if (to instanceof AudioDestinationNode) speaker = this;
	return connect.call(this, to, ...how);
};

const worklet = `registerProcessor("ear", class extends AudioWorkletProcessor {
	quiet = 0;
	process([[samples]]) {
		for (let i = 0; samples && i < samples.length; i++) {
			if (Math.abs(samples[i]) > 0.1) {
				if (this.quiet > sampleRate / 5) this.port.postMessage((currentFrame + i) / sampleRate);
				this.quiet = 0;
			} else this.quiet++;
		}
		if (!samples) this.quiet += 128;
		return true;
	}
});`;

// listenToClaps hears what the page plays, at the moment that the loudspeaker does.
globalThis.listenToClaps = async () => {
	const { context } = speaker;
	await context.audioWorklet.addModule(URL.createObjectURL(new Blob([worklet], { type: "text/javascript" })));
	const ear = new AudioWorkletNode(context, "ear");
	connect.call(speaker, ear);
	ear.port.onmessage = ({ data }) => {
		const { contextTime, performanceTime } = context.getOutputTimestamp();
		claps.clicks.push(performance.timeOrigin + performanceTime + (data - contextTime) * 1000);
	};
	return `${context.sampleRate} Hz, base latency ${context.baseLatency * 1000} ms, output latency ${context.outputLatency * 1000} ms`;
};
globalThis.speakerIsThere = () => speaker !== null;
