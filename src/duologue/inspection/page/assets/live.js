// @ts-check
'use strict';

// Follows a call that goes on: its changes come as server-sent events, and the same panels show them.

/** What is looked at of a call that is followed: its last half minute. */
const FOLLOWED_S = 30;

/** @typedef {{first: number} & IndexColumns} NewFrames
 *  @typedef {{lines: number, duration_s: number, set: [(string | number)[], unknown][],
 *   peaks: {[side in Side]?: [number, string]}, frames?: NewFrames, partners?: [number, number][]}} Changes */

class Live {
  /**
   * @param {Page} page
   * @param {CallData} data
   * @param {LiveAddresses} live
   */
  constructor(page, data, live) {
    this.page = page;
    this.data = data;
    this.isFollowing = true;
    this.state = byId('live-state');
    this.button = element('button', { type: 'button', id: 'follow', 'aria-pressed': 'true', 'aria-keyshortcuts': 'e', onclick: () => this.follow(!this.isFollowing) }, 'Follow the end');
    byId('window').before(this.button);
    this.state.hidden = false;
    this.state.after(element('a', { href: '../../', className: 'back' }, 'All calls'));
    /** Changes that wait for the next picture. @type {Changes[]} */
    this.waiting = [];
    page.view.listen((changed) => {
      if (changed.has('window') && this.isFollowing && page.view.toS < page.view.durationS - 0.01) this.follow(false);
    });
    page.view.grow(Math.max(FOLLOWED_S, page.call.durationS));
    this.toEnd();
    if (live.closed) this.ended();
    else this.open(live.events);
  }

  /** @param {string} address */
  open(address) {
    this.tell('live', 'live');
    const source = new EventSource(address);
    source.addEventListener('changes', (event) => this.take(JSON.parse(event.data)));
    source.addEventListener('open', () => this.tell('live', 'live'));
    source.addEventListener('closed', () => {
      source.close();
      this.ended();
    });
    source.addEventListener('reload', (event) => {
      source.close();
      this.tell(`stopped: ${plain(String(JSON.parse(event.data).why), 200)}. Load the page again`, 'lost');
    });
    source.addEventListener('error', () => {
      if (source.readyState !== EventSource.CLOSED) this.tell('the server does not answer; trying again', 'lost');
    });
  }

  ended() {
    if (this.data.live) this.data.live.closed = true;
    this.page.refresh();
    this.tell('ended', 'ended');
    this.button.hidden = true;
  }

  /**
   * @param {string} text
   * @param {string} state
   */
  tell(text, state) {
    this.state.className = state;
    if (this.state.textContent !== text) this.state.textContent = text;
  }

  /** @param {boolean} isFollowing */
  follow(isFollowing) {
    this.isFollowing = isFollowing;
    this.button.setAttribute('aria-pressed', String(isFollowing));
    if (isFollowing) this.toEnd();
  }

  toEnd() {
    const { view } = this.page;
    view.look(view.durationS - Math.min(view.spanS, Math.max(FOLLOWED_S, view.spanS)), view.durationS);
  }

  /** @param {Changes} changes */
  take(changes) {
    this.waiting.push(changes);
    if (this.waiting.length === 1) requestAnimationFrame(() => this.apply());
  }

  apply() {
    const all = this.waiting;
    this.waiting = [];
    const { page, data } = this;
    for (const changes of all) {
      for (const [path, value] of changes.set) setAt(data, path, value);
      data.duration_s = changes.duration_s;
      for (const side of /** @type {Side[]} */ (['user', 'model'])) {
        const peaks = changes.peaks[side];
        if (peaks !== undefined) page.call.peaks[side].put(peaks[0], bytesOf(peaks[1]));
      }
      if (changes.frames !== undefined && changes.frames.first === page.frames.count) page.frames.append(changes.frames);
      if (data.frames) data.frames.count = page.frames.count;
      for (const [number, partner] of changes.partners ?? []) page.frames.partner[number] = partner;
    }
    page.refresh();
    page.view.grow(Math.max(FOLLOWED_S, page.call.durationS));
    if (this.isFollowing) this.toEnd();
  }
}

/**
 * Set one row or field of the data; what is not there in data of this kind is left alone.
 * @param {CallData} data
 * @param {(string | number)[]} path
 * @param {unknown} value
 */
function setAt(data, path, value) {
  const [root, name, index] = path;
  if (root === 'figures') {
    data.figures = { ...data.figures, .../** @type {Figures} */ (value) };
    return;
  }
  const rows = /** @type {{[name: string]: unknown}} */ (root === 'call' ? data.call : root === 'lanes' ? data.lanes : {});
  if (typeof name !== 'string' || !Object.hasOwn(rows, name)) return;
  const list = rows[name];
  if (index === undefined) rows[name] = value;
  else if (Array.isArray(list) && typeof index === 'number' && index <= list.length) list[index] = value;
}
