"""Takes the pictures of the page to talk to a server: of a call, in a Chromium whose microphone says clips."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from duologue.engines.registry import Engines, load_default
from duologue.engines.scripted import ScriptedResponder, ScriptedTranscriber, detectors
from duologue.server import RealtimeApp
from tests._browsers import chromium, microphone
from tests.server._listening import listening

__all__ = ["take_talk_pictures"]

_ANSWERS: Final = (
    "It is ten past four in the afternoon.",
    "Gladly. He was not an ill disposed young man, unless to be rather cold hearted, and rather selfish, is to be ill "
    "disposed.",
    "Seven times eight is fifty-six. Shall I go on reading?",
)
_QUESTIONS: Final = ("What time is it?", "Could you read me something?", "And what is seven times eight?")


async def take_talk_pictures(folder: Path) -> list[Path]:
    """Take all of them; returns their files."""
    async with load_default() as loaded, chromium() as browser:
        taken = []
        for name, scheme, width, height, is_open in (
            ("talk-light", "light", 1200, 760, True),
            ("talk-dark", "dark", 1200, 760, True),
            ("talk-phone-light", "light", 390, 780, False),
            ("talk-phone-dark", "dark", 390, 780, False),
        ):
            async with _server(loaded) as url:
                tab = await browser.tab(
                    script=microphone("question", "arithmetic", "sentence"),
                    color_scheme=scheme,
                    viewport={"width": width, "height": height},
                    device_scale_factor=2 if width < 500 else 1,
                )
                await _call(tab, url, is_open=is_open)
                target = folder / f"{name}.png"
                await tab.page.screenshot(path=target)
                taken.append(target)
                await tab.close()
        return taken


async def _call(tab: Any, url: str, *, is_open: bool) -> None:
    """Three turns, the second of which is interrupted, up to the middle of the last answer."""
    await tab.open(f"{url.replace('ws://', 'http://').removesuffix('/v1/realtime')}/talk")
    await tab.value(f"() => {{ document.querySelector('#events-part').open = {str(is_open).lower()}; }}")
    await tab.click("#start")
    await _state(tab, "listening")
    await tab.value("() => speak('question')")
    await _state(tab, "speaking")
    await _state(tab, "listening")
    await tab.value("() => speak('sentence')")
    await _state(tab, "speaking")
    await asyncio.sleep(2.2)
    await tab.value("() => speak('arithmetic')")
    await tab.until("() => document.querySelector('.unheard') !== null")
    await _state(tab, "speaking")
    await tab.until("() => document.querySelector('#transcript').lastElementChild.textContent.includes('answered')")
    await asyncio.sleep(1.5)
    await tab.value("() => document.activeElement?.blur()")


async def _state(tab: Any, name: str) -> None:
    await tab.until(f"() => document.documentElement.dataset.state === '{name}'")


@asynccontextmanager
async def _server(loaded: Engines) -> AsyncGenerator[str, None]:
    """A server that understands and answers what is written here, in the voice that comes with the package."""
    engines = replace(
        loaded,
        new_detector=detectors(sample_rate_hz=24_000),
        transcriber=ScriptedTranscriber(_QUESTIONS, sample_rate_hz=24_000),
        responder=ScriptedResponder(_ANSWERS),
    )
    async with listening(RealtimeApp(engines=lambda: nullcontext(engines), talk=True)) as url:
        yield url
