// @ts-check
'use strict';

// The turns as a table; and in its place, when it is asked for, what any lane holds.

/** @typedef {{onTurn: (number: number) => void, onItem: (item: Item) => void,
 *   onDifference: (row: Difference) => void}} TableOptions
 * @typedef {LaneKey | 'turns'} OwnKey
 * @typedef {OwnKey | 'differences' | `other:${OwnKey}`} TableKey
 * @typedef {{call: Call, items: LaneItems, onTurn: (number: number) => void, onItem: (item: Item) => void}} TableSource */

/** What stands before the key of a table of the other call. */
const OTHER = 'other:';

/**
 * How a turn has ended: by the server's word, or in sessions that have none, by what came.
 * @param {Turn} turn
 * @param {Call} call
 */
function statusOf(turn, call) {
  if (turn.status !== null) return turn.status;
  const isLast = turn.number === call.rows.turns.length;
  if (turn.first_text_s === null && turn.first_audio_s === null && turn.answer_text === null) return isLast && call.isOpen ? '' : 'no answer';
  if (turn.response_ids.length > 0) return isLast && call.isOpen ? 'in progress' : 'not done';
  return turn.is_interrupted ? '' : 'answered';
}

class Tables {
  /**
   * @param {HTMLElement} root
   * @param {Call} call
   * @param {LaneItems} items
   * @param {TableOptions} options
   */
  constructor(root, call, items, options) {
    this.call = call;
    /** @type {TableSource} */
    this.own = { call, items, onTurn: options.onTurn, onItem: options.onItem };
    /** The call that this one is compared with. @type {TableSource | null} */
    this.other = null;
    /** Whose rows are listed now. */
    this.source = this.own;
    /** @type {TableKey} */
    this.shown = 'turns';
    this.choice = element('select', { id: 'table-choice', 'aria-label': 'Table', onchange: () => this.show(/** @type {TableKey} */ (this.choice.value)) });
    this.place = element('div', { className: 'panel-body' });
    this.turns = new VirtualList({
      label: 'Turns', className: 'turns', rowHeight: 40,
      columns: ['Turn', 'At', 'User and model', 'End', 'Text', 'Audio', 'Heard', 'Status'],
      cells: (index) => this.turnCells(index),
      onSelect: (index) => this.source.onTurn(index + 1),
    });
    /** @type {Item[]} */
    this.listed = [];
    this.lane = new VirtualList({
      label: 'Lane', className: 'lane-table', rowHeight: 22, columns: ['From', 'To', 'Length', 'What'],
      cells: (index) => this.itemCells(index),
      onSelect: (index) => {
        const item = this.listed[index];
        if (item !== undefined) this.source.onItem(item);
      },
    });
    /** What only one of two calls has. */
    this.different = call.data.against?.differences ?? [];
    this.differences = new VirtualList({
      label: 'Differences', className: 'difference-list', rowHeight: 22, columns: ['Only in', 'At', 'From', 'Type'],
      cells: (index) => {
        const row = this.different[index];
        return row === undefined ? [] : differenceCells(row);
      },
      onSelect: (index) => {
        const row = this.different[index];
        if (row !== undefined) options.onDifference(row);
      },
    });
    fill(root, element('div', { className: 'panel-head' }, this.choice), this.place);
    this.refresh();
  }

  /**
   * The call has more rows than before.
   * @param {LaneItems} [items]
   */
  refresh(items = this.own.items) {
    this.own.items = items;
    const options = this.names(this.own, '', '');
    if (this.call.data.against) options.push(element('option', { value: 'differences' }, `Differences (${count(this.different.length)})`));
    if (this.other !== null) options.push(...this.names(this.other, OTHER, 'Other call: '));
    if (this.choice.childElementCount === options.length) {
      for (const [index, option] of [...this.choice.options].entries()) option.textContent = options[index]?.textContent ?? '';
      if (this.shown === 'differences') return;
      const key = /** @type {OwnKey} */ (this.shown.replace(OTHER, ''));
      if (key !== 'turns') this.listed = this.source.items[key];
      const list = key === 'turns' ? this.turns : this.lane;
      list.grow(key === 'turns' ? this.source.call.rows.turns.length : this.listed.length);
      return;
    }
    fill(this.choice, ...options);
    this.show(this.shown);
  }

  /**
   * The tables of one call.
   * @param {TableSource} source
   * @param {string} prefix
   * @param {string} before
   */
  names({ call, items }, prefix, before) {
    const options = [element('option', { value: `${prefix}turns` }, `${before}Turns (${count(call.rows.turns.length)})`)];
    for (const lane of lanesOf(items)) options.push(element('option', { value: `${prefix}${lane.key}` }, `${before}${lane.name} (${count(items[lane.key].length)})`));
    return options;
  }

  /**
   * Another call has tables too.
   * @param {TableSource} source
   */
  addOther(source) {
    this.other = source;
    this.refresh();
  }

  /** @param {TableKey} key */
  show(key) {
    this.shown = key;
    this.choice.value = key;
    this.source = this.other !== null && key.startsWith(OTHER) ? this.other : this.own;
    const lane = LANES.find((each) => each.key === key.replace(OTHER, ''));
    if (key === 'differences') {
      fill(this.place, this.differences.root);
      this.differences.reset(this.different.length);
      return;
    }
    if (lane === undefined) {
      fill(this.place, this.turns.root);
      this.turns.reset(this.source.call.rows.turns.length);
      return;
    }
    this.listed = this.source.items[lane.key];
    this.lane.selected = -1;
    this.lane.root.setAttribute('aria-label', lane.name);
    fill(this.place, this.lane.root);
    this.lane.reset(this.listed.length);
    this.lane.root.scrollTop = 0;
  }

  /** @param {number} index */
  turnCells(index) {
    const { call } = this.source;
    const turn = call.rows.turns[index];
    if (turn === undefined) return [];
    const said = turn.user_text ?? (turn.kind === 'unasked' ? '(nothing: the client asked for an answer)' : '(no transcript)');
    /** @param {number | null} value */
    const figure = (value) => (value === null ? '–' : count(value));
    return [
      String(turn.number),
      clock(call.beginS(turn), 1),
      element(
        'span', { role: 'gridcell', className: 'cell said' },
        element('span', { className: 'said-user' }, element('span', { className: 'unseen' }, 'User: '), turn.user_text === null ? element('i', {}, said) : words(said)),
        element('span', { className: 'said-model' }, element('span', { className: 'unseen' }, 'Model: '), words(turn.answer_text ?? '')),
      ),
      figure(turn.endpointing_ms),
      figure(turn.first_text_ms),
      figure(turn.first_audio_ms),
      element('span', { role: 'gridcell', className: 'cell main', title: turn.withheld === null ? '' : plain(`No delays: ${turn.withheld}`, 200) }, figure(turn.first_heard_ms), this.versus(turn)),
      element(
        'span', { role: 'gridcell', className: 'cell status' },
        words(statusOf(turn, call)),
        turn.is_interrupted ? element('span', { className: 'cut' }, 'interrupted') : turn.withheld === null ? null : element('span', { className: 'quiet' }, 'withheld'),
      ),
    ];
  }

  /**
   * Where two calls are compared: by how much the same turn was heard sooner or later in this one.
   * @param {Turn} turn
   */
  versus(turn) {
    if (this.source !== this.own) return null;
    const other = this.call.data.against?.call.turns[turn.number - 1]?.first_heard_ms ?? null;
    if (other === null || turn.first_heard_ms === null) return null;
    const by = turn.first_heard_ms - other;
    return element('span', { className: 'versus', title: `In the other call ${count(other)} ms` }, by === 0 ? 'same' : `${by > 0 ? '+' : '−'}${count(Math.abs(by))}`);
  }

  /** @param {number} index */
  itemCells(index) {
    const item = this.listed[index];
    if (item === undefined) return [];
    const isMoment = item.toS <= item.fromS;
    return [
      clock(item.fromS),
      isMoment ? '' : clock(item.toS),
      isMoment ? '' : lasting((item.toS - item.fromS) * 1000),
      element(
        'span', { role: 'gridcell', className: `cell what tone-${item.tone}` },
        element('b', {}, words(item.what)), item.words === undefined ? null : words(item.words),
      ),
    ];
  }
}
