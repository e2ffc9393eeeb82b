"""Live sessions with the official Python SDK, async and blocking, unmodified, against our server."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from duologue.audio.wav import read_wav
from duologue.engines.registry import load_default
from duologue.errors import MissingExtra
from duologue.events.base import decode_audio, encode_audio
from duologue.server import RealtimeApp
from duologue.testing import scripted_app_engines
from tests.compat._live_sdk import LiveSdk, live_sdk, sound, words
from tests.compat._sdk import Form
from tests.compat._talkative import embedded, scripted
from tests.server._engines import LOUD
from tests.server._listening import listening

pytestmark = [
    pytest.mark.timeout(60),
    # The SDK's, when it opens a blocking WebSocket; its newest release does so still.
    pytest.mark.filterwarnings("ignore:connect\\(\\) must be used as a context manager:DeprecationWarning"),
]

Opens: TypeAlias = Callable[..., AbstractAsyncContextManager[LiveSdk]]

SPEECH = Path(__file__).parents[2] / "src/duologue/cli/speech/question_arithmetic.wav"
MODEL = "gpt-live-1"
SPOKEN = LOUD * 600
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
RESPONSES: dict[str, Any] = {"type": "responses", "responses": {"model": "gpt-5", "tools": [WEATHER]}}


@pytest.fixture(params=["async", "blocking"])
def opens(request: pytest.FixtureRequest) -> Opens:
    """Opens a session with one form of the SDK."""
    form: Form = request.param

    def session(url: str, *endpoint: Any, **options: Any) -> AbstractAsyncContextManager[LiveSdk]:
        return live_sdk(url, form, *endpoint, **options)

    return session


async def test_a_spoken_exchange(opens: Opens) -> None:
    async with listening(scripted()) as url, opens(url) as sdk:
        started = await sdk.start(model=MODEL, instructions="Be brief.")
        await sdk.send_audio(SPOKEN, silence_ms=8000)
        events = await sdk.until_said("what is this", "input")
        events += await sdk.until_said("This is a script.")
        events += await sdk.close()
    assert (started.session.model, started.session.instructions) == (MODEL, "Be brief.")
    assert started.session.delegation.type == "client"
    pieces = [decode_audio(event.delta) for event in events if event.type == "session.output_audio.delta"]
    assert {len(piece) for piece in pieces} == {4800}
    assert not any(pieces[0])  # silence before anybody has spoken
    assert any(sound(events))
    assert events[-1].session.id == started.session.id
    assert events[-1].usage.seconds > 0


async def test_what_is_appended_is_confirmed_and_commentary_is_spoken(opens: Opens) -> None:
    async with listening(scripted()) as url, opens(url) as sdk:
        await sdk.start(model=MODEL)
        await sdk.send_audio(b"", silence_ms=12_000)
        confirmations: list[Any] = []
        for kind in ("instructions", "thinking", "commentary"):
            call = f"session.{kind}.append"
            await sdk.call(call, content="The parcel comes on Tuesday.", delegation_id=None, event_id=kind)
            confirmations.append((await sdk.until(f"session.{kind}.appended"))[-1])
        events = await sdk.until_said("The parcel comes on Tuesday.")
        events += await sdk.close()
    assert [event.client_event_id for event in confirmations] == ["instructions", "thinking", "commentary"]
    assert all(event.start_ms <= event.end_ms for event in confirmations)
    assert any(sound(events))


async def test_work_for_the_application_is_answered_by_commentary(opens: Opens) -> None:
    async with listening(embedded("Where is the parcel of my aunt?")) as url, opens(url) as sdk:
        await sdk.start(model=MODEL, delegation={"type": "client"})
        await sdk.send_audio(SPOKEN, silence_ms=15_000)
        created = (await sdk.until("session.delegation.created"))[-1]
        answer = {"content": "It is in Vienna.", "delegation_id": created.delegation.id}
        await sdk.call("session.thinking.append", content="Looking it up.", delegation_id=created.delegation.id)
        await sdk.call("session.commentary.append", **answer)
        events = await sdk.until_said("It is in Vienna.")
        events += await sdk.close()
    assert (created.delegation.type, created.delegation.target) == ("delegation", "client")
    assert {"session.thinking.appended", "session.commentary.appended"} <= {event.type for event in events}


async def test_a_delegated_function_is_called_and_its_output_answered(opens: Opens) -> None:
    heard = "Call the tool get weather with city Paris"
    async with listening(embedded(heard)) as url, opens(url) as sdk:
        await sdk.start(model=MODEL, delegation=RESPONSES)
        await sdk.send_audio(SPOKEN, silence_ms=15_000)
        created = (await sdk.until("session.delegation.created"))[-1]
        inner: list[Any] = []
        while not inner or inner[-1].event["type"] != "response.completed":
            inner.append((await sdk.until("response.event"))[-1])
        [done] = [each for each in inner if each.event["type"] == "response.output_item.done"]
        await sdk.call("response.create", event_id="early")
        early = (await sdk.until("error"))[-1]
        output = {"type": "function_call_output", "call_id": done.event["item"]["call_id"], "output": "Rain in Paris."}
        await sdk.call("response.item.create", item=output)
        await sdk.call("response.create")
        events = await sdk.until_said("Rain in Paris")
        events += await sdk.close()
    assert (created.delegation.target, {each.delegation_id for each in inner}) == ("responses", {created.delegation.id})
    assert (done.event["item"]["name"], done.event["item"]["arguments"]) == ("get_weather", '{"city":"Paris"}')
    assert (early.error.code, early.client_event_id) == ("function_call_outputs_required", "early")
    assert any(sound(events))


async def test_what_is_typed_is_answered_aloud(opens: Opens) -> None:
    async with listening(scripted()) as url, opens(url) as sdk:
        await sdk.start(model=MODEL, delegation=RESPONSES)
        await sdk.send_audio(b"", silence_ms=10_000)
        content = [{"type": "input_text", "text": "hi"}]
        await sdk.call("response.item.create", item={"type": "message", "role": "user", "content": content})
        await sdk.call("response.create")
        events = await sdk.until_said("This is a script.")
        await sdk.close()
    assert {"session.delegation.created", "response.event"} <= {event.type for event in events}


async def test_a_fixture_is_played_and_input_is_muted(opens: Opens) -> None:
    async with listening(scripted()) as url, opens(url) as sdk:
        await sdk.start(model=MODEL)
        await sdk.send_audio(b"", silence_ms=10_000)
        await sdk.call("session.output_audio.fixture.play", audio=encode_audio(LOUD * 300), event_id="clip")
        playing = (await sdk.until("session.output_audio.fixture.playing"))[-1]
        await sdk.call("session.thinking.append", content="Wait.", delegation_id=None, event_id="during")
        refused = (await sdk.until("error"))[-1]
        events = await sdk.until("session.output_audio.fixture.played")
        for verb in ("mute", "unmute"):
            await sdk.call(f"session.input_audio.{verb}", event_id=verb)
            [*_, answer] = await sdk.until(f"session.input_audio.{verb}d")
            assert answer.client_event_id == verb
        await sdk.close()
    assert [playing.client_event_id, events[-1].client_event_id] == ["clip", "clip"]
    assert refused.client_event_id == "during"
    assert LOUD * 200 in sound(events)


async def test_settings_that_may_change_are_updated_and_others_refused(opens: Opens) -> None:
    async with listening(scripted()) as url, opens(url) as sdk:
        await sdk.start(model=MODEL, delegation=RESPONSES)
        await sdk.call("session.update", session={"delegation": {**RESPONSES, "responses": {"tools": []}}})
        updated = (await sdk.until("session.updated"))[-1]
        await sdk.call("session.update", session={"delegation": {"type": "client"}}, event_id="other")
        refused = (await sdk.until("error"))[-1]
        await sdk.call("session.start", session={"model": MODEL}, event_id="again")
        again = (await sdk.until("error"))[-1]
        await sdk.close()
    assert updated.session.delegation.responses.tools == []
    assert (refused.error.code, refused.error.client_event_id) == ("immutable_field_update", "other")
    assert (again.error.code, again.error.client_event_id) == ("invalid_value", "again")


async def test_a_session_with_the_speech_engines_of_the_package() -> None:
    pcm16 = read_wav(SPEECH).at(24_000).pcm16
    try:
        async with load_default() as engines:
            application = RealtimeApp(engines=scripted_app_engines(engines), api_key="open")
            async with listening(application) as url, live_sdk(url, "async") as sdk:
                await sdk.start(model=MODEL)
                await sdk.send_audio(pcm16, silence_ms=15_000)
                events = await sdk.until("session.output_transcript.delta")
                events += await sdk.close()
    except MissingExtra as missing:
        pytest.skip(str(missing))
    assert "seven times eight" in words(events, "input").lower().replace("7", "seven").replace("8", "eight")
    assert "56" in words(events, "output")
    assert any(sound(events))
