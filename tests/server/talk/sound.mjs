// The classes of `sound_worklet.js` outside of a browser: a tone of any rate stays the same tone.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

const source = readFileSync(process.argv[2], 'utf8');

/** The classes as they are at a rate. */
function at(sampleRate) {
  class AudioWorkletProcessor {
    port = { sent: [], onmessage: null, postMessage(told) { this.sent.push(told); } };
  }
  const found = {};
  new Function('AudioWorkletProcessor', 'sampleRate', 'registerProcessor', `${source}\nreturn {Resampler};`)(
    AudioWorkletProcessor,
    sampleRate,
    (name, made) => (found[name] = made),
  );
  return found;
}

const tone = (hz, rate, seconds) => Float32Array.from({ length: rate * seconds }, (_, at) => Math.sin((2 * Math.PI * hz * at) / rate) / 2);

/** Amplitude of a frequency in a piece, and the rest that is no part of it. */
function spectrum(samples, hz, rate) {
  const [sine, cosine] = [0, Math.PI / 2].map(
    (phase) => (samples.reduce((sum, each, at) => sum + each * Math.sin((2 * Math.PI * hz * at) / rate + phase), 0) * 2) / samples.length,
  );
  const power = samples.reduce((sum, each) => sum + each * each, 0) / samples.length;
  const amplitude = Math.hypot(sine, cosine);
  return { amplitude, rest: Math.sqrt(Math.max(0, power - amplitude ** 2 / 2)) };
}

function recorded(rate, hz) {
  const recorder = new (at(rate).recorder)();
  const sound = tone(hz, rate, 1);
  for (let begin = 0; begin + 128 <= sound.length; begin += 128) recorder.process([[sound.subarray(begin, begin + 128)]]);
  const pieces = recorder.port.sent;
  assert.ok(pieces.length >= 48 && pieces.every((each) => each instanceof Int16Array && each.length === 480), `${rate}: ${pieces.length}`);
  return Float32Array.from(pieces.flatMap((each) => [...each]), (each) => each / 32768);
}

for (const rate of [16000, 24000, 44100, 48000, 96000]) {
  const heard = recorded(rate, 1000).subarray(2400, 21600);
  const { amplitude, rest } = spectrum(heard, 1000, 24000);
  assert.ok(Math.abs(amplitude - 0.5) < 0.01, `${rate}: ${amplitude}`);
  assert.ok(rest < 0.002, `${rate}: ${rest}`);
  // What the wire's rate cannot carry does not come back as another tone.
  if (rate > 24000) assert.ok(spectrum(recorded(rate, 15000).subarray(2400, 21600), 9000, 24000).amplitude < 0.01, `${rate}`);
}

for (const rate of [24000, 44100, 48000]) {
  const player = new (at(rate).player)();
  const samples = Int16Array.from(tone(1000, 24000, 1), (each) => Math.round(each * 32767));
  for (let begin = 0; begin < 24000; begin += 1000) player.port.onmessage({ data: { item: 'one', samples: samples.slice(begin, begin + 1000) } });
  const made = [];
  const play = (count) => {
    for (let block = 0; block < count; block += 1) {
      const output = new Float32Array(128);
      player.process([], [[output]]);
      made.push(...output);
    }
  };
  play(Math.floor((rate * 0.5) / 128));
  assert.deepEqual(player.port.sent, [{ started: true }]);
  const { amplitude, rest } = spectrum(Float32Array.from(made).subarray(rate / 10, rate / 10 + Math.floor(rate * 0.3)), 1000, rate);
  assert.ok(Math.abs(amplitude - 0.5) < 0.02 && rest < 0.02, `${rate}: ${amplitude} ${rest}`);
  // Cut in the middle, it says what was played, and plays no more.
  player.port.onmessage({ data: { item: 'two', samples: samples.slice(0, 480) } });
  player.port.onmessage({ data: { cut: 1 } });
  const told = player.port.sent.at(-1);
  assert.deepEqual([told.cut, told.heard.map(({ item }) => item)], [1, ['one', 'two']]);
  assert.ok(Math.abs(told.heard[0].samples - 12000) < 150 && told.heard[1].samples === 0, JSON.stringify(told));
  const before = made.length;
  play(10);
  assert.ok(made.slice(before).every((each) => each === 0));
  // The next one is played to its end; then a cut has nothing to say.
  player.port.onmessage({ data: { item: 'three', samples: samples.slice(0, 1000) } });
  play(3);
  player.port.onmessage({ data: { end: true } });
  play(Math.ceil((rate * 0.2) / 128));
  player.port.onmessage({ data: { cut: 2 } });
  assert.deepEqual(player.port.sent.slice(-3), [{ started: true }, { stopped: true }, { cut: 2, heard: [] }]);
}
