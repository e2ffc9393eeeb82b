// @ts-check

// A call over WebRTC: the browser sends and plays the sound, events pass the data channel `oai-events`.

import { Refusal, checked } from './words.js';

/**
 * @typedef {import('./websocket_call.js').Wanted} Wanted
 * @typedef {import('./websocket_call.js').Wire} Wire
 */

/** Behind the answer, for a connection to come about: where it is not blocked, it takes a few hundred milliseconds. */
const CONNECT_MS = 4000;

/** After which a connection that the browser calls disconnected is given up. */
const GONE_MS = 5000;

const BLOCKED = 'no connection within 4 s, UDP may be blocked between here and the server';

export class WebRTCCall {
  /** Where the call is at the server, such as /v1/realtime/calls/rtc_…; empty: it did not say. */
  location = '';

  /** @param {Wanted} wanted */
  constructor(wanted) {
    this.wanted = wanted;
    this.isOver = false;
    this.isOpen = false;
    this.peer = new RTCPeerConnection();
    this.channel = this.peer.createDataChannel('oai-events');
    this.audio = new Audio();
    this.audio.autoplay = true;
    /** @type {MediaStreamAudioSourceNode | null} */
    this.source = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.goneTimer = undefined;
    const microphone = wanted.microphone ?? wanted.context.createMediaStreamDestination().stream;
    for (const track of microphone.getAudioTracks()) this.peer.addTrack(track, microphone);
    this.peer.addEventListener('track', (event) => this.hear(event.streams[0] ?? new MediaStream([event.track])));
    this.peer.addEventListener('connectionstatechange', () => this.watch());
    this.channel.addEventListener('message', ({ data }) => {
      if (typeof data === 'string') this.take(JSON.parse(data));
    });
    this.channel.addEventListener('close', () => this.over('The server ended the call, or is gone.'));
  }

  /**
   * Raises Refusal: the server takes no call like this, or none comes about.
   * @param {Wanted} wanted
   * @returns {Promise<WebRTCCall>}
   */
  static async open(wanted) {
    if (typeof RTCPeerConnection === 'undefined') throw new Refusal('this browser has no WebRTC', { isOfWay: true });
    const call = new WebRTCCall(wanted);
    try {
      await call.shakeHands();
      await call.opened();
    } catch (fault) {
      call.close();
      throw fault;
    }
    call.isOpen = true;
    return call;
  }

  async shakeHands() {
    const { base, key, model, session } = this.wanted;
    await this.peer.setLocalDescription(await this.peer.createOffer());
    const offer = this.peer.localDescription?.sdp ?? '';
    /** @type {{[name: string]: string}} */
    const headers = key === '' ? {} : { authorization: `Bearer ${key}` };
    /** @type {BodyInit} */
    let body = offer;
    if (key.startsWith('ek_')) {
      // A client secret has the session's settings.
      headers['content-type'] = 'application/sdp';
    } else {
      body = new FormData();
      body.set('sdp', offer);
      body.set('session', JSON.stringify(model === '' ? session : { ...session, model }));
    }
    let answer;
    try {
      answer = await fetch(new URL('v1/realtime/calls', base), { method: 'POST', headers, body });
    } catch {
      throw new Refusal('The server does not answer.');
    }
    await checked(answer);
    this.location = answer.headers.get('location') ?? '';
    try {
      await this.peer.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
    } catch {
      throw new Refusal('the browser cannot use the answer of the server', { isOfWay: true });
    }
  }

  opened() {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Refusal(BLOCKED, { isOfWay: true })), CONNECT_MS);
      this.channel.addEventListener('open', () => {
        clearTimeout(late);
        resolve(undefined);
      });
      this.peer.addEventListener('connectionstatechange', () => {
        if (this.peer.connectionState === 'failed') reject(new Refusal(BLOCKED, { isOfWay: true }));
      });
    });
  }

  /** @param {Wire} event */
  send(event) {
    if (this.channel.readyState !== 'open') return;
    this.channel.send(JSON.stringify(event));
    this.wanted.listener.onSent(event);
  }

  /** @param {boolean} isGenerating */
  interrupt(isGenerating) {
    if (isGenerating) this.send({ type: 'response.cancel' });
    this.send({ type: 'output_audio_buffer.clear' });
  }

  close() {
    this.isOver = true;
    clearTimeout(this.goneTimer);
    this.source?.disconnect();
    this.audio.srcObject = null;
    this.channel.close();
    this.peer.close();
  }

  /** @param {MediaStream} stream */
  hear(stream) {
    this.audio.srcObject = stream;
    this.audio.play().catch(() => undefined); // `autoplay` begins it when the browser lets it
    this.source = this.wanted.context.createMediaStreamSource(stream);
    this.source.connect(this.wanted.output); // for the level: the element plays it
  }

  /** @param {Wire} event */
  take(event) {
    switch (event.type) {
      case 'session.created':
        this.send({ type: 'session.update', session: this.wanted.session });
        break;
      case 'output_audio_buffer.started':
        this.wanted.listener.onPlaying(true);
        break;
      case 'output_audio_buffer.stopped':
      case 'output_audio_buffer.cleared':
        this.wanted.listener.onPlaying(false);
        break;
      default:
    }
    this.wanted.listener.onEvent(event);
  }

  watch() {
    clearTimeout(this.goneTimer);
    if (this.peer.connectionState === 'failed') this.over('The connection broke: the server or the network is gone.');
    if (this.peer.connectionState === 'disconnected') {
      this.goneTimer = setTimeout(() => this.over('The connection broke: the server or the network is gone.'), GONE_MS);
    }
  }

  /** @param {string} why */
  over(why) {
    if (this.isOver) return;
    const wasOpen = this.isOpen;
    this.close();
    if (wasOpen) this.wanted.listener.onClosed(why);
  }
}
