// @ts-check
'use strict';

// A frame, or the order of a turn's events, as Python to paste into a test.

/**
 * A JSON value as Python writes it; characters that cannot be seen are escaped, so that the pasted code is what it looks like.
 * @param {unknown} value
 * @param {number} [indent]
 * @returns {string}
 */
function python(value, indent = 0) {
  if (value === null || value === undefined) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return JSON.stringify(value).replace(UNSEEN, escaped);
  if (indent > 60) return '...';
  const inner = ' '.repeat(indent + 4);
  if (Array.isArray(value)) {
    const flat = `[${value.map((each) => python(each, indent)).join(', ')}]`;
    if (!flat.includes('\n') && flat.length + indent < 100) return flat;
    return `[\n${value.map((each) => `${inner}${python(each, indent + 4)},\n`).join('')}${' '.repeat(indent)}]`;
  }
  const entries = Object.entries(/** @type {object} */ (value));
  const flat = `{${entries.map(([key, each]) => `${python(key)}: ${python(each, indent)}`).join(', ')}}`;
  if (!flat.includes('\n') && flat.length + indent < 100) return flat;
  return `{\n${entries.map(([key, each]) => `${inner}${python(key)}: ${python(each, indent + 4)},\n`).join('')}${' '.repeat(indent)}}`;
}

/**
 * A step for `duologue.testing.ScriptedServer`.
 * @param {unknown} frame
 * @param {boolean} isFromServer
 */
function asStep(frame, isFromServer) {
  return isFromServer ? `Send(${python(frame)})` : `Expect(${python(field(frame, 'type') ?? '')})`;
}

/**
 * The events of a stretch of the call in their order, for `duologue.testing.assert_order`; pieces of one thing count once.
 * @param {FrameIndex} frames
 * @param {number} first
 * @param {number} end
 */
function asOrder(frames, first, end) {
  /** @type {string[]} */
  const types = [];
  let last = '';
  for (let number = first; number < end && types.length < 200; number += 1) {
    const type = frames.typeOf(number);
    const from = frames.from(number);
    if ((from !== 'client' && from !== 'server') || type === last || type === 'input_audio_buffer.append') continue;
    if (/\.delta$/.test(type) && types.includes(type)) continue;
    types.push(type);
    last = type;
  }
  return `assert_order(\n    call,\n${types.map((type) => `    ${python(type)},\n`).join('')})`;
}

/**
 * Put text on the clipboard; where the browser does not allow it, select it for the reader to copy.
 * @param {string} text
 * @param {string} what
 */
async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = element('textarea', { value: text, readOnly: true, className: 'unseen', 'aria-hidden': 'true', tabIndex: -1 });
    const before = document.activeElement;
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
    if (before instanceof HTMLElement) before.focus();
  }
  say(`${what} copied`);
}
