// @ts-check

// Shows what was said. All of it reaches the page through textContent.

/** @typedef {import('./conversation.js').Entry} Entry */

const WHO = { user: 'You', assistant: 'Server', tool: 'Function' };

/** Characters that show nothing, or change how others are shown. */
const UNSEEN = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;

/** Of one entry: more than anybody reads here. */
const MOST = 20000;

/**
 * Text in which nothing is hidden.
 * @param {string} text
 */
export function plain(text) {
  return text.slice(0, MOST).replace(UNSEEN, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

export class Transcript {
  /**
   * @param {HTMLElement} list
   * @param {HTMLElement} empty
   */
  constructor(list, empty) {
    this.list = list;
    this.empty = empty;
    /** @type {Map<string, HTMLLIElement>} */
    this.shown = new Map();
  }

  clear() {
    this.shown.clear();
    this.list.replaceChildren();
    this.empty.hidden = false;
  }

  /**
   * @param {Entry[]} all
   * @param {Entry[]} changed
   */
  show(all, changed) {
    const follows = isAtEnd();
    for (const entry of changed) {
      let row = this.shown.get(entry.id);
      if (row === undefined) {
        row = document.createElement('li');
        this.shown.set(entry.id, row);
        const next = all.slice(all.indexOf(entry) + 1).find(({ id }) => this.shown.has(id));
        this.list.insertBefore(row, next === undefined ? null : (this.shown.get(next.id) ?? null));
      }
      fill(row, entry);
    }
    this.empty.hidden = this.shown.size > 0;
    if (follows && changed.length > 0) this.list.lastElementChild?.scrollIntoView({ block: 'nearest' });
  }
}

/** Whether the end of the page is in sight: who reads further up is not moved. */
function isAtEnd() {
  return window.innerHeight + window.scrollY >= document.documentElement.scrollHeight - 120;
}

/**
 * @param {HTMLLIElement} row
 * @param {Entry} entry
 */
function fill(row, entry) {
  row.className = entry.role;
  const said = part('span', 'said');
  const words = entry.role === 'tool' ? `${entry.note}(${entry.text})` : entry.text;
  const heard = entry.heard ?? words;
  said.append(bdi(heard));
  if (heard.length < words.length) said.append(part('s', 'unheard', words.slice(heard.length)));
  if (words === '' && !entry.isDone) said.classList.add('waiting');
  row.replaceChildren(part('span', 'who', WHO[entry.role]), said);
  if (words === '' && entry.isDone) said.hidden = true;
  const about = aboutOf(entry);
  if (about !== '') row.append(part('span', 'about', about));
}

/** @param {Entry} entry */
function aboutOf(entry) {
  const told = [];
  if (entry.delayMs !== null) told.push(`answered after ${(entry.delayMs / 1000).toFixed(2)} s`);
  if (entry.cutAtMs !== null) told.push(`interrupted after ${(entry.cutAtMs / 1000).toFixed(1)} s`);
  if (entry.note !== '' && entry.role !== 'tool') told.push(entry.note);
  return told.join(' · ');
}

/**
 * @param {string} tag
 * @param {string} className
 * @param {string} [text]
 */
function part(tag, className, text = '') {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = plain(text);
  return made;
}

/** @param {string} text */
function bdi(text) {
  const made = document.createElement('bdi');
  made.textContent = plain(text);
  return made;
}
