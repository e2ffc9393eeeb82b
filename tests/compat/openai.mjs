// The official JavaScript SDK, unmodified, which makes `wss` of every URL: one turn of each modality, told line by line.
import { createRequire } from "node:module";

const [baseURL] = process.argv.slice(2);
const require = createRequire(`${process.env.PACKAGES}/`);
const { OpenAI } = require("openai");
const { OpenAIRealtimeWS } = require("openai/realtime/ws");

const tell = (event, fields = {}) => process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
const client = new OpenAI({ apiKey: "open", baseURL });
const realtime = new OpenAIRealtimeWS({ model: "gpt-realtime" }, client);
realtime.on("error", (error) => tell("error", { error: String(error.message) }));

const ask = (modality, text) => {
  realtime.send({ type: "session.update", session: { type: "realtime", output_modalities: [modality] } });
  const content = [{ type: "input_text", text }];
  realtime.send({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
  realtime.send({ type: "response.create" });
};

const said = { text: "", transcript: "", bytes: 0 };
realtime.on("response.output_text.delta", ({ delta }) => (said.text += delta));
realtime.on("response.output_audio_transcript.delta", ({ delta }) => (said.transcript += delta));
realtime.on("response.output_audio.delta", ({ delta }) => (said.bytes += Buffer.from(delta, "base64").length));
realtime.on("response.done", ({ response }) => {
  tell("done", { status: response.status, modalities: response.output_modalities });
  if (response.output_modalities[0] === "text") {
    ask("audio", "again");
  } else {
    tell("said", said);
    realtime.close();
  }
});
realtime.socket.on("open", () => ask("text", "hi"));
