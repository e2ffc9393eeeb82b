// @ts-check

// The page: its buttons, its state, and the call that goes on.

import { Conversation } from './conversation.js';
import { EventList } from './event_list.js';
import { Levels, Meter } from './levels.js';
import { Transcript, plain } from './transcript.js';
import { WebRTCCall } from './webrtc_call.js';
import { WebSocketCall } from './websocket_call.js';
import { INSECURE, Refusal, checked, withoutMicrophone } from './words.js';

/**
 * @typedef {import('./websocket_call.js').Wire} Wire
 * @typedef {import('./websocket_call.js').Wanted} Wanted
 * @typedef {'idle' | 'connecting' | 'listening' | 'hearing' | 'thinking' | 'speaking'} State
 */

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
function byId(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no #${id}`);
  return found;
}

/** Where the server is: the page may be behind a prefix. */
const BASE = new URL('.', location.href);

/** For the browser to begin to play sound. */
const SOUND_MS = 2000;

/** The answer to an interruption that crossed the end of the response: what was wanted is the case. */
const OVER_ALREADY = 'response_cancel_not_active';

/** The inspector of the server, as it is printed: on this machine, with a token in its path. */
const INSPECTOR = /^#calls=(http:\/\/127\.0\.0\.1:[0-9]{1,5}\/[A-Za-z0-9_-]{20,64}\/)$/;

/** @type {{[state in State]: string}} */
const SAID = {
  idle: 'Not connected',
  connecting: 'Connecting…',
  listening: 'Listening',
  hearing: 'Hears you',
  thinking: 'Thinking…',
  speaking: 'Speaking',
};

const start = byId('start', HTMLButtonElement);
const mute = byId('mute', HTMLButtonElement);
const interrupt = byId('interrupt', HTMLButtonElement);
const send = byId('send', HTMLButtonElement);
const text = byId('text', HTMLInputElement);
const key = byId('key', HTMLInputElement);
const keyForm = byId('key-form', HTMLFormElement);
const levels = new Levels(byId('levels', HTMLCanvasElement));
const transcript = new Transcript(byId('transcript', HTMLOListElement), byId('empty', HTMLElement));
const events = new EventList(byId('events', HTMLOListElement), byId('events-count', HTMLElement));

class Page {
  /** @type {WebRTCCall | WebSocketCall | null} */
  call = null;
  /** @type {MediaStream | null} */
  microphone = null;
  /** @type {AudioContext | null} */
  context = null;
  /** @type {Meter[]} */
  meters = [];
  conversation = new Conversation();
  way = '';
  isConnecting = false;
  isPlaying = false;
  isMuted = false;
  /** When the user's speech ended that has no answer yet. */
  spokenAt = 0;
  /** What was said in the call that ended is kept until the next begins; each start has another number. */
  starts = 0;

  async start() {
    if (this.call !== null || this.isConnecting) {
      this.end('');
      return;
    }
    const number = (this.starts += 1);
    tellProblem('');
    tellNote('');
    this.isConnecting = true;
    this.conversation = new Conversation();
    transcript.clear();
    events.clear();
    this.show();
    try {
      if (!(await this.mayEnter())) return;
      const context = new AudioContext({ latencyHint: 'interactive' });
      this.context = context;
      void context.resume();
      await this.openMicrophone();
      if (number !== this.starts) return;
      const call = await this.connect(context);
      if (number !== this.starts) {
        call.close();
        return;
      }
      this.call = call;
      setTimeout(() => {
        if (number === this.starts && context.state !== 'running') tellNote('The browser plays no sound: is there a loudspeaker or headphones?');
      }, SOUND_MS);
    } catch (fault) {
      if (number !== this.starts) return;
      if (!(fault instanceof Refusal)) console.error(fault);
      tellProblem(fault instanceof Refusal ? sentence(fault.message) : 'The page has failed; the console of the browser says more.');
      if (fault instanceof Refusal && fault.status === 401) askForKey();
      this.end('');
    } finally {
      if (number === this.starts) this.isConnecting = false;
      this.show();
    }
  }

  /** Whether the server lets this page in; if it needs a key, it is asked for. Raises Refusal. */
  async mayEnter() {
    /** @type {{[name: string]: string}} */
    const headers = key.value === '' ? {} : { authorization: `Bearer ${key.value}` };
    let answer;
    try {
      answer = await fetch(new URL('talk/access', BASE), { method: 'POST', headers });
    } catch (fault) {
      if (fault instanceof TypeError && key.value !== '' && !/^[\x20-\x7e]*$/.test(key.value)) throw new Refusal('A key has letters, digits and signs of ASCII only.');
      throw new Refusal('The server does not answer: is it still running?');
    }
    const told = await (await checked(answer)).json();
    byId('models', HTMLDataListElement).replaceChildren(
      ...told.models.map((/** @type {string} */ name) => Object.assign(document.createElement('option'), { value: name })),
    );
    const model = byId('model', HTMLInputElement);
    if (model.value === '' && told.models.length > 0) model.value = told.models[0];
    if (told.needs_key === true) askForKey();
    else keyForm.hidden = true;
    return told.needs_key !== true;
  }

  /** A call goes on without a microphone: with typed words. */
  async openMicrophone() {
    if (!window.isSecureContext) {
      tellNote(INSECURE);
      return;
    }
    try {
      this.microphone = await navigator.mediaDevices.getUserMedia({
        audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
      });
    } catch (fault) {
      tellNote(`${withoutMicrophone(fault)} You can type in the meantime.`);
      return;
    }
    this.hush();
    for (const track of this.microphone.getAudioTracks()) {
      track.addEventListener('ended', () => tellNote('The microphone was unplugged or taken away. You can type.'));
    }
  }

  /**
   * Raises Refusal: no way leads to the server.
   * @param {AudioContext} context
   */
  async connect(context) {
    const wanted = byId('way', HTMLSelectElement).value;
    if (wanted !== 'websocket') {
      try {
        this.way = 'WebRTC';
        this.show();
        return await WebRTCCall.open(this.wanted(context));
      } catch (fault) {
        if (!(fault instanceof Refusal) || !fault.isOfWay) throw fault;
        if (wanted === 'webrtc') throw new Refusal(`There is no WebRTC here: ${fault.message}`);
        if (this.isConnecting) tellNote(`Connected over a WebSocket, as there is no WebRTC: ${sentence(fault.message)}`);
      }
    }
    this.way = 'WebSocket';
    this.show();
    try {
      return await WebSocketCall.open(this.wanted(context));
    } catch (fault) {
      if (this.isConnecting) tellNote('');
      throw fault;
    }
  }

  /**
   * @param {AudioContext} context
   * @returns {Wanted}
   */
  wanted(context) {
    const [user, model] = [Meter.on(context), Meter.on(context)];
    const output = context.createGain();
    output.connect(model.analyser);
    if (this.microphone !== null) context.createMediaStreamSource(this.microphone).connect(user.analyser);
    this.meters = [user, model];
    levels.start(user, model);
    const instructions = byId('instructions', HTMLTextAreaElement).value.trim();
    const canSound = context.audioWorklet !== undefined || this.way === 'WebRTC';
    const session = {
      type: 'realtime',
      ...(instructions === '' ? {} : { instructions }),
      ...(canSound ? {} : { output_modalities: ['text'] }),
      audio: { input: { transcription: { model: 'whisper-1' } } },
    };
    return {
      base: BASE,
      key: key.value,
      model: byId('model', HTMLInputElement).value.trim(),
      session,
      context,
      microphone: this.microphone,
      output,
      listener: {
        onEvent: (event) => this.take(event),
        onSent: (event) => events.add(event, 'sent'),
        onPlaying: (isPlaying) => this.played(isPlaying),
        onClosed: (why) => this.end(why),
      },
    };
  }

  /** @param {Wire} event */
  take(event) {
    events.add(event, 'received');
    const { conversation } = this;
    if (event.type === 'session.created') linkInspector(event['session']?.id ?? '');
    if (event.type === 'error' && event['error']?.code !== OVER_ALREADY) {
      tellProblem(sentence(String(event['error']?.message ?? 'The server reports an error.')));
    }
    if (event.type === 'response.done' && event['response']?.status === 'failed') {
      tellProblem(sentence(event['response']?.status_details?.error?.message ?? 'The response failed.'));
    }
    if (event.type === 'input_audio_buffer.speech_started') this.spokenAt = 0;
    if (event.type === 'input_audio_buffer.speech_stopped') this.spokenAt = this.meters[0]?.loudAt ?? 0;
    // What is spoken is heard; what is only written is read aloud to people who do not see it.
    if (event.type === 'response.output_text.done') byId('announced', HTMLElement).textContent = plain(String(event['text'] ?? ''));
    transcript.show(conversation.entries, conversation.take(event));
    if (event.type === 'conversation.item.truncated' && conversation.find(event['item_id']) !== undefined) {
      this.call?.send({ type: 'conversation.item.retrieve', item_id: event['item_id'] });
    }
    this.show();
  }

  /** @param {boolean} isPlaying */
  played(isPlaying) {
    this.isPlaying = isPlaying;
    if (isPlaying && this.spokenAt > 0) this.measureDelay(this.spokenAt);
    this.show();
  }

  /**
   * Note how long the answer took, when it is heard. The browser slows the page's clock while it is hidden.
   * @param {number} spokenAt
   */
  measureDelay(spokenAt) {
    const model = this.meters[1];
    const asked = performance.now();
    this.spokenAt = 0;
    const timer = setInterval(() => {
      const answer = this.conversation.answer();
      if (model !== undefined && model.begunAt > spokenAt && answer !== undefined && !document.hidden) {
        answer.delayMs = Math.round(model.begunAt - spokenAt);
        transcript.show(this.conversation.entries, [answer]);
      }
      if (model === undefined || model.begunAt > spokenAt || performance.now() - asked > 2000) clearInterval(timer);
    }, 50);
  }

  /** @param {string} words */
  type(words) {
    if (this.call === null) return;
    if (this.isPlaying || this.conversation.response !== null) this.interrupt();
    const content = [{ type: 'input_text', text: words }];
    this.call.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } });
    this.call.send({ type: 'response.create' });
  }

  interrupt() {
    this.call?.interrupt(this.conversation.response !== null);
    this.conversation.isThinking = false;
    this.show();
  }

  toggleMute() {
    this.isMuted = !this.isMuted;
    this.hush();
    this.show();
  }

  hush() {
    for (const track of this.microphone?.getAudioTracks() ?? []) track.enabled = !this.isMuted;
  }

  /**
   * The call is over.
   * @param {string} why empty: as the user wanted
   */
  end(why) {
    this.starts += 1;
    this.call?.close();
    this.call = null;
    this.isConnecting = false;
    this.isPlaying = false;
    for (const track of this.microphone?.getTracks() ?? []) track.stop();
    this.microphone = null;
    levels.stop();
    void this.context?.close();
    this.context = null;
    if (why !== '') tellProblem(why);
    this.show();
  }

  /** @returns {State} */
  state() {
    if (this.call === null) return this.isConnecting ? 'connecting' : 'idle';
    if (this.conversation.isUserSpeaking) return 'hearing';
    if (this.isPlaying) return 'speaking';
    return this.conversation.isThinking ? 'thinking' : 'listening';
  }

  show() {
    const state = this.state();
    const isOpen = this.call !== null;
    const way = isOpen || (this.isConnecting && this.way !== '') ? ` · ${this.way}` : '';
    const muted = isOpen && this.microphone === null ? ' · no microphone' : isOpen && this.isMuted ? ' · muted' : '';
    const said = `${state === 'listening' && muted !== '' ? 'Connected' : SAID[state]}${way}${muted}`;
    const shown = byId('state', HTMLElement);
    if (shown.textContent !== said) shown.textContent = said;
    shown.dataset['state'] = state;
    document.documentElement.dataset['state'] = state;
    document.documentElement.dataset['way'] = isOpen ? this.way : '';
    byId('start-label', HTMLElement).textContent = isOpen ? 'End' : this.isConnecting ? 'Cancel' : 'Start talking';
    start.classList.toggle('ends', isOpen || this.isConnecting);
    mute.disabled = !isOpen || this.microphone === null;
    mute.textContent = this.isMuted ? 'Muted' : 'Mute';
    mute.setAttribute('aria-pressed', String(this.isMuted));
    interrupt.disabled = !isOpen || (!this.isPlaying && this.conversation.response === null);
    send.disabled = !isOpen;
  }
}

/** @param {string} words */
function sentence(words) {
  const trimmed = words.trim();
  const begun = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}

/** @param {string} words */
function tellProblem(words) {
  const problem = byId('problem', HTMLElement);
  problem.textContent = words;
  problem.hidden = words === '';
}

/** @param {string} words */
function tellNote(words) {
  const note = byId('note', HTMLElement);
  note.textContent = words;
  note.hidden = words === '';
  byId('announced', HTMLElement).textContent = words;
}

function askForKey() {
  keyForm.hidden = false;
  key.focus();
}

/**
 * The address of the inspector is in this page's own, behind #, where no server sees it.
 * @param {string} session
 */
function linkInspector(session) {
  const address = INSPECTOR.exec(location.hash)?.[1];
  if (address === undefined || !/^[A-Za-z0-9_-]{1,100}$/.test(session)) return;
  byId('inspector', HTMLElement).hidden = false;
  byId('inspector-link', HTMLAnchorElement).setAttribute('href', new URL(`calls/${session}/`, address).href);
}

const page = new Page();
start.addEventListener('click', () => void page.start());
mute.addEventListener('click', () => page.toggleMute());
interrupt.addEventListener('click', () => page.interrupt());
keyForm.addEventListener('submit', (event) => {
  event.preventDefault();
  if (key.value !== '' && page.call === null && !page.isConnecting) void page.start();
});
byId('text-form', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault();
  const words = text.value.trim();
  if (words === '' || page.call === null) return;
  text.value = '';
  page.type(words);
});
document.addEventListener('keydown', (event) => {
  const inField = event.target instanceof HTMLElement && event.target.matches('input, textarea, select');
  if (event.key === 'Escape' && !interrupt.disabled) page.interrupt();
  if (event.key.toLowerCase() === 'm' && !inField && !event.ctrlKey && !event.metaKey && !event.altKey && !mute.disabled) page.toggleMute();
});
window.addEventListener('pagehide', () => page.end(''));
levels.draw();
page.show();
document.documentElement.dataset['ready'] = 'yes';
