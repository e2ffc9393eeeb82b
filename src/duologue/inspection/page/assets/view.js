// @ts-check
'use strict';

// What is looked at: the part of the time axis, the playhead, the turn, the frame. One object that all panels listen to.

/** The shortest part of a call that fills the width: below it there is less than one piece of audio to see. */
const SHORTEST_S = 0.05;

/** @typedef {'window' | 'playhead' | 'turn' | 'frame'} Aspect */

class View {
  /** @param {number} durationS */
  constructor(durationS) {
    this.durationS = durationS;
    this.fromS = 0;
    this.toS = durationS;
    this.playheadS = 0;
    /** The number of the selected turn; 0: none. */
    this.turn = 0;
    /** The number of the selected frame; -1: none. */
    this.frame = -1;
    /** @type {((changed: Set<Aspect>) => void)[]} */
    this.listeners = [];
    /** @type {Set<Aspect>} */
    this.changed = new Set();
  }

  /**
   * Be told, once a picture, what has changed.
   * @param {(changed: Set<Aspect>) => void} listener
   */
  listen(listener) {
    this.listeners.push(listener);
  }

  /** @param {Aspect} aspect */
  touch(aspect) {
    if (this.changed.size === 0) requestAnimationFrame(() => this.tell());
    this.changed.add(aspect);
  }

  tell() {
    const changed = this.changed;
    this.changed = new Set();
    for (const listener of this.listeners) listener(changed);
  }

  get spanS() {
    return this.toS - this.fromS;
  }

  /**
   * The axis has become longer; where all of it was looked at, it still is.
   * @param {number} durationS
   */
  grow(durationS) {
    if (durationS === this.durationS) return;
    const isWhole = this.spanS >= this.durationS * 0.999;
    this.durationS = durationS;
    if (isWhole) this.toS = durationS;
    this.touch('window');
  }

  /**
   * Look at a part of the axis; it is kept inside the call.
   * @param {number} fromS
   * @param {number} toS
   */
  look(fromS, toS) {
    const span = Math.min(this.durationS, Math.max(SHORTEST_S, toS - fromS));
    const from = Math.min(Math.max(0, fromS), this.durationS - span);
    if (from === this.fromS && from + span === this.toS) return;
    this.fromS = from;
    this.toS = from + span;
    this.touch('window');
  }

  /**
   * Zoom by a factor, with one moment staying where it is.
   * @param {number} factor
   * @param {number} [aroundS]
   */
  zoom(factor, aroundS) {
    const fixed = aroundS ?? (this.isVisible(this.playheadS) ? this.playheadS : (this.fromS + this.toS) / 2);
    const span = Math.min(this.durationS, Math.max(SHORTEST_S, this.spanS / factor));
    const from = fixed - ((fixed - this.fromS) / this.spanS) * span;
    this.look(from, from + span);
  }

  /** @param {number} byS */
  pan(byS) {
    this.look(this.fromS + byS, this.toS + byS);
  }

  /** @param {number} atS */
  isVisible(atS) {
    return atS >= this.fromS && atS <= this.toS;
  }

  /**
   * Make a part visible, with as little movement as possible.
   * @param {number} fromS
   * @param {number} [toS]
   */
  reveal(fromS, toS = fromS) {
    if (this.isVisible(fromS) && this.isVisible(Math.min(toS, fromS + this.spanS * 0.8))) return;
    const margin = this.spanS * 0.1;
    if (toS - fromS > this.spanS - 2 * margin) this.look(fromS - margin, fromS - margin + this.spanS);
    else this.look((fromS + toS - this.spanS) / 2, (fromS + toS + this.spanS) / 2);
  }

  /**
   * Move the playhead.
   * @param {number} atS
   * @param {boolean} [follow] Whether to keep it in sight.
   */
  seek(atS, follow = true) {
    this.playheadS = Math.min(this.durationS, Math.max(0, atS));
    if (follow) this.reveal(this.playheadS);
    this.touch('playhead');
  }

  /** @param {number} number */
  selectTurn(number) {
    if (this.turn === number) return;
    this.turn = number;
    this.touch('turn');
  }

  /** @param {number} number */
  selectFrame(number) {
    if (this.frame === number) return;
    this.frame = number;
    this.touch('frame');
  }
}
