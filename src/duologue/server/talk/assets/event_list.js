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
  }

  clear() {
    this.total = 0;
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
    const row = document.createElement('li');
    const isBad = event.type === 'error';
    const arrow = direction === 'sent' ? '→' : '←';
    row.append(
      cell('at', ((performance.now() - this.begunAt) / 1000).toFixed(2)),
      cell(direction, `${arrow} ${event.type}`),
    );
    if (isBad) row.append(cell('bad', String(event['error']?.message ?? '')));
    this.list.append(row);
    while (this.list.children.length > MOST) this.list.firstElementChild?.remove();
    if (isAtEnd) this.list.scrollTop = this.list.scrollHeight;
  }
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
