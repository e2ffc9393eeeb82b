// The grouper of the official JavaScript package, unmodified, on a clock that is set by hand: sequences in, groups out.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

let now = 0;
let timers = [];
Object.defineProperty(globalThis, "performance", { value: { now: () => now } });
globalThis.setTimeout = (run, delay) => {
  const timer = { run, due: now + delay };
  timers.push(timer);
  return timer;
};
globalThis.clearTimeout = (timer) => (timers = timers.filter((one) => one !== timer));

const advance = (time) => {
  for (;;) {
    const due = timers.filter((timer) => timer.due <= time).sort((a, b) => a.due - b.due)[0];
    if (due === undefined) break;
    clearTimeout(due);
    now = Math.max(now, due.due);
    due.run();
  }
  now = time;
};

const require = createRequire(`${process.env.PACKAGES}/`);
const { TranscriptGrouper } = require("openai/helpers/live");

const tell = (event, fields = {}) => process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);

const grouped = ({ arrivals, until }) => {
  now = 0;
  timers = [];
  const groups = [];
  const grouper = new TranscriptGrouper();
  grouper.on("segment.closed", ({ segment, reason }) => {
    const { speaker, text, startMs, endMs } = segment;
    groups.push([speaker, text, startMs, endMs, reason]);
  });
  for (const [at, event] of arrivals) {
    advance(at);
    grouper.push(event);
  }
  advance(until);
  grouper.push({ type: "session.closed" });
  return groups;
};

for await (const line of createInterface({ input: process.stdin })) {
  tell("grouped", { groups: JSON.parse(line).sequences.map(grouped) });
}
