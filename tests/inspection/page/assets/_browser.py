"""Opens pages in a real Chromium, offline, and sees what they ask for and say."""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page, Request, sync_playwright

from duologue.inspection.page import OtherCall, PageOptions, build_page
from duologue.recording import RecordingReader
from tests._chromium import CHROMIUM, need_chromium

NONCE: Final = "0123456789abcdef"
_EMPTY: Final = "about:blank"
_READY_MS: Final = 20_000
"""Other tests share the machine."""


@contextmanager
def chromium() -> Generator[Browser]:
    """A browser; the test is skipped where there is none."""
    need_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--autoplay-policy=no-user-gesture-required", "--mute-audio"]
        )
        yield browser
        browser.close()


def built(recording: Path, page: Path, *, against: Path | None = None) -> Path:
    """The page of a recording in a file, beside another one or alone."""
    with ExitStack() as stack:
        reader = stack.enter_context(RecordingReader(recording))
        other = None
        if against is not None:
            other = OtherCall(recording=stack.enter_context(RecordingReader(against)), title=against.name)
        target = stack.enter_context(page.open("wb"))
        user, model = (stack.enter_context(tempfile.TemporaryFile()) for _ in range(2))
        options = PageOptions(title=recording.name)
        build_page(reader, target, nonce=NONCE, scratch=(user, model), options=options, against=other)
    return page


class Window:
    """A tab that shows one page after another: a tab for each costs half a second."""

    def __init__(self, browser: Browser, *, scheme: Any, width: int, height: int, script: str) -> None:
        """`script` runs before those of the pages."""
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, offline=True, reduced_motion="reduce"
        )
        self.page: Page = context.new_page()
        self.address = ""
        self.requests: list[str] = []
        self.said: list[str] = []
        if script:
            self.page.add_init_script(script)
        self.page.on("request", self._asked)
        self.page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))

    def show(self, address: str, hash: str) -> None:
        """Show a page, and wait until it is ready."""
        self.address, self.requests, self.said = address, [], []
        self.page.goto(address + hash)
        self.page.wait_for_selector("html[data-ready]", state="attached", timeout=_READY_MS)

    def _asked(self, request: Request) -> None:
        if request.url.partition("#")[0] not in {self.address, _EMPTY}:
            self.requests.append(request.url)


class Windows:
    """Windows that are free to show a page."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: dict[tuple[Any, ...], list[Window]] = defaultdict(list)

    def take(self, key: tuple[Any, ...]) -> Window:
        """A window with this scheme, width, height and script."""
        scheme, width, height, script = key
        free = self._free[key]
        return free.pop() if free else Window(self._browser, scheme=scheme, width=width, height=height, script=script)

    def give_back(self, key: tuple[Any, ...], window: Window) -> None:
        """The page is not looked at any more."""
        window.page.mouse.move(0, 0)
        window.page.emulate_media(color_scheme=key[0], reduced_motion="reduce")
        window.page.goto(_EMPTY)
        self._free[key].append(window)


class Opened:
    """A page that is open and ready."""

    def __init__(
        self,
        windows: Windows,
        path: Path,
        *,
        scheme: Any = "light",
        width: int = 1440,
        height: int = 900,
        hash: str = "",
        script: str = "",
    ) -> None:
        """`script` runs before those of the page."""
        self._windows, self._key = windows, (scheme, width, height, script)
        self._window = windows.take(self._key)
        self._window.show(path.as_uri(), hash)
        self.page = self._window.page

    def close(self) -> tuple[list[str], list[str]]:
        """Close the page; returns what it has asked for, and what it has written to the console."""
        requests, said = self._window.requests, self._window.said
        self._windows.give_back(self._key, self._window)
        return requests, said

    def value(self, script: str) -> Any:
        """What an expression is in the page; `page` is the object of `page.js`."""
        return self.page.evaluate(script)

    def press(self, *keys: str) -> None:
        """Press keys, one after another."""
        for key in keys:
            self.page.keyboard.press(key)

    def text(self, selector: str) -> str:
        """The words of an element."""
        return self.page.locator(selector).first.inner_text()

    def until(self, script: str) -> None:
        """Wait for an expression to become true; it is asked for with each picture."""
        ends_s = time.monotonic() + _READY_MS / 1000
        while not self.value(script):
            assert time.monotonic() < ends_s, f"never true: {script}"
            self.settle()

    def settle(self) -> None:
        """Wait until what was changed is drawn."""
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
