// In a page: what an audio element plays, and the microphone of the test, on one clock in steps of 2.7 ms (128 samples).

(() => {
  const LOUD = 0.02;
  const source = `
    registerProcessor('ear', class extends AudioWorkletProcessor {
      process([input]) {
        let peak = 0;
        for (const sample of input[0] ?? []) peak = Math.max(peak, Math.abs(sample));
        if (peak >= ${LOUD}) this.port.postMessage(currentTime);
        return true;
      }
    });`;

  /** When a stream was loud: the beginnings and ends of its sounds, which half a second of silence parts. */
  class Ear {
    constructor() {
      /** @type {{from: number, to: number}[]} */
      this.sounds = [];
    }

    heard(at) {
      const last = this.sounds.at(-1);
      if (last === undefined || at - last.to > 0.5) this.sounds.push({ from: at, to: at });
      else last.to = at;
    }
  }

  window.listen = async (streams) => {
    const context = new AudioContext();
    await context.resume();
    await context.audioWorklet.addModule(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })));
    const ears = {};
    for (const [name, stream] of Object.entries(streams)) {
      const node = new AudioWorkletNode(context, 'ear', { numberOfOutputs: 0 });
      const ear = new Ear();
      node.port.onmessage = ({ data }) => ear.heard(data);
      context.createMediaStreamSource(stream).connect(node);
      ears[name] = ear;
    }
    return { context, ears, now: () => context.currentTime };
  };
})();
