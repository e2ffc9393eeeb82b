"""Takes the pictures of the docs: pages of calls that this file makes, in a Chromium without a network.

python docs/pictures.py          writes docs/pictures/*
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal, TypeAlias

from playwright.sync_api import Browser, FloatRect, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from docs.phone_pictures import pictures as phone_pictures
from docs.talk_pictures import take_talk_pictures
from duologue.cli.views.load_page import load_page
from duologue.engines.base import ResponderRequest
from duologue.testing import scripted_engines
from tests._chromium import CHROMIUM
from tests.inspection.page._recordings import whole_call, write
from tests.inspection.page.assets._browser import built
from tests.load._levels import levels, plan

ROOT: Final = Path(__file__).parent.parent
FOLDER: Final = ROOT / "docs" / "pictures"
MAX_BYTES: Final = 250_000
"""Of one picture: they are in the repository, and each version stays there."""

Scheme: TypeAlias = Literal["light", "dark"]


def main() -> None:
    """Take all of them."""
    FOLDER.mkdir(exist_ok=True)
    for name, svg in phone_pictures().items():
        (FOLDER / name).write_text(svg, encoding="utf-8")
        _check_size(FOLDER / name)
    for taken in asyncio.run(take_talk_pictures(FOLDER)):
        _check_size(taken)
    with ExitStack() as stack:
        where = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        load = _load_page(where / "load.html")  # before Playwright, which runs a loop of its own while it is open
        playwright = stack.enter_context(sync_playwright())
        recording = write(where / "session.jsonl", whole_call())
        sooner = write(where / "sooner.jsonl", whole_call(is_quick=True))
        alone = built(recording, where / "alone.html")
        pair = built(recording, where / "pair.html", against=sooner)
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        _take(browser, alone, "call-light", "light", _at_an_error)
        _take(browser, alone, "call-dark", "dark", _at_asked_and_got)
        _take(browser, alone, "call-barge-in", "light", _at_the_interruption, of="#call-lanes")
        _take(browser, pair, "call-compared", "light", _at_the_differences, height=1110)
        _take(browser, load, "load-light", "light", _as_it_is, height=530)
        browser.close()


def _take(
    browser: Browser,
    path: Path,
    name: str,
    scheme: Scheme,
    arrange: Callable[[Page], object],
    *,
    of: str | None = None,
    height: int = 900,
) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": height}, color_scheme=scheme, offline=True)
    page = context.new_page()
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    arrange(page)
    page.evaluate("document.activeElement?.blur()")
    page.wait_for_timeout(500)  # nothing moves any more
    clip: FloatRect | None = page.locator(of).bounding_box() if of is not None else None
    target = FOLDER / f"{name}.png"
    target.write_bytes(page.screenshot(clip=clip) if clip is not None else page.screenshot())
    context.close()
    _check_size(target)


def _check_size(target: Path) -> None:
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size / 1000:.0f} kB")
    if target.stat().st_size > MAX_BYTES:
        raise SystemExit(f"{target} is larger than {MAX_BYTES} bytes")


class _Queue:
    """A responder that answers two at once, so that callers wait."""

    name = "queue"

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(2)

    async def respond(self, request: ResponderRequest, /) -> AsyncGenerator[str, None]:
        """A sentence, after half a second."""
        async with self._places:
            await asyncio.sleep(0.5)
        yield "It is noon, and the sun is high above the town."


def _load_page(path: Path) -> Path:
    engines = replace(scripted_engines(), responder=_Queue())
    results = levels(plan(1, 60), plan(10, 30), plan(30, 30), served=engines)
    page = load_page(
        [each.report for each in results],
        title="Calls to localhost:8000",
        about="realtime, appends of 100 ms, windows of 30 s, seed 1",
        nonce="picture",
    )
    path.write_text(page, encoding="utf-8")
    return path


def _as_it_is(page: Page) -> None:
    pass  # there is nothing to open


def _at_an_error(page: Page) -> None:
    page.keyboard.press("n")


def _at_asked_and_got(page: Page) -> None:
    page.evaluate("page.goToFrame(1)")
    page.evaluate("page.seek(10.2)")


def _at_the_interruption(page: Page) -> None:
    page.evaluate("page.view.look(2.2, 9.8)")
    page.evaluate("page.seek(5.92)")


def _at_the_differences(page: Page) -> None:
    page.select_option("#table-choice", "differences")


if __name__ == "__main__":
    main()
