"""A Chromium for each file of this folder, and the pages that its tests look at.

Playwright runs a loop of its own while it is open, so the browser is closed with the last test of a file: tests with
asyncio may follow. In a folder that is no package, a fixture of the scope "package" stays until the end of the session.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from duologue.recording.lines import line_to_json
from tests.inspection.live._live_calls import exchange
from tests.inspection.page._recordings import header, hostile_call, long_call, whole_call, write
from tests.inspection.page.assets._browser import Opened, Windows, built, chromium


@pytest.fixture(scope="module")
def windows() -> Generator[Windows]:
    """A Chromium without a network."""
    with chromium() as browser:
        yield Windows(browser)


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages of a call with everything in it, of three minutes, of one made to do harm, of Live, and of a pair."""
    folder = tmp_path_factory.mktemp("pages")
    for name, lines in (("whole", whole_call()), ("minutes", long_call(3)), ("hostile", hostile_call())):
        built(write(folder / f"{name}.jsonl", lines), folder / f"{name}.html")
    spoken = [header(family="live"), *map(line_to_json, exchange())]
    built(write(folder / "spoken.jsonl", iter(spoken)), folder / "spoken.html")
    quick = write(folder / "quick.jsonl", whole_call(is_quick=True))
    built(folder / "whole.jsonl", folder / "pair.html", against=quick)
    return folder


@pytest.fixture
def open_page(windows: Windows, pages: Path) -> Generator[Callable[..., Opened]]:
    """Opens pages. Afterwards none of them has asked for anything, or has written to the console."""
    opened: list[Opened] = []

    def opens(name: str = "whole", **options: Any) -> Opened:
        opened.append(Opened(windows, pages / f"{name}.html", **options))
        return opened[-1]

    yield opens
    for each in opened:
        assert each.close() == ([], [])


@pytest.fixture
def opened(open_page: Callable[..., Opened]) -> Opened:
    """The page of the call with everything in it."""
    return open_page()
