// The official JavaScript agents package, unmodified: told what to do line by line, and telling line by line what it saw.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [url, modality, shop] = process.argv.slice(2);
const require = createRequire(`${process.env.PACKAGES}/`);
const { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool } = require("@openai/agents-realtime");
const { hostedMcpTool } = require("@openai/agents-core");
const { z } = require("zod");

const tell = (event, fields = {}) => process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);

const weather = tool({
  name: "get_weather",
  description: "The weather in a city.",
  parameters: z.object({ city: z.string() }),
  execute: async ({ city }) => `Rain in ${city}.`,
});
const shopping = (requireApproval) => hostedMcpTool({ serverLabel: "shop", serverUrl: shop, requireApproval });
const tools = shop === undefined ? [weather] : [weather, shopping({ always: { toolNames: ["wait"] } })];
const agent = new RealtimeAgent({ name: "guide", instructions: "You know the weather.", tools });
const transport = new OpenAIRealtimeWebSocket({ url, useInsecureApiKey: true });
const session = new RealtimeSession(agent, {
  transport,
  model: "gpt-realtime",
  config: { outputModalities: [modality], audio: { input: { transcription: { model: "whisper-1" } } } },
  tracingDisabled: true,
});

session.on("error", ({ error }) => tell("error", { error: String(error?.message ?? JSON.stringify(error)) }));
session.on("history_updated", (items) => tell("history", { items }));
session.on("audio", ({ data }) => tell("audio", { bytes: data.byteLength }));
session.on("audio_stopped", () => tell("audio_stopped"));
session.on("audio_interrupted", () => tell("audio_interrupted"));
session.on("agent_end", (_, __, output) => tell("agent_end", { output }));
session.on("agent_tool_start", (_, __, { name }, { toolCall }) => tell("tool_start", { name, call: toolCall }));
session.on("mcp_tools_changed", (tools) => tell("mcp_tools", { names: tools.map(({ name }) => name) }));
session.on("mcp_tool_call_completed", (_, __, { name, output }) => tell("mcp_call", { name, output }));
session.on("tool_approval_requested", async (_, __, { approvalItem }) => {
  tell("asked", { name: approvalItem.rawItem.name });
  await session.approve(approvalItem);
});
session.on("agent_tool_end", (_, __, { name }, result) => tell("tool_end", { name, result }));
transport.on("*", (event) => tell("wire", { type: event.type, wire: event.type.endsWith(".delta") ? null : event }));
transport.on("connection_change", (status) => tell("connection", { status }));

await session.connect({ apiKey: "open", url });
tell("connected");

for await (const line of createInterface({ input: process.stdin })) {
  const { say, audio, interrupt, send } = JSON.parse(line);
  if (say !== undefined) session.sendMessage(say);
  if (audio !== undefined) session.sendAudio(Uint8Array.from(Buffer.from(audio, "base64")).buffer);
  if (interrupt) session.interrupt();
  if (send !== undefined) transport.sendEvent(send);
}
session.close();
