// @ts-check
'use strict';

// One frame: what it is, what belongs to it, what was asked and what came, and all of its JSON.

/** Types of messages that are listed of a call: those that are sent most. */
const MOST_TYPES = 60;

/** @typedef {{data: CallData, onSelect: (number: number) => void, onSearch: (term: string) => void,
 *   stretch: (number: number) => Span}} DetailOptions */

class Detail {
  /**
   * @param {HTMLElement} root
   * @param {FrameIndex} frames
   * @param {DetailOptions} options
   */
  constructor(root, frames, options) {
    this.root = root;
    this.frames = frames;
    this.options = options;
    this.number = -1;
    /** The text of the frame that is shown. */
    this.text = '';
    this.empty();
  }

  /** Without a frame: what is known of the call itself. */
  empty() {
    const { data } = this.options;
    const { header, call } = data;
    /** @type {[string, string | null | undefined][]} */
    const facts = [
      ['Address', header.url], ['Medium', header.medium], ['Session', call.session_id], ['Subject', header.subject], ['Started', header.started_at],
      ...talkFacts(data),
    ];
    const list = element('dl', { className: 'facts-list' });
    for (const [name, value] of facts) {
      if (value) list.append(element('dt', {}, name), element('dd', {}, words(value)));
    }
    const body = element('tbody');
    for (const [type, times] of Object.entries(call.events).sort((one, other) => other[1] - one[1]).slice(0, MOST_TYPES)) {
      const button = element('button', { type: 'button', className: 'link', title: 'Search for it in the frames', onclick: () => this.options.onSearch(type) }, words(plain(type, 120)));
      body.append(element('tr', {}, element('td', {}, count(times)), element('th', { scope: 'row' }, button)));
    }
    fill(
      this.root,
      element('div', { className: 'panel-head' }, element('h2', { className: 'ours' }, 'Call')),
      element('div', { className: 'panel-body detail-body', tabIndex: 0, role: 'region', 'aria-label': 'The call' }, list, element('table', { className: 'types', 'aria-label': 'Messages by type' }, body)),
    );
  }

  /** The call has gone on. */
  refresh() {
    if (this.number < 0 && !this.root.contains(document.activeElement)) this.empty();
  }

  /** @param {number} number */
  async show(number) {
    this.number = number;
    if (number < 0 || number >= this.frames.count) {
      this.empty();
      return;
    }
    const text = await this.frames.text(number);
    const partners = this.frames.partners(number);
    const others = await Promise.all(partners.map((each) => this.frames.text(each.number)));
    if (this.number !== number) return;
    this.text = text;
    const value = parsed(text);
    fill(this.root, this.head(number), element('div', { className: 'panel-body detail-body', tabIndex: 0, role: 'region', 'aria-label': 'Content of the frame' }, this.facts(number), ...this.related(number, value, partners, others), this.actions(number, value), jsonTree(value)));
  }

  /** @param {number} number */
  head(number) {
    const { frames } = this;
    return element('div', { className: 'panel-head' }, element('h2', {}, frames.odd[number] ? element('span', { className: 'sign' }, '! ') : null, words(plain(frames.typeOf(number), 200))));
  }

  /** @param {number} number */
  facts(number) {
    const { frames } = this;
    const from = frames.from(number);
    const way = from === 'client' ? '→ from the client' : from === 'server' ? '← from the server' : 'no message';
    return element('p', { className: 'facts' }, `${way} · ${clock(frames.atS(number))} · ${size(frames.bytes[number] ?? 0)} · frame ${count(number)}`);
  }

  /**
   * The partners, and the difference between what was asked and what came.
   * @param {number} number
   * @param {unknown} value
   * @param {{number: number, times: number}[]} partners
   * @param {string[]} texts
   * @returns {Child[]}
   */
  related(number, value, partners, texts) {
    /** @type {Child[]} */
    const shown = [];
    if (partners.length > 0) shown.push(element('ul', { className: 'partners' }, ...partners.map((partner) => this.partner(number, partner.number, partner.times))));
    for (const text of texts) {
      const other = parsed(text);
      const isAsking = this.frames.from(number) === 'client';
      const rows = isAsking ? compare(value, other) : compare(other, value);
      if (rows === null || rows.length === 0) continue;
      shown.push(differenceTable(rows));
      break;
    }
    return shown;
  }

  /**
   * @param {number} number
   * @param {number} partner
   * @param {number} times
   */
  partner(number, partner, times) {
    const { frames } = this;
    const apart = (frames.atMs[partner] ?? 0) - (frames.atMs[number] ?? 0);
    const isAcross = frames.from(number) !== frames.from(partner);
    const relation = partner > number ? (isAcross ? 'answered by' : 'followed by') : isAcross ? 'answers' : 'belongs to';
    const when = `${apart < 0 ? '−' : '+'}${lasting(Math.abs(apart))}`;
    return element(
      'li', {},
      element('span', { className: 'hint' }, relation),
      element('span', {},
        element('button', { type: 'button', className: 'link', onclick: () => this.options.onSelect(partner) }, breakable(frames.typeOf(partner))),
        times > 1 ? element('span', { className: 'hint' }, ` × ${count(times)}`) : null,
      ),
      element('span', { className: 'hint' }, when),
    );
  }

  /**
   * @param {number} number
   * @param {unknown} value
   */
  actions(number, value) {
    const from = this.frames.from(number);
    const isMessage = from === 'client' || from === 'server';
    const step = from === 'client' ? 'Expect(…)' : 'Send(…)';
    const [first, end] = this.options.stretch(number);
    return element(
      'div', { className: 'actions' },
      element('span', { className: 'hint' }, 'Copy as'),
      element('button', { type: 'button', className: 'link', onclick: () => copy(this.text, 'JSON') }, 'JSON'),
      isMessage ? element('button', { type: 'button', className: 'link', title: 'A step for ScriptedServer', onclick: () => copy(asStep(value, from === 'server'), step) }, step) : null,
      element('button', { type: 'button', className: 'link', title: 'The events of this turn, in their order', onclick: () => copy(asOrder(this.frames, first, end), 'assert_order(…)') }, 'assert_order(…)'),
    );
  }
}

/**
 * Who talked how long, and what passed.
 * @param {CallData} data
 * @returns {[string, string | null][]}
 */
function talkFacts(data) {
  const { figures, call } = data;
  const { talk, wire, cost } = figures;
  /** @param {number} seconds */
  const long = (seconds) => (seconds < 120 ? `${seconds.toFixed(1)} s` : clock(seconds, 0));
  return [
    ['User audio', long(call.user_audio_ms / 1000)],
    ['Model audio', long(call.model_audio_ms / 1000)],
    ['Talk', talk ? `user ${long(talk.user_s)}, model ${long(talk.model_s)}, both at once ${long(talk.both_s)}` : null],
    ['Silence', talk ? `${long(talk.silence_s)}, the longest ${long(talk.longest_silence_s)}` : null],
    ['Sent', wire ? `${counted(wire.sent, 'message')}, ${size(wire.sent_bytes)}` : null],
    ['Received', wire ? `${counted(wire.received, 'message')}, ${size(wire.received_bytes)}` : null],
    ['Cost', cost ? `${cost.amount.toFixed(4)} ${cost.currency}, priced as ${cost.model}${cost.not_priced > 0 ? `; ${counted(cost.not_priced, 'token')} without a price` : ''}` : null],
  ];
}

/** @param {string} text */
function parsed(text) {
  try {
    return /** @type {unknown} */ (JSON.parse(text));
  } catch {
    return text;
  }
}

/**
 * @param {Compared[]} rows
 * @returns {HTMLElement}
 */
function differenceTable(rows) {
  const unlike = rows.filter((row) => row.state !== 'same');
  const alike = rows.filter((row) => row.state === 'same');
  if (unlike.length === 0) return compared(`All ${counted(alike.length, 'setting')} came as asked`, alike, false);
  const told = `${counted(unlike.length, 'setting')} of ${rows.length} not as asked`;
  if (alike.length === 0) return compared(told, unlike, true);
  return element('div', {}, compared(told, unlike, true), compared(`${counted(alike.length, 'setting')} as asked`, alike, false));
}

/**
 * @param {string} told
 * @param {Compared[]} rows
 * @param {boolean} open
 */
function compared(told, rows, open) {
  const body = element('tbody');
  for (const row of rows) {
    body.append(
      element(
        'tr', { className: row.state === 'same' ? 'same' : 'differs' },
        element('th', { scope: 'row' }, words(row.path)),
        element('td', {}, words(row.asked)),
        element('td', {}, row.state === 'not told' ? element('i', {}, 'not told') : words(row.got)),
      ),
    );
  }
  const head = element('tr', {}, ...['Setting', 'Asked', 'Got'].map((name) => element('th', { scope: 'col' }, name)));
  return element('details', { className: 'difference', open }, element('summary', {}, told), element('table', {}, element('thead', {}, head), body));
}
