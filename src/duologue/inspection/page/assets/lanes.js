// @ts-check
'use strict';

// The lanes on one time axis: their picture, the names beside it, which open their tables, and what the pointer does.

/** @typedef {{onPick: (item: Item | null, atS: number) => void, onTable: (key: LaneKey) => void, offsetS?: number,
 *   label: string}} LaneOptions */

class Lanes extends LanePicture {
  /**
   * @param {HTMLElement} root
   * @param {Call} call
   * @param {LaneItems} items
   * @param {View} view
   * @param {LaneOptions} options
   */
  constructor(root, call, items, view, options) {
    super(call, items, view, options.offsetS ?? 0);
    this.options = options;
    this.playhead = element('div', { className: 'playhead', 'aria-hidden': 'true' }, element('span'));
    this.hair = element('div', { className: 'hair', hidden: true });
    this.tip = element('div', { className: 'tip', hidden: true, 'aria-hidden': 'true' });
    this.stage = element(
      'div',
      {
        className: 'stage', role: 'slider', tabIndex: 0, 'aria-label': options.label, 'aria-orientation': 'horizontal',
        'aria-valuemin': 0, 'aria-valuemax': Math.round(call.durationS * 1000) / 1000, 'aria-valuenow': 0,
      },
      this.canvas, this.hair, this.playhead, this.tip,
    );
    this.names = element('div', { className: 'lane-names' });
    this.nameLanes();
    fill(root, this.names, this.stage);
    new ResizeObserver(() => this.resize()).observe(this.stage);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.repaint());
    view.listen((changed) => {
      if (changed.has('window') || changed.has('turn') || changed.has('frame')) this.draw();
      if (changed.has('window') || changed.has('playhead')) this.drawPlayhead();
    });
    this.listenToPointer();
    this.stage.addEventListener('keydown', (event) => this.key(event));
    this.resize();
  }

  nameLanes() {
    const buttons = this.places.map((place) => {
      const lane = LANES.find((each) => each.key === place.key);
      const button = element('button', {
        type: 'button', className: 'lane-name', title: `${lane?.about}. As a table`,
        onclick: () => this.options.onTable(place.key),
      }, lane?.name);
      button.style.top = `${place.y}px`;
      button.style.height = `${place.height}px`;
      return button;
    });
    fill(this.names, ...buttons);
    this.names.style.height = this.stage.style.height = `${this.height}px`;
  }

  /**
   * Draw other items: the call has gone on.
   * @param {LaneItems} items
   */
  show(items) {
    const places = this.places.length;
    this.items = items;
    this.lay();
    if (this.places.length !== places) this.nameLanes();
    this.stage.setAttribute('aria-valuemax', String(Math.round(this.call.durationS * 1000) / 1000));
    this.draw();
  }

  resize() {
    this.width = this.stage.clientWidth;
    this.draw();
    this.drawPlayhead();
  }

  repaint() {
    this.brush.refresh();
    this.draw();
  }

  drawPlayhead() {
    const x = this.x(this.view.playheadS - this.offsetS);
    this.playhead.hidden = x < -1 || x > this.width + 1;
    this.playhead.style.transform = `translateX(${Math.round(x)}px)`;
    const text = clock(this.view.playheadS);
    fill(/** @type {Element} */ (this.playhead.firstElementChild), text);
    this.playhead.classList.toggle('left', x > this.width - 70);
    this.stage.setAttribute('aria-valuenow', String(Math.round(this.view.playheadS * 1000) / 1000));
    const turn = this.call.turnAt(this.view.playheadS);
    this.stage.setAttribute('aria-valuetext', turn > 0 ? `${text}, turn ${turn}` : text);
  }

  /**
   * What a slider does with keys; those of the whole page are in `keys.js`.
   * @param {KeyboardEvent} event
   */
  key(event) {
    const steps = /** @type {{[key: string]: number}} */ ({ ArrowUp: 1, ArrowDown: -1, PageUp: this.view.spanS / 4, PageDown: -this.view.spanS / 4 });
    if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(steps, event.key)) return;
    event.preventDefault();
    this.options.onPick(null, this.view.playheadS + (steps[event.key] ?? 0) - this.offsetS);
  }

  // --- the pointer

  listenToPointer() {
    const { stage, view } = this;
    /** @type {{x: number, fromS: number, moved: boolean, scrubs: boolean} | null} */
    let pressed = null;
    stage.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      const scrubs = event.offsetY < 18;
      pressed = { x: event.clientX, fromS: view.fromS, moved: false, scrubs };
      stage.setPointerCapture(event.pointerId);
      if (scrubs) view.seek(this.seconds(this.offset(event)) + this.offsetS, false);
    });
    stage.addEventListener('pointermove', (event) => {
      if (pressed === null) {
        this.hover(this.offset(event), event.clientY - stage.getBoundingClientRect().top);
        return;
      }
      const by = event.clientX - pressed.x;
      if (Math.abs(by) > 4) pressed.moved = true;
      if (!pressed.moved) return;
      this.leave();
      if (pressed.scrubs) view.seek(this.seconds(this.offset(event)) + this.offsetS, false);
      else view.look(pressed.fromS - (by / this.width) * view.spanS, pressed.fromS - (by / this.width) * view.spanS + view.spanS);
    });
    stage.addEventListener('pointerup', (event) => {
      const was = pressed;
      pressed = null;
      if (was !== null && !was.moved) this.click(this.offset(event), event.clientY - stage.getBoundingClientRect().top);
    });
    stage.addEventListener('pointercancel', () => { pressed = null; });
    stage.addEventListener('pointerleave', () => this.leave());
    stage.addEventListener('dblclick', (event) => view.zoom(2, this.seconds(this.offset(event)) + this.offsetS));
    stage.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
  }

  /** @param {MouseEvent} event */
  offset(event) {
    return event.clientX - this.stage.getBoundingClientRect().left;
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    const lines = event.deltaMode === 1 ? 16 : 1;
    const [dx, dy] = [event.deltaX * lines, event.deltaY * lines];
    if (event.ctrlKey || event.metaKey || event.altKey) {
      event.preventDefault();
      this.view.zoom(Math.exp(-dy / 250), this.seconds(this.offset(event)) + this.offsetS);
    } else if (event.shiftKey || Math.abs(dx) > Math.abs(dy)) {
      event.preventDefault();
      this.view.pan(((dx || dy) / this.width) * this.view.spanS);
    }
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  click(x, y) {
    const atS = this.seconds(x);
    if (y < AXIS_HEIGHT) {
      if (y >= 18) this.view.selectTurn(this.call.turnAt(atS));
      this.options.onPick(null, atS);
      return;
    }
    this.options.onPick(this.at(x, y).item, atS);
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  hover(x, y) {
    const { item } = this.at(x, y);
    this.hair.hidden = false;
    this.hair.style.transform = `translateX(${Math.round(x)}px)`;
    const atS = this.seconds(x);
    if (item === null) {
      fill(this.tip, element('span', { className: 'time' }, clock(Math.max(0, atS))));
    } else {
      const when = item.toS > item.fromS ? `${clock(item.fromS)} – ${clock(item.toS)}` : clock(item.fromS);
      const long = item.toS > item.fromS && item.shape !== 'stage' ? lasting((item.toS - item.fromS) * 1000) : '';
      fill(
        this.tip,
        element('strong', {}, words(item.what)),
        item.words === undefined ? null : words(item.words, 'tip-words'),
        element('span', { className: 'time' }, [when, long].filter(Boolean).join(' · ')),
      );
    }
    this.tip.hidden = false;
    const left = Math.min(Math.max(4, x + 12), this.width - this.tip.offsetWidth - 4);
    const top = y + 18 + this.tip.offsetHeight > this.height ? y - this.tip.offsetHeight - 10 : y + 18;
    this.tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  }

  leave() {
    this.hair.hidden = true;
    this.tip.hidden = true;
  }
}
