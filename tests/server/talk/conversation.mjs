// `conversation.js` without a page.

import assert from 'node:assert/strict';
import { pathToFileURL } from 'node:url';

const { Conversation } = await import(pathToFileURL(process.argv[2]).href);

function after(...events) {
  const conversation = new Conversation();
  for (const event of events) conversation.take(event);
  return conversation;
}

const shown = (conversation) => conversation.entries.map(({ role, text }) => [role, text]);
const message = (id, role, content = []) => ({ id, type: 'message', role, content });

const turn = [
  { type: 'input_audio_buffer.speech_started', item_id: 'u' },
  { type: 'input_audio_buffer.speech_stopped', item_id: 'u' },
  { type: 'conversation.item.added', previous_item_id: null, item: message('u', 'user', [{ type: 'input_audio', transcript: null }]) },
  { type: 'response.created', response: { id: 'r' } },
  { type: 'conversation.item.added', previous_item_id: 'u', item: message('a', 'assistant') },
  { type: 'response.output_audio_transcript.delta', item_id: 'a', delta: 'It is ' },
  { type: 'response.output_audio_transcript.delta', item_id: 'a', delta: 'noon.' },
  { type: 'conversation.item.input_audio_transcription.completed', item_id: 'u', transcript: 'What time is it?' },
];

// The words of a turn may come behind its answer, and stand before it all the same.
const whole = after(...turn);
assert.deepEqual(shown(whole), [['user', 'What time is it?'], ['assistant', 'It is noon.']]);
assert.equal(whole.response, 'r');
assert.equal(whole.answer().id, 'a');
whole.take({ type: 'response.done', response: { id: 'r', status: 'completed', output: [{ id: 'a' }] } });
assert.deepEqual([whole.response, whole.isThinking, whole.entries[1].isDone], [null, false, true]);

// What was cut keeps its words, and says which were heard; what is no beginning of them is no answer to the question.
whole.take({ type: 'conversation.item.truncated', item_id: 'a', audio_end_ms: 400 });
assert.equal(whole.entries[1].heard, null);
whole.take({ type: 'conversation.item.retrieved', item: message('a', 'assistant', [{ type: 'output_audio', transcript: 'Other' }]) });
assert.equal(whole.entries[1].heard, null);
whole.take({ type: 'conversation.item.retrieved', item: message('a', 'assistant', [{ type: 'output_audio', transcript: 'It is' }]) });
assert.equal(whole.entries[1].heard, 'It is');

// A function is shown with what it is called with; items of the system are not shown.
const call = { id: 'f', type: 'function_call', name: 'look_up', arguments: '' };
assert.deepEqual(
  shown(
    after(
      { type: 'conversation.item.added', item: message('s', 'system', [{ type: 'input_text', text: 'Be brief.' }]) },
      { type: 'conversation.item.added', item: call },
      { type: 'response.function_call_arguments.done', item_id: 'f', arguments: '{"x":1}' },
    ),
  ),
  [['tool', '{"x":1}']],
);

// A late item goes where the server says; events of another kind, or about items that are not known, change nothing.
const late = after(
  { type: 'conversation.item.added', item: message('one', 'user', [{ type: 'input_text', text: '1' }]) },
  { type: 'conversation.item.added', previous_item_id: 'one', item: message('three', 'user', [{ type: 'input_text', text: '3' }]) },
  { type: 'conversation.item.added', previous_item_id: 'one', item: message('two', 'user', [{ type: 'input_text', text: '2' }]) },
  { type: 'rate_limits.updated' },
  { type: 'conversation.item.truncated', item_id: 'none', audio_end_ms: 1 },
  { type: 'conversation.item.retrieved' },
  { type: 'response.done' },
  { type: 'conversation.item.deleted', item_id: 'three' },
);
assert.deepEqual(shown(late), [['user', '1'], ['user', '2']]);

const failed = after(...turn, { type: 'response.done', response: { status: 'failed', output: [{ id: 'a' }] } });
assert.equal(failed.entries[1].note, 'failed');
