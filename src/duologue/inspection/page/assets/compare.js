// @ts-check
'use strict';

// A second call below the first, on the same axis: its lanes, its figures beside those of the first, and what events
// only one of them has.

class Comparison {
  /**
   * @param {Page} page
   * @param {CallData} other
   */
  constructor(page, other) {
    this.page = page;
    this.other = other;
    this.call = new Call(other);
    this.offsetS = other.aligned_s ?? 0;
    page.view.grow(Math.max(page.call.durationS, this.call.durationS + this.offsetS));
    const title = plain(other.title, 200);
    byId('lanes').before(Comparison.caption('This call', page.data, []));
    const root = element('div', { className: 'lane-pair' });
    const place = byId('other');
    place.hidden = false;
    fill(place, Comparison.caption('Other call', other, aboutCall(other)), root);
    const items = laneItems(this.call, null);
    this.lanes = new Lanes(root, this.call, items, page.view, {
      label: `Playhead, over the lanes of ${title}`,
      offsetS: this.offsetS,
      onPick: (_item, atS) => page.seek(atS + this.offsetS),
      onTable: (key) => page.tables.show(`${OTHER}${key}`),
    });
    page.tables.addOther({ call: this.call, items, onTurn: (number) => this.goToTurn(number), onItem: (item) => this.goTo(item.fromS) });
  }

  /**
   * Move to a moment of the other call.
   * @param {number} atS
   */
  goTo(atS) {
    this.page.view.reveal(atS + this.offsetS);
    this.page.seek(atS + this.offsetS);
    this.lanes.mark(atS);
  }

  /** @param {number} number */
  goToTurn(number) {
    const span = this.call.turnSpan(number);
    if (span === null) return;
    this.page.view.selectTurn(number);
    this.goTo(span[0]);
  }

  /**
   * @param {string} which
   * @param {CallData} data
   * @param {Child[]} about
   */
  static caption(which, data, about) {
    return element('p', { className: 'caption' }, element('b', {}, which), ' ', words(data.title), ...about.flatMap((part) => [element('span', { className: 'dot' }, ' · '), part]));
  }
}

/**
 * What a figure is in the other call, and by how much it differs where both are one number.
 * @param {Figure} figure
 * @param {Figure} other
 */
function besides(figure, other) {
  if (figure.value === '–' && other.value === '–') return figure.more;
  const [one, two] = [Number(figure.value.replaceAll(',', '')), Number(other.value.replaceAll(',', ''))];
  const by = one - two;
  const difference = Number.isFinite(by) && figure.value !== other.value ? ` (${by > 0 ? '+' : '−'}${count(Math.abs(by))})` : '';
  return figure.value === other.value ? 'the same' : `other ${other.value}${difference}`;
}

/**
 * One event that only one of the calls has, as a row of a table.
 * @param {Difference} row
 * @returns {Child[]}
 */
function differenceCells(row) {
  const sign = row.by === 'client' ? '→' : row.by === 'server' ? '←' : '·';
  return [
    row.only === 'this' ? 'this call' : 'other call',
    clock(row.at_s),
    element('span', { role: 'gridcell', className: `cell from ${row.by === 'client' ? 'client' : 'server'}`, 'aria-label': plain(row.by, 20) }, sign),
    element('span', { role: 'gridcell', className: 'cell type' }, words(plain(row.type, 120)), row.ids.length > 0 ? element('span', { className: 'hint' }, ` of ${plain(row.ids.join(', '), 60)}`) : null),
  ];
}
