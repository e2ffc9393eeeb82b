// @ts-check
'use strict';

// Everything that a call says reaches the page through textContent: nothing of it is ever HTML, an address or a style.

/**
 * @typedef {Node | string | number | null | undefined | false} Child
 * @typedef {{[name: string]: string | number | boolean | null | undefined | ((event: any) => void)}} Properties
 */

/** Properties that are attributes as well; all others are properties of the element. */
const ATTRIBUTE = /^(aria-|data-)|^(role|colspan|scope|for)$/;

/**
 * An element. `on…` are listeners, and an attribute that is null or false is left out.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Properties} [properties]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === 'function') made.addEventListener(name.slice(2), value);
    else if (value === null || value === undefined || value === false) continue;
    else if (ATTRIBUTE.test(name)) made.setAttribute(name, String(value));
    else Reflect.set(made, name, value);
  }
  fill(made, ...children);
  return made;
}

/**
 * Put these children in place of those that an element has.
 * @param {Element} parent
 * @param {...Child} children
 */
function fill(parent, ...children) {
  parent.replaceChildren();
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    parent.append(child instanceof Node ? child : String(child));
  }
}

/**
 * The element of the page with this id.
 * @param {string} id
 * @returns {HTMLElement}
 */
function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}

/**
 * Words of a call: isolated, so that their direction of writing changes nothing around them.
 * @param {string} text
 * @param {string} [className]
 */
function words(text, className = '') {
  return element('bdi', { className: `words ${className}`.trim() }, plain(text, 4000));
}

/**
 * The type of an event that is broken at its points, where it needs two lines.
 * @param {string} type
 */
function breakable(type) {
  const parts = plain(type, 120).split('.');
  const shown = element('bdi', { className: 'words' });
  const last = parts.pop() ?? '';
  for (const part of parts) shown.append(`${part}.`, element('wbr'));
  shown.append(last);
  return shown;
}

/** Characters that show nothing, or change how others are shown. */
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;

/**
 * Text on one line, cut to a length; what cannot be seen is written as its number.
 * @param {string} text
 * @param {number} most
 */
function plain(text, most) {
  const cut = text.length > most ? `${text.slice(0, most)}…` : text;
  return cut.replace(UNSEEN, (one) => (one === '\n' || one === '\t' || one === '\r' ? ' ' : escaped(one)));
}

/** @param {string} one */
function escaped(one) {
  return `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/**
 * Tell people who listen to the page instead of looking at it.
 * @param {string} text
 */
function say(text) {
  byId('said').textContent = text;
}

const NUMBER = new Intl.NumberFormat('en-US');

/** @param {number} value */
function count(value) {
  return NUMBER.format(value);
}

/**
 * @param {number} value
 * @param {string} one
 * @param {string} [many]
 */
function counted(value, one, many = `${one}s`) {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/**
 * A moment, such as 1:02.345.
 * @param {number} seconds
 * @param {number} [digits]
 */
function clock(seconds, digits = 3) {
  const unit = 10 ** digits;
  const all = Math.max(0, Math.round(seconds * unit));
  const whole = Math.floor(all / unit);
  const rest = digits > 0 ? `.${String(all % unit).padStart(digits, '0')}` : '';
  const [hours, minutes, left] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const clocked = `${hours > 0 ? String(minutes).padStart(2, '0') : minutes}:${String(left).padStart(2, '0')}${rest}`;
  return hours > 0 ? `${hours}:${clocked}` : clocked;
}

/**
 * A length of time, such as 812 ms or 12.3 s.
 * @param {number} milliseconds
 */
function lasting(milliseconds) {
  if (Math.abs(milliseconds) < 10000) return `${count(Math.round(milliseconds))} ms`;
  return milliseconds < 120000 ? `${(milliseconds / 1000).toFixed(1)} s` : clock(milliseconds / 1000, 0);
}

/** @param {number} bytes */
function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 999_500) return `${(bytes / 1000).toFixed(bytes < 99_950 ? 1 : 0)} kB`;
  return `${(bytes / 1e6).toFixed(bytes < 99.95e6 ? 1 : 0)} MB`;
}

/** Whether movement is unwanted. */
const STILL = matchMedia('(prefers-reduced-motion: reduce)');
