"""How long after an answer has reached its client is it seen in a browser that looks at the call?

A server with scripted engines and its inspector run in this process, Chromium beside it. `--turns N` (20): how often.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from pathlib import Path
from typing import Final

from playwright.async_api import async_playwright

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from bench._rounds import report
from duologue import connect
from duologue.client.asyncio.connection import Connection
from duologue.events import InputAudioBufferAppendEvent
from duologue.server import Inspector, RealtimeApp, serve, serving_inspector
from duologue.testing import scripted_app_engines, scripted_engines

GOAL_MS: Final = 500
WAIT_S: Final = 10

LOUD: Final = b"\x00\x40" * 2400
QUIET: Final = bytes(4800)
"""A tenth of a second each."""

WATCH: Final = """() => {
  const seen = new Set();
  const look = () => {
    for (const [, number] of document.body.textContent.matchAll(/answer number (\\d+)\\./g)) {
      if (!seen.has(number)) { seen.add(number); window.seenNow(Number(number)); }
    }
    requestAnimationFrame(look);
  };
  look();
}"""


async def turn(connection: Connection) -> float:
    """A spoken turn, and when its answer was whole."""
    for sound in (LOUD,) * 4 + (QUIET,) * 6:
        await connection.send(InputAudioBufferAppendEvent.from_audio(sound))
    while (await connection.receive(timeout=WAIT_S)).type != "response.done":
        pass
    return time.monotonic()


async def run(turns: int) -> list[float]:
    """The milliseconds of each turn."""
    inspector = Inspector()
    answers = [f"This is answer number {number}." for number in range(turns)]
    engines = scripted_engines(transcripts=["how are you"] * turns, responses=answers)
    application = RealtimeApp(engines=scripted_app_engines(engines), taps=(inspector,))
    listening: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.ensure_future(serve(application, port=0, on_listening=listening.set_result))
    seen: dict[int, asyncio.Future[float]] = {
        number: asyncio.get_running_loop().create_future() for number in range(turns)
    }
    found = []
    async with serving_inspector(inspector) as address, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--mute-audio"])
        page = await browser.new_page()
        await page.expose_function("seenNow", lambda number: seen[number].set_result(time.monotonic()))
        async with connect(await listening) as connection:
            await connection.receive(timeout=WAIT_S)
            await page.goto(f"{address}calls/{inspector.sessions[0].session_id}/")
            await page.wait_for_selector("#live-state.live")
            await page.evaluate(WATCH)
            for number in range(turns):
                done_s = await turn(connection)
                seen_s = await asyncio.wait_for(seen[number], WAIT_S)
                found.append((seen_s - done_s) * 1000)
        await browser.close()
    serving.cancel()
    await asyncio.wait({serving})
    return found


def main() -> None:
    """Run, and print."""
    turns = int(sys.argv[sys.argv.index("--turns") + 1]) if "--turns" in sys.argv else 20
    found = asyncio.run(run(turns))
    figures: dict[str, float | int | str] = {
        "seen_median_ms": round(statistics.median(found)),
        "seen_longest_ms": round(max(found)),
    }
    report(figures, "\n".join(f"{name:36} {value}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
