// @ts-check
'use strict';

// The turns as a table; and in its place, when it is asked for, what any lane holds.

/** @typedef {{onTurn: (number: number) => void, onItem: (item: Item) => void}} TableOptions */

class Tables {
  /**
   * @param {HTMLElement} root
   * @param {Call} call
   * @param {LaneItems} items
   * @param {TableOptions} options
   */
  constructor(root, call, items, options) {
    this.call = call;
    this.items = items;
    this.options = options;
    /** @type {LaneKey | 'turns'} */
    this.shown = 'turns';
    this.choice = element('select', { id: 'table-choice', 'aria-label': 'Table', onchange: () => this.show(/** @type {LaneKey} */ (this.choice.value)) });
    this.place = element('div', { className: 'panel-body' });
    this.turns = new VirtualList({
      label: 'Turns', className: 'turns', rowHeight: 40,
      columns: ['Turn', 'At', 'User and model', 'End', 'Text', 'Audio', 'Heard', 'Status'],
      cells: (index) => this.turnCells(index),
      onSelect: (index) => options.onTurn(index + 1),
    });
    /** @type {Item[]} */
    this.listed = [];
    this.lane = new VirtualList({
      label: 'Lane', className: 'lane-table', rowHeight: 22, columns: ['From', 'To', 'Length', 'What'],
      cells: (index) => this.itemCells(index),
      onSelect: (index) => {
        const item = this.listed[index];
        if (item !== undefined) options.onItem(item);
      },
    });
    fill(root, element('div', { className: 'panel-head' }, this.choice), this.place);
    this.refresh();
  }

  /** The call has more rows than before. */
  refresh() {
    const options = [element('option', { value: 'turns' }, `Turns (${count(this.call.rows.turns.length)})`)];
    for (const lane of LANES) options.push(element('option', { value: lane.key }, `${lane.name} (${count(this.items[lane.key].length)})`));
    fill(this.choice, ...options);
    this.show(this.shown);
  }

  /** @param {LaneKey | 'turns'} key */
  show(key) {
    this.shown = key;
    this.choice.value = key;
    if (key === 'turns') {
      fill(this.place, this.turns.root);
      this.turns.reset(this.call.rows.turns.length);
      return;
    }
    this.listed = this.items[key];
    this.lane.selected = -1;
    this.lane.root.setAttribute('aria-label', LANES.find((lane) => lane.key === key)?.name ?? key);
    fill(this.place, this.lane.root);
    this.lane.reset(this.listed.length);
    this.lane.root.scrollTop = 0;
  }

  /** @param {number} index */
  turnCells(index) {
    const turn = this.call.rows.turns[index];
    if (turn === undefined) return [];
    const said = turn.user_text ?? (turn.kind === 'unasked' ? '(nothing: the client asked for an answer)' : '(no transcript)');
    /** @param {number | null} value */
    const figure = (value) => (value === null ? '–' : count(value));
    return [
      String(turn.number),
      clock(this.call.beginS(turn), 1),
      element(
        'span', { role: 'gridcell', className: 'cell said' },
        element('span', { className: 'said-user' }, element('span', { className: 'unseen' }, 'User: '), turn.user_text === null ? element('i', {}, said) : words(said)),
        element('span', { className: 'said-model' }, element('span', { className: 'unseen' }, 'Model: '), words(turn.answer_text ?? '')),
      ),
      figure(turn.endpointing_ms),
      figure(turn.first_text_ms),
      figure(turn.first_audio_ms),
      element('span', { role: 'gridcell', className: 'cell main', title: turn.withheld === null ? '' : plain(`No delays: ${turn.withheld}`, 200) }, figure(turn.first_heard_ms)),
      element(
        'span', { role: 'gridcell', className: 'cell status' },
        turn.status === null ? 'no answer' : words(turn.status),
        turn.is_interrupted ? element('span', { className: 'cut' }, 'interrupted') : turn.withheld === null ? null : element('span', { className: 'quiet' }, 'withheld'),
      ),
    ];
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
