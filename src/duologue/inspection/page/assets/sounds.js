// @ts-check
'use strict';

// Where the player has its sounds from: the page itself, or the server while a call is followed.

/** Seconds of one piece that is asked of the server. */
const ASKED_S = 5;

/** @typedef {{between: (side: Side, fromS: number, toS: number) => AudioPiece[],
 *   load: (piece: AudioPiece) => Promise<Uint8Array<ArrayBuffer> | null>, isEmpty: boolean}} Sounds */

/**
 * The pieces that the page holds.
 * @param {{[side in Side]: AudioPiece[]}} pieces
 * @returns {Sounds}
 */
function embeddedSounds(pieces) {
  return {
    isEmpty: pieces.user.length + pieces.model.length === 0,
    between: (side, fromS, toS) => pieces[side].filter((piece) => piece.begin_s < toS && piece.begin_s + piece.duration_s > fromS),
    load: async (piece) => bytesOf(embedded(piece.id)),
  };
}

/**
 * Pieces that a server gives, of a call that goes on.
 * @param {string} address With `{side}`, `{begin_ms}` and `{end_ms}` in it.
 * @param {() => number} durationS
 * @returns {Sounds}
 */
function servedSounds(address, durationS) {
  return {
    isEmpty: false,
    between: (side, fromS, toS) => {
      /** @type {AudioPiece[]} */
      const pieces = [];
      for (let begin = Math.floor(fromS / ASKED_S) * ASKED_S; begin < Math.min(toS, durationS()); begin += ASKED_S) {
        const endS = Math.min(begin + ASKED_S, durationS());
        const asked = { side, begin_ms: String(Math.round(begin * 1000)), end_ms: String(Math.round(endS * 1000)) };
        const id = address.replace(/\{(side|begin_ms|end_ms)\}/g, (_all, name) => asked[/** @type {keyof typeof asked} */ (name)]);
        if (endS > begin) pieces.push({ id, begin_s: begin, duration_s: endS - begin, coding: 'wav' });
      }
      return pieces;
    },
    load: async (piece) => {
      const answer = await fetch(piece.id);
      return answer.status === 200 ? new Uint8Array(await answer.arrayBuffer()) : null;
    },
  };
}
