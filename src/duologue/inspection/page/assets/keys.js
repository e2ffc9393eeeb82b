// @ts-check
'use strict';

// What the keyboard does, and the list of it.

/** @type {[string, string][]} */
const KEYS = [
  ['Space', 'play, pause'],
  ['← →', 'a second back, ahead; with Shift a tenth'],
  ['Home End', 'to the beginning, to the end'],
  ['+ −', 'zoom in, out'],
  ['0', 'the whole call'],
  ['z', 'the selected turn'],
  ['j k', 'next turn, turn before'],
  ['n N', 'next odd frame, the one before: errors, unknown events, closes'],
  ['f', 'the frame at the playhead'],
  ['/', 'search in frames'],
  ['u m', 'mute the user, the model'],
  ['Enter', 'in the frames: fold, unfold'],
  ['e', 'in a call that goes on: follow its end'],
  ['?', 'these keys'],
];

const POINTER = [
  ['Click', 'move the playhead, and select what is there'],
  ['Drag', 'move along the call; on the times: the playhead'],
  ['Ctrl + wheel', 'zoom'],
  ['Shift + wheel', 'move along the call'],
];

/** @typedef {{[key: string]: (event: KeyboardEvent) => void}} KeyMap */

class Keys {
  /** @param {KeyMap} map */
  constructor(map) {
    this.map = map;
    this.isOn = true;
    document.addEventListener('keydown', (event) => this.key(event));
    this.dialog = /** @type {HTMLDialogElement} */ (byId('help'));
    const isOn = element('input', { type: 'checkbox', checked: true, onchange: () => { this.isOn = isOn.checked; } });
    fill(
      this.dialog,
      element('div', { className: 'help-head' }, element('h2', { id: 'help-title' }, 'Keys'), element('button', { type: 'button', onclick: () => this.dialog.close() }, 'Close')),
      Keys.list(KEYS), element('h3', {}, 'Pointer, over the lanes'), Keys.list(POINTER),
      element('label', {}, isOn, ' Letters and signs act without a modifier'),
    );
    byId('help-button').addEventListener('click', () => this.dialog.showModal());
  }

  /** @param {string[][]} rows */
  static list(rows) {
    return element('dl', { className: 'keys' }, ...rows.flatMap(([key = '', does = '']) => [element('dt', {}, ...key.split(' ').map((each) => (each === '+' && key.includes('wheel') ? ' + ' : element('kbd', {}, each)))), element('dd', {}, does)]));
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || this.dialog.open || event.defaultPrevented) return;
    const target = event.target instanceof Element ? event.target : document.body;
    if (target.matches('input, textarea, select')) return;
    const isButton = target.closest('button, summary, a') !== null;
    if (isButton && (event.key === ' ' || event.key === 'Enter')) return;
    if (event.key === '?') this.dialog.showModal();
    else if (!this.isOn && event.key.length === 1 && event.key !== ' ') return;
    else if (Object.hasOwn(this.map, event.key)) this.map[event.key]?.(event);
    else return;
    event.preventDefault();
  }
}
