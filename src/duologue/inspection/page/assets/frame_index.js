// @ts-check
'use strict';

// Frames: a small index of all of them, and their texts in packed pieces of which a few are kept.

/** Pieces of 2,000 frames that stay unpacked: enough to scroll through, small beside the rest of the page. */
const PIECES_KEPT = 6;

/** Types of partners that are listed of one frame. */
const MOST_PARTNERS = 12;

/** @typedef {{at_ms: number[], dir: string, types: string[], type: number[], bytes: number[], partner: number[],
 *   odd: number[], id: string[], fold: number[]}} IndexColumns */

/**
 * A column with room for more.
 * @template {Int32Array | Uint16Array | Uint8Array | Float64Array} T
 * @param {T} column
 * @param {number} length
 * @returns {T}
 */
function roomier(column, length) {
  if (column.length >= length) return column;
  const larger = /** @type {T} */ (new /** @type {any} */ (column.constructor)(Math.max(length, column.length * 2)));
  larger.set(column);
  return larger;
}

class FrameIndex {
  /**
   * @param {FrameStore} store
   * @param {IndexColumns} columns
   * @param {string} side Who recorded the call.
   * @param {string | null} [address] Of one frame, while the call is followed: `{number}` stands for its number.
   */
  constructor(store, columns, side, address = null) {
    this.store = store;
    this.address = address;
    this.clientLetter = side === 'server' ? 'r' : 's';
    this.count = 0;
    this.atMs = new Int32Array();
    this.dir = '';
    /** @type {string[]} */
    this.types = [];
    this.type = new Uint16Array();
    this.bytes = new Int32Array();
    this.partner = new Int32Array();
    this.odd = new Uint8Array();
    /** @type {string[]} */
    this.id = [];
    this.fold = new Int32Array();
    /** How many frames the run has that begins here. */
    this.runLength = new Int32Array();
    this.runBytes = new Float64Array();
    this.append(columns);
    /** @type {Map<number, string[]>} */
    this.pieces = new Map();
  }

  /**
   * More frames, with the names of the types that are new.
   * @param {IndexColumns} columns
   */
  append(columns) {
    const first = this.count;
    this.count += columns.at_ms.length;
    for (const name of /** @type {const} */ (['atMs', 'type', 'bytes', 'partner', 'odd', 'fold', 'runLength', 'runBytes'])) {
      Reflect.set(this, name, roomier(this[name], this.count));
    }
    this.dir += columns.dir;
    for (const type of columns.types) this.types.push(type);
    for (const id of columns.id) this.id.push(id);
    this.atMs.set(columns.at_ms, first);
    this.type.set(columns.type, first);
    this.bytes.set(columns.bytes, first);
    this.partner.set(columns.partner, first);
    this.odd.set(columns.odd, first);
    this.fold.set(columns.fold, first);
    for (let number = first; number < this.count; number += 1) {
      const run = this.fold[number] ?? number;
      this.runLength[run] = (this.runLength[run] ?? 0) + 1;
      this.runBytes[run] = (this.runBytes[run] ?? 0) + (this.bytes[number] ?? 0);
    }
  }

  /** @param {number} number */
  typeOf(number) {
    return this.types[this.type[number] ?? 0] ?? '';
  }

  /** @param {number} number */
  atS(number) {
    return (this.atMs[number] ?? 0) / 1000;
  }

  /**
   * Who it comes from; for a line that is no message, what kind of line it is.
   * @param {number} number
   * @returns {'client' | 'server' | 'note' | 'closed' | 'connected'}
   */
  from(number) {
    const letter = this.dir[number];
    if (letter === 'n') return 'note';
    if (letter === 'c') return 'closed';
    if (letter === 'o') return 'connected';
    return letter === this.clientLetter ? 'client' : 'server';
  }

  /**
   * The first frame at a moment or later.
   * @param {number} atMs
   */
  after(atMs) {
    let [low, high] = [0, this.count];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.atMs[middle] ?? 0) < atMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * The frame of one of these types nearest to a moment, at most 50 ms before it and so many behind; else the first
   * frame from then on.
   * @param {number} atS
   * @param {RegExp} [type]
   * @param {number} [laterMs]
   */
  near(atS, type, laterMs = 50) {
    const atMs = Math.round(atS * 1000);
    if (type !== undefined) {
      let [found, nearest] = [-1, Infinity];
      for (let number = this.after(atMs - 50); number < this.count; number += 1) {
        const away = Math.abs((this.atMs[number] ?? 0) - atMs);
        if ((this.atMs[number] ?? 0) > atMs + laterMs) break;
        if (away < nearest && type.test(this.typeOf(number))) [found, nearest] = [number, away];
      }
      if (found >= 0) return found;
    }
    return Math.min(this.after(atMs), this.count - 1);
  }

  /**
   * The partner of a frame, and the frames whose partner it is: of each type the first, and how many there are.
   * @param {number} number
   * @returns {{number: number, times: number}[]}
   */
  partners(number) {
    const own = this.partner[number] ?? -1;
    const found = own >= 0 && own < this.count ? [{ number: own, times: 1 }] : [];
    /** @type {Map<number, {number: number, times: number}>} */
    const types = new Map();
    // The partner of a frame is seldom far away; an answer that comes after 4,000 frames is not looked for.
    for (let other = Math.max(0, number - 4000); other < Math.min(this.count, number + 4000); other += 1) {
      if (this.partner[other] !== number || other === own) continue;
      const type = this.type[other] ?? 0;
      const known = types.get(type);
      if (known === undefined) types.set(type, { number: other, times: 1 });
      else known.times += 1;
    }
    return [...found, ...types.values()].slice(0, MOST_PARTNERS);
  }

  /**
   * The lines of one piece.
   * @param {number} piece
   * @param {boolean} [keep]
   */
  async linesOf(piece, keep = true) {
    const known = this.pieces.get(piece);
    if (known !== undefined) {
      this.pieces.delete(piece);
      this.pieces.set(piece, known);
      return known;
    }
    const chunk = this.store.chunks[piece];
    if (chunk === undefined) return [];
    const lines = (await unpacked(chunk.id)).split('\n');
    if (keep) {
      this.pieces.set(piece, lines);
      const oldest = this.pieces.keys().next();
      if (this.pieces.size > PIECES_KEPT && !oldest.done) this.pieces.delete(oldest.value);
    }
    return lines;
  }

  /**
   * The text of a frame, as JSON.
   * @param {number} number
   */
  async text(number) {
    if (this.address !== null) {
      const answer = await fetch(this.address.replace('{number}', String(number)));
      return answer.ok ? answer.text() : '"(this frame is not kept any more)"';
    }
    const piece = this.store.chunks.findIndex((each) => number < each.first + each.count);
    const chunk = this.store.chunks[piece];
    if (chunk === undefined) return '';
    return (await this.linesOf(piece))[number - chunk.first] ?? '';
  }

  /**
   * The next frame that is odd; -1 if there is none.
   * @param {number} number
   * @param {1 | -1} step
   */
  nextOdd(number, step) {
    for (let other = number + step; other >= 0 && other < this.count; other += step) {
      if (this.odd[other]) return other;
    }
    return -1;
  }

  /**
   * The index of a call.
   * @param {CallData} data
   */
  static async of(data) {
    const store = data.frames ?? { count: 0, chunks: [], index: '' };
    const none = { at_ms: [], dir: '', types: [], type: [], bytes: [], partner: [], odd: [], id: [], fold: [] };
    /** @type {IndexColumns} */
    const columns = store.count > 0 ? JSON.parse(await unpacked(store.index)) : none;
    return new FrameIndex(store, columns, data.call.side, data.live?.frame ?? null);
  }
}
