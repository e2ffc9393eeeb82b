"""The page of an hour's call in a browser: when is it ready, what does it hold, how long does it draw and search?

Writes a recording of `--minutes` (60), builds its page with all sounds, and opens it in Chromium without a network,
each time with a new process. `--page FILE` opens a page that is there already.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from bench._recorded import write_call
from bench._rounds import report

_ROUNDS: Final = 3
_CHROMIUM: Final = "/usr/bin/chromium"
_DRAWS: Final = 20

_DRAW: Final = """() => {
  const began = performance.now();
  for (let round = 0; round < %d; round += 1) page.lanes.draw();
  return (performance.now() - began) / %d;
}"""

_SEARCH: Final = """async () => {
  const began = performance.now();
  await page.framesPanel.find('sentence that no frame has', ++page.framesPanel.run);
  return performance.now() - began;
}"""

_NOW: Final = "() => new Promise((done) => requestAnimationFrame(() => done()))"


def main() -> None:
    """Measure, and print."""
    minutes = float(_option("--minutes", "60"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(_option("--page", ""))
        if path == Path():
            recording, path = Path(folder) / "call.jsonl", Path(folder) / "call.html"
            write_call(recording, minutes)
            command = [sys.executable, "-m", "duologue", "inspect", str(recording), "--out", str(path), "--audio=all"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        rounds: list[dict[str, float]] = []
        with sync_playwright() as playwright:
            for _ in range(_ROUNDS):
                browser = playwright.chromium.launch(executable_path=_CHROMIUM)
                rounds.append(_round(browser, path))
                browser.close()
        figures = {name: round(statistics.median(each[name] for each in rounds), 2) for name in rounds[0]}
        figures["page_mb"] = round(path.stat().st_size / 1e6, 2)
    report(figures, "\n".join(f"{name:24} {value}" for name, value in figures.items()))


def _round(browser: Browser, path: Path) -> dict[str, float]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, offline=True)
    page = context.new_page()
    began_s = time.perf_counter()
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached", timeout=120_000)
    page.evaluate(_NOW)
    ready_s = time.perf_counter() - began_s
    uncollected: float = page.evaluate("performance.memory.usedJSHeapSize / 1e6")
    figures = {"ready_s": ready_s, "heap_uncollected_mb": uncollected, "heap_mb": _heap_mb(page)}
    figures["frames"] = page.evaluate("page.frames.count")
    figures["turns"] = page.evaluate("page.call.rows.turns.length")
    figures["rows_in_page"] = page.evaluate("document.querySelectorAll('[role=row]').length")
    page.evaluate("page.view.look(0, page.view.durationS)")
    page.evaluate(_NOW)
    figures["draw_whole_ms"] = page.evaluate(_DRAW % (_DRAWS, _DRAWS))
    page.evaluate("page.view.look(1800, 1830)")
    page.evaluate(_NOW)
    figures["draw_half_minute_ms"] = page.evaluate(_DRAW % (_DRAWS, _DRAWS))
    figures["search_all_ms"] = page.evaluate(_SEARCH)
    page.evaluate("page.seek(page.view.durationS / 2)")
    page.keyboard.press(" ")
    page.wait_for_timeout(2000)
    figures["heap_playing_mb"] = _heap_mb(page)
    context.close()
    return figures


def _heap_mb(page: Page) -> float:
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used: dict[str, Any] = session.send("Runtime.getHeapUsage")
    return float(used["usedSize"]) / 1e6


def _option(name: str, otherwise: str) -> str:
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else otherwise


if __name__ == "__main__":
    main()
