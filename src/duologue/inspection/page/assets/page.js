// @ts-check
'use strict';

// Puts the page together: what one panel selects, the others show.

/** A longer call opens at its beginning, and not as a whole: single turns would be too small to see. */
const WHOLE_BELOW_S = 150;
const OPENING_S = 60;

class Page {
  /**
   * @param {CallData} data
   * @param {FrameIndex} frames
   */
  constructor(data, frames) {
    this.data = data;
    this.call = new Call(data);
    this.frames = frames;
    this.view = new View(this.call.durationS);
    this.items = laneItems(this.call, frames);
    this.player = new Player(soundsOf(data, this.call), this.view, () => this.showPlayer());
    this.showHead(data);
    showFigures(byId('figures'), data);
    if (this.call.durationS > WHOLE_BELOW_S) this.view.look(0, OPENING_S);
    this.minimap = new Minimap(byId('minimap'), this.call, this.items, this.view);
    this.lanes = new Lanes(byId('lanes'), this.call, this.items, this.view, {
      label: 'Playhead, over the lanes',
      onPick: (item, atS) => this.pick(item, atS),
      onTable: (key) => this.tables.show(key),
    });
    this.tables = new Tables(byId('tables'), this.call, this.items, {
      onTurn: (number) => this.goToTurn(number),
      onItem: (item) => this.pick(item, item.fromS),
      onDifference: (row) => this.goToDifference(row),
    });
    this.framesPanel = new FramesPanel(byId('frames'), frames, { onSelect: (number) => this.goToFrame(number) });
    this.detail = new Detail(byId('detail'), frames, {
      data,
      onSearch: (term) => this.framesPanel.searchFor(term),
      onSelect: (number) => this.goToFrame(number),
      stretch: (number) => this.stretch(number),
    });
    this.makeMutes();
    this.listen();
    this.keys = new Keys(this.keyMap());
    this.showPlayer();
    this.showWindow();
    if (data.against) this.comparison = new Comparison(this, data.against);
    if (data.live) this.live = new Live(this, data, data.live);
    void this.readHash();
    window.addEventListener('hashchange', () => void this.readHash());
  }

  /** The call has gone on. */
  refresh() {
    const { call, data } = this;
    call.place();
    this.items = laneItems(call, this.frames);
    this.lanes.show(this.items);
    this.minimap.items = this.items;
    this.minimap.draw();
    this.tables.refresh(this.items);
    this.framesPanel.refresh();
    this.detail.refresh();
    showFigures(byId('figures'), data);
    this.showAbout();
  }

  showAbout() {
    const parts = aboutCall(this.data).flatMap((part, index) => (index === 0 ? [part] : [element('span', { className: 'dot' }, ' · '), part]));
    fill(byId('about'), ...parts);
  }

  /** @param {CallData} data */
  showHead(data) {
    const title = plain(data.title, 200);
    document.title = title;
    fill(byId('title'), words(title));
    this.showAbout();
    const notes = byId('notes');
    notes.hidden = data.notes.length === 0;
    fill(notes, ...data.notes.map((note) => element('p', {}, words(note))));
  }

  // --- what is selected

  /**
   * @param {Item | null} item
   * @param {number} atS
   */
  pick(item, atS) {
    this.seek(atS);
    if (item === null) return;
    this.view.selectTurn(item.turn ?? this.call.turnAt(item.fromS));
    const number = item.frame();
    if (number >= 0) this.showFrame(number);
  }

  /** @param {number} atS */
  seek(atS) {
    this.view.seek(atS);
    this.player.moved();
    this.writeHash();
  }

  /** @param {number} number */
  goToTurn(number) {
    const span = this.call.turnSpan(number);
    const turn = this.call.rows.turns[number - 1];
    if (span === null || turn === undefined) return;
    this.view.selectTurn(number);
    this.view.reveal(...span);
    this.seek(span[0]);
    const askedS = turn.speech_started_s ?? turn.committed_s ?? turn.end_of_speech_s ?? span[0];
    const frame = this.frames.near(askedS, /speech_started$|^input_audio_buffer\.commit|^response\.create/);
    if (frame >= 0) this.showFrame(frame);
    say(`Turn ${number}. ${turn.user_text ?? ''}`);
  }

  /** @param {number} number */
  goToFrame(number) {
    if (number < 0) return;
    const atS = this.frames.atS(number);
    this.view.selectTurn(this.call.turnAt(atS));
    this.seek(atS);
    this.showFrame(number);
  }

  /** @param {number} number */
  showFrame(number) {
    this.view.selectFrame(number);
    this.framesPanel.show(number);
    void this.detail.show(number).then(() => this.writeHash());
    this.lanes.mark(this.frames.atS(number));
  }

  /** @param {Difference} row */
  goToDifference(row) {
    const isOwn = row.only === 'this';
    const atS = row.at_s + (isOwn ? 0 : this.comparison?.offsetS ?? 0);
    this.view.reveal(atS);
    this.seek(atS);
    const type = new RegExp(`^${row.type.replace(/[^\w]/g, '\\$&')}$`);
    if (isOwn) this.showFrame(this.frames.near(row.at_s, type));
    else this.comparison?.lanes.mark(row.at_s);
  }

  /**
   * The frames of the turn that a frame belongs to.
   * @param {number} number
   * @returns {Span}
   */
  stretch(number) {
    const turn = this.call.turnAt(this.frames.atS(number));
    const span = this.call.turnSpan(turn) ?? [0, this.call.turnSpan(1)?.[0] ?? this.call.durationS];
    return [this.frames.after(Math.floor(span[0] * 1000)), this.frames.after(Math.floor(span[1] * 1000))];
  }

  /** @param {1 | -1} step */
  nextOdd(step) {
    const { view, frames } = this;
    const from = view.frame >= 0 ? view.frame : frames.after(view.playheadS * 1000) - (step === 1 ? 1 : 0);
    const number = frames.nextOdd(from, step);
    if (number < 0) say(step === 1 ? 'No odd frame from here on' : 'No odd frame before this');
    else {
      this.goToFrame(number);
      say(frames.typeOf(number));
    }
  }

  /** @param {1 | -1} step */
  nextTurn(step) {
    const from = this.view.turn > 0 ? this.view.turn : this.call.turnAt(this.view.playheadS) + (step === 1 ? 0 : 1);
    const number = Math.min(this.call.rows.turns.length, Math.max(1, from + step));
    if (this.tables.shown !== 'turns') this.tables.show('turns');
    this.goToTurn(number);
  }

  zoomToTurn() {
    const span = this.call.turnSpan(this.view.turn || this.call.turnAt(this.view.playheadS) || 1);
    if (span === null) return;
    const margin = Math.max(0.2, (span[1] - span[0]) * 0.06);
    this.view.look(span[0] - margin, span[1] + margin);
  }

  // --- the toolbar

  makeMutes() {
    const places = this.lanes.places;
    for (const side of /** @type {Side[]} */ (['user', 'model'])) {
      const place = places.find((each) => each.key === `${side}_audio`);
      if (place === undefined || !this.player.hasAudio) continue;
      const button = element('button', { type: 'button', className: 'mute', id: `mute-${side}`, 'aria-pressed': 'false', 'aria-keyshortcuts': side[0] ?? '', onclick: () => this.player.mute(side) }, 'mute');
      button.setAttribute('aria-label', `Mute the ${side}`);
      button.style.top = `${place.y + place.height / 2 - 8}px`;
      this.lanes.names.append(button);
    }
  }

  showPlayer() {
    const { player } = this;
    const button = /** @type {HTMLButtonElement} */ (byId('play'));
    button.disabled = !player.hasAudio;
    button.classList.toggle('plays', player.isPlaying);
    fill(button, element('span', { className: 'icon', 'aria-hidden': 'true' }), player.isPlaying ? 'Pause' : player.hasAudio ? 'Play' : 'No audio');
    for (const side of /** @type {Side[]} */ (['user', 'model'])) {
      const mute = document.getElementById(`mute-${side}`);
      if (mute === null) continue;
      mute.setAttribute('aria-pressed', String(player.muted[side]));
      mute.textContent = player.muted[side] ? 'muted' : 'mute';
    }
  }

  showWindow() {
    const { view } = this;
    const digits = view.spanS < 20 ? 2 : 0;
    const isWhole = view.spanS >= view.durationS * 0.999;
    byId('window').textContent = isWhole ? '' : `${clock(view.fromS, digits)} – ${clock(view.toS, digits)}`;
  }

  showClock() {
    byId('clock').textContent = clock(this.view.playheadS);
    const turn = this.call.rows.turns[this.call.turnAt(this.view.playheadS) - 1];
    byId('now').textContent = turn === undefined ? '' : `turn ${turn.number}`;
  }

  listen() {
    this.view.listen((changed) => {
      if (changed.has('playhead')) this.showClock();
      if (changed.has('window')) this.showWindow();
      if (changed.has('turn') && this.tables.shown.endsWith('turns')) this.tables.turns.mark(this.view.turn - 1);
    });
    this.showClock();
    byId('play').addEventListener('click', () => this.player.toggle());
    byId('zoom-in').addEventListener('click', () => this.view.zoom(2));
    byId('zoom-out').addEventListener('click', () => this.view.zoom(0.5));
    byId('zoom-turn').addEventListener('click', () => this.zoomToTurn());
    byId('zoom-all').addEventListener('click', () => this.view.look(0, this.view.durationS));
  }

  /** @returns {KeyMap} */
  keyMap() {
    const { view } = this;
    /** @param {number} byS */
    const move = (byS) => this.seek(view.playheadS + byS);
    return {
      ' ': () => this.player.toggle(),
      ArrowLeft: (event) => move(event.shiftKey ? -0.1 : -1),
      ArrowRight: (event) => move(event.shiftKey ? 0.1 : 1),
      Home: () => this.seek(0),
      End: () => this.seek(view.durationS),
      '+': () => view.zoom(2),
      '=': () => view.zoom(2),
      '-': () => view.zoom(0.5),
      0: () => view.look(0, view.durationS),
      z: () => this.zoomToTurn(),
      e: () => this.live?.follow(!this.live.isFollowing),
      j: () => this.nextTurn(1),
      k: () => this.nextTurn(-1),
      n: () => this.nextOdd(1),
      N: () => this.nextOdd(-1),
      f: () => this.frameAtPlayhead(),
      u: () => this.player.mute('user'),
      m: () => this.player.mute('model'),
      '/': () => this.framesPanel.search.focus(),
    };
  }

  frameAtPlayhead() {
    if (this.frames.count === 0) return;
    const number = Math.min(this.frames.count - 1, this.frames.after(Math.round(this.view.playheadS * 1000)));
    this.showFrame(number);
    this.framesPanel.list.root.focus();
  }

  // --- the address

  writeHash() {
    window.clearTimeout(this.hashTimer);
    this.hashTimer = window.setTimeout(() => {
      const parts = [`t=${Math.round(this.view.playheadS * 1000) / 1000}`];
      if (this.view.frame >= 0) {
        const id = field(parsed(this.detail.text), 'event_id');
        parts.push(this.detail.number === this.view.frame && typeof id === 'string' && id.length < 200 ? `e=${encodeURIComponent(id)}` : `f=${this.view.frame}`);
      }
      this.hash = `#${parts.join('&')}`;
      history.replaceState(null, '', this.hash);
    }, 200);
  }

  /** @type {Comparison | null} */
  comparison = null;
  /** @type {Live | null} */
  live = null;
  hash = '';
  hashTimer = 0;

  /** Go where the address points: `#t=12.3&e=event_…`. */
  async readHash() {
    if (location.hash === this.hash || location.hash.length < 3) return;
    const asked = new URLSearchParams(location.hash.slice(1));
    const atS = Number(asked.get('t') ?? NaN);
    const event = asked.get('e');
    const number = event !== null ? await this.frameOf(event, atS) : asked.has('f') ? Number(asked.get('f')) : -1;
    if (Number.isInteger(number) && number >= 0 && number < this.frames.count) this.goToFrame(number);
    if (Number.isFinite(atS)) this.seek(atS);
  }

  /**
   * The frame with this event id: looked for around a moment first, if there is one.
   * @param {string} event
   * @param {number} atS
   */
  async frameOf(event, atS) {
    const { frames } = this;
    if (event === '') return -1;
    const known = frames.id.indexOf(event);
    if (known >= 0) return known;
    const needle = JSON.stringify(event);
    const around = Number.isFinite(atS) ? frames.after(atS * 1000) : 0;
    const chunks = [...frames.store.chunks.entries()].sort(([, one], [, other]) => Math.abs(one.first + one.count / 2 - around) - Math.abs(other.first + other.count / 2 - around));
    for (const [piece, chunk] of chunks) {
      const lines = await frames.linesOf(piece, false);
      const index = lines.findIndex((line) => line.includes(needle) && field(parsed(line), 'event_id') === event);
      if (index >= 0) return chunk.first + index;
    }
    return -1;
  }
}

/**
 * @param {CallData} data
 * @param {Call} call
 */
function soundsOf(data, call) {
  if (data.live) return servedSounds(data.live.audio, () => call.durationS);
  return embeddedSounds(data.audio ?? { user: [], model: [] });
}

/** @type {Page | null} */
let page = null;

async function open_() {
  const data = /** @type {CallData} */ (embedded('call'));
  page = new Page(data, await FrameIndex.of(data));
  document.documentElement.dataset['ready'] = 'yes';
}

void open_();
