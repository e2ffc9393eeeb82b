"""A call that goes on, in a real Chromium."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

pytest.importorskip("playwright", reason="playwright is not installed")
from playwright.async_api import Browser, Page, async_playwright

from duologue import connect
from duologue.server import Inspector, serving_inspector
from duologue.testing import scripted_engines
from tests._chromium import CHROMIUM, need_chromium
from tests.server._listening import listening, scripted_app
from tests.server._talking import event, speak, typed, until
from tests.server.inspector._looking import begun, end

pytestmark = pytest.mark.timeout(60)

_SEEN_MS: Final = 20_000
"""Other tests share the machine."""


@asynccontextmanager
async def chromium() -> AsyncGenerator[Browser, None]:
    """A browser; the test is skipped where there is none."""
    need_chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--mute-audio"])
        yield browser
        await browser.close()


class Seen:
    """A page, and what it says and asks for."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.said: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.set_default_timeout(_SEEN_MS)

        page.on("request", lambda asked: self.asked.append(asked.url))

    def elsewhere(self, address: str) -> list[str]:
        """What was asked for at other addresses."""
        return [url for url in self.asked if not url.startswith(address)]

    async def open(self, address: str) -> None:
        await self.page.goto(address)
        await self.page.wait_for_selector("html[data-ready]", state="attached")


async def test_a_turn_is_seen_while_the_call_goes_on_and_its_end_too() -> None:
    inspector = Inspector()
    engines = scripted_engines(transcripts=["how are you"], responses=["I am fine."])
    async with (
        listening(scripted_app(engines, taps=(inspector,))) as url,
        serving_inspector(inspector) as address,
        chromium() as browser,
    ):
        seen = Seen(await browser.new_page())
        page = seen.page
        await seen.open(address)
        await page.wait_for_selector("#empty:visible")
        async with connect(url) as connection:
            await until(connection, "session.created")
            link = page.locator("#rows a")
            assert (await link.inner_text()).startswith("sess_")
            assert "open" in await page.locator("#rows tr").inner_text()
            await link.click()
            await page.wait_for_selector("#live-state.live")
            assert "I am fine." not in await page.content()
            await speak(connection)
            await until(connection, "response.done")
            await page.wait_for_function("() => document.body.textContent.includes('I am fine.')")
            await page.wait_for_function("() => page.frames.count > 10 && page.call.peaks.user.between(0, 60) > 100")
        await page.wait_for_selector("#live-state.ended")
        assert seen.said == []
        assert seen.elsewhere(address) == []
        await page.go_back()
        await page.wait_for_function(
            "() => document.querySelector('#rows').textContent.includes('closed by the client')"
        )
        assert seen.said == []


_HOSTILE: Final = "</script><script>window.taken = 1</script><img src=x onerror='window.taken = 1'>\u202e\u2028{{7*7}}"


async def test_what_a_client_says_does_nothing_in_the_page() -> None:
    inspector = Inspector()
    async with (
        listening(scripted_app(taps=(inspector,))) as url,
        serving_inspector(inspector) as address,
        chromium() as browser,
    ):
        seen = Seen(await browser.new_page())
        page = seen.page
        await seen.open(address)
        async with connect(url, model=_HOSTILE) as connection:
            await until(connection, "session.created")
            await page.locator("#rows a").click()
            await page.wait_for_selector("#live-state.live")
            await connection.send(typed(_HOSTILE))
            await until(connection, "conversation.item.done")
            await connection.send(event("response.create"))
            await until(connection, "response.done")
            await page.wait_for_function("() => page.frames.count > 5 && page.call.rows.turns.length > 0")
        await page.wait_for_selector("#live-state.ended")
        await seen.open(f"{address}calls/{inspector.sessions[0].session_id}/")
        assert await page.evaluate("() => window.taken") is None
        await seen.open(address)
        assert "<script>window.taken" in await page.locator("#rows tr").inner_text()
        assert await page.evaluate("() => window.taken") is None
        assert seen.said == []
        assert seen.elsewhere(address) == []


_AXE: Final = Path(sys.prefix) / "npm" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.mark.skipif(not _AXE.is_file(), reason="axe-core is not installed: make test installs it")
async def test_axe_finds_nothing_in_the_list() -> None:
    inspector = Inspector()
    begun(inspector, "sess_1")
    end(begun(inspector, "sess_2"))
    async with serving_inspector(inspector) as address, chromium() as browser:
        for scheme in ("light", "dark"):
            page = await browser.new_page(color_scheme=scheme)
            seen = Seen(page)
            await seen.open(address)
            await page.evaluate(_AXE.read_text(encoding="utf-8"))
            found = await page.evaluate(
                "axe.run(document, {resultTypes: ['violations']}).then((all) => all.violations)"
            )
            assert [each["id"] for each in found] == []
            await page.keyboard.press("Tab")
            await page.keyboard.press("Enter")
            await page.wait_for_selector("#live-state")
            assert seen.said == []
