// @ts-check

// What was said, made of the session's events. Has no page and no clock.

/**
 * @typedef {import('./websocket_call.js').Wire} Wire
 * @typedef {{id: string, role: 'user' | 'assistant' | 'tool', text: string, isDone: boolean, isTyped: boolean,
 *   heard: string | null, cutAtMs: number | null, note: string, delayMs: number | null}} Entry
 */

/** Words of a part of an answer, spoken and written, in today's names and in those before. */
const DELTAS = ['response.output_audio_transcript.delta', 'response.output_text.delta', 'response.audio_transcript.delta', 'response.text.delta'];

export class Conversation {
  constructor() {
    /** @type {Entry[]} */
    this.entries = [];
    /** The response under way. @type {string | null} */
    this.response = null;
    this.isUserSpeaking = false;
    /** Whether an answer is awaited or made. */
    this.isThinking = false;
  }

  /**
   * Returns the entries that have changed.
   * @param {Wire} event
   * @returns {Entry[]}
   */
  take(event) {
    if (DELTAS.includes(event.type)) return this.said(event['item_id'], event['delta']);
    switch (event.type) {
      case 'input_audio_buffer.speech_started':
        this.isUserSpeaking = true;
        return [this.entry(event['item_id'], 'user')];
      case 'input_audio_buffer.speech_stopped':
        this.isUserSpeaking = false;
        this.isThinking = true;
        return [];
      case 'conversation.item.added':
      case 'conversation.item.created':
        return this.added(event['item'], event['previous_item_id'] ?? null);
      case 'conversation.item.input_audio_transcription.delta':
        return this.said(event['item_id'], event['delta'], 'user');
      case 'conversation.item.input_audio_transcription.completed':
        return this.transcribed(event['item_id'], event['transcript']);
      case 'conversation.item.input_audio_transcription.failed':
        return this.noted(event['item_id'], 'could not be transcribed');
      case 'conversation.item.truncated':
        return this.truncated(event['item_id'], event['audio_end_ms']);
      case 'conversation.item.retrieved':
        return this.retrieved(event['item']);
      case 'conversation.item.deleted':
        this.entries = this.entries.filter(({ id }) => id !== event['item_id']);
        return [];
      case 'response.created':
        this.response = event['response']?.id ?? '';
        this.isThinking = true;
        return [];
      case 'response.function_call_arguments.done':
        return this.transcribed(event['item_id'], event['arguments']);
      case 'response.output_item.done':
        return this.finished(event['item']);
      case 'response.done':
        return this.ended(event['response'] ?? {});
      default:
        return [];
    }
  }

  /**
   * The entry with this id; a new one is the last.
   * @param {string} id
   * @param {'user' | 'assistant' | 'tool'} role
   * @returns {Entry}
   */
  entry(id, role) {
    const found = this.find(id);
    if (found !== undefined) return found;
    /** @type {Entry} */
    const made = { id, role, text: '', isDone: false, isTyped: false, heard: null, cutAtMs: null, note: '', delayMs: null };
    this.entries.push(made);
    return made;
  }

  /** @param {string} id */
  find(id) {
    return this.entries.find((each) => each.id === id);
  }

  /** The latest answer, if there is one behind what the user said last. */
  answer() {
    const last = this.entries.at(-1);
    return last?.role === 'assistant' ? last : undefined;
  }

  /**
   * @param {string} id
   * @param {string} delta
   * @param {'user' | 'assistant'} role
   */
  said(id, delta, role = 'assistant') {
    const entry = this.entry(id, role);
    entry.text += delta;
    return [entry];
  }

  /**
   * @param {any} item
   * @param {string | null} before
   */
  added(item, before) {
    const isCall = item?.type === 'function_call' || item?.type === 'mcp_call';
    if (!isCall && item?.type !== 'message') return [];
    if (!isCall && item.role !== 'user' && item.role !== 'assistant') return [];
    const isNew = this.find(item.id) === undefined;
    const entry = this.entry(item.id, isCall ? 'tool' : item.role);
    if (isCall) entry.note = item.name ?? '';
    if (isNew) this.place(entry, before);
    const text = wordsOf(item);
    if (text !== '') entry.text = text;
    entry.isTyped = (item.content ?? []).some((/** @type {any} */ part) => part.type === 'input_text');
    if (item.role === 'user' && entry.isTyped) entry.isDone = true;
    return [entry];
  }

  /**
   * Move a new entry behind the item that comes before it.
   * @param {Entry} entry
   * @param {string | null} before
   */
  place(entry, before) {
    const at = this.entries.findIndex(({ id }) => id === before);
    if (at === -1 || at === this.entries.length - 2) return;
    this.entries.pop();
    this.entries.splice(at + 1, 0, entry);
  }

  /**
   * @param {string} id
   * @param {string} text
   */
  transcribed(id, text) {
    const entry = this.find(id);
    if (entry === undefined) return [];
    entry.text = text;
    entry.isDone = true;
    if (text.trim() === '') entry.note = 'no words understood';
    return [entry];
  }

  /**
   * @param {string} id
   * @param {string} note
   */
  noted(id, note) {
    const entry = this.find(id);
    if (entry === undefined) return [];
    entry.note = note;
    entry.isDone = true;
    return [entry];
  }

  /**
   * @param {string} id
   * @param {number} atMs
   */
  truncated(id, atMs) {
    const entry = this.find(id);
    if (entry === undefined) return [];
    entry.cutAtMs = atMs;
    entry.isDone = true;
    return [entry];
  }

  /**
   * What the server keeps of an answer that was cut are the words that were heard.
   * @param {any} item
   */
  retrieved(item) {
    const entry = this.find(item?.id);
    const heard = wordsOf(item);
    if (entry === undefined || entry.cutAtMs === null || !entry.text.startsWith(heard)) return [];
    entry.heard = heard;
    return [entry];
  }

  /** @param {any} item */
  finished(item) {
    const entry = this.find(item?.id);
    if (entry === undefined) return [];
    entry.isDone = true;
    return [entry];
  }

  /** @param {any} response */
  ended(response) {
    this.response = null;
    this.isThinking = false;
    const answers = (response.output ?? []).map((/** @type {any} */ item) => this.find(item.id)).filter(Boolean);
    for (const entry of answers) entry.isDone = true;
    const last = answers.at(-1);
    if (last !== undefined && response.status === 'failed') last.note = 'failed';
    if (last !== undefined && response.status === 'incomplete') last.note = 'incomplete';
    return answers;
  }
}

/** @param {any} item */
function wordsOf(item) {
  const parts = /** @type {any[]} */ (item?.content ?? []);
  return parts.map((part) => part.text ?? part.transcript ?? '').join('');
}
