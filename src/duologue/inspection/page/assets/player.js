// @ts-check
'use strict';

// Plays both sides in time. A piece is decoded when its turn comes, and forgotten after it: an hour as floats would be
// more than a gigabyte.

/** Pieces are decoded and scheduled this long before they are due. */
const AHEAD_S = 3;
const TICK_MS = 200;

/** @typedef {{source: AudioBufferSourceNode, side: Side}} Scheduled */

class Player {
  /**
   * @param {Sounds} sounds
   * @param {View} view
   * @param {() => void} onChange
   */
  constructor(sounds, view, onChange) {
    this.sounds = sounds;
    this.view = view;
    this.onChange = onChange;
    this.isPlaying = false;
    /** @type {AudioContext | null} */
    this.context = null;
    /** @type {{[side in Side]?: GainNode}} */
    this.gains = {};
    /** @type {{[side in Side]: boolean}} */
    this.muted = { user: false, model: false };
    /** @type {Scheduled[]} */
    this.scheduled = [];
    /** Pieces that are scheduled, or on their way, since the last start. @type {Set<string>} */
    this.taken = new Set();
    this.startedAt = 0;
    this.startedS = 0;
    this.run = 0;
    this.timer = 0;
  }

  get hasAudio() {
    return !this.sounds.isEmpty;
  }

  toggle() {
    if (this.isPlaying) this.pause();
    else void this.play();
  }

  async play() {
    if (this.isPlaying || !this.hasAudio) return;
    if (this.view.playheadS >= this.view.durationS - 0.02) this.view.seek(0);
    const context = this.open();
    this.isPlaying = true;
    this.onChange();
    await context.resume();
    this.restart();
    this.follow();
  }

  open() {
    if (this.context !== null) return this.context;
    const context = new AudioContext();
    for (const side of /** @type {Side[]} */ (['user', 'model'])) {
      const gain = context.createGain();
      gain.gain.value = this.muted[side] ? 0 : 1;
      gain.connect(context.destination);
      this.gains[side] = gain;
    }
    this.context = context;
    return context;
  }

  pause() {
    if (!this.isPlaying) return;
    this.isPlaying = false;
    this.silence();
    window.clearInterval(this.timer);
    void this.context?.suspend();
    this.onChange();
  }

  /** The playhead was moved: go on from there. */
  moved() {
    if (this.isPlaying) this.restart();
  }

  /**
   * @param {Side} side
   */
  mute(side) {
    this.muted[side] = !this.muted[side];
    const gain = this.gains[side];
    if (gain !== undefined) gain.gain.value = this.muted[side] ? 0 : 1;
    this.onChange();
  }

  silence() {
    this.run += 1;
    for (const { source } of this.scheduled) {
      source.onended = null;
      source.stop();
      source.disconnect();
    }
    this.scheduled = [];
    this.taken.clear();
  }

  restart() {
    const context = this.context;
    if (context === null) return;
    this.silence();
    this.startedAt = context.currentTime + 0.03;
    this.startedS = this.view.playheadS;
    this.schedule();
    window.clearInterval(this.timer);
    this.timer = window.setInterval(() => this.schedule(), TICK_MS);
  }

  /** Where the call is heard now. */
  get atS() {
    const context = this.context;
    return context === null ? this.startedS : Math.max(this.startedS, this.startedS + context.currentTime - this.startedAt);
  }

  schedule() {
    const now = this.atS;
    for (const side of /** @type {Side[]} */ (['user', 'model'])) {
      for (const piece of this.sounds.between(side, now, now + AHEAD_S)) {
        if (this.taken.has(piece.id)) continue;
        this.taken.add(piece.id);
        void this.start(piece, side, this.run);
      }
    }
  }

  /**
   * @param {AudioPiece} piece
   * @param {Side} side
   * @param {number} run
   */
  async start(piece, side, run) {
    const context = this.context;
    const gain = this.gains[side];
    if (context === null || gain === undefined) return;
    let buffer;
    try {
      buffer = await this.decode(piece, context);
    } catch {
      say(`a piece of the ${side}’s audio cannot be played`);
      return;
    }
    if (run !== this.run || buffer === null) return;
    const source = context.createBufferSource();
    source.buffer = buffer;
    source.connect(gain);
    const dueAt = this.startedAt + piece.begin_s - this.startedS;
    const late = Math.max(0, context.currentTime - dueAt, 0);
    const skip = dueAt < context.currentTime ? late + 0.01 : 0;
    const left = Math.min(buffer.duration, piece.duration_s) - skip;
    if (left <= 0) return;
    source.start(Math.max(dueAt, context.currentTime) + (skip > 0 ? 0.01 : 0), skip, left);
    const entry = { source, side };
    source.onended = () => { this.scheduled = this.scheduled.filter((each) => each !== entry); };
    this.scheduled.push(entry);
  }

  /**
   * @param {AudioPiece} piece
   * @param {AudioContext} context
   */
  async decode(piece, context) {
    const bytes = await this.sounds.load(piece);
    if (bytes === null) return null;
    if (piece.coding !== 'mulaw8000') return context.decodeAudioData(bytes.buffer);
    const buffer = context.createBuffer(1, Math.max(1, bytes.length), 8000);
    const samples = buffer.getChannelData(0);
    for (let index = 0; index < bytes.length; index += 1) samples[index] = MULAW[bytes[index] ?? 0] ?? 0;
    return buffer;
  }

  /** Move the playhead with what is heard. */
  follow() {
    if (!this.isPlaying) return;
    const atS = this.atS;
    if (atS >= this.view.durationS) {
      this.view.seek(this.view.durationS);
      this.pause();
      return;
    }
    const { view } = this;
    view.seek(atS, false);
    // Page by page, and not pixel by pixel: what is read stays still.
    if (atS > view.toS - view.spanS * 0.04 && view.toS < view.durationS) view.look(atS - view.spanS * 0.04, atS + view.spanS * 0.96);
    else if (atS < view.fromS) view.reveal(atS);
    requestAnimationFrame(() => this.follow());
  }
}

/** The sample of each µ-law code, between -1 and 1: ITU-T G.711, table 2a. */
const MULAW = Float32Array.from({ length: 256 }, (_, code) => {
  const bits = ~code & 0xff;
  const magnitude = ((((bits & 0x0f) << 3) + 0x84) << ((bits & 0x70) >> 4)) - 0x84;
  return (bits & 0x80 ? -magnitude : magnitude) / 32768;
});
