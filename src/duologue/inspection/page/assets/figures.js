// @ts-check
'use strict';

// What is read first: which call it is, and its figures.

/**
 * @typedef {{name: string, value: string, unit: string, more: string, tone?: 'bad' | 'odd' | 'zero'}} Figure
 */

/**
 * A figure of which the call says nothing.
 * @param {string} name
 * @returns {Figure}
 */
function untold(name) {
  return { name, value: '–', unit: '', more: 'not told', tone: 'zero' };
}

/**
 * One figure of a duration: the median from twenty turns on, else from the shortest to the longest.
 * @param {string} name
 * @param {Summary | null} summary
 * @param {number} of How many there could be.
 * @param {string} [noun]
 * @returns {Figure}
 */
function delay(name, summary, of, noun = 'turn') {
  if (summary === null) return untold(name);
  const { count: values, shortest, longest, median, p95 } = summary;
  if (median !== null && p95 !== null) {
    return { name, value: count(median), unit: 'ms median', more: `p95 ${count(p95)} · max ${count(longest)}` };
  }
  const value = shortest === 0 && longest === 0 ? '< 1' : shortest === longest ? count(shortest) : `${count(shortest)}–${count(longest)}`;
  return { name, value, unit: 'ms', more: values === of ? '' : `of ${counted(values, noun)}` };
}

/**
 * @param {string} name
 * @param {number} value
 * @param {string} more
 * @param {'bad' | 'odd'} [tone] What any of it is.
 * @returns {Figure}
 */
function tally(name, value, more, tone) {
  return { name, value: count(value), unit: '', more, tone: value === 0 ? 'zero' : tone };
}

/**
 * @param {CallData} data
 * @returns {Figure[]}
 */
function figuresOf(data) {
  const { figures, call } = data;
  const withheld = figures.withheld > 0 ? `${figures.withheld} without delays` : '';
  const yields = figures.interrupt_yield;
  const yielded = yields === null ? '' : yields.median === null ? `silent in ${count(yields.longest)} ms` : `silent in ${count(yields.median)} ms`;
  return [
    delay('First heard', figures.first_heard, figures.turns),
    delay('First audio', figures.first_audio, figures.turns),
    delay('First text', figures.first_text, figures.turns),
    // Of semantic_vad no server says how much silence is in its end of speech: see docs/howto/recordings.md.
    delay(call.turns.some((turn) => turn.end_from === 'semantic_vad') ? 'End of turn, by semantic VAD' : 'End of turn', figures.endpointing, figures.turns),
    delay('Transcript', figures.transcript, figures.turns),
    ...(figures.tool === null ? [] : [delay('Functions', figures.tool, 0, 'call')]),
    tally('Turns', figures.turns, withheld || (call.responses.length > 0 ? counted(call.responses.length, 'response') : '')),
    tally('Interruptions', figures.interruptions, yielded),
    tally('Underruns', figures.underruns, figures.underruns > 0 ? 'ran dry while heard' : '', 'odd'),
    tally('Errors', figures.errors, call.unknown > 0 ? counted(call.unknown, 'unknown event') : '', 'bad'),
    ...(figures.cost ? [{ name: 'Cost', value: figures.cost.amount.toFixed(figures.cost.amount < 1 ? 4 : 2), unit: plain(figures.cost.currency, 8), more: plain(figures.cost.model, 24) }] : []),
    call.tokens.total === 0 ? untold('Tokens') : tally('Tokens', call.tokens.total, `${count(call.tokens.input)} in · ${count(call.tokens.output)} out`),
  ];
}

/**
 * @param {HTMLElement} root
 * @param {CallData} data
 */
function showFigures(root, data) {
  const list = element('dl', { className: 'figures' });
  const others = data.against ? figuresOf(data.against) : [];
  for (const figure of figuresOf(data)) {
    const other = others.find((each) => each.name === figure.name);
    if (other !== undefined) figure.more = besides(figure, other);
    list.append(
      element(
        'div',
        { className: `figure ${figure.tone ?? ''}` },
        element('dt', {}, figure.name),
        element('dd', {}, element('span', { className: 'value' }, figure.value), figure.unit === '' ? null : element('span', { className: 'unit' }, ` ${figure.unit}`)),
        element('dd', { className: 'more' }, figure.more || '\u00a0'),
      ),
    );
  }
  fill(root, list);
}

/**
 * The name of the call, and what is known about it.
 * @param {CallData} data
 * @returns {Child[]}
 */
function aboutCall(data) {
  const { header, call } = data;
  /** @type {Child[]} */
  const parts = [];
  /** @param {string | null | undefined} text */
  const add = (text) => {
    if (text) parts.push(words(text));
  };
  add(call.model ?? header.model);
  add(header.dialect);
  add(header.family !== 'realtime' ? header.family : null);
  parts.push(`recorded by the ${call.side}`);
  if (header.started_at) parts.push(words(started(header.started_at)));
  parts.push(clock(data.duration_s, 1));
  if (data.frames) parts.push(counted(data.frames.count, 'frame'));
  if (!data.live && data.audio && data.audio.user.length + data.audio.model.length === 0) parts.push('without audio');
  if (data.redacted.length > 0) parts.push(words(`redacted: ${data.redacted.join(', ')}`));
  if (data.cut_off) parts.push('the file is cut off');
  return parts;
}

/**
 * @param {string} iso
 */
function started(iso) {
  const match = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)/.exec(iso);
  return match === null ? iso : `${match[1]} ${match[2]}`;
}
