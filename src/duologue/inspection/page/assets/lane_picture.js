// @ts-check
'use strict';

// The picture of the lanes: where a moment lies, and what is drawn there.

const AXIS_HEIGHT = 36;
const GROUP_GAP = 9;
const BOTTOM_GAP = 4;

/** So many pixels a stage of an answer needs; where they have less, whole delays are drawn. */
const STAGES_APART = 5;

/** How strongly a column is drawn that many thin bars cover: the eye tells no more apart. */
const STRENGTHS = 6;

/** Steps of the time axis, in seconds. */
const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200];

/**
 * The step at which so many pixels lie between two marks of the axis.
 * @param {number} secondsPerPixel
 * @param {number} pixels
 */
function axisStep(secondsPerPixel, pixels) {
  return STEPS.find((step) => step / secondsPerPixel >= pixels) ?? 14400;
}

class LanePicture {
  /**
   * @param {Call} call
   * @param {LaneItems} items
   * @param {View} view
   * @param {number} offsetS Is added to the times of this call: where two are compared, to bring them side by side.
   */
  constructor(call, items, view, offsetS) {
    this.call = call;
    this.items = items;
    this.view = view;
    this.offsetS = offsetS;
    this.canvas = element('canvas', { 'aria-hidden': 'true' });
    this.brush = new Brush(this.canvas);
    this.width = 0;
    this.height = 0;
    /** @type {{key: LaneKey, y: number, height: number}[]} */
    this.places = [];
    /** The longest item of each lane: so far before the part that is seen, items may begin that reach into it. @type {{[key in LaneKey]?: number}} */
    this.longest = {};
    /** A moment that is marked in all lanes. @type {number | null} */
    this.markedS = null;
    this.lay();
  }

  /** Find the place of each lane. */
  lay() {
    let [y, group] = [AXIS_HEIGHT, 0];
    this.places = [];
    for (const lane of lanesOf(this.items)) {
      if (lane.group !== group) y += GROUP_GAP;
      group = lane.group;
      this.places.push({ key: lane.key, y, height: lane.height });
      y += lane.height;
      this.longest[lane.key] = this.items[lane.key].reduce((most, item) => Math.max(most, item.toS - item.fromS), 0);
    }
    this.height = y + BOTTOM_GAP;
  }

  /** @param {number} atS */
  x(atS) {
    return ((atS + this.offsetS - this.view.fromS) / this.view.spanS) * this.width;
  }

  /** @param {number} x */
  seconds(x) {
    return this.view.fromS + (x / this.width) * this.view.spanS - this.offsetS;
  }

  // --- drawing

  draw() {
    if (this.width === 0) return;
    const brush = this.brush;
    brush.begin(this.width, this.height);
    this.drawGround();
    for (const place of this.places) {
      const items = this.visible(place.key);
      switch (place.key) {
        case 'user_audio':
        case 'model_audio':
          this.drawAudio(place, items);
          break;
        case 'user_text':
        case 'model_text':
          this.drawTexts(place, items);
          break;
        case 'brackets':
          this.drawStages(place, items);
          break;
        default:
          this.drawBars(place, items);
      }
    }
    this.drawFrame();
  }

  /**
   * Items that reach into the part that is looked at.
   * @param {LaneKey} key
   */
  visible(key) {
    const items = this.items[key];
    const [from, to] = [this.seconds(0), this.seconds(this.width)];
    const early = from - (this.longest[key] ?? 0);
    let [low, high] = [0, items.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((items[middle]?.fromS ?? 0) < early) low = middle + 1;
      else high = middle;
    }
    const found = [];
    for (let index = low; index < items.length; index += 1) {
      const item = items[index];
      if (item === undefined || item.fromS > to) break;
      if (item.toS >= from) found.push(item);
    }
    return found;
  }

  drawGround() {
    const { brush, width, height, view } = this;
    const selected = view.turn > 0 ? this.call.turnSpan(view.turn) : null;
    if (selected !== null) {
      const [from, to] = [this.x(selected[0]), this.x(selected[1])];
      brush.fill('band', from, 18, to - from, height - 18);
    }
    const step = axisStep(view.spanS / width, 84);
    const digits = step >= 1 ? 0 : step >= 0.1 ? 1 : 2;
    const [firstS, lastS] = [this.seconds(0), this.seconds(width)];
    for (let tick = Math.ceil(Math.max(0, firstS) / step) * step; tick <= lastS; tick += step) {
      const x = Math.round(this.x(tick));
      brush.fill('grid', x, 18, 1, height - 18);
      brush.words(clock(tick, digits), x + 4, 12, 90, 'muted');
      brush.fill('line', x, 3, 1, 11);
    }
    this.drawTurns();
    let group = 0;
    for (const [index, lane] of lanesOf(this.items).entries()) {
      const place = this.places[index];
      if (lane.group !== group && place !== undefined) brush.fill('line', 0, place.y - Math.ceil(GROUP_GAP / 2), width, 1);
      group = lane.group;
    }
    brush.fill('line', 0, AXIS_HEIGHT - 1, width, 1);
  }

  /**
   * The colour of the ground at a place: the selected turn has another one.
   * @param {number} x
   * @returns {Colour}
   */
  groundAt(x) {
    const selected = this.view.turn > 0 ? this.call.turnSpan(this.view.turn) : null;
    const atS = this.seconds(x);
    return selected !== null && atS >= selected[0] && atS < selected[1] ? 'band' : 'ground';
  }

  drawTurns() {
    const { brush, width } = this;
    const turns = this.call.rows.turns;
    const isSpread = (turns.length / this.call.durationS) * this.view.spanS < width / 6;
    let free = -100;
    brush.type(600);
    for (let index = Math.max(0, this.call.turnAt(this.seconds(0)) - 1); index < turns.length; index += 1) {
      const turn = turns[index];
      if (turn === undefined) break;
      const x = Math.round(this.x(this.call.beginS(turn)));
      if (x > width) break;
      const text = String(turn.number);
      if (x > free) {
        const room = this.roomFor(index, x) - 10;
        const shown = turn.is_interrupted ? brush.choose([`${text} interrupted`, text], room) || text : text;
        brush.fill('muted', x, 20, 1, 12);
        free = x + Math.max(26, 12 + brush.words(shown, x + 4, 30, 200, 'text'));
      } else if (isSpread) {
        brush.fill('faint', x, 28, 1, 4);
      }
    }
    brush.type();
  }

  /**
   * The room behind the number of a turn.
   * @param {number} index
   * @param {number} x
   */
  roomFor(index, x) {
    const next = this.call.rows.turns[index + 1];
    return (next === undefined ? this.width : Math.min(this.width, this.x(this.call.beginS(next)))) - x;
  }

  /**
   * @param {{key: LaneKey, y: number, height: number}} place
   * @param {Item[]} items
   */
  drawAudio(place, items) {
    const { brush } = this;
    const isUser = place.key === 'user_audio';
    const middle = place.y + place.height / 2;
    brush.fill('line', 0, Math.round(middle), this.width, 1);
    const spoken = isUser ? this.visible('user_speech').filter((item) => item.shape === 'bar') : [];
    if (!isUser) {
      for (const item of items) {
        if (item.tone === 'quiet') this.drawUnheard(item, middle);
        if (item.shape === 'hatched') {
          const [x, w] = this.extent(item, 2);
          brush.hatch('odd', x, place.y + 6, w, place.height - 12);
        }
      }
    }
    this.drawWave(isUser ? 'user' : 'model', place, spoken);
    for (const item of items) {
      if (item.shape !== 'hatched') continue;
      const [x, w] = this.extent(item, 2);
      const text = brush.choose(['ran dry', 'dry'], w - 4);
      if (text !== '') brush.plate(text, x + (w - brush.context.measureText(text).width) / 2, middle, 0, 'odd', this.groundAt(x));
    }
    for (const item of items) {
      if (item.shape !== 'cut') continue;
      const x = Math.round(this.x(item.fromS));
      if (items.length > 150) {
        brush.fill('text', x, place.y + 3, 1, place.height - 6, 0.6);
        continue;
      }
      brush.fill('text', x - 1, place.y + 1, 2, place.height - 2);
      brush.fill('text', x - 4, place.y + 1, 8, 2);
      brush.fill('text', x - 4, place.y + place.height - 3, 8, 2);
      const room = this.nextAfter(items, item) - x - 10;
      brush.words(brush.choose([item.what, item.few ?? '', item.short ?? ''], room), x + 6, place.y + 10, room);
    }
  }

  /**
   * Where the next item that is heard begins.
   * @param {Item[]} items
   * @param {Item} item
   */
  nextAfter(items, item) {
    const next = items.find((each) => each.fromS > item.fromS && each.tone === 'model');
    return next === undefined ? this.width : this.x(next.fromS);
  }

  /**
   * @param {Item} item
   * @param {number} middle
   */
  drawUnheard(item, middle) {
    const [x, w] = this.extent(item, 1);
    this.brush.fill('faint', x, middle - 5, w, 11, 0.35);
    this.brush.words(this.brush.choose(['never heard', 'unheard'], w - 12), x + 6, middle + 4, w - 12, 'muted');
  }

  /**
   * @param {Side} side
   * @param {{y: number, height: number}} place
   * @param {Item[]} spoken Where the server heard speech: there the colour is full.
   */
  drawWave(side, place, spoken) {
    const { brush, width } = this;
    const peaks = this.call.peaks[side];
    const middle = place.y + place.height / 2;
    const half = place.height / 2 - 3;
    const perPixel = this.view.spanS / width;
    const context = brush.context;
    const scale = half / Math.pow(Math.max(24, peaks.loudest) / 255, 0.7);
    let next = 0;
    const isDim = side === 'user';
    for (let x = 0; x < width; x += 1) {
      const fromS = this.seconds(x);
      if (fromS + perPixel < 0) continue;
      const value = peaks.between(fromS, fromS + perPixel);
      if (value === 0) continue;
      while (next < spoken.length && (spoken[next]?.toS ?? 0) < fromS) next += 1;
      const isSpoken = (spoken[next]?.fromS ?? Infinity) <= fromS + perPixel;
      const tall = Math.max(0.5, Math.pow(value / 255, 0.7) * scale);
      context.fillStyle = brush.colours[isDim && !isSpoken ? 'user-soft' : side];
      context.fillRect(x, middle - tall, 1, tall * 2);
    }
  }

  /**
   * @param {{y: number, height: number}} place
   * @param {Item[]} items
   */
  drawTexts(place, items) {
    const { brush } = this;
    const base = place.y + place.height - 6;
    /** @type {Map<string, Float32Array>} */
    const covered = new Map();
    for (const [index, item] of items.entries()) {
      const [x, w] = this.extent(item, 1);
      const colour = TONE_COLOUR[item.tone];
      if (w < 4 && items.length > 150) {
        this.cover(covered, item.tone, x, w);
        continue;
      }
      brush.fill(colour, x, base, w, 2, 0.4);
      if (item.lateS !== undefined && item.toS > item.lateS) {
        const late = Math.max(x, this.x(item.lateS));
        brush.fill(colour, late, base, Math.max(1, x + w - late), 2);
      }
      brush.fill(colour, x + w - 1, base - 3, 1, 8);
      if (w > 12) {
        for (const tick of item.ticks ?? []) brush.fill(colour, Math.round(this.x(tick)), base - 2, 1, 4);
      }
      const next = items[index + 1];
      const from = Math.max(4, x);
      const room = (next === undefined ? this.width : this.x(next.fromS)) - from - 8;
      brush.words(item.words ?? '', from, base - 6, room);
    }
    this.drawCovered(covered, base - 1, 3);
  }

  /**
   * Bars that were too thin to be drawn one by one: the more of a pixel they cover, the stronger it is.
   * @param {Map<string, Float32Array>} covered
   * @param {number} y
   * @param {number} height
   */
  drawCovered(covered, y, height) {
    const context = this.brush.context;
    for (const [tone, columns] of covered) {
      context.fillStyle = this.brush.colours[TONE_COLOUR[/** @type {Tone} */ (tone)]];
      // Strength by strength: a canvas is slow when each of its rectangles has another one.
      for (let strength = 1; strength <= STRENGTHS; strength += 1) {
        context.globalAlpha = 0.15 + (0.75 * strength) / STRENGTHS;
        context.beginPath();
        for (let x = 0; x < columns.length; x += 1) {
          if (Math.ceil(Math.min(1, columns[x] ?? 0) * STRENGTHS) === strength) context.rect(x, y, 1, height);
        }
        context.fill();
      }
    }
    context.globalAlpha = 1;
  }

  /**
   * @param {{key: LaneKey, y: number, height: number}} place
   * @param {Item[]} items
   */
  drawBars(place, items) {
    const { brush } = this;
    /** @type {Map<string, Float32Array>} */
    const covered = new Map();
    const middle = place.y + place.height / 2;
    const tall = place.key === 'user_speech' ? 7 : 8;
    const top = place.key === 'user_speech' ? place.y + 2 : middle - tall / 2;
    let free = -1000;
    for (const [index, item] of items.entries()) {
      const [x, w] = this.extent(item, 1);
      const colour = TONE_COLOUR[item.tone];
      if (item.shape === 'mark') continue;
      if (item.shape === 'thin') {
        brush.fill(colour, x, place.y + 12, w, 2);
        continue;
      }
      if (w < 2.5 && items.length > 200) {
        this.cover(covered, item.tone, x, w);
        continue;
      }
      if (item.shape === 'hollow') brush.outline(colour, x, middle - 2, w, 5);
      else if (item.shape === 'hatched') brush.hatch(colour, x, top, w, tall);
      else brush.fill(colour, x, top, w, tall, place.key === 'user_speech' ? 1 : 0.85);
      if (place.key !== 'user_speech') this.label(items, index, x, w, middle);
    }
    this.drawCovered(covered, top, tall);
    for (const [index, item] of items.entries()) {
      if (item.shape === 'mark') free = this.drawMark(place.key, items, index, middle, free);
    }
  }

  /**
   * The sign of a moment with its words: behind it, or before it where behind it there is no room.
   * @param {LaneKey} key
   * @param {Item[]} items
   * @param {number} index
   * @param {number} middle
   * @param {number} free Where the words of the one before end.
   * @returns {number} Where the words of this one end.
   */
  drawMark(key, items, index, middle, free) {
    const { brush } = this;
    const item = items[index];
    if (item === undefined) return free;
    const atX = this.x(item.fromS);
    // The end of the call is the edge of the picture: its sign is to be seen whole.
    const x = Math.round(atX > this.width ? atX : Math.min(atX, this.width - 6));
    const ink = TONE_INK[item.tone];
    if (x < free + 2) {
      brush.fill(TONE_COLOUR[item.tone], x, middle - 4, 1, 8);
      return free;
    }
    if (key === 'responses') {
      brush.plate('refused', x + 9, middle, 14, ink, this.groundAt(x));
      brush.sign(item.tone, x, middle);
      return x + 60;
    }
    brush.sign(item.tone, x, middle);
    const next = items[index + 1];
    const room = (next === undefined ? this.width : Math.min(this.width, this.x(next.fromS) - 6)) - x - 12;
    const long = plain([item.what, item.words].filter(Boolean).join(' · '), 200);
    const texts = [long, plain(item.words ?? item.what, 200), item.what];
    const after = brush.choose(texts, room);
    const roomBefore = x - Math.max(0, free) - 16;
    const before = brush.choose(texts, roomBefore);
    const isLast = next === undefined || this.x(next.fromS) > this.width - 6;
    if (after !== '' && !(isLast && before.length > after.length)) return x + 12 + brush.words(after, x + 10, middle + 4, room, ink);
    if (before !== '' && (item.tone !== 'quiet' || isLast)) {
      brush.words(before, x - 9 - brush.context.measureText(before).width, middle + 4, roomBefore, ink);
      return x + 6;
    }
    return x + 6 + brush.words(long, x + 10, middle + 4, room, ink);
  }

  /**
   * What a bar is, behind it.
   * @param {Item[]} items
   * @param {number} index
   * @param {number} x
   * @param {number} w
   * @param {number} middle
   */
  label(items, index, x, w, middle) {
    const item = items[index];
    if (item === undefined || item.shape === 'hollow') return;
    const next = items[index + 1];
    const room = Math.min(320, (next === undefined ? this.width : this.x(next.fromS)) - x - w - 12);
    const whole = [item.words, item.what].filter(Boolean).join(' · ');
    const text = this.brush.choose([whole, item.words ?? item.short ?? ''], room) || (item.words ?? '');
    this.brush.words(text, Math.max(4, x + w + 5), middle + 4, room, TONE_INK[item.tone === 'model' ? 'quiet' : item.tone]);
  }

  /**
   * Of bars that are thinner than a pixel: how much of each pixel they cover.
   * @param {Map<string, Float32Array>} covered
   * @param {Tone} tone
   * @param {number} x
   * @param {number} w
   */
  cover(covered, tone, x, w) {
    let columns = covered.get(tone);
    if (columns === undefined) {
      columns = new Float32Array(Math.ceil(this.width) + 1);
      covered.set(tone, columns);
    }
    for (let column = Math.max(0, Math.floor(x)); column <= Math.min(this.width, x + w); column += 1) {
      columns[column] = (columns[column] ?? 0) + Math.min(x + w, column + 1) - Math.max(x, column);
    }
  }

  /**
   * From afar: for each turn how long it was until something was heard, as a height.
   * @param {{y: number, height: number}} place
   * @param {Item[]} items
   */
  drawDelays(place, items) {
    const longest = this.items.brackets.reduce((most, item) => (item.stage === 'first_heard' ? Math.max(most, item.ms ?? 0) : most), 1);
    const foot = place.y + place.height - 2;
    for (const item of items) {
      if (item.stage !== 'first_heard') continue;
      const tall = Math.max(1, ((item.ms ?? 0) / longest) * (place.height - 12));
      this.brush.fill('muted', Math.round(this.x(item.toS)), foot - tall, 1, tall);
    }
    this.brush.words(`heard after up to ${lasting(longest)}`, 4, place.y + 8, 240, 'muted');
  }

  /**
   * @param {{y: number, height: number}} place
   * @param {Item[]} items
   */
  drawStages(place, items) {
    const { brush } = this;
    const top = place.y + 14;
    if (items.length > this.width / STAGES_APART) {
      this.drawDelays(place, items);
      return;
    }
    const shades = /** @type {{[stage: string]: number}} */ ({ endpointing: 0.28, created: 0.4, first_text: 0.52, first_audio: 0.7, first_heard: 1 });
    for (const [index, item] of items.entries()) {
      const [x, w] = this.extent(item, 1);
      const isCut = item.stage === 'barge_in';
      if (isCut) brush.hatch('user', x, top, Math.max(3, w), 8);
      else if (item.stage === 'endpointing') brush.hatch('faint', x, top, w, 8);
      else brush.fill('muted', x, top, w, 8, shades[item.stage ?? ''] ?? 0.5);
      const next = items[index + 1];
      const isLast = next === undefined || next.turn !== item.turn || next.stage === 'barge_in' || isCut;
      if (isLast) {
        brush.fill(isCut ? 'user' : 'text', x + w - 1, top - 3, 1, 14);
        const room = (next === undefined ? this.width : this.x(next.fromS)) - x - w - 12;
        const long = isCut ? `silent after ${item.short}` : item.stage === 'first_heard' ? `heard after ${item.short}` : item.what;
        const told = brush.choose([long, item.short ?? ''], room);
        if (told !== '') brush.words(told, x + w + 5, top + 8, room, isCut ? 'user' : 'text');
        else if (isCut) brush.words(brush.choose([item.short ?? ''], room + w + 12), x + 1, top - 4, room + w + 12, 'user');
      }
      if (w > 40 && !isCut) brush.words(brush.choose([item.what, item.name ?? ''], w - 6), x + 1, top - 4, w, 'muted');
    }
  }

  drawFrame() {
    if (this.markedS === null) return;
    const x = Math.round(this.x(this.markedS));
    for (let y = 18; y < this.height; y += 6) this.brush.fill('muted', x, y, 1, 3);
  }

  /**
   * Mark a moment in all lanes.
   * @param {number | null} atS
   */
  mark(atS) {
    this.markedS = atS;
    this.draw();
  }

  /**
   * Where an item begins, and how wide it is.
   * @param {Item} item
   * @param {number} least
   * @returns {[number, number]}
   */
  extent(item, least) {
    const from = Math.max(-20, this.x(item.fromS));
    const to = Math.min(this.width + 20, this.x(item.toS));
    return [from, Math.max(least, to - from)];
  }

  /**
   * The item at a place of the canvas.
   * @param {number} x
   * @param {number} y
   * @returns {{item: Item | null, key: LaneKey | null}}
   */
  at(x, y) {
    const place = this.places.find((each) => y >= each.y && y < each.y + each.height);
    if (place === undefined) return { item: null, key: null };
    let [nearest, away] = [/** @type {Item | null} */ (null), Infinity];
    for (const item of this.visible(place.key)) {
      const [from, width] = this.extent(item, 1);
      const distance = x < from ? from - x : x > from + width ? x - from - width : 0;
      // Of several items under the pointer the shortest is meant: the longer ones can be reached beside it.
      const rank = distance * 1000 + width;
      if (distance <= (item.shape === 'mark' || item.shape === 'cut' ? 9 : 3) && rank < away) [nearest, away] = [item, rank];
    }
    return { item: nearest, key: place.key };
  }
}
