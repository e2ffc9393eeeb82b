// @ts-check
'use strict';

// What Python wrote into the page, with its types.

/**
 * @typedef {[number, number]} Span Begin and end, in seconds since the start of the recording.
 * @typedef {[number, number, number]} PlayedSpan The same, and where in its part it begins, in milliseconds.
 * @typedef {{item_id: string, begin_s: number, final_s: number | null, text: string, ticks: number[],
 *   response_id?: string}} TextRow
 * @typedef {{item_id: string, content_index: number, response_id: string, heard: PlayedSpan[],
 *   unheard: PlayedSpan[], gaps: Span[], cut_by: string | null}} AudioRow
 * @typedef {{turn: number, kind: string, from_s: number, to_s: number, ms: number, from_frame: number,
 *   to_frame: number}} Bracket
 * @typedef {{user_speech: Span[], user_energy: Span[], user_text: TextRow[], model_audio: AudioRow[],
 *   model_text: TextRow[], brackets: Bracket[]}} LaneRows
 *
 * @typedef {{number: number, kind: string, item_id: string | null, speech_started_s: number | null,
 *   speech_stopped_s: number | null, committed_s: number | null, end_of_speech_s: number | null,
 *   end_from: string | null, withheld: string | null, user_text: string | null, user_text_s: number | null,
 *   response_ids: string[], first_text_s: number | null, first_audio_s: number | null,
 *   first_heard_s: number | null, answer_text: string | null, done_s: number | null, status: string | null,
 *   is_interrupted: boolean, endpointing_ms: number | null, first_text_ms: number | null,
 *   first_audio_ms: number | null, first_heard_ms: number | null, transcript_ms: number | null}} Turn
 * @typedef {{response_id: string, turn: number, requested_s: number | null, created_s: number | null,
 *   first_audio_s: number | null, done_s: number | null, status: string | null, reason: string | null,
 *   text: string | null, tokens: number | null}} Answer
 * @typedef {{at_s: number, turn: number, item_id: string, heard_ms: number, arrived_ms: number, cut_by: string,
 *   silent_s: number, yield_ms: number}} Interruption
 * @typedef {{call_id: string, name: string | null, turn: number, asked_s: number | null, arguments: string | null,
 *   began_s: number | null, ended_s: number | null, answered_s: number | null,
 *   duration_ms: number | null}} Tool
 * @typedef {{at_s: number, kind: string, end_s: number | null, text: string, dropped_ms: number}} LegMoment
 * @typedef {{at_s: number, code: string | null, message: string, answers: string | null}} CallError
 * @typedef {{at_s: number, kind: string, text: string}} Mark
 * @typedef {{side: string, model: string | null, session_id: string | null, last_at_s: number, turns: Turn[],
 *   responses: Answer[], interruptions: Interruption[], tools: Tool[], leg: LegMoment[], errors: CallError[], marks: Mark[],
 *   tokens: {input: number, output: number, total: number}, events: {[type: string]: number}, unknown: number,
 *   user_audio_ms: number, model_audio_ms: number, dropped: number}} CallRows
 *
 * @typedef {{count: number, shortest: number, longest: number, median: number | null, p95: number | null}} Summary
 * @typedef {{turns: number, withheld: number, endpointing: Summary | null, first_text: Summary | null,
 *   first_audio: Summary | null, first_heard: Summary | null, transcript: Summary | null, tool: Summary | null,
 *   interruptions: number, interrupt_yield: Summary | null, underruns: number, errors: number, talk?: Talk | null,
 *   wire?: {sent: number, sent_bytes: number, received: number, received_bytes: number} | null,
 *   cost?: {amount: number, currency: string, model: string, not_priced: number} | null}} Figures
 * @typedef {{user_s: number, model_s: number, both_s: number, over_s: number, silence_s: number,
 *   longest_silence_s: number}} Talk
 *
 * @typedef {{id: string, begin_s: number, duration_s: number, coding: 'mp3' | 'mulaw8000' | 'wav'}} AudioPiece
 * @typedef {'user' | 'model'} Side
 * @typedef {{count: number, chunks: {id: string, first: number, count: number}[], index: string}} FrameStore
 * @typedef {{started_at?: string, side?: string, url?: string | null, model?: string | null,
 *   dialect?: string | null, family?: string | null, subject?: string | null, medium?: string | null}} Header
 *
 * @typedef {{version: number, title: string, header: Header, duration_s: number, redacted: string[],
 *   cut_off: boolean, notes: string[], figures: Figures, call: CallRows, lanes: LaneRows,
 *   peaks: {step_ms: number, user: string, model: string},
 *   audio?: {[side in Side]: AudioPiece[]}, frames?: FrameStore,
 *   differences?: Difference[], aligned_s?: number,
 *   against?: CallData | null, live?: LiveAddresses | null}} CallData
 * @typedef {{only: 'this' | 'other', part: number, at_s: number, by: string, type: string, ids: string[]}} Difference
 * @typedef {{events: string, audio: string, frame: string, closed?: boolean}} LiveAddresses
 */

/**
 * The JSON in one element of the page.
 * @param {string} id
 * @returns {unknown}
 */
function embedded(id) {
  return JSON.parse(byId(id).textContent ?? 'null');
}

/**
 * @param {unknown} base64
 * @returns {Uint8Array<ArrayBuffer>}
 */
function bytesOf(base64) {
  const binary = atob(String(base64));
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index += 1) bytes[index] = binary.charCodeAt(index);
  return bytes;
}

/**
 * The text that an element holds as base64 of gzip.
 * @param {string} id
 * @returns {Promise<string>}
 */
async function unpacked(id) {
  const packed = new Blob([bytesOf(embedded(id))]);
  return new Response(packed.stream().pipeThrough(new DecompressionStream('gzip'))).text();
}

/** How loud it was, at each step; and the loudest of each 16 steps, of each 256, …, to draw from afar. */
class Peaks {
  /**
   * @param {Uint8Array<ArrayBuffer>} values
   * @param {number} stepS
   */
  constructor(values, stepS) {
    this.stepS = stepS;
    this.length = 0;
    this.loudest = 1;
    /** @type {Uint8Array[]} */
    this.levels = [];
    this.put(0, values);
  }

  /**
   * Set the values from one step on; there may be more of them than before.
   * @param {number} first
   * @param {Uint8Array} values
   */
  put(first, values) {
    this.length = Math.max(this.length, first + values.length);
    let [from, to] = [first, first + values.length];
    for (let level = 0; ; level += 1) {
      const length = Math.ceil(this.length / 16 ** level);
      const own = this.room(level, length);
      if (level === 0) own.set(values, first);
      else this.summarise(level, from, to);
      if (length <= 256) {
        this.loudest = Math.max(1, ...own.subarray(0, length));
        return;
      }
      from >>= 4;
      to = (to + 15) >> 4;
    }
  }

  /**
   * A level with room for so many values.
   * @param {number} level
   * @param {number} length
   */
  room(level, length) {
    let own = this.levels[level] ?? new Uint8Array(length);
    if (own.length < length) {
      const larger = new Uint8Array(length * 2);
      larger.set(own);
      own = larger;
    }
    this.levels[level] = own;
    return own;
  }

  /**
   * @param {number} level
   * @param {number} from
   * @param {number} to
   */
  summarise(level, from, to) {
    const below = this.levels[level - 1] ?? new Uint8Array();
    const own = this.levels[level] ?? new Uint8Array();
    for (let index = from; index < to; index += 1) {
      let loudest = 0;
      for (let each = index * 16; each < index * 16 + 16; each += 1) loudest = Math.max(loudest, below[each] ?? 0);
      own[index] = loudest;
    }
  }

  /**
   * The loudest between two moments, 0 to 255.
   * @param {number} fromS
   * @param {number} toS
   */
  between(fromS, toS) {
    let from = Math.max(0, Math.floor(fromS / this.stepS));
    let to = Math.max(from + 1, Math.ceil(toS / this.stepS));
    let level = 0;
    while (to - from > 32 && level + 1 < this.levels.length) {
      from >>= 4;
      to = (to + 15) >> 4;
      level += 1;
    }
    const values = this.levels[level] ?? new Uint8Array();
    let loudest = 0;
    for (let index = from; index < Math.min(to, values.length); index += 1) {
      const value = values[index] ?? 0;
      if (value > loudest) loudest = value;
    }
    return loudest;
  }
}

/** A call with what is worked out of it once. */
class Call {
  /** @param {CallData} data */
  constructor(data) {
    this.data = data;
    this.rows = data.call;
    this.lanes = data.lanes;
    const stepS = data.peaks.step_ms / 1000;
    /** @type {{[side in Side]: Peaks}} */
    this.peaks = {
      user: new Peaks(bytesOf(data.peaks.user), stepS),
      model: new Peaks(bytesOf(data.peaks.model), stepS),
    };
    /** @type {Map<string, Turn>} */
    this.turnOfItem = new Map();
    /** When each turn begins: never before the one before it. @type {number[]} */
    this.begins = [];
    this.place();
  }

  /** Whether it still goes on. */
  get isOpen() {
    return this.data.live ? !this.data.live.closed : false;
  }

  get durationS() {
    return Math.max(0.1, this.data.duration_s);
  }

  /** Find when the turns begin. The server says that it hears speech some time after it has begun. */
  place() {
    this.turnOfItem.clear();
    const spoken = this.lanes.user_speech;
    let [next, last] = [0, 0];
    for (const turn of this.rows.turns) {
      if (turn.item_id !== null) this.turnOfItem.set(turn.item_id, turn);
      let beginS =
        turn.speech_started_s ?? turn.end_of_speech_s ?? turn.committed_s ?? turn.first_text_s ?? turn.done_s ?? last;
      while (next < spoken.length && (spoken[next]?.[1] ?? 0) < beginS) next += 1;
      const speech = spoken[next];
      if (speech !== undefined && turn.speech_started_s !== null && speech[0] <= beginS) beginS = speech[0];
      last = Math.max(last, beginS);
      this.begins[turn.number - 1] = last;
    }
  }

  /**
   * When a turn begins.
   * @param {Turn} turn
   */
  beginS(turn) {
    return this.begins[turn.number - 1] ?? 0;
  }

  /**
   * The number of the turn at a moment: the last one that has begun.
   * @param {number} atS
   */
  turnAt(atS) {
    let [low, high] = [0, this.begins.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.begins[middle] ?? 0) <= atS) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * From the beginning of a turn to that of the next.
   * @param {number} number
   * @returns {Span | null}
   */
  turnSpan(number) {
    const begin = this.begins[number - 1];
    return begin === undefined ? null : [begin, this.begins[number] ?? this.durationS];
  }
}
