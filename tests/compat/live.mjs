// Live sessions with the official JavaScript SDK, unmodified: told what to send line by line, and telling what it saw.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [baseURL, way, endpoint, sessionId] = process.argv.slice(2);
const require = createRequire(`${process.env.PACKAGES}/`);
const { OpenAI } = require("openai");
const { TranscriptGrouper } = require("openai/helpers/live");
const { LiveWS } = require("openai/resources/live/ws");
const { ForksWS } = require("openai/resources/live/forks/ws");
const { SidebandWS } = require("openai/resources/live/sideband/ws");

const tell = (event, fields = {}) => process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);

const client = new OpenAI({ apiKey: "open", baseURL });
const connect = {
  primary: () => new LiveWS(client),
  sideband: () => new SidebandWS(client, { session_id: sessionId, graceful_close: true }),
  fork: () => new ForksWS(client, { session_id: sessionId }),
};
const live = connect[endpoint]();
const grouper = new TranscriptGrouper();
grouper.on("segment.closed", ({ segment, reason }) => tell("group", { ...segment, reason }));

const saw = (event) => {
  grouper.push(event);
  tell("wire", { type: event.type, wire: event });
};
const ended = (code, unsent) => {
  grouper.close();
  tell("closed", { code, unsent: unsent.length });
};

const commands = async () => {
  for await (const line of createInterface({ input: process.stdin })) {
    live.send(JSON.parse(line));
  }
};

// An error event is reported as an event; anything else that goes wrong fails the test.
const failed = (error) => error.error ?? tell("error", { error: String(error.message) });

if (way === "stream") {
  const received = live.stream({ maxBufferedEvents: 10_000 });
  commands();
  for await (const record of received) {
    if (record.type === "message") saw(record.message);
    else if (record.type === "error") failed(record.error);
    else if (record.type === "close") ended(record.code, record.unsent);
    else tell(record.type);
  }
} else {
  live.on("error", failed);
  live.on("event", saw);
  live.on("close", (code, reason, unsent) => ended(code, unsent));
  commands();
}
