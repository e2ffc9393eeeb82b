"""Calls over WebRTC from a real browser: from the end of speech until the answer sounds, and from `cleared` to silence.

A sentence is said into the page's microphone in `--turns` turns (20). Every second one is said while the answer before
it still sounds, so that it interrupts. `--scripted` leaves out what the engines take. One AudioContext of the page
hears both sides, so figures are mouth to ear: speech is over with its last sample above 2 % of full scale, and an
answer begins with its first. The machine must be idle: browser, server and engines share it.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from bench._rounds import report
from duologue.cli.local_server import local_server
from tests._browsers import Browsers, Tab, microphone
from tests._pages import serving_pages

_ROOT: Final = Path(__file__).parent.parent
_TESTS: Final = _ROOT / "tests"
_SILENCE_MS: Final = 500
"""Of `server_vad`, with which the server decides that speech is over."""

_HEARD_S: Final = 0.8
"""Of an answer, before the user interrupts it."""

_SCRIPTED: Final = [f"--{kind}=scripted" for kind in ("detector", "transcriber", "responder", "synthesizer")]

_PAGE: Final = (
    '<!doctype html><title>Bench</title><link rel="icon" href="data:,"><script src="listener.js"></script>'
    '<script src="page.js"></script>'
)

_BEGIN: Final = """async (calls, key) => {
  await begin(calls, key, {type: 'realtime'});
  window.both = await listen({model: audioElement.srcObject, microphone: microphoneForTests});
  window.clocksApart = () => performance.now() - both.now() * 1000;
  window.apartAtFirst = clocksApart();
  channel.addEventListener('message', ({data}) => {
    if (JSON.parse(data).type === 'output_audio_buffer.cleared') window.clearedAt = both.now();
  });
}"""

_TURN: Final = """async () => {
  const {model, microphone} = both.ears;
  const before = model.sounds.length;
  window.clearedAt = undefined;
  await speak('sentence');
  const ends = performance.now() + 15000;
  const until = async (found) => {
    while (!found() && performance.now() < ends) await new Promise((done) => setTimeout(done, 5));
  };
  const ended = () => microphone.sounds.at(-1).to;
  await until(() => model.sounds.at(-1)?.from > ended());
  const answer = model.sounds.find(({from}) => from > ended());
  const cut = window.clearedAt === undefined ? undefined : model.sounds[before - 1];
  return {
    stalled_ms: clocksApart() - apartAtFirst,
    delay_ms: answer === undefined ? null : (answer.from - ended()) * 1000,
    silent_ms: cut !== undefined && cut.to > clearedAt - 0.1 ? Math.max(0, cut.to - clearedAt) * 1000 : null,
  };
}"""


def main() -> None:
    """Measure, and print."""
    options = argparse.ArgumentParser()
    options.add_argument("--turns", type=int, default=20)
    options.add_argument("--browser", choices=["chromium", "firefox"], default="chromium")
    options.add_argument("--scripted", action="store_true", help="engines that take no time: what the medium takes")
    options.add_argument("--url", help="a server that runs, such as ws://127.0.0.1:8000/v1/realtime")
    options.add_argument("--key", default="")
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    turns = asyncio.run(_measure(chosen))
    figures, text = _figures(turns)
    report(figures, text)


async def _measure(chosen: argparse.Namespace) -> list[dict[str, float | None]]:
    files: dict[str, Path | str] = {
        "index.html": _PAGE,
        "listener.js": _TESTS / "_listener.js",
        "page.js": _TESTS / "compat" / "webrtc_sample.js",
    }
    async with AsyncExitStack() as stack:
        url, key = await stack.enter_async_context(_server(chosen))
        site = await stack.enter_async_context(serving_pages(files))
        tab: Tab = await (await Browsers(stack).named(chosen.browser)).tab(script=microphone("sentence"))
        await tab.open(f"{site}index.html")
        calls = f"{url.replace('ws', 'http', 1)}/calls"
        await tab.value(f"() => ({_BEGIN})('{calls}', '{key}')")
        turns: list[dict[str, float | None]] = []
        for place in range(chosen.turns):
            turns.append(await tab.value(_TURN))
            if place % 2 == 0:
                await asyncio.sleep(_HEARD_S)
            else:
                await tab.until("() => both.now() - (both.ears.model.sounds.at(-1)?.to ?? 0) > 1")
        await tab.value("() => end()")
        return turns


def _figures(turns: Sequence[Mapping[str, float | None]]) -> tuple[dict[str, float], str]:
    """All figures in milliseconds, and a line for each turn."""
    delays, silences = (
        [value for turn in turns if (value := turn[name]) is not None] for name in ("delay_ms", "silent_ms")
    )
    figures: dict[str, float] = {"turns": len(turns), "lost": len(turns) - len(delays)}
    for name, values in (("delay", delays), ("silent", silences)):
        if len(values) > 1:
            figures |= {
                f"{name}_p50_ms": round(statistics.median(values)),
                f"{name}_p95_ms": round(statistics.quantiles(values, n=20, method="inclusive")[-1]),
                f"{name}_max_ms": round(max(values)),
            }
    # The browser's sound stood still for so long, and what it hears is late by as much: the machine is not idle.
    figures["stalled_ms"] = round(max(turn["stalled_ms"] or 0 for turn in turns))
    if delays:
        figures["delay_p50_beyond_silence_ms"] = round(statistics.median(delays)) - _SILENCE_MS
    lines = [
        f"{place:3}  answered after {_shown(turn['delay_ms'])}, silent after cleared {_shown(turn['silent_ms'])}"
        for place, turn in enumerate(turns, 1)
    ]
    return figures, "\n".join([*lines, *(f"{name}: {value:g}" for name, value in figures.items())])


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f} ms"


@asynccontextmanager
async def _server(chosen: argparse.Namespace) -> AsyncGenerator[tuple[str, str], None]:
    """The server's address and key: one that runs, or one of its own."""
    if chosen.url is not None:
        yield chosen.url, chosen.key or "none"
        return
    async with local_server(_SCRIPTED if chosen.scripted else ()) as served:
        yield served.url, served.api_key


if __name__ == "__main__":
    main()
