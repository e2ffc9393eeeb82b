// @ts-check
'use strict';

// What was asked for beside what came of it: session.update and session.updated, response.create and response.created.

/** Pairs of types, and where in each the same thing stands. */
const ASKED_AND_GOT = /** @type {{asked: RegExp, got: RegExp, askedAt: string, gotAt: string}[]} */ ([
  { asked: /^(transcription_)?session\.(update|start)$/, got: /^(transcription_)?session\.(created|updated|started)$/, askedAt: 'session', gotAt: 'session' },
  { asked: /^response\.create$/, got: /^response\.created$/, askedAt: 'response', gotAt: 'response' },
  { asked: /^conversation\.item\.create$/, got: /^conversation\.item\.(created|added)$/, askedAt: 'item', gotAt: 'item' },
]);

/** More settings than this are not compared: sessions have some dozens. */
const MOST_PATHS = 400;

/** @typedef {{path: string, asked: string, got: string, state: 'same' | 'differs' | 'not told'}} Compared */

/**
 * @param {unknown} value
 * @returns {value is {[key: string]: unknown}}
 */
function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * A field of an object, of its own.
 * @param {unknown} value
 * @param {string} key
 */
function field(value, key) {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/**
 * What was asked for, path by path; null if these two frames are no such pair.
 * @param {unknown} asked
 * @param {unknown} got
 * @returns {Compared[] | null}
 */
function compare(asked, got) {
  const [askedType, gotType] = [String(field(asked, 'type')), String(field(got, 'type'))];
  const pair = ASKED_AND_GOT.find((each) => each.asked.test(askedType) && each.got.test(gotType));
  if (pair === undefined) return null;
  /** @type {Compared[]} */
  const rows = [];
  walk(field(asked, pair.askedAt), field(got, pair.gotAt), '', rows, 0);
  return rows;
}

/**
 * @param {unknown} asked
 * @param {unknown} got
 * @param {string} path
 * @param {Compared[]} rows
 * @param {number} depth
 */
function walk(asked, got, path, rows, depth) {
  if (rows.length >= MOST_PATHS) return;
  if (isObject(asked) && depth < 12 && (got === undefined || isObject(got))) {
    for (const key of Object.keys(asked)) walk(asked[key], field(got, key), path === '' ? key : `${path}.${key}`, rows, depth + 1);
    return;
  }
  if (asked === undefined || path === '') return;
  const [askedText, gotText] = [brief(asked), got === undefined ? '' : brief(got)];
  const isSame = got !== undefined && stable(asked) === stable(got);
  rows.push({ path, asked: askedText, got: gotText, state: isSame ? 'same' : got === undefined ? 'not told' : 'differs' });
}

/** @param {unknown} value */
function brief(value) {
  return value === undefined ? '' : shortly(typeof value === 'string' ? value : stable(value));
}

/** @param {string} text */
function shortly(text) {
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}

/**
 * JSON with the keys in order, so that order is no difference; what is too deep for it is only named.
 * @param {unknown} value
 */
function stable(value) {
  try {
    return JSON.stringify(value, (_key, each) => (isObject(each) ? Object.fromEntries(Object.entries(each).sort(([one], [other]) => (one < other ? -1 : 1))) : each)) ?? '';
  } catch {
    return '(too deep)';
  }
}
