// The official JavaScript SDK's translation socket, unmodified, which requires TLS: told what to send line by line.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [baseURL] = process.argv.slice(2);
const require = createRequire(`${process.env.PACKAGES}/`);
const { OpenAI } = require("openai");
const { OpenAIRealtimeTranslationWS } = require("openai/realtime/translations/ws");

const tell = (event, fields = {}) => process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);

const client = new OpenAI({ apiKey: "open", baseURL });
const translation = await OpenAIRealtimeTranslationWS.create(client, { model: "gpt-realtime-translate" });
translation.on("error", (error) => tell("error", { error: String(error.message) }));
translation.on("event", (event) => tell("wire", { type: event.type, wire: event }));

// Typed listeners get only what has all the fields that the types require.
const typed = ["session.created", "session.updated", "session.closed", "session.output_audio.delta"];
const transcripts = ["session.input_transcript.delta", "session.output_transcript.delta"];
for (const type of [...typed, ...transcripts]) translation.on(type, () => tell("typed", { type }));

for await (const line of createInterface({ input: process.stdin })) {
  const event = JSON.parse(line);
  if (event.type !== "session.close") translation.send(event);
  else await translation.finish({ timeoutMs: 20_000 }).then(() => tell("finished"));
}
