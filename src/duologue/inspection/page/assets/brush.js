// @ts-check
'use strict';

// Draws on a canvas in the colours of the style sheet, so that both schemes have one place.

const COLOURS = /** @type {const} */ ([
  'ground', 'line', 'grid', 'text', 'muted', 'faint', 'user', 'user-soft', 'model', 'model-soft', 'bad', 'odd', 'band',
]);

/** @typedef {typeof COLOURS[number]} Colour */

/** @type {{[tone in Tone]: Colour}} */
const TONE_COLOUR = { user: 'user', model: 'model', quiet: 'faint', bad: 'bad', odd: 'odd', plain: 'muted' };
/** @type {{[tone in Tone]: Colour}} */
const TONE_INK = { user: 'user', model: 'model', quiet: 'muted', bad: 'bad', odd: 'odd', plain: 'text' };

class Brush {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    const context = canvas.getContext('2d');
    if (context === null) throw new Error('this browser draws nothing on a canvas');
    this.canvas = canvas;
    this.context = context;
    this.width = 0;
    this.height = 0;
    /** @type {Map<string, CanvasPattern>} */
    this.patterns = new Map();
    this.colours = Brush.read();
    this.font = getComputedStyle(document.body).fontFamily;
  }

  /** @returns {{[name in Colour]: string}} */
  static read() {
    const style = getComputedStyle(document.documentElement);
    /** @type {Partial<{[name in Colour]: string}>} */
    const colours = {};
    for (const name of COLOURS) colours[name] = style.getPropertyValue(`--${name}`).trim();
    return /** @type {{[name in Colour]: string}} */ (colours);
  }

  /** The scheme has changed. */
  refresh() {
    this.colours = Brush.read();
    this.patterns.clear();
  }

  /**
   * Begin a picture of this size, in pixels of the page.
   * @param {number} width
   * @param {number} height
   */
  begin(width, height) {
    const ratio = window.devicePixelRatio || 1;
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== w || this.canvas.height !== h) {
      this.canvas.width = w;
      this.canvas.height = h;
    }
    this.width = width;
    this.height = height;
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.context.clearRect(0, 0, width, height);
    this.context.textBaseline = 'alphabetic';
    this.type();
  }

  /** @param {number} [weight] */
  type(weight = 400) {
    this.context.font = `${weight} 11px ${this.font}`;
  }

  /**
   * @param {Colour} colour
   * @param {number} x
   * @param {number} y
   * @param {number} width
   * @param {number} height
   * @param {number} [opacity]
   */
  fill(colour, x, y, width, height, opacity = 1) {
    this.context.globalAlpha = opacity;
    this.context.fillStyle = this.colours[colour];
    this.context.fillRect(x, y, width, height);
    this.context.globalAlpha = 1;
  }

  /**
   * Stripes, with a line at both ends.
   * @param {Colour} colour
   * @param {number} x
   * @param {number} y
   * @param {number} width
   * @param {number} height
   */
  hatch(colour, x, y, width, height) {
    let pattern = this.patterns.get(colour);
    if (pattern === undefined) {
      pattern = this.stripes(colour);
      this.patterns.set(colour, pattern);
    }
    this.context.fillStyle = pattern;
    this.context.fillRect(x, y, width, height);
    this.fill(colour, x, y, 1, height);
    if (width > 2) this.fill(colour, x + width - 1, y, 1, height);
  }

  /** @param {Colour} colour */
  stripes(colour) {
    const tile = document.createElement('canvas');
    tile.width = tile.height = 12;
    const context = /** @type {CanvasRenderingContext2D} */ (tile.getContext('2d'));
    context.strokeStyle = this.colours[colour];
    context.lineWidth = 2.2;
    for (const shift of [-12, 0, 12]) {
      context.beginPath();
      context.moveTo(shift - 2, 14);
      context.lineTo(shift + 14, -2);
      context.stroke();
    }
    const pattern = /** @type {CanvasPattern} */ (this.context.createPattern(tile, 'repeat'));
    pattern.setTransform(new DOMMatrix().scale(0.5));
    return pattern;
  }

  /**
   * @param {Colour} colour
   * @param {number} x
   * @param {number} y
   * @param {number} width
   * @param {number} height
   */
  outline(colour, x, y, width, height) {
    this.context.strokeStyle = this.colours[colour];
    this.context.lineWidth = 1;
    this.context.strokeRect(x + 0.5, y + 0.5, Math.max(0, width - 1), height - 1);
  }

  /**
   * Words, cut to a width; nothing where there is no room for three letters. Returns the width that they take.
   * @param {string} text
   * @param {number} x
   * @param {number} y The base line.
   * @param {number} room
   * @param {Colour} [colour]
   */
  words(text, x, y, room, colour = 'text') {
    if (room < 16 || text === '') return 0;
    const shown = this.fitted(plain(text, Math.min(400, Math.ceil(room / 3))), room);
    if (shown === '') return 0;
    this.context.fillStyle = this.colours[colour];
    this.context.fillText(`\u2068${shown}\u2069`, x, y);
    return this.context.measureText(shown).width;
  }

  /**
   * The first of these that has room, whole.
   * @param {string[]} texts
   * @param {number} room
   */
  choose(texts, room) {
    return texts.find((text) => this.context.measureText(text).width <= room) ?? '';
  }

  /**
   * Words on a ground of their own, over what is drawn there already.
   * @param {string} text
   * @param {number} x
   * @param {number} middle
   * @param {number} before Room for a sign before them.
   * @param {Colour} colour
   * @param {Colour} ground
   */
  plate(text, x, middle, before, colour, ground) {
    const width = this.context.measureText(text).width;
    this.fill(ground, x - before - 3, middle - 8, width + before + 6, 16);
    this.words(text, x, middle + 4, width + 1, colour);
  }

  /**
   * @param {string} text
   * @param {number} room
   */
  fitted(text, room) {
    if (this.context.measureText(text).width <= room) return text;
    let [low, high] = [0, text.length];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.context.measureText(`${text.slice(0, middle)}…`).width <= room) low = middle;
      else high = middle - 1;
    }
    return low < 3 ? '' : `${text.slice(0, low).trimEnd()}…`;
  }

  /**
   * The sign of a moment: a triangle for what is wrong, a diamond for what is odd, a stroke for all else.
   * @param {Tone} tone
   * @param {number} x
   * @param {number} y The middle.
   */
  sign(tone, x, y) {
    const context = this.context;
    context.fillStyle = this.colours[TONE_COLOUR[tone]];
    context.beginPath();
    if (tone === 'bad') {
      context.moveTo(x, y - 5);
      context.lineTo(x + 5.5, y + 4.5);
      context.lineTo(x - 5.5, y + 4.5);
    } else if (tone === 'odd') {
      context.moveTo(x, y - 5);
      context.lineTo(x + 5, y);
      context.lineTo(x, y + 5);
      context.lineTo(x - 5, y);
    } else {
      context.rect(x - 1, y - 5, 2, 10);
    }
    context.fill();
  }
}
