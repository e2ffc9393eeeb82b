// @ts-check
'use strict';

// The whole call in one strip, and in it the part that the lanes show: to be dragged, or clicked.

const MINIMAP_HEIGHT = 34;
/** So near to an edge of the window a press moves that edge. */
const EDGE = 5;

class Minimap {
  /**
   * @param {HTMLElement} root
   * @param {Call} call
   * @param {LaneItems} items
   * @param {View} view
   */
  constructor(root, call, items, view) {
    this.call = call;
    this.items = items;
    this.view = view;
    this.root = root;
    this.canvas = element('canvas');
    this.window = element('div', { className: 'window' });
    this.head = element('div', { className: 'minihead' });
    fill(root, this.canvas, this.window, this.head);
    this.brush = new Brush(this.canvas);
    this.width = 0;
    /** The length of the call when it was drawn. */
    this.drawnS = 0;
    new ResizeObserver(() => this.resize()).observe(root);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.brush.refresh();
      this.draw();
    });
    view.listen((changed) => {
      if (changed.has('window') || changed.has('playhead')) this.place();
      if (this.drawnS !== view.durationS) this.draw();
    });
    this.listenToPointer();
    this.resize();
  }

  resize() {
    this.width = this.root.clientWidth;
    this.draw();
    this.place();
  }

  draw() {
    const { brush, width, call } = this;
    if (width === 0) return;
    this.drawnS = this.view.durationS;
    brush.begin(width, MINIMAP_HEIGHT);
    const middle = MINIMAP_HEIGHT / 2;
    const perPixel = this.view.durationS / width;
    for (const [side, up] of /** @type {[Side, boolean][]} */ ([['user', true], ['model', false]])) {
      const peaks = call.peaks[side];
      for (let x = 0; x < width; x += 1) {
        const value = peaks.between(x * perPixel, (x + 1) * perPixel);
        const tall = Math.pow(value / Math.max(24, peaks.loudest), 0.8) * (middle - 5);
        if (tall >= 0.3) brush.fill(side, x, up ? middle - tall : middle + 1, 1, tall, 0.75);
      }
    }
    brush.fill('line', 0, middle, width, 1);
    for (const item of this.items.events) {
      if (item.tone === 'quiet') continue;
      brush.fill(TONE_COLOUR[item.tone], Math.round((item.fromS / this.view.durationS) * width) - 1, MINIMAP_HEIGHT - 5, 2, 5);
    }
    for (const each of call.rows.interruptions) {
      brush.fill('muted', Math.round((each.at_s / this.view.durationS) * width), 0, 1, 5);
    }
  }

  place() {
    const { view, width } = this;
    const [from, to] = [(view.fromS / view.durationS) * width, (view.toS / view.durationS) * width];
    this.window.style.transform = `translateX(${from}px)`;
    this.window.style.width = `${Math.max(3, to - from)}px`;
    this.window.hidden = view.spanS >= view.durationS * 0.999;
    this.head.style.transform = `translateX(${(view.playheadS / view.durationS) * width}px)`;
  }

  listenToPointer() {
    const { root, view } = this;
    /** @type {{kind: 'from' | 'to' | 'all', grabS: number} | null} */
    let pressed = null;
    /** @param {PointerEvent} event */
    const at = (event) => ((event.clientX - root.getBoundingClientRect().left) / this.width) * view.durationS;
    root.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      const atS = at(event);
      const edgeS = (EDGE / this.width) * view.durationS;
      if (Math.abs(atS - view.fromS) < edgeS) pressed = { kind: 'from', grabS: 0 };
      else if (Math.abs(atS - view.toS) < edgeS) pressed = { kind: 'to', grabS: 0 };
      else {
        if (!view.isVisible(atS)) view.look(atS - view.spanS / 2, atS + view.spanS / 2);
        pressed = { kind: 'all', grabS: atS - view.fromS };
      }
      root.setPointerCapture(event.pointerId);
    });
    root.addEventListener('pointermove', (event) => {
      if (pressed === null) return;
      const atS = at(event);
      if (pressed.kind === 'from') view.look(Math.min(atS, view.toS - SHORTEST_S), view.toS);
      else if (pressed.kind === 'to') view.look(view.fromS, Math.max(atS, view.fromS + SHORTEST_S));
      else view.look(atS - pressed.grabS, atS - pressed.grabS + view.spanS);
    });
    root.addEventListener('pointerup', () => { pressed = null; });
    root.addEventListener('pointercancel', () => { pressed = null; });
  }
}
