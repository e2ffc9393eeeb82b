// @ts-check
'use strict';

// The list of sessions. What a session says reaches the page through textContent, and its id, of letters, digits, - and
// _ alone, is a part of an address.

/**
 * @typedef {{id: string, started_at: string, family: string | null, model: string | null, dialect: string | null,
 *   subject: string | null, medium: string | null, duration_s: number, lines: number, is_open: boolean,
 *   closed: {code: number, reason: string, by: string} | null}} Session
 */

/** Close codes of a normal end: RFC 6455, section 7.4.1. */
const AGREED = [1000, 1001];

/** Characters that show nothing, or change how others are shown. */
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;

/**
 * @param {string} id
 * @returns {HTMLElement}
 */
function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}

/**
 * A cell with the words of a call.
 * @param {string} text
 * @param {string} [className]
 */
function cell(text, className = '') {
  const made = document.createElement('td');
  made.className = className;
  const words = document.createElement('bdi');
  words.textContent = text.slice(0, 200).replace(UNSEEN, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
  if (text.length > 20) made.title = words.textContent;
  made.append(words);
  return made;
}

/** @param {number} seconds */
function clock(seconds) {
  const whole = Math.floor(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const shown = parts[0] === 0 ? parts.slice(1) : parts;
  return shown.map((part, index) => (index === 0 ? String(part) : String(part).padStart(2, '0'))).join(':');
}

/** @param {Session} session */
function row(session) {
  const made = document.createElement('tr');
  const link = document.createElement('a');
  link.href = `calls/${encodeURIComponent(session.id)}/`;
  link.textContent = session.id;
  const id = document.createElement('td');
  id.className = 'id';
  id.append(link);
  const { closed } = session;
  const isBad = closed !== null && !AGREED.includes(closed.code);
  const state = session.is_open ? 'open' : closed === null ? 'over' : `closed by the ${closed.by}, ${closed.code} ${closed.reason}`.trim();
  made.append(
    id,
    cell(state, `state ${session.is_open ? 'open' : isBad ? 'bad' : ''}`.trim()),
    cell(new Date(session.started_at).toLocaleTimeString()),
    cell(clock(session.duration_s), 'number'),
    cell(session.lines.toLocaleString('en-US'), 'number'),
    cell([session.family, session.dialect, session.medium].filter((each) => each !== null && each !== 'openai').join(', ')),
    cell(session.model ?? ''),
    cell(session.subject ?? ''),
  );
  return made;
}

/** @param {{sessions: Session[]}} told */
function show({ sessions }) {
  const focused = document.activeElement instanceof HTMLAnchorElement ? document.activeElement.href : null;
  byId('empty').hidden = sessions.length > 0;
  byId('table').hidden = sessions.length === 0;
  byId('rows').replaceChildren(...sessions.map(row));
  for (const link of byId('rows').querySelectorAll('a')) if (link.href === focused) link.focus();
  const open = sessions.filter((each) => each.is_open).length;
  const state = sessions.length === 0 ? '' : `${open} open, ${sessions.length} kept`;
  if (byId('state').textContent !== state) byId('state').textContent = state;
  byId('state').className = '';
}

show(JSON.parse(byId('sessions').textContent ?? '{"sessions":[]}'));
const source = new EventSource('events');
source.addEventListener('sessions', (event) => show(JSON.parse(event.data)));
source.addEventListener('error', () => {
  byId('state').textContent = 'The server does not answer any more.';
  byId('state').className = 'bad';
});
document.documentElement.dataset['ready'] = 'yes';
