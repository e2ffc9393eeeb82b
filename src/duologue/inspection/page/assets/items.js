// @ts-check
'use strict';

// What each lane holds, as one kind of row: the canvas draws these rows, and the table of the lane lists them.

/**
 * @typedef {{fromS: number, toS: number, what: string, words?: string, tone: Tone, shape?: Shape,
 *   ticks?: number[], lateS?: number, frame: () => number, turn?: number, few?: string, short?: string, name?: string, stage?: string, ms?: number}} Item
 * @typedef {'user' | 'model' | 'quiet' | 'bad' | 'odd' | 'plain'} Tone
 * @typedef {'bar' | 'thin' | 'hatched' | 'hollow' | 'mark' | 'cut' | 'text' | 'stage'} Shape
 * @typedef {'user_audio' | 'user_speech' | 'user_text' | 'responses' | 'model_audio' | 'model_text' | 'tools' |
 *   'marks' | 'events' | 'brackets' | 'leg'} LaneKey
 * @typedef {{[key in LaneKey]: Item[]}} LaneItems
 */

/** So much later the server may say that it hears speech: detectors want some of it first. */
const HEARD_LATE_MS = 2000;

/** @type {{key: LaneKey, name: string, height: number, group: number, about: string}[]} */
const LANES = [
  { key: 'user_audio', name: 'User audio', height: 46, group: 0, about: 'How loud the user is, as sent' },
  { key: 'user_speech', name: 'User speech', height: 16, group: 0, about: 'Thick: heard by the server’s detector. Thin: loud by our own measure' },
  { key: 'user_text', name: 'User text', height: 26, group: 0, about: 'From the beginning of speech until the transcript was final' },
  { key: 'responses', name: 'Responses', height: 20, group: 1, about: 'Requested, created, done' },
  { key: 'model_audio', name: 'Model audio', height: 46, group: 1, about: 'As heard; grey: arrived and never heard; hatched: ran dry' },
  { key: 'model_text', name: 'Model text', height: 26, group: 1, about: 'From the first piece of text to the last' },
  { key: 'leg', name: 'Telephone', height: 20, group: 1, about: 'What the carrier has played, its marks, keys, and when its queue was emptied' },
  { key: 'tools', name: 'Tools', height: 20, group: 1, about: 'From a function’s arguments to its output' },
  { key: 'marks', name: 'Notes', height: 20, group: 2, about: 'Marks of the application, faults made on purpose, engines' },
  { key: 'events', name: 'Events', height: 20, group: 2, about: 'Errors, unknown events, closes' },
  { key: 'brackets', name: 'Delays', height: 26, group: 2, about: 'From the end of the user’s speech to what was first heard' },
];

/**
 * The lanes that have a place: that of a telephone only where its leg is recorded.
 * @param {LaneItems} items
 */
function lanesOf(items) {
  return LANES.filter((lane) => lane.key !== 'leg' || items.leg.length > 0);
}

/** How the stages of an answer are called, in their order. */
const STAGES = /** @type {const} */ ({
  endpointing: 'end of turn',
  created: 'created',
  first_text: 'first text',
  first_audio: 'first audio',
  first_heard: 'heard',
  barge_in: 'silent after the user spoke',
});

/** @param {string} kind */
function stageName(kind) {
  return Object.hasOwn(STAGES, kind) ? STAGES[/** @type {keyof typeof STAGES} */ (kind)] : kind;
}

/** What says that speech was cut: in a sentence, in few words, in one. */
const CUT_BY = /** @type {{[by: string]: [string, string, string]}} */ ({
  playback: ['cut, says the player’s note', 'cut, says the player', 'cut'],
  truncate: ['cut, says the client’s truncate', 'cut, says the client', 'cut'],
  speech_started: ['cut when the server heard the user', 'cut by the user', 'cut'],
  silence: ['fell silent while the user spoke', 'the user spoke', 'cut'],
});

/**
 * The rows of all lanes.
 * @param {Call} call
 * @param {FrameIndex | null} frames
 * @returns {LaneItems}
 */
function laneItems(call, frames) {
  /**
   * @param {number} atS
   * @param {RegExp} [type]
   * @param {number} [laterMs]
   */
  const near = (atS, type, laterMs) => () => (frames === null || frames.count === 0 ? -1 : frames.near(atS, type, laterMs));
  const { lanes, rows } = call;
  return {
    user_audio: lanes.user_energy.map(([fromS, toS]) => ({
      fromS, toS, what: 'loud', tone: 'user', frame: near(fromS, /buffer\.append$/),
    })),
    user_speech: [
      ...lanes.user_speech.map(([fromS, toS]) => /** @type {Item} */ ({
        fromS,
        // In a call that goes on, speech without an end has not ended.
        toS: toS > fromS || !call.isOpen ? toS : call.durationS,
        what: 'speech, says the server', tone: 'user', shape: 'bar', frame: near(fromS, /speech_started$/, HEARD_LATE_MS),
      })),
      ...lanes.user_energy.map(([fromS, toS]) => /** @type {Item} */ ({
        fromS, toS, what: 'loud, by our own measure', tone: 'quiet', shape: 'thin',
        frame: near(fromS, /buffer\.append$/),
      })),
    ].sort((one, other) => one.fromS - other.fromS),
    user_text: lanes.user_text.map((row) => textItem(row, 'user', call, near(row.final_s ?? row.begin_s, /transcription/))),
    responses: responseItems(call, near),
    model_audio: lanes.model_audio.flatMap((row) => audioItems(row, near)),
    model_text: lanes.model_text.map((row) => textItem(row, 'model', call, near(row.begin_s, /(transcript|text)\.delta$/))),
    leg: rows.leg.map((moment) => legItem(moment, near)),
    tools: rows.tools.map((tool) => toolItem(tool, call, near)),
    marks: rows.marks
      .filter((mark) => mark.kind !== 'closed')
      .map((mark) => ({
        fromS: mark.at_s, toS: mark.at_s, what: mark.kind, words: mark.text, shape: 'mark',
        tone: mark.kind === 'fault' ? 'odd' : 'quiet', frame: near(mark.at_s, /^(note|connected)/),
      })),
    events: eventItems(call, frames, near),
    brackets: bracketItems(call),
  };
}

/**
 * @param {TextRow} row
 * @param {Tone} tone
 * @param {Call} call
 * @param {() => number} frame
 * @returns {Item}
 */
function textItem(row, tone, call, frame) {
  const lastS = row.final_s ?? row.ticks[row.ticks.length - 1] ?? row.begin_s;
  const turn = tone === 'user' ? call.turnOfItem.get(row.item_id) : undefined;
  const late = turn?.transcript_ms ?? null;
  let what = 'never final';
  if (late !== null) what = `final ${lasting(Math.abs(late))} ${late < 0 ? 'before' : 'after'} the end of speech`;
  else if (row.final_s !== null) what = `complete after ${lasting((row.final_s - row.begin_s) * 1000)}`;
  return {
    fromS: row.begin_s, toS: Math.max(lastS, row.begin_s), what, words: row.text, tone, shape: 'text', ticks: row.ticks, frame,
    lateS: turn?.end_of_speech_s ?? undefined, turn: turn?.number,
  };
}

/** @typedef {(atS: number, type?: RegExp, laterMs?: number) => () => number} Near */

/**
 * @param {Call} call
 * @param {Near} near
 * @returns {Item[]}
 */
function responseItems(call, near) {
  /** @type {Item[]} */
  const items = [];
  for (const each of call.rows.responses) {
    const createdS = each.created_s ?? each.first_audio_s ?? each.done_s;
    if (createdS === null) continue;
    if (each.requested_s !== null && each.requested_s < createdS) {
      items.push({
        fromS: each.requested_s, toS: createdS, what: 'requested', tone: 'model', shape: 'hollow', turn: each.turn,
        frame: near(each.requested_s, /^response\.create$/),
      });
    }
    const status = each.status ?? (call.isOpen ? 'in progress' : 'not done');
    const reason = each.reason === null ? '' : `: ${each.reason}`;
    const tokens = each.tokens === null ? '' : `, ${counted(each.tokens, 'token')}`;
    items.push({
      fromS: createdS,
      toS: each.done_s ?? call.durationS,
      what: `${status}${reason}${tokens}`,
      short: status,
      tone: status === 'completed' || status === 'in progress' ? 'model' : status === 'cancelled' ? 'quiet' : 'bad',
      shape: status === 'completed' ? 'bar' : 'hatched',
      turn: each.turn,
      frame: near(createdS, /^response\.created$/),
    });
  }
  for (const error of call.rows.errors) {
    if (error.answers !== 'response.create') continue;
    items.push({
      fromS: error.at_s, toS: error.at_s, what: 'refused', words: error.message, short: 'refused', tone: 'bad',
      shape: 'mark', frame: near(error.at_s, /^error$/),
    });
  }
  return items.sort((one, other) => one.fromS - other.fromS);
}

/**
 * @param {AudioRow} row
 * @param {Near} near
 * @returns {Item[]}
 */
function audioItems(row, near) {
  const type = /audio\.delta$/;
  /** @type {Item[]} */
  const items = row.heard.map(([fromS, toS]) => ({ fromS, toS, what: 'heard', tone: 'model', shape: 'bar', frame: near(fromS, type) }));
  for (const [fromS, toS] of row.gaps) {
    items.push({ fromS, toS, what: 'ran dry', short: 'dry', tone: 'odd', shape: 'hatched', frame: near(toS, type) });
  }
  for (const [fromS, toS] of row.unheard) {
    items.push({ fromS, toS, what: 'never heard', tone: 'quiet', shape: 'bar', frame: near(fromS, type) });
  }
  const last = row.heard[row.heard.length - 1];
  if (row.cut_by !== null) {
    const atS = last?.[1] ?? row.unheard[0]?.[0] ?? 0;
    const [what, few, short] = (Object.hasOwn(CUT_BY, row.cut_by) && CUT_BY[row.cut_by]) || [`cut: ${row.cut_by}`, 'cut', 'cut'];
    items.push({ fromS: atS, toS: atS, what, few, short, tone: 'plain', shape: 'cut', frame: near(atS, /truncate|speech_started|note playback/) });
  }
  return items.sort((one, other) => one.fromS - other.fromS);
}

/** How moments of a telephone leg are called, and drawn. */
const LEG = /** @type {{[kind: string]: [string, Tone, Shape]}} */ ({
  heard: ['played to the caller', 'model', 'bar'],
  started: ['the call starts', 'plain', 'mark'],
  mark: ['mark sent', 'quiet', 'mark'],
  returned: ['mark returned', 'model', 'mark'],
  clear: ['queue emptied', 'plain', 'cut'],
  key: ['key', 'user', 'mark'],
  flow: ['the carrier’s queue', 'odd', 'mark'],
  ended: ['the call ends', 'plain', 'cut'],
});

/**
 * @param {LegMoment} moment
 * @param {Near} near
 * @returns {Item}
 */
function legItem(moment, near) {
  const [what, tone, shape] = (Object.hasOwn(LEG, moment.kind) && LEG[moment.kind]) || [moment.kind, 'quiet', 'mark'];
  const dropped = moment.dropped_ms > 0 ? `, ${lasting(moment.dropped_ms)} were not played` : '';
  return {
    fromS: moment.at_s, toS: moment.end_s ?? moment.at_s, what: `${what}${dropped}`, words: moment.text || undefined, tone, shape,
    frame: near(moment.at_s, /^leg /),
  };
}

/**
 * @param {Tool} tool
 * @param {Call} call
 * @param {Near} near
 * @returns {Item}
 */
function toolItem(tool, call, near) {
  const fromS = tool.asked_s ?? tool.began_s ?? tool.answered_s ?? 0;
  const toS = tool.answered_s ?? tool.ended_s;
  const after = tool.duration_ms === null ? '' : ` after ${tool.duration_ms === 0 ? 'less than 1 ms' : lasting(tool.duration_ms)}`;
  return {
    fromS,
    toS: toS ?? call.durationS,
    what: toS === null ? (call.isOpen ? 'runs' : 'not answered') : `answered${after}`,
    words: tool.name ?? 'a function',
    tone: toS === null && !call.isOpen ? 'bad' : 'model',
    shape: toS === null ? 'hatched' : 'bar',
    turn: tool.turn,
    frame: near(fromS, /function_call_arguments\.done$|output_item/),
  };
}

/** How the fold begins to tell that a Live session is over; its reason follows. */
const FINISHED = 'the session is finished: ';

/**
 * @param {Call} call
 * @param {FrameIndex | null} frames
 * @param {Near} near
 * @returns {Item[]}
 */
function eventItems(call, frames, near) {
  /** @type {Item[]} */
  const items = call.rows.errors
    .filter((error) => !error.message.startsWith('closed '))
    .map((error) => ({
      fromS: error.at_s, toS: error.at_s, what: 'error', words: error.code ?? error.message, short: 'error', tone: 'bad',
      shape: 'mark', frame: near(error.at_s, /^error$/),
    }));
  for (const mark of call.rows.marks) {
    if (mark.kind !== 'closed') continue;
    // Of a close that was not agreed, the fold makes an error too.
    const isAgreed = !call.rows.errors.some((error) => error.at_s === mark.at_s && error.message.startsWith('closed '));
    const isUnasked = mark.text.startsWith(FINISHED) && mark.text !== `${FINISHED}close_requested`;
    items.push({
      fromS: mark.at_s, toS: mark.at_s, what: 'closed', words: mark.text, tone: !isAgreed ? 'bad' : isUnasked ? 'odd' : 'quiet', shape: 'mark',
      frame: near(mark.at_s, /^(closed|session\.closed)/),
    });
  }
  if (frames !== null) {
    for (let number = 0; number < frames.count; number += 1) {
      if (!frames.odd[number]) continue;
      const [from, type] = [frames.from(number), frames.typeOf(number)];
      if ((from !== 'client' && from !== 'server') || type === 'error') continue;
      const atS = frames.atS(number);
      items.push({ fromS: atS, toS: atS, what: 'unknown', words: type, tone: 'odd', shape: 'mark', frame: () => number });
    }
  }
  return items.sort((one, other) => one.fromS - other.fromS);
}

/**
 * Brackets, each from the end of the stage before it, so that the stages of a turn lie side by side.
 * @param {Call} call
 * @returns {Item[]}
 */
function bracketItems(call) {
  /** @type {Item[]} */
  const items = [];
  /** @type {Map<number, number>} */
  const reached = new Map();
  const stages = Object.keys(STAGES);
  // Stages that end in the same millisecond are told in the order of an answer: the last one is what was heard.
  const rows = [...call.lanes.brackets].sort((one, other) => one.turn - other.turn || one.ms - other.ms || stages.indexOf(one.kind) - stages.indexOf(other.kind));
  for (const row of rows) {
    const isCut = row.kind === 'barge_in';
    const fromS = isCut ? row.from_s : Math.max(row.from_s, reached.get(row.turn) ?? row.from_s);
    if (!isCut) reached.set(row.turn, row.to_s);
    items.push({
      fromS: Math.min(fromS, row.to_s),
      toS: row.to_s,
      what: `${stageName(row.kind)}, ${lasting(row.ms)}`,
      short: lasting(row.ms),
      name: stageName(row.kind),
      stage: row.kind,
      ms: row.ms,
      tone: isCut ? 'user' : 'plain',
      shape: 'stage',
      turn: row.turn,
      frame: () => row.to_frame,
    });
  }
  return items.sort((one, other) => one.fromS - other.fromS);
}
