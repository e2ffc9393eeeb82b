// Before the scripts of a page: a microphone that a test speaks into, `await speak('question')`, and silence between.

(() => {
  if (navigator.mediaDevices === undefined) return;
  const speech = window.speechForTests;
  /** @type {AudioContext | null} */
  let context = null;
  let target = null;
  navigator.mediaDevices.getUserMedia = async () => {
    context = new AudioContext();
    target = context.createMediaStreamDestination();
    const silence = context.createConstantSource(); // a microphone sends always; a target without a source sends nothing
    silence.offset.value = 0;
    silence.connect(target);
    silence.start();
    window.microphoneForTests = target.stream;
    return target.stream;
  };
  /** Say it; resolves when it has been said. */
  window.speak = async (name) => {
    const bytes = Uint8Array.from(atob(speech[name]), (each) => each.charCodeAt(0));
    const samples = Float32Array.from(new Int16Array(bytes.buffer), (each) => each / 32768);
    const buffer = context.createBuffer(1, samples.length, 24000);
    buffer.copyToChannel(samples, 0);
    const source = context.createBufferSource();
    source.buffer = buffer;
    source.connect(target);
    source.start();
    await new Promise((done) => source.addEventListener('ended', done));
  };
})();
