"""Sidebands, forks and requests by HTTP of the official Python SDK's Live, unmodified, against our server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from openai import APIStatusError, AsyncOpenAI, OpenAIError
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK, InvalidStatus

from duologue.events.base import decode_audio, encode_audio
from tests.compat._live_sdk import Endpoint, LiveSdk, live_sdk, sdk_client, sound, words
from tests.compat._sdk import Form, addresses
from tests.compat._talkative import scripted
from tests.server._engines import LOUD
from tests.server._listening import listening

pytestmark = [
    pytest.mark.timeout(60),
    # The SDK's, when it opens a blocking WebSocket; its newest release does so still.
    pytest.mark.filterwarnings("ignore:connect\\(\\) must be used as a context manager:DeprecationWarning"),
]

MODEL = "gpt-live-1"
SPOKEN = LOUD * 600
FORMS: tuple[Form, ...] = ("async", "blocking")


async def to_the_end(sdk: LiveSdk) -> tuple[list[Any], ConnectionClosed]:
    """All events, and the close behind them."""
    events: list[Any] = []
    async with asyncio.timeout(20):
        while True:
            try:
                events.append(await sdk.receive())
            except ConnectionClosed as closed:
                return events, closed


@pytest.mark.parametrize("form", FORMS)
async def test_a_sideband_hears_everything_and_has_the_session_say_something(form: Form) -> None:
    async with listening(scripted()) as url, live_sdk(url, form) as primary:
        started = await primary.start(model=MODEL, audio={"format": {"type": "audio/pcmu", "rate": 8000}})
        async with live_sdk(url, form, "sideband", session_id=started.session.id, graceful_close=True) as sideband:
            first = await sideband.receive()
            await primary.call("session.input_audio.append", audio=encode_audio(bytes([255]) * 8 * 8000))
            await sideband.call(
                "session.commentary.append", content="Hello there.", delegation_id=None, event_id="mine"
            )
            seen = await sideband.until_said("Hello there.")
            heard = await primary.until_said("Hello there.")
            await primary.close()
            rest, closed = await to_the_end(sideband)
    assert (first.type, first.session.id) == ("session.started", started.session.id)
    copies = b"".join(decode_audio(event.audio) for event in seen if event.type == "session.input_audio.append")
    assert 48 * 7900 < len(copies) <= 48 * 8000  # at 24 kHz; the last milliseconds wait for the samples behind them
    deltas = [event for event in [*seen, *rest] if event.type == "session.output_audio.delta"]
    assert all(len(decode_audio(event.delta)) == 48 * (event.end_ms - event.start_ms) for event in deltas)
    assert any(event.client_event_id == "mine" for event in seen if event.type == "session.commentary.appended")
    assert words(heard, "output") == words(seen, "output") == "Hello there."
    assert (rest[-1].type, rest[-1].reason) == ("session.closed", "close_requested")
    assert isinstance(closed, ConnectionClosedOK)


@pytest.mark.parametrize("form", FORMS)
async def test_a_sideband_may_close_the_session_and_may_leave_it_running(form: Form) -> None:
    async with listening(scripted()) as url, live_sdk(url, form) as primary:
        started = await primary.start(model=MODEL)
        async with live_sdk(url, form, "sideband", session_id=started.session.id) as sideband:
            await sideband.until("session.started")
        await primary.call("session.input_audio.mute")
        await primary.until("session.input_audio.muted")
        async with live_sdk(url, form, "sideband", session_id=started.session.id) as sideband:
            await sideband.call("session.close", event_id="enough")
            [*_, ended] = await sideband.until("session.closed")
        [*_, told] = await primary.until("session.closed")
    assert ended.client_event_id == "enough"
    assert told.reason == "close_requested"


@pytest.mark.parametrize("form", FORMS)
async def test_a_stored_session_goes_on_as_a_fork(form: Form) -> None:
    async with listening(scripted()) as url:
        async with live_sdk(url, form) as sdk:
            started = await sdk.start(model=MODEL, instructions="Be brief.", store=True)
            await sdk.send_audio(SPOKEN, silence_ms=6000)
            await sdk.until_said("This is a script.")
            await sdk.close()
        async with live_sdk(url, form, "fork", session_id=started.session.id) as fork:
            forked = await fork.start()
            await fork.send_audio(SPOKEN, silence_ms=6000)
            events = await fork.until_said("This is a script.")
            await fork.close()
    assert forked.session.id != started.session.id
    assert (forked.session.model, forked.session.instructions) == (MODEL, "Be brief.")
    assert any(sound(events))


async def test_a_session_that_was_not_stored_cannot_be_forked_nor_an_unknown_one_attached() -> None:
    async with listening(scripted()) as url:
        async with live_sdk(url, "async") as sdk:
            started = await sdk.start(model=MODEL)
            await sdk.close()
        endpoints: tuple[Endpoint, ...] = ("fork", "sideband")
        for endpoint in endpoints:
            with pytest.raises(InvalidStatus) as refused:
                async with live_sdk(url, "async", endpoint, session_id=started.session.id):
                    pass
            assert refused.value.response.status_code == 404


async def test_a_wrong_key_is_refused_at_the_handshake() -> None:
    async with listening(scripted()) as url:
        with pytest.raises(InvalidStatus) as refused:
            async with live_sdk(url, "async", key="wrong"):
                pass
    assert refused.value.response.status_code == 401


async def test_events_are_dispatched_to_handlers_until_the_end() -> None:
    async with listening(scripted()) as url, AsyncOpenAI(**addresses(url), api_key="open") as client:
        manager = client.live.connect()
        manager.send({"type": "session.start", "session": {"model": MODEL}})
        said: list[str] = []
        closed: list[str] = []
        async with manager as connection:

            async def started(_: Any) -> None:
                for _piece in range(30):
                    await connection.session.input_audio.append(audio=encode_audio(bytes(9600)))
                await connection.session.commentary.append(content="Hello there.", delegation_id=None)

            async def spoken(event: Any) -> None:
                said.append(event.delta)
                if "".join(said) == "Hello there.":
                    await connection.session.close()

            connection.once("session.started", started)
            connection.on("session.output_transcript.delta", spoken)
            connection.on("session.closed", lambda event: closed.append(event.reason))
            async with asyncio.timeout(20):
                await connection.dispatch_events()
    assert closed == ["close_requested"]


async def test_an_error_that_nothing_handles_is_raised() -> None:
    async with listening(scripted()) as url, AsyncOpenAI(**addresses(url), api_key="open") as client:
        manager = client.live.connect()
        unknown: Any = {"model": MODEL, "voice": "marin"}
        manager.send({"type": "session.start", "session": unknown})
        async with manager as connection, asyncio.timeout(20):
            with pytest.raises(OpenAIError, match=r"unknown_parameter"):
                await connection.dispatch_events()


async def test_a_closed_session_ends_the_iteration() -> None:
    types: list[str] = []
    async with (
        listening(scripted()) as url,
        AsyncOpenAI(**addresses(url), api_key="open") as client,
        client.live.connect() as connection,
        asyncio.timeout(20),
    ):
        await connection.session.start(session={"model": MODEL})
        async for event in connection:
            types.append(event.type)
            if event.type == "session.started":
                await connection.session.close()
    assert (types[0], types[-1]) == ("session.started", "session.closed")


@pytest.mark.parametrize(
    ("path", "arguments", "status"),
    [
        ("create", {"session": {"model": MODEL}, "transport": {"type": "webrtc", "sdp": "v=0"}}, 400),
        ("sessions.fork", {"session_id": "live_1", "transport": {"type": "webrtc", "sdp": "v=0"}}, 400),
        ("sessions.accept", {"session_id": "live_1", "session": {"model": MODEL}}, 501),
        ("sessions.reject", {"session_id": "live_1", "status_code": 486}, 501),
        ("sessions.refer", {"session_id": "live_1", "target_uri": "tel:+1"}, 501),
        ("sessions.hangup", {"session_id": "live_1"}, 501),
        ("sessions.download_recording", {"session_id": "live_1"}, 404),
    ],
)
async def test_what_cannot_be_is_refused_with_a_sentence(path: str, arguments: dict[str, Any], status: int) -> None:
    async with listening(scripted()) as url, sdk_client(url, "async") as client:
        call: Any = client.live
        for name in path.split("."):
            call = getattr(call, name)
        with pytest.raises(APIStatusError) as refused:
            await call(**arguments)
    assert refused.value.status_code == status
    body: Any = refused.value.body
    assert body["message"].endswith(".")
    assert body["code"]
