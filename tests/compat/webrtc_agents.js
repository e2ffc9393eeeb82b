// A page with the official agents package, unmodified, in its build for browsers: `begin` connects, and tests look at `seen`.

const { OpenAIRealtimeWebRTC, RealtimeAgent, RealtimeSession, tool } = OpenAIAgentsRealtime;

window.seen = [];
window.errors = [];
window.audioElement = document.createElement('audio');

const weather = tool({
  name: 'get_weather',
  description: 'The weather in a city.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false },
  strict: true,
  execute: async ({ city }) => `Rain in ${city}.`,
});
const agent = new RealtimeAgent({ name: 'guide', instructions: 'You know the weather.', tools: [weather] });

window.begin = async (baseUrl, apiKey) => {
  const transport = new OpenAIRealtimeWebRTC({ baseUrl, audioElement });
  window.session = new RealtimeSession(agent, {
    transport,
    model: 'gpt-realtime',
    config: { audio: { input: { turnDetection: { type: 'server_vad' } } } },
    tracingDisabled: true,
  });
  session.on('error', ({ error }) => errors.push(String(error?.message ?? JSON.stringify(error))));
  transport.on('*', (event) => seen.push({ at: performance.now() / 1000, ...event }));
  await session.connect({ apiKey });
  window.listener = await listen({ model: audioElement.srcObject });
  return transport.callId;
};

window.count = (type) => seen.filter((event) => event.type === type).length;
window.isSounding = () => {
  const last = listener.ears.model.sounds.at(-1);
  return last !== undefined && listener.now() - last.to < 0.2;
};
window.words = () =>
  session.history
    .filter(({ type }) => type === 'message')
    .map(({ role, content }) => [role, content.map((part) => part.text ?? part.transcript ?? '').join('')]);
