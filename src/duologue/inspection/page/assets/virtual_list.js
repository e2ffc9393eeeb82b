// @ts-check
'use strict';

// A long list of rows of which only those in sight are in the page. A grid for people who listen to it: one stop of the
// Tab key, arrows inside.

/** Rows above and below the visible ones, so that quick scrolling shows no holes. */
const BEYOND = 8;
/** Browsers place nothing below some 33 million pixels. */
const TALLEST = 16_000_000;

/**
 * @typedef {{label: string, rowHeight: number, columns: string[], className: string,
 *   cells: (index: number) => Child[], describe?: (index: number, row: HTMLElement) => void,
 *   onSelect: (index: number, event?: Event) => void, onOpen?: (index: number) => void}} ListOptions
 */

class VirtualList {
  /** @param {ListOptions} options */
  constructor(options) {
    this.options = options;
    this.count = 0;
    this.selected = -1;
    this.uid = `list-${(VirtualList.made += 1)}`;
    this.head = element('div', { className: 'list-head', role: 'row', 'aria-rowindex': 1 });
    for (const column of options.columns) {
      this.head.append(element('span', { role: 'columnheader', className: 'cell' }, column));
    }
    this.body = element('div', { className: 'list-body', role: 'rowgroup' });
    this.root = element(
      'div',
      { className: `list ${options.className}`, role: 'grid', tabIndex: 0, 'aria-label': options.label, 'aria-colcount': options.columns.length },
      element('div', { role: 'rowgroup', className: 'list-top' }, this.head), this.body,
    );
    /** @type {Map<number, HTMLElement>} */
    this.rows = new Map();
    this.root.addEventListener('scroll', () => this.draw(), { passive: true });
    new ResizeObserver(() => this.draw()).observe(this.root);
    this.root.addEventListener('keydown', (event) => this.key(event));
    this.body.addEventListener('click', (event) => {
      const row = /** @type {HTMLElement} */ (event.target).closest('.row');
      if (row !== null) this.select(Number(row.getAttribute('data-index')), event);
    });
  }

  static made = 0;

  /**
   * Show so many rows; all of them are made anew.
   * @param {number} count
   */
  reset(count) {
    this.count = count;
    if (this.selected >= count) this.selected = -1;
    this.root.setAttribute('aria-rowcount', String(count + 1));
    this.body.style.height = `${Math.min(TALLEST, count * this.options.rowHeight)}px`;
    this.redraw();
  }

  /**
   * There are more rows than before: what was in sight stays there, unless it was the end.
   * @param {number} count
   */
  grow(count) {
    const isAtEnd = this.root.scrollTop + this.root.clientHeight >= this.root.scrollHeight - 2;
    const wasScrolled = this.root.scrollTop > 0;
    this.reset(count);
    if (isAtEnd && (wasScrolled || this.root.scrollHeight > this.root.clientHeight)) this.root.scrollTop = this.root.scrollHeight;
    this.draw();
  }

  /** Make the visible rows anew. */
  redraw() {
    for (const row of this.rows.values()) row.remove();
    this.rows.clear();
    this.draw();
  }

  draw() {
    const { rowHeight } = this.options;
    const top = this.root.scrollTop;
    const first = Math.max(0, Math.floor(top / rowHeight) - BEYOND);
    const last = Math.min(this.count, Math.ceil((top + this.root.clientHeight) / rowHeight) + BEYOND);
    for (const [index, row] of this.rows) {
      if (index < first || index >= last) {
        row.remove();
        this.rows.delete(index);
      }
    }
    /** @type {HTMLElement[]} */
    const added = [];
    for (let index = first; index < last; index += 1) {
      if (!this.rows.has(index)) added.push(this.make(index));
    }
    this.body.append(...added);
    this.point();
  }

  /** @param {number} index */
  make(index) {
    const row = element('div', { className: 'row', role: 'row', id: `${this.uid}-${index}`, 'aria-rowindex': index + 2, 'data-index': index, 'aria-selected': index === this.selected ? 'true' : 'false' });
    row.style.transform = `translateY(${index * this.options.rowHeight}px)`;
    for (const cell of this.options.cells(index)) {
      row.append(cell instanceof HTMLElement && cell.getAttribute('role') === 'gridcell' ? cell : element('span', { className: 'cell', role: 'gridcell' }, cell));
    }
    this.options.describe?.(index, row);
    this.rows.set(index, row);
    return row;
  }

  point() {
    const row = this.rows.get(this.selected);
    if (row === undefined) this.root.removeAttribute('aria-activedescendant');
    else this.root.setAttribute('aria-activedescendant', row.id);
  }

  /**
   * Mark a row without telling that it was selected.
   * @param {number} index
   * @param {boolean} [reveal]
   */
  mark(index, reveal = true) {
    this.rows.get(this.selected)?.setAttribute('aria-selected', 'false');
    this.selected = index;
    if (reveal && index >= 0) this.reveal(index);
    this.rows.get(index)?.setAttribute('aria-selected', 'true');
    this.point();
  }

  /** @param {number} index */
  reveal(index) {
    const { rowHeight } = this.options;
    const [top, height] = [this.root.scrollTop, this.root.clientHeight - this.head.offsetHeight];
    const at = index * rowHeight;
    if (at < top || at + rowHeight > top + height) {
      // Near its place it moves by a row; from afar the row comes to the middle, with what is around it.
      const isNear = at > top - 2 * rowHeight && at < top + height + rowHeight;
      this.root.scrollTop = isNear ? (at < top ? at : at + rowHeight - height) : at - height / 2 + rowHeight / 2;
    }
    this.draw();
  }

  /**
   * @param {number} index
   * @param {Event} [event]
   */
  select(index, event) {
    if (index < 0 || index >= this.count) return;
    this.mark(index);
    this.options.onSelect(index, event);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== this.root) return;
    const page = Math.max(1, Math.floor(this.root.clientHeight / this.options.rowHeight) - 1);
    const steps = /** @type {{[key: string]: number}} */ ({ ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page });
    if (event.key === 'Enter' && this.options.onOpen !== undefined && this.selected >= 0) this.options.onOpen(this.selected);
    else if (event.key === 'Home') this.select(0);
    else if (event.key === 'End') this.select(this.count - 1);
    else if (Object.hasOwn(steps, event.key)) {
      const from = this.selected < 0 && (steps[event.key] ?? 0) > 0 ? -1 : this.selected;
      this.select(Math.min(this.count - 1, Math.max(0, from + (steps[event.key] ?? 0))));
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
