// @ts-check

// How loud both sides are, drawn as they pass, and when each was last heard.

/** Between two measurements. */
const STEP_MS = 20;
/** Measurements that are gathered into one bar. */
const PER_BAR = 3;
/** Width of a bar with the gap behind it, in pixels of CSS. */
const BAR = 4;
/** Peaks from here on are a voice or a tone, and no noise of the line. */
const LOUD = 0.02;
/** Below it a bar is a point. */
const FLOOR = 0.004;

const STILL = matchMedia('(prefers-reduced-motion: reduce)');

export class Levels {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    /** @type {Meter[]} */
    this.meters = [];
    /** Pairs of peaks, the latest last. @type {[number, number][]} */
    this.bars = [];
    this.steps = 0;
    /** @type {[number, number]} */
    this.now = [0, 0];
    /** @type {ReturnType<typeof setInterval> | undefined} */
    this.timer = undefined;
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.draw());
  }

  /**
   * Measure these until `stop`.
   * @param {Meter} user
   * @param {Meter} model
   */
  start(user, model) {
    this.stop();
    this.meters = [user, model];
    this.timer = setInterval(() => this.measure(), STEP_MS);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = undefined;
    this.meters = [];
  }

  measure() {
    const [user, model] = this.meters;
    if (user === undefined || model === undefined) return;
    this.now = [Math.max(this.now[0], user.measure()), Math.max(this.now[1], model.measure())];
    this.steps += 1;
    if (this.steps % PER_BAR !== 0) return;
    this.bars.push(this.now);
    this.now = [0, 0];
    if (this.bars.length > 1000) this.bars.splice(0, 500);
    requestAnimationFrame(() => this.draw());
  }

  draw() {
    const { canvas } = this;
    const ratio = window.devicePixelRatio;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (width === 0) return;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    }
    const brush = canvas.getContext('2d');
    if (brush === null) return;
    brush.setTransform(ratio, 0, 0, ratio, 0, 0);
    brush.clearRect(0, 0, width, height);
    const style = getComputedStyle(document.documentElement);
    const [user, model, faint] = ['--user', '--model', '--faint'].map((name) => style.getPropertyValue(name).trim());
    const middle = height / 2;
    const most = Math.floor((width - 16) / BAR);
    const last = this.bars.at(-1);
    // Where movement is unwanted, the bars stand still and show the present loudness.
    const shown = STILL.matches ? (last === undefined ? [] : Array.from({ length: most }, () => last)) : this.bars.slice(-most);
    for (let index = 0; index < most; index += 1) {
      const x = width - 8 - BAR * (index + 1);
      const bar = shown[shown.length - 1 - index];
      const [up, down] = bar === undefined ? [0, 0] : [size(bar[0]), size(bar[1])];
      if (up === 0 && down === 0) {
        brush.fillStyle = faint ?? '';
        brush.globalAlpha = 0.5;
        brush.fillRect(x, middle - 0.5, BAR - 2, 1);
        brush.globalAlpha = 1;
        continue;
      }
      brush.fillStyle = user ?? '';
      if (up > 0) brush.fillRect(x, middle - 1 - up * (middle - 10), BAR - 1, up * (middle - 10));
      brush.fillStyle = model ?? '';
      if (down > 0) brush.fillRect(x, middle + 1, BAR - 1, down * (middle - 10));
    }
  }
}

/** The loudness of one side. */
export class Meter {
  /** When it was last loud, in milliseconds of `performance.now()`. */
  loudAt = 0;
  /** When it last became loud after half a second of silence. */
  begunAt = 0;

  /** @param {AnalyserNode} analyser */
  constructor(analyser) {
    this.analyser = analyser;
    this.samples = new Float32Array(analyser.fftSize);
  }

  /**
   * @param {AudioContext} context
   * @returns {Meter}
   */
  static on(context) {
    const analyser = context.createAnalyser();
    analyser.fftSize = 1024; // 21 ms at 48 kHz: as long as a step
    return new Meter(analyser);
  }

  measure() {
    this.analyser.getFloatTimeDomainData(this.samples);
    let peak = 0;
    for (const sample of this.samples) peak = Math.max(peak, Math.abs(sample));
    if (peak >= LOUD) {
      const now = performance.now();
      if (now - this.loudAt > 500) this.begunAt = now;
      this.loudAt = now;
    }
    return peak;
  }
}

/**
 * Height of a bar, 0 to 1.
 * @param {number} peak
 */
function size(peak) {
  return peak < FLOOR ? 0 : Math.min(1, peak ** 0.7); // quiet speech is seen, loud speech still has a shape
}
