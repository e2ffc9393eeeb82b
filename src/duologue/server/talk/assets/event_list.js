// @ts-check

// The latest events of the call, by type and time. For all that is in them there is the inspector.

import { plain } from './transcript.js';

/** @typedef {import('./websocket_call.js').Wire} Wire */

/** Rows that are kept. */
const MOST = 300;

export class EventList {
  /**
   * @param {HTMLElement} list
   * @param {HTMLElement} count
   */
  constructor(list, count) {
    this.list = list;
    this.count = count;
    this.total = 0;
    this.begunAt = 0;
    /** Direction and type of the last row: events that are like it are counted there. */
    this.last = '';
    this.repeats = 0;
    /** @type {HTMLElement | null} */
    this.times = null;
  }

  clear() {
    this.total = 0;
    this.last = '';
    this.begunAt = performance.now();
    this.list.replaceChildren();
    this.count.textContent = '';
  }

  /**
   * @param {Wire} event
   * @param {'sent' | 'received'} direction
   */
  add(event, direction) {
    this.total += 1;
    this.count.textContent = String(this.total);
    const isAtEnd = this.list.scrollTop + this.list.clientHeight >= this.list.scrollHeight - 4;
    this.put(event, direction);
    if (isAtEnd) this.list.scrollTop = this.list.scrollHeight;
  }

  /**
   * @param {Wire} event
   * @param {'sent' | 'received'} direction
   */
  put(event, direction) {
    const isBad = event.type === 'error';
    const same = `${direction} ${event.type}`;
    if (same === this.last && !isBad && this.times !== null) {
      this.repeats += 1;
      this.times.textContent = `\u00a0×\u00a0${this.repeats}`;
      return;
    }
    this.last = same;
    this.repeats = 1;
    this.times = cell('times', '');
    const row = document.createElement('li');
    row.append(
      cell('at', ((performance.now() - this.begunAt) / 1000).toFixed(2)),
      cell(direction, direction === 'sent' ? '→' : '←'),
      breakable(event.type),
    );
    row.lastElementChild?.append(this.times);
    if (isBad) row.append(cell('bad', String(event['error']?.message ?? '')));
    this.list.append(row);
    while (this.list.children.length > MOST) this.list.firstElementChild?.remove();
  }
}

/**
 * The type of an event, which is broken at its points where it needs two lines.
 * @param {string} type
 */
function breakable(type) {
  const made = cell('type', '');
  const parts = plain(type).slice(0, 120).split('.');
  parts.forEach((part, index) => {
    if (index > 0) made.append('.', document.createElement('wbr'));
    made.append(part);
  });
  return made;
}

/**
 * @param {string} className
 * @param {string} text
 */
function cell(className, text) {
  const made = document.createElement('span');
  made.className = className;
  made.textContent = plain(text).slice(0, 300);
  return made;
}
