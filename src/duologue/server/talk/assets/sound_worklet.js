// @ts-check

// What runs in the thread of the sound: the microphone as PCM of 24 kHz, and the player of what the server says.

/** Of the wire: PCM16, mono. */
const WIRE_HZ = 24000;
/** Of a message with the microphone's sound: 20 ms. */
const PIECE_SAMPLES = 480;
/** Before a part of an answer begins to sound, so that the network may be late by as much: 60 ms. */
const AHEAD_SAMPLES = 1440;
/** Taps of the low-pass filter on each side of a sample, at the lower of both rates. */
const HALF_TAPS = 16;
/** Share of the lower band that is kept: the filter needs the rest to fall. */
const KEPT_BAND = 0.92;

/** Another rate, for one stream: what is left of a piece belongs to the next one. */
class Resampler {
  /**
   * @param {number} fromHz
   * @param {number} toHz
   */
  constructor(fromHz, toHz) {
    const divisor = greatestDivisor(fromHz, toHz);
    this.up = toHz / divisor;
    this.down = fromHz / divisor;
    const band = Math.min(1, toHz / fromHz) * KEPT_BAND;
    const half = Math.ceil(HALF_TAPS / Math.min(1, toHz / fromHz));
    this.taps = 2 * half;
    this.filters = Array.from({ length: this.up }, (_, phase) => lowPass(half, band, phase / this.up));
    this.phase = 0;
    this.at = 0;
    this.left = new Float32Array(half - 1);
  }

  /**
   * @param {Float32Array} piece
   * @returns {Float32Array}
   */
  process(piece) {
    if (this.up === this.down) return piece;
    const all = new Float32Array(this.left.length + piece.length);
    all.set(this.left);
    all.set(piece, this.left.length);
    const made = new Float32Array(Math.ceil((all.length * this.up) / this.down) + 1);
    let count = 0;
    while (this.at + this.taps <= all.length) {
      const filter = /** @type {Float32Array} */ (this.filters[this.phase]);
      let sum = 0;
      for (let tap = 0; tap < this.taps; tap += 1) sum += (filter[tap] ?? 0) * (all[this.at + tap] ?? 0);
      made[count] = sum;
      count += 1;
      this.phase += this.down;
      this.at += Math.floor(this.phase / this.up);
      this.phase %= this.up;
    }
    const used = Math.min(this.at, all.length);
    this.left = all.slice(used);
    this.at -= used;
    return made.subarray(0, count);
  }
}

/**
 * @param {number} one
 * @param {number} other
 * @returns {number}
 */
function greatestDivisor(one, other) {
  return other === 0 ? one : greatestDivisor(other, one % other);
}

/**
 * The taps of a windowed sinc, for a sample that lies `offset` behind the middle one.
 * @param {number} half
 * @param {number} band
 * @param {number} offset
 */
function lowPass(half, band, offset) {
  const taps = Float32Array.from({ length: 2 * half }, (_, tap) => {
    const distance = tap - half + 1 - offset;
    const angle = Math.PI * band * distance;
    const window = Math.cos((Math.PI / 2) * Math.min(1, Math.abs(distance) / half)) ** 2;
    return (angle === 0 ? 1 : Math.sin(angle) / angle) * window;
  });
  const sum = taps.reduce((all, each) => all + each, 0);
  return taps.map((each) => each / sum);
}

/** Gives the page what the microphone hears, as Int16Array of 20 ms. */
class Recorder extends AudioWorkletProcessor {
  constructor() {
    super();
    this.resampler = new Resampler(sampleRate, WIRE_HZ);
    this.piece = new Int16Array(PIECE_SAMPLES);
    this.filled = 0;
  }

  /**
   * @param {Float32Array[][]} inputs
   * @returns {boolean}
   */
  process(inputs) {
    // A source that has ended has no channels: the session's time goes on with silence.
    const heard = inputs[0]?.[0] ?? new Float32Array(128);
    for (const sample of this.resampler.process(heard)) {
      this.piece[this.filled] = Math.max(-32768, Math.min(32767, Math.round(sample * 32767)));
      this.filled += 1;
      if (this.filled < PIECE_SAMPLES) continue;
      this.port.postMessage(this.piece, [this.piece.buffer]);
      this.piece = new Int16Array(PIECE_SAMPLES);
      this.filled = 0;
    }
    return true;
  }
}

/**
 * Plays pieces of items, one after another.
 *
 * In: {item, samples}, {end: true}: the answer has no more, {cut: number}: stop at once.
 * Out: {started}, {stopped} when all was played, {cut: number, heard: [{item, samples}]}: what was played of each item
 * that was not played to its end.
 */
class Player extends AudioWorkletProcessor {
  constructor() {
    super();
    /** @type {{item: string, samples: Int16Array}[]} */
    this.queue = [];
    this.queued = 0;
    this.hasEnd = false;
    this.isPlaying = false;
    /** @type {string | null} */
    this.item = null;
    this.played = 0;
    /** @type {Float32Array} */
    this.made = new Float32Array(0);
    this.madeAt = 0;
    this.resampler = new Resampler(WIRE_HZ, sampleRate);
    this.port.onmessage = ({ data }) => this.take(data);
  }

  clear() {
    this.queue = [];
    this.queued = 0;
    this.hasEnd = false;
    this.item = null;
    this.played = 0;
    this.made = new Float32Array(0);
    this.madeAt = 0;
    this.resampler = new Resampler(WIRE_HZ, sampleRate);
  }

  /** @param {{item?: string, samples?: Int16Array, end?: boolean, cut?: number}} told */
  take(told) {
    if (told.cut !== undefined) {
      this.port.postMessage({ cut: told.cut, heard: this.heard() });
      this.isPlaying = false;
      this.clear();
    } else if (told.end === true) {
      this.hasEnd = true;
    } else if (told.item !== undefined && told.samples !== undefined) {
      this.hasEnd = false;
      this.queue.push({ item: told.item, samples: told.samples });
      this.queued += told.samples.length;
    }
  }

  heard() {
    const heard = new Map();
    if (this.item !== null && (this.queued > 0 || this.madeAt < this.made.length)) {
      heard.set(this.item, Math.round((this.played * WIRE_HZ) / sampleRate));
    }
    for (const { item } of this.queue) if (!heard.has(item)) heard.set(item, 0);
    return [...heard].map(([item, samples]) => ({ item, samples }));
  }

  /**
   * @param {Float32Array[][]} _inputs
   * @param {Float32Array[][]} outputs
   * @returns {boolean}
   */
  process(_inputs, outputs) {
    const output = outputs[0]?.[0];
    if (output === undefined) return true;
    if (!this.isPlaying) {
      if (this.queued === 0 || (this.queued < AHEAD_SAMPLES && !this.hasEnd)) return true;
      this.isPlaying = true;
      this.port.postMessage({ started: true });
    }
    let filled = 0;
    while (filled < output.length && this.refill()) {
      const piece = this.made.subarray(this.madeAt, this.madeAt + output.length - filled);
      output.set(piece, filled);
      filled += piece.length;
      this.madeAt += piece.length;
      this.played += piece.length;
    }
    if (filled < output.length) {
      this.isPlaying = false;
      if (this.hasEnd) {
        this.clear();
        this.port.postMessage({ stopped: true });
      }
    }
    return true;
  }

  /** Have samples to play; false: there are none. */
  refill() {
    while (this.madeAt >= this.made.length) {
      const next = this.queue.shift();
      if (next === undefined) return false;
      this.queued -= next.samples.length;
      if (next.item !== this.item) {
        this.item = next.item;
        this.played = 0;
      }
      this.made = this.resampler.process(Float32Array.from(next.samples, (sample) => sample / 32768));
      this.madeAt = 0;
    }
    return true;
  }
}

registerProcessor('recorder', Recorder);
registerProcessor('player', Player);
