"""The page to talk to a server, in a real Chromium and a real Firefox."""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from duologue.server import SessionStart
from duologue.testing import scripted_engines
from tests._browsers import Browsers, Tab, microphone, microphone_file
from tests.server._listening import listening, scripted_app

pytestmark = [pytest.mark.timeout(90), pytest.mark.asyncio(loop_scope="module")]

_SPOKEN: Final = "I was asked how I am, and I have a long answer to it, with more words than are needed for a nap."

_AXE: Final = Path(sys.prefix) / "npm" / "node_modules" / "axe-core" / "axe.min.js"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browsers(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Browsers, None]:
    """Both browsers, for all tests of this file."""
    hears = microphone_file(tmp_path_factory.mktemp("talk") / "microphone.wav", "question", silence_ms=1500)
    async with AsyncExitStack() as stack:
        yield Browsers(stack, hears=hears)


def page_of(url: str) -> str:
    """The page of the server at this URL."""
    return url.replace("ws://", "http://").removesuffix("/v1/realtime") + "/talk"


def words(role: str) -> str:
    """An expression: what was said by a role, as the page shows it."""
    return f"() => [...document.querySelectorAll('#transcript .{role} .said')].map((each) => each.textContent)"


async def state(tab: Tab, name: str) -> None:
    """Wait until the page says this."""
    await tab.until(f"() => document.documentElement.dataset.state === '{name}'")


async def said(tab: Tab, role: str, text: str) -> None:
    """Wait until the latest words of a role are these."""
    await tab.until(f"() => ({words(role)})().at(-1) === {text!r}")


async def started(tab: Tab, url: str, *, way: str) -> None:
    """Open the page, and begin a call by this way."""
    await tab.open(page_of(url))
    await tab.until("() => document.documentElement.dataset.ready === 'yes'")
    await tab.value(f"() => {{ document.querySelector('#way').value = '{way}'; }}")
    await tab.click("#start")
    await state(tab, "listening")


@pytest.mark.parametrize("way", ["websocket", "webrtc"])
@pytest.mark.parametrize("name", ["chromium", "firefox"])
async def test_a_conversation_with_all_that_the_page_offers(browsers: Browsers, name: str, way: str) -> None:
    browser = await browsers.named(name)
    engines = scripted_engines(transcripts=["how are you", "wait"], responses=[_SPOKEN, "Yes?", _SPOKEN, "Fine."])
    async with listening(scripted_app(engines, talk=True)) as url:
        tab = await browser.tab(script=microphone("question"))
        await started(tab, url, way=way)
        # A spoken turn. How long the answer took is told when it was heard.
        await tab.value("() => speak('question')")
        await said(tab, "user", "how are you")
        await state(tab, "speaking")
        await said(tab, "assistant", _SPOKEN)
        await tab.until("() => document.querySelector('#transcript').textContent.includes('answered after')")
        # The user interrupts: the words that were not heard are struck out.
        await tab.value("() => speak('question')")
        await tab.until("() => document.querySelector('#transcript .unheard')?.textContent.endsWith('a nap.')")
        await said(tab, "user", "wait")
        await said(tab, "assistant", "Yes?")
        await state(tab, "listening")
        # Typed words, and the button.
        await tab.type("#text", "Tell me more.")
        await tab.press("Enter")
        await state(tab, "speaking")
        await tab.click("#interrupt")
        await state(tab, "listening")
        await tab.until("() => document.querySelectorAll('#transcript .unheard').length === 2")
        # Muted, the page sends silence.
        await tab.click("#mute")
        await tab.value("() => speak('question')")
        await tab.type("#text", "Are you well?")
        await tab.press("Enter")
        await said(tab, "assistant", "Fine.")
        assert await tab.value(words("user")) == ["how are you", "wait", "Tell me more.", "Are you well?"]
        await tab.click("#start")
        await state(tab, "idle")
        assert await tab.value("() => document.querySelector('#problem').hidden")
        assert await tab.said() == []
        await tab.close()


async def test_the_browser_s_own_microphone_is_heard(browsers: Browsers) -> None:
    async with listening(scripted_app(talk=True)) as url:
        tab = await (await browsers.chromium()).tab()
        await started(tab, url, way="websocket")
        await said(tab, "user", "hello")
        await said(tab, "assistant", "Hello, this is a script.")
        await tab.close()


async def test_a_key_is_asked_for_and_a_wrong_one_is_said_to_be_wrong(browsers: Browsers) -> None:
    app = scripted_app(api_key="sesame", talk=True)
    async with listening(app) as url:
        tab = await (await browsers.chromium()).tab(script=microphone("question"))
        await tab.open(page_of(url))
        await tab.click("#start")
        await tab.until("() => document.activeElement.id === 'key'")
        await tab.type("#key", "thyme")
        await tab.press("Enter")
        await tab.until("() => document.querySelector('#problem').textContent === 'Incorrect API key provided.'")
        secret = await app.secrets.make(SessionStart(), owner="key 1", lives_s=60, unix_now_s=time.time())
        for key in ("sesame", secret.value):
            await tab.value("() => { document.querySelector('#way').value = 'websocket'; }")
            await tab.value("() => { document.querySelector('#key').value = ''; }")
            await tab.type("#key", key)
            await tab.press("Enter")
            await state(tab, "listening")
            assert await tab.value("() => document.querySelector('#key-form').hidden")
            await tab.click("#start")
            await state(tab, "idle")
            await tab.value("() => { document.querySelector('#key-form').hidden = false; }")
        stored = "() => localStorage.length + sessionStorage.length + document.cookie.length"
        assert await tab.value(stored) == 0
        await tab.close()


_BEHIND_A_WALL: Final = """(() => {
  const asked = window.fetch;
  window.fetch = async (url, options) => {
    if (!String(url).includes('/v1/realtime/calls')) return asked(url, options);
    const peer = new RTCPeerConnection();
    await peer.setRemoteDescription({type: 'offer', sdp: options.body.get('sdp')});
    await peer.setLocalDescription(await peer.createAnswer());
    const answer = peer.localDescription.sdp.replace(/a=candidate.*\\r\\n/g, '');
    return new Response(answer, {status: 201, headers: {'content-type': 'application/sdp'}});
  };
})();"""
"""The answer of a server none of whose addresses are reached."""


async def test_without_webrtc_the_page_takes_the_websocket_and_says_so(browsers: Browsers) -> None:
    async with listening(scripted_app(talk=True)) as url:
        tab = await (await browsers.chromium()).tab(script=microphone("question") + _BEHIND_A_WALL)
        await started(tab, url, way="any")
        assert await tab.value("() => document.documentElement.dataset.way") == "WebSocket"
        note = await tab.value("() => document.querySelector('#note').textContent")
        assert note.startswith("Connected over a WebSocket")
        assert "UDP may be blocked" in note
        await tab.close()


async def test_what_is_wrong_is_said_in_words(browsers: Browsers) -> None:
    async with listening(scripted_app(talk=True, origins=["https://elsewhere.example"])) as url:
        tab = await (await browsers.chromium()).tab(script=microphone("question"))
        await tab.open(page_of(url))
        await tab.click("#start")
        await tab.until("() => document.querySelector('#problem').textContent.includes('Pages of this origin')")
        denied = await (await browsers.chromium()).tab(
            script="navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotAllowedError'))"
        )
    async with listening(scripted_app(talk=True)) as url:
        await started(denied, url, way="websocket")
        assert "may not use the microphone" in await denied.value("() => document.querySelector('#note').textContent")
        await denied.type("#text", "Hello?")
        await denied.press("Enter")
        await said(denied, "assistant", "Hello, this is a script.")
    await denied.until("() => document.querySelector('#problem').textContent.includes('The server ended the call')")
    await denied.click("#start")
    await denied.until("() => document.querySelector('#problem').textContent.includes('The server does not answer')")
    await denied.close()
    await tab.close()


_HOSTILE: Final = "</script><script>window.taken = 1</script><img src=x onerror='window.taken = 1'>\u202e{{7*7}}"


async def test_what_is_said_does_nothing_in_the_page(browsers: Browsers) -> None:
    engines = scripted_engines(transcripts=[_HOSTILE], responses=[_HOSTILE])
    async with listening(scripted_app(engines, talk=True)) as url:
        tab = await (await browsers.chromium()).tab(script=microphone("question"))
        await started(tab, url, way="websocket")
        await tab.value("() => speak('question')")
        await tab.until("() => document.querySelector('.assistant .said')?.textContent.includes('onerror')")
        assert await tab.value("() => [document.images.length, window.taken ?? null]") == [0, None]
        assert "\\u202e" in await tab.value("() => document.querySelector('.assistant .said').textContent")
        assert await tab.said() == []
        await tab.close()


@pytest.mark.skipif(not _AXE.is_file(), reason="axe-core is not installed: make test installs it")
async def test_axe_finds_nothing_and_the_keyboard_does_all(browsers: Browsers) -> None:
    async with listening(scripted_app(talk=True)) as url:
        tab = await (await browsers.chromium()).tab(
            script=microphone("question"), bypass_csp=True, viewport={"width": 390, "height": 844}
        )
        await tab.open(page_of(url))
        await tab.value("() => { document.querySelector('#way').value = 'websocket'; }")
        await tab.press("Tab")
        await tab.press("Enter")
        await state(tab, "listening")
        await tab.value("() => speak('question')")
        await said(tab, "assistant", "Hello, this is a script.")
        await tab.press("m")
        assert await tab.value("() => document.querySelector('#mute').ariaPressed") == "true"
        await tab.value("() => { for (const each of document.querySelectorAll('details')) each.open = true; }")
        await tab.value("() => { document.querySelector('#key-form').hidden = false; }")
        await tab.value(_AXE.read_text(encoding="utf-8") + "\n;null")
        for scheme in ("light", "dark"):
            await tab.page.emulate_media(color_scheme=scheme)
            found = await tab.value(
                "() => axe.run(document, {resultTypes: ['violations']}).then((all) => all.violations)"
            )
            assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == []
        assert not await tab.value("() => document.documentElement.scrollWidth > innerWidth")
        await tab.close()
