// @ts-check
'use strict';

// JSON as a tree that opens. A branch is made when it is opened; of long ones a part at a time.

/** Fields of one object that are shown at once. */
const FIELDS_SHOWN = 200;
/** Characters of one string that are shown at once. */
const CHARACTERS_SHOWN = 1200;
/** Branches are open at first down to this depth, unless they are long. */
const OPEN_DEPTH = 3;
const OPEN_FIELDS = 24;

/**
 * @param {unknown} value
 * @returns {HTMLElement}
 */
function jsonTree(value) {
  return element('div', { className: 'tree' }, ...branch(value, 0));
}

/**
 * The rows below a value.
 * @param {unknown} value
 * @param {number} depth
 * @returns {HTMLElement[]}
 */
function branch(value, depth) {
  if (typeof value !== 'object' || value === null) return [element('div', { className: 'leaf' }, leaf(value))];
  const entries = Array.isArray(value) ? value.map((each, index) => /** @type {[string, unknown]} */ ([String(index), each])) : Object.entries(value);
  const rows = entries.slice(0, FIELDS_SHOWN).map(([key, each]) => node(key, each, depth));
  if (entries.length > FIELDS_SHOWN) rows.push(rest(entries, FIELDS_SHOWN, depth));
  return rows;
}

/**
 * @param {[string, unknown][]} entries
 * @param {number} from
 * @param {number} depth
 */
function rest(entries, from, depth) {
  const button = element('button', {
    type: 'button', className: 'link',
    onclick: () => {
      const next = entries.slice(from, from + FIELDS_SHOWN).map(([key, each]) => node(key, each, depth));
      if (entries.length > from + FIELDS_SHOWN) next.push(rest(entries, from + FIELDS_SHOWN, depth));
      row.replaceWith(...next);
    },
  }, `${count(entries.length - from)} more`);
  const row = element('div', { className: 'leaf' }, button);
  return row;
}

/**
 * @param {string} key
 * @param {unknown} value
 * @param {number} depth
 * @returns {HTMLElement}
 */
function node(key, value, depth) {
  const name = element('span', { className: 'key' }, words(plain(key, 200)));
  if (typeof value !== 'object' || value === null) return element('div', { className: 'leaf' }, name, leaf(value));
  const length = Array.isArray(value) ? value.length : Object.keys(value).length;
  if (length === 0) return element('div', { className: 'leaf' }, name, element('span', { className: 'hint' }, Array.isArray(value) ? '[]' : '{}'));
  const hint = element('span', { className: 'hint' }, Array.isArray(value) ? counted(length, 'item') : counted(length, 'field'));
  const inner = element('div', { className: 'branch' });
  const details = element('details', {}, element('summary', {}, name, hint), inner);
  const grow = () => {
    if (details.open && inner.childElementCount === 0) inner.append(...branch(value, depth + 1));
  };
  details.addEventListener('toggle', grow);
  if (depth < OPEN_DEPTH && length <= OPEN_FIELDS) {
    details.open = true;
    grow();
  }
  return details;
}

/** @param {unknown} value */
function leaf(value) {
  if (typeof value !== 'string') return element('span', { className: `value ${value === null ? 'null' : typeof value}` }, String(value));
  const shown = element('bdi', { className: 'value string words' }, plain(value, CHARACTERS_SHOWN));
  if (value.length <= CHARACTERS_SHOWN) return shown;
  let length = CHARACTERS_SHOWN;
  const more = element('button', {
    type: 'button', className: 'link',
    onclick: () => {
      // A megabyte in one line takes a browser seconds: each press shows ten times as much.
      length *= 10;
      shown.textContent = plain(value, length);
      if (length >= value.length) more.remove();
    },
  }, `more of ${counted(value.length, 'character')}`);
  return element('span', {}, shown, ' ', more);
}
