"""Calls over WebRTC from real browsers: the official agents package, and a page as the hosted service's guide shows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio

from duologue.engines.base import FunctionCall
from duologue.testing import scripted_engines
from tests._browsers import Browsers, Tab, microphone
from tests._pages import serving_pages
from tests.compat._javascript import PACKAGES
from tests.server._listening import listening, scripted_app
from tests.server._session_ends import SessionEnds

pytestmark = [pytest.mark.timeout(90), pytest.mark.asyncio(loop_scope="module")]

_HERE: Final = Path(__file__).parent
_AGENTS: Final = PACKAGES / "node_modules" / "@openai" / "agents-realtime" / "dist" / "bundle"
_KEY: Final = "sesame"
_SPOKEN: Final = "I was asked how I am, and I have a long answer to it, with more words than are needed for a nap."


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browsers() -> AsyncGenerator[Browsers, None]:
    """Both browsers, for all tests of this file."""
    async with AsyncExitStack() as stack:
        yield Browsers(stack)


def _page(*scripts: str) -> str:
    icon = '<link rel="icon" href="data:,">'  # or browsers ask for another one
    return f"<!doctype html><title>Test</title>{icon}" + "".join(f'<script src="{each}"></script>' for each in scripts)


async def _secret(url: str) -> str:
    """A client secret, which the page's own server asks for with the real key."""
    asked = f"{_http(url)}/client_secrets"
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {_KEY}"}) as client:
        answer = await client.post(asked, json={"session": {"type": "realtime", "model": "gpt-realtime"}})
    secret: str = answer.json()["value"]
    return secret


def _http(url: str) -> str:
    return url.replace("ws://", "http://")


async def _types(tab: Tab) -> list[str]:
    """Types of the events that the page has seen, repeated ones once."""
    types: list[str] = await tab.value("() => seen.map(({ type }) => type)")
    return [name for place, name in enumerate(types) if place == 0 or types[place - 1] != name]


def _in_order(types: list[str], *wanted: str) -> bool:
    """Whether these come in this order, others between them."""
    left = iter(types)
    return all(name in left for name in wanted)


@pytest.mark.skipif(not _AGENTS.is_dir(), reason="the packages of tests/compat/package.json are not installed")
async def test_the_agents_package_holds_turns_barge_in_interrupt_a_tool_and_mute(browsers: Browsers) -> None:
    call = FunctionCall(name="get_weather", arguments='{"city":"Oslo"}')
    engines = scripted_engines(
        transcripts=["how are you", "wait"], responses=[_SPOKEN, "Yes?", call, "It rains.", _SPOKEN, "Fine."]
    )
    files: dict[str, Path | str] = {
        "index.html": _page("agents.js", "listener.js", "page.js"),
        "agents.js": _AGENTS / "openai-realtime-agents.umd.js",
        "listener.js": _HERE.parent / "_listener.js",
        "page.js": _HERE / "webrtc_agents.js",
    }
    ends = SessionEnds()
    async with listening(scripted_app(engines, api_key=_KEY, ends=ends)) as url, serving_pages(files) as site:
        tab = await (await browsers.chromium()).tab(script=microphone("question"))
        await tab.open(f"{site}index.html")
        call_id = await tab.value(f"() => begin('{_http(url)}/calls', '{await _secret(url)}')")
        assert call_id.startswith("rtc_")

        await tab.value("() => speak('question')")
        await tab.until("() => isSounding()")
        assert _in_order(
            await _types(tab),
            *("session.created", "session.updated"),
            *("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"),
            *("response.created", "response.content_part.added", "output_audio_buffer.started"),
        )
        # Barge-in, when the answer has been made and is being played.
        await tab.until("() => count('response.done') === 1")
        await tab.value("() => speak('question')")
        await tab.until("() => count('output_audio_buffer.cleared') === 1")
        await tab.until("() => count('conversation.item.truncated') === 1")
        await tab.until("() => count('output_audio_buffer.stopped') === 1")  # of "Yes?"
        assert await tab.value("() => count('response.done')") == 2

        await tab.value("() => session.sendMessage('What is the weather in Oslo?')")
        await tab.until("() => count('output_audio_buffer.stopped') === 2")  # of "It rains."
        assert "Rain in Oslo." in await tab.value("() => JSON.stringify(session.history)")

        await tab.value("() => session.sendMessage('How are you?')")
        await tab.until("() => isSounding() && count('response.done') === 5")
        await tab.value("() => session.interrupt()")
        await tab.until("() => count('output_audio_buffer.cleared') === 2")
        await tab.until("() => !isSounding()")
        await tab.value("() => session.interrupt()")  # with nothing playing it does nothing

        await tab.value("() => session.mute(true)")
        await tab.value("() => speak('question')")
        await tab.value("() => session.sendMessage('And now?')")
        await tab.until("() => count('output_audio_buffer.stopped') === 3")
        assert await tab.value("() => count('input_audio_buffer.speech_started')") == 2

        said: list[list[str]] = await tab.value("() => words()")
        assert [text for role, text in said if role == "user"] == [
            *("how are you", "wait", "What is the weather in Oslo?", "How are you?", "And now?")
        ]
        first, *others = [text for role, text in said if role == "assistant"]
        assert _SPOKEN.startswith(first)
        assert others[:2] == ["Yes?", "It rains."]
        assert await tab.value("() => errors") == []
        await tab.value("() => session.close()")
        assert await _ended(ends) == 1000
        assert await tab.said() == []
        await tab.close()


@pytest.mark.parametrize(
    ("name", "is_unified"),
    [("chromium", True), ("firefox", False)],
    ids=["chromium-with-session", "firefox-client-secret"],
)
async def test_a_page_as_in_the_guide_holds_a_spoken_turn(browsers: Browsers, name: str, is_unified: bool) -> None:
    files: dict[str, Path | str] = {
        "index.html": _page("listener.js", "page.js"),
        "listener.js": _HERE.parent / "_listener.js",
        "page.js": _HERE / "webrtc_sample.js",
    }
    ends = SessionEnds()
    async with listening(scripted_app(api_key=_KEY, ends=ends)) as url, serving_pages(files) as site:
        tab = await (await browsers.named(name)).tab(script=microphone("question"))
        await tab.open(f"{site}index.html")
        key = _KEY if is_unified else await _secret(url)
        session = "{type: 'realtime', model: 'gpt-realtime', instructions: 'Be brief.'}" if is_unified else "undefined"
        location = await tab.value(f"() => begin('{_http(url)}/calls', '{key}', {session})")
        assert location.startswith("/v1/realtime/calls/rtc_")
        await tab.until("() => count('session.created') === 1")
        await tab.value("() => speak('question')")
        await tab.until("() => listener.ears.model.sounds.length === 1")
        await tab.until("() => count('output_audio_buffer.stopped') === 1")
        types = await _types(tab)
        assert _in_order(types, "response.done", "output_audio_buffer.stopped")
        assert "response.output_audio.delta" not in types
        instructions = "() => seen.find(({ type }) => type === 'session.created').session.instructions"
        assert (await tab.value(instructions) == "Be brief.") is is_unified
        await tab.value("() => end()")
        assert await _ended(ends) == 1000
        assert await tab.said() == []
        await tab.close()


async def _ended(ends: SessionEnds) -> Any:
    async with asyncio.timeout(20):
        return await ends.codes.get()
