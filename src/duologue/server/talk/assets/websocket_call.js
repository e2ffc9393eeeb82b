// @ts-check

// A call over a WebSocket: the page itself sends the microphone's sound, plays what comes, and says what was heard of it.

import { Refusal, UNREACHABLE } from './words.js';

/**
 * @typedef {{[name: string]: any, type: string}} Wire an event, as on the wire
 * @typedef {{onEvent: (event: Wire) => void, onSent: (event: Wire) => void, onPlaying: (isPlaying: boolean) => void,
 *   onClosed: (why: string) => void}} Listener
 * @typedef {{base: URL, key: string, model: string, session: object, context: AudioContext, microphone: MediaStream | null,
 *   output: AudioNode, listener: Listener}} Wanted
 */

/** Of the wire: PCM16, mono, 24 kHz. */
const SAMPLES_PER_MS = 24;

/** For the handshake. */
const OPEN_MS = 10000;

export class WebSocketCall {
  /** The address of the call at the server; this kind has none. */
  location = '';

  /**
   * @param {Wanted} wanted
   * @param {WebSocket} socket
   */
  constructor(wanted, socket) {
    this.wanted = wanted;
    this.socket = socket;
    this.isOpen = false;
    this.isPlaying = false;
    /** What the server said was wrong, last: it says so before it closes. */
    this.fault = '';
    this.cuts = 0;
    /** Items that were cut: what still comes of them is not played.
     * @type {Set<string>} */
    this.cutItems = new Set();
    /** @type {AudioWorkletNode | null} */
    this.player = null;
    /** @type {AudioNode[]} */
    this.nodes = [];
    socket.addEventListener('message', ({ data }) => {
      if (typeof data === 'string') this.take(JSON.parse(data));
    });
    socket.addEventListener('close', ({ code, reason }) => this.closed(code, reason));
  }

  /**
   * Raises Refusal: the server takes no call like this.
   * @param {Wanted} wanted
   * @returns {Promise<WebSocketCall>}
   */
  static async open(wanted) {
    const url = new URL('v1/realtime', wanted.base);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    if (wanted.model !== '') url.searchParams.set('model', wanted.model);
    const protocols = ['realtime'];
    if (wanted.key !== '') protocols.push(`openai-insecure-api-key.${wanted.key}`);
    let socket;
    try {
      socket = new WebSocket(url, protocols);
    } catch {
      // A browser offers keys as the name of a protocol, which has letters, digits and few other characters.
      throw new Refusal('A browser cannot send a key with such characters over a WebSocket: use a client secret (ek_…).');
    }
    const call = new WebSocketCall(wanted, socket);
    await opened(socket);
    call.isOpen = true;
    await call.connectSound();
    return call;
  }

  /** Connect microphone and player, where the browser has sound for this page. */
  async connectSound() {
    const { context, microphone, output } = this.wanted;
    if (context.audioWorklet === undefined) return;
    await context.audioWorklet.addModule(new URL('talk/sound_worklet.js', this.wanted.base).href);
    this.player = new AudioWorkletNode(context, 'player', { numberOfInputs: 0, outputChannelCount: [1] });
    this.player.port.onmessage = ({ data }) => this.played(data);
    this.player.connect(output);
    output.connect(context.destination);
    if (microphone === null) return;
    const source = context.createMediaStreamSource(microphone);
    const recorder = new AudioWorkletNode(context, 'recorder', { numberOfOutputs: 0, channelCount: 1, channelCountMode: 'explicit' });
    recorder.port.onmessage = ({ data }) => {
      if (this.socket.readyState !== WebSocket.OPEN) return;
      this.socket.send(JSON.stringify({ type: 'input_audio_buffer.append', audio: base64(new Uint8Array(data.buffer)) }));
    };
    source.connect(recorder);
    this.nodes.push(source, recorder);
  }

  /** @param {Wire} event */
  send(event) {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    this.socket.send(JSON.stringify(event));
    this.wanted.listener.onSent(event);
  }

  /** Stop the answer, also the part that was sent and not played yet.
   * @param {boolean} isGenerating */
  interrupt(isGenerating) {
    if (isGenerating) this.send({ type: 'response.cancel' });
    this.cut();
  }

  close() {
    for (const node of [...this.nodes, ...(this.player === null ? [] : [this.player])]) node.disconnect();
    this.wanted.output.disconnect();
    this.socket.close(1000);
  }

  /** @param {Wire} event */
  take(event) {
    switch (event.type) {
      case 'session.created':
        this.send({ type: 'session.update', session: this.wanted.session });
        break;
      case 'response.output_audio.delta':
        if (!this.cutItems.has(event['item_id'])) this.play(event['item_id'], event['delta']);
        return;
      case 'response.output_audio.done':
        this.player?.port.postMessage({ end: true });
        break;
      case 'input_audio_buffer.speech_started':
        this.cut();
        break;
      case 'error':
        this.fault = String(event['error']?.message ?? '');
        break;
      default:
    }
    this.wanted.listener.onEvent(event);
  }

  /**
   * @param {string} item
   * @param {string} audio
   */
  play(item, audio) {
    const bytes = Uint8Array.from(atob(audio), (each) => each.charCodeAt(0));
    const samples = new Int16Array(bytes.buffer, 0, bytes.length >> 1);
    this.player?.port.postMessage({ item, samples }, [bytes.buffer]);
  }

  cut() {
    this.cuts += 1;
    this.player?.port.postMessage({ cut: this.cuts });
  }

  /** @param {{started?: boolean, stopped?: boolean, cut?: number, heard?: {item: string, samples: number}[]}} told */
  played(told) {
    for (const { item, samples } of told.heard ?? []) {
      // What is on its way from the thread of the sound to the loudspeaker was not heard either.
      const onTheWay = (this.wanted.context.outputLatency ?? 0) * 1000;
      const heard_ms = Math.max(0, Math.floor(samples / SAMPLES_PER_MS - onTheWay));
      this.cutItems.add(item);
      this.send({ type: 'conversation.item.truncate', item_id: item, content_index: 0, audio_end_ms: heard_ms });
    }
    const isPlaying = told.started === true;
    if (isPlaying === this.isPlaying) return;
    this.isPlaying = isPlaying;
    this.wanted.listener.onPlaying(isPlaying);
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  closed(code, reason) {
    const { listener } = this.wanted;
    if (!this.isOpen) return;
    if (code === 1000) listener.onClosed('');
    else if (this.fault !== '') listener.onClosed(this.fault);
    else if (code === 1001) listener.onClosed('The server ended the call: it stops, or the session took its time.');
    else if (code === 1006) listener.onClosed('The connection broke: the server or the network is gone.');
    else listener.onClosed(`The server closed the call: ${code}${reason === '' ? '' : ` ${reason}`}.`);
  }
}

/** @param {WebSocket} socket */
function opened(socket) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      socket.close();
      reject(new Refusal(UNREACHABLE));
    }, OPEN_MS);
    socket.addEventListener('open', () => {
      clearTimeout(late);
      resolve(undefined);
    });
    socket.addEventListener('close', () => {
      clearTimeout(late);
      reject(new Refusal(UNREACHABLE));
    });
  });
}

/** @param {Uint8Array} bytes */
function base64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}
