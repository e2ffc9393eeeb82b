// @ts-check
'use strict';

// All frames: folded, filtered by family and direction, and searched.

/** Families with a chip of their own; what is rarer is found by searching. */
const MOST_FAMILIES = 4;

/** @typedef {{onSelect: (number: number) => void}} FrameOptions */

class FramesPanel {
  /**
   * @param {HTMLElement} root
   * @param {FrameIndex} frames
   * @param {FrameOptions} options
   */
  constructor(root, frames, options) {
    this.frames = frames;
    this.options = options;
    /** Numbers of the frames that are listed, in order. */
    this.visible = new Int32Array();
    /** Runs that are shown frame by frame. */
    this.unfolded = new Set();
    /** @type {Set<string>} */
    this.families = new Set();
    /** @type {Set<string>} */
    this.sides = new Set();
    this.onlyOdd = false;
    this.term = '';
    /** Frames whose text has the searched words; null: not searched. @type {Uint8Array | null} */
    this.found = null;
    this.search = element('input', {
      type: 'search', id: 'search', placeholder: frames.address === null ? 'Search type, id, content' : 'Search type, id', spellcheck: false, autocomplete: 'off', 'aria-label': 'Search in frames', 'aria-keyshortcuts': '/',
      oninput: () => this.searched(),
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.searchKey(event),
    });
    this.told = element('span', { className: 'told', role: 'status' });
    this.chips = element('div', { className: 'chips', role: 'group', 'aria-label': 'Show only' });
    this.list = new VirtualList({
      label: 'Frames', className: 'frame-list', rowHeight: 20, columns: ['Time', 'From', 'Type', 'Size'],
      cells: (index) => this.cells(index),
      describe: (index, row) => this.describe(index, row),
      onSelect: (index, event) => this.selected(index, event),
      onOpen: (index) => this.toggleRun(this.visible[index] ?? -1),
    });
    fill(root, element('div', { className: 'panel-head' }, this.search, this.told), this.chips, element('div', { className: 'panel-body' }, this.list.root));
    this.makeChips();
    this.filter();
  }

  makeChips() {
    const { frames } = this;
    this.known = frames.count;
    /** @type {Map<string, number>} */
    const families = new Map();
    const sides = { client: 0, server: 0, line: 0 };
    let odd = 0;
    for (let number = 0; number < frames.count; number += 1) {
      const family = FramesPanel.family(frames.typeOf(number));
      families.set(family, (families.get(family) ?? 0) + 1);
      const from = frames.from(number);
      if (from === 'client' || from === 'server') sides[from] += 1;
      else sides.line += 1;
      odd += frames.odd[number] ?? 0;
    }
    const chips = [
      this.chip('→ client', sides.client, this.sides, 'client'),
      this.chip('← server', sides.server, this.sides, 'server'),
      sides.line > 0 ? this.chip('no message', sides.line, this.sides, 'line') : null,
      odd > 0 ? this.oddChip(odd) : null,
      element('span', { className: 'chip-gap' }),
    ];
    const common = [...families].filter(([name]) => !/^(note|closed|connected)\b/.test(name)).sort((one, other) => other[1] - one[1]);
    for (const [name, frequency] of common.slice(0, MOST_FAMILIES)) chips.push(this.chip(name, frequency, this.families, name));
    if (!this.chips.contains(document.activeElement)) fill(this.chips, ...chips);
  }

  /** @param {string} type */
  static family(type) {
    const family = type.split('.', 1)[0] ?? type;
    return family.length > 40 ? `${family.slice(0, 40)}…` : family;
  }

  /**
   * @param {string} name
   * @param {number} frequency
   * @param {Set<string>} chosen
   * @param {string} value
   */
  chip(name, frequency, chosen, value) {
    const chip = element('button', {
      type: 'button', className: 'chip', 'aria-pressed': String(chosen.has(value)),
      onclick: () => {
        if (!chosen.delete(value)) chosen.add(value);
        chip.setAttribute('aria-pressed', String(chosen.has(value)));
        this.filter();
      },
    }, words(name), element('span', { className: 'number' }, ` ${count(frequency)}`));
    return chip;
  }

  /** @param {number} frequency */
  oddChip(frequency) {
    const chip = element('button', {
      type: 'button', className: 'chip odd', 'aria-pressed': String(this.onlyOdd),
      onclick: () => {
        this.onlyOdd = !this.onlyOdd;
        chip.setAttribute('aria-pressed', String(this.onlyOdd));
        this.filter();
      },
    }, 'odd', element('span', { className: 'number' }, ` ${count(frequency)}`));
    return chip;
  }

  // --- what is listed

  /** List what the chips and the search leave. */
  filter() {
    this.listFiltered();
    this.list.selected = -1;
    this.list.reset(this.visible.length);
    if (this.chosen >= 0) this.show(this.chosen, false);
    this.tell();
  }

  tell() {
    const rows = counted(this.visible.length, 'row');
    this.told.textContent = this.term === '' ? rows : `${rows} for “${plain(this.term, 24)}”`;
  }

  listFiltered() {
    const { frames } = this;
    const numbers = new Int32Array(frames.count);
    const isFolding = this.found === null;
    /** @type {boolean[]} */
    const families = frames.types.map((type) => this.families.size === 0 || this.families.has(FramesPanel.family(type)));
    let length = 0;
    for (let number = 0; number < frames.count; number += 1) {
      if (!families[frames.type[number] ?? 0]) continue;
      if (this.onlyOdd && !frames.odd[number]) continue;
      if (this.found !== null && !this.found[number]) continue;
      if (this.sides.size > 0) {
        const from = frames.from(number);
        if (!this.sides.has(from === 'client' || from === 'server' ? from : 'line')) continue;
      }
      const first = frames.fold[number] ?? number;
      if (isFolding && first !== number && !this.unfolded.has(first)) continue;
      numbers[length] = number;
      length += 1;
    }
    this.visible = numbers.subarray(0, length);
  }

  /** There are more frames than before. */
  refresh() {
    const { frames } = this;
    if (this.found !== null && this.found.length < frames.count) {
      const [found, from] = [new Uint8Array(frames.count), this.found.length];
      found.set(this.found);
      for (let number = from; number < frames.count; number += 1) {
        if (this.isNamed(number, this.term)) found[number] = 1;
      }
      this.found = found;
    }
    if (this.known !== frames.count) this.makeChips();
    this.listFiltered();
    this.list.grow(this.visible.length);
    this.list.mark(this.rowOf(this.chosen), false);
    // A call that goes on would read the number of its rows aloud all the time.
    this.told.setAttribute('aria-live', 'off');
    this.tell();
  }

  /**
   * Whether its type or id has the searched words.
   * @param {number} number
   * @param {string} term
   */
  isNamed(number, term) {
    return this.frames.typeOf(number).toLowerCase().includes(term) || (this.frames.id[number] ?? '').toLowerCase().includes(term);
  }

  /** @param {string} term */
  searchFor(term) {
    this.search.value = term;
    this.searched();
    this.search.focus();
  }

  searched() {
    const term = this.search.value.trim().toLowerCase();
    if (term === this.term) return;
    this.term = term;
    this.run = (this.run ?? 0) + 1;
    if (term === '') {
      this.found = null;
      this.filter();
      return;
    }
    this.isDone = false;
    this.told.setAttribute('aria-live', 'polite');
    void this.find(term, this.run);
  }

  /**
   * Look in types and ids at once, and then in the content, piece by piece.
   * @param {string} term
   * @param {number} run
   */
  async find(term, run) {
    const { frames } = this;
    const found = new Uint8Array(frames.count);
    for (let number = 0; number < frames.count; number += 1) {
      if (this.isNamed(number, term)) found[number] = 1;
    }
    this.found = found;
    this.filter();
    for (const [piece, chunk] of frames.store.chunks.entries()) {
      const lines = await frames.linesOf(piece, false);
      if (run !== this.run) return;
      for (const [offset, line] of lines.entries()) {
        if (line.toLowerCase().includes(term)) found[chunk.first + offset] = 1;
      }
      if (piece % 4 === 3) this.told.textContent = `${Math.round((100 * piece) / frames.store.chunks.length)} % searched`;
    }
    this.isDone = true;
    this.filter();
  }

  /** @param {KeyboardEvent} event */
  searchKey(event) {
    if (event.key === 'Escape') {
      this.search.value = '';
      this.searched();
      this.list.root.focus();
    } else if (event.key === 'Enter' || event.key === 'ArrowDown') {
      this.list.root.focus();
      if (this.list.selected < 0) this.list.select(0);
    } else return;
    event.preventDefault();
  }

  chosen = -1;
  /** How many frames the chips have counted. */
  known = -1;
  run = 0;
  /** Whether the last search has seen all frames. */
  isDone = true;

  /**
   * @param {number} index
   * @param {Event} [event]
   */
  selected(index, event) {
    const number = this.visible[index] ?? -1;
    const target = event?.target;
    this.chosen = number;
    if (target instanceof Element && target.closest('.fold') !== null) this.toggleRun(number);
    this.options.onSelect(number);
  }

  /** @param {number} number */
  toggleRun(number) {
    const first = this.frames.fold[number] ?? -1;
    if (first < 0 || (this.frames.runLength[first] ?? 0) < 2 || this.found !== null) return;
    if (!this.unfolded.delete(first)) this.unfolded.add(first);
    this.chosen = first;
    this.filter();
  }

  /**
   * Bring a frame into sight: the row of its run, if it is folded; filters that hide it are taken away.
   * @param {number} number
   * @param {boolean} [insist]
   */
  show(number, insist = true) {
    this.chosen = number;
    const index = this.rowOf(number);
    if (index >= 0) this.list.mark(index);
    else if (insist) {
      this.clear();
      this.show(number, false);
    } else this.list.mark(-1);
  }

  /**
   * The row of a frame, or of the run that it is folded into; -1 if neither is listed.
   * @param {number} number
   */
  rowOf(number) {
    const first = this.frames.fold[number] ?? number;
    const isFolded = this.found === null && !this.unfolded.has(first);
    return number < 0 ? -1 : this.indexOf(isFolded ? first : number);
  }

  clear() {
    this.families.clear();
    this.sides.clear();
    this.onlyOdd = false;
    this.search.value = '';
    this.term = '';
    this.found = null;
    for (const chip of this.chips.querySelectorAll('.chip')) chip.setAttribute('aria-pressed', 'false');
    this.filter();
  }

  /** @param {number} number */
  indexOf(number) {
    let [low, high] = [0, this.visible.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.visible[middle] ?? 0) < number) low = middle + 1;
      else high = middle;
    }
    return this.visible[low] === number ? low : -1;
  }

  // --- rows

  /** @param {number} index */
  cells(index) {
    const { frames } = this;
    const number = this.visible[index] ?? 0;
    const from = frames.from(number);
    const run = frames.runLength[number] ?? 1;
    const isRun = run > 1 && this.found === null;
    const isOpen = isRun && this.unfolded.has(number);
    const sign = from === 'client' ? '→' : from === 'server' ? '←' : '·';
    return [
      clock(frames.atS(number)),
      element('span', { role: 'gridcell', className: `cell from ${from}`, 'aria-label': from }, sign),
      element(
        'span', { role: 'gridcell', className: 'cell type' },
        frames.odd[number] ? element('span', { className: 'sign', title: 'odd' }, '!') : null,
        element('span', { className: 'name' }, words(plain(frames.typeOf(number), 120))),
        isRun ? element('span', { className: 'fold', title: isOpen ? 'Fold' : 'Unfold' }, `${isOpen ? '▾' : '▸'} ${count(run)}`) : null,
      ),
      from === 'client' || from === 'server' ? size(isRun && !isOpen ? frames.runBytes[number] ?? 0 : frames.bytes[number] ?? 0) : '',
    ];
  }

  /**
   * @param {number} index
   * @param {HTMLElement} row
   */
  describe(index, row) {
    const number = this.visible[index] ?? 0;
    if (this.frames.odd[number]) row.classList.add('is-odd');
    if (this.frames.fold[number] !== number) row.classList.add('is-inner');
    const from = this.frames.from(number);
    if (from !== 'client' && from !== 'server') row.classList.add('is-line');
  }
}
