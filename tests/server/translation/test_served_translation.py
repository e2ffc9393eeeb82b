"""Translation sessions with engines, over a transport in memory."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from duologue.engines.base import TranslatorRequest
from duologue.engines.registry import Engines
from duologue.engines.scripted import ScriptedTranslator
from duologue.errors import EngineError
from duologue.protocol import SessionDefaults
from duologue.protocol.translation.server.protocol import TranslationServerProtocol
from duologue.server import Limits
from duologue.server.session_start import SessionStart
from duologue.server.telemetry.log import LogObserver
from duologue.server.translation.served_translation import ServedTranslation, is_served_by
from duologue.testing import scripted_engines
from duologue.transports import MemoryTransport, memory_pair
from tests._memory import nothing_left_of
from tests.server._engines import LOUD, QUIET, Odd
from tests.server.translation._speech import (
    TRANSCRIBED,
    append,
    audio_ms,
    message,
    receive,
    speak,
    text,
    to_the_end,
    until,
)

pytestmark = pytest.mark.timeout(30)


def engines(*, transcripts: tuple[str, ...] = ("good morning",), lines: tuple[str, ...] = ("buenos días",)) -> Engines:
    return replace(scripted_engines(transcripts=transcripts), translator=ScriptedTranslator(lines))


@asynccontextmanager
async def served(
    used: Engines | None = None, **settings: Any
) -> AsyncGenerator[tuple[MemoryTransport, ServedTranslation], None]:
    """A session, and the client's end of it. The server's side must end with the client's, and leave no task."""
    before = asyncio.all_tasks()
    ours, theirs = memory_pair()
    session = ServedTranslation(theirs, used or engines(), **settings)
    serving = asyncio.ensure_future(session.run())
    try:
        assert (await receive(ours))["type"] == "session.created"
        yield ours, session
    finally:
        await ours.close()
        done, _ = await asyncio.wait({serving}, timeout=5)
        assert done, "the session does not end"
    serving.result()
    assert asyncio.all_tasks() == before


async def test_speech_comes_back_translated_as_text_and_speech() -> None:
    translator = ScriptedTranslator(["buenos días"])
    async with served(replace(engines(), translator=translator)) as (client, _):
        await client.send(
            message("session.update", session={"audio": {"output": {"language": "es"}, "input": TRANSCRIBED}})
        )
        await speak(client)
        await client.send(message("session.close"))
        events, code = await to_the_end(client)
    assert events[0]["session"]["audio"]["output"] == {"language": "es"}
    assert text(events, "input") == "good morning"
    assert text(events, "output") == "buenos días"
    assert audio_ms(events) == 60 * len("buenos días")
    assert (events[-1]["type"], code) == ("session.closed", 1000)
    [request] = translator.requests
    assert (request.text, request.language) == ("good morning", "es")


async def test_utterances_are_translated_while_the_speaker_goes_on_and_in_their_order() -> None:
    async with served(engines(transcripts=("one", "two"), lines=("uno", "dos"))) as (client, _):
        await client.send(message("session.update", session={"audio": {"input": TRANSCRIBED}}))
        await speak(client)
        first = await until(client, "session.output_audio.delta")
        await speak(client)
        await client.send(message("session.close"))
        events = [*first, *(await to_the_end(client))[0]]
    assert text(events, "input") == "one two"
    assert text(events, "output") == "uno dos"


async def test_without_a_translator_the_words_come_back_as_they_are_and_the_log_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, "duologue.server"):
        async with served(scripted_engines(transcripts=("good morning",))) as (client, _):
            await speak(client)
            await client.send(message("session.close"))
            events, _ = await to_the_end(client)
    assert text(events, "output") == "good morning"
    assert "nothing is translated" in caplog.text
    assert "translator=echo" in caplog.text


async def test_silence_is_not_answered() -> None:
    async with served() as (client, _):
        await speak(client, 0, silence_ms=4000)
        await client.send(message("session.close"))
        events, _ = await to_the_end(client)
    assert Counter(event["type"] for event in events) == {"session.closed": 1}


# --- faults


class Refusing:
    name = "refusing"

    async def translate(self, request: TranslatorRequest, /) -> Any:
        if request.text:
            raise EngineError("has no words for it", engine=self.name)
        yield ""


async def test_a_translator_that_fails_is_reported_and_the_session_goes_on() -> None:
    async with served(replace(engines(), translator=Refusing())) as (client, _):
        for _ in range(2):
            await speak(client)
            [error] = await until(client, "error")
            assert error["error"]["code"] == "engine_failed"
            assert "has no words for it" in error["error"]["message"]
        await client.send(message("session.close"))
        assert (await to_the_end(client))[1] == 1000


@pytest.mark.parametrize("part", ["transcriber", "synthesizer"])
async def test_a_broken_engine_tells_the_client_nothing_of_its_inside(part: str) -> None:
    def secret() -> Exception:
        return ValueError("the password is sesame")

    broken: dict[str, Any] = {part: Odd(secret)}
    async with served(replace(engines(), **broken)) as (client, _):
        await speak(client)
        events = await until(client, "error")
    assert "sesame" not in str(events)


async def test_a_broken_detector_ends_the_session() -> None:
    async with served(replace(engines(), new_detector=lambda: Odd(lambda: ValueError("broken")))) as (client, _):
        await client.send(append(LOUD * 200))
        events, code = await to_the_end(client)
    assert (events[-1]["error"]["code"], code) == ("engine_failed", 1011)


async def test_a_translation_into_a_language_that_the_translator_lacks_is_refused() -> None:
    translator = ScriptedTranslator()
    translator.languages = ("es", "pt-BR")  # type: ignore[attr-defined]
    async with served(replace(engines(), translator=translator)) as (client, _):
        await client.send(message("session.update", session={"audio": {"output": {"language": "fr"}}}))
        assert (await receive(client))["error"]["param"] == "session.audio.output.language"
        await client.send(message("session.update", session={"audio": {"output": {"language": "es-MX"}}}))
        assert (await receive(client))["type"] == "session.updated"


def test_a_translator_that_names_no_languages_is_asked_for_any() -> None:
    assert is_served_by(ScriptedTranslator())("tlh")


# --- ends


async def test_a_session_that_is_drained_ends_when_all_is_translated() -> None:
    async with served() as (client, session):
        await speak(client)
        session.drain()
        events, code = await to_the_end(client)
    assert code == 1001
    assert text(events, "output") in ("", "buenos días")


async def test_a_session_that_is_drained_in_the_pause_of_a_long_turn_ends_with_the_turn() -> None:
    async with served() as (client, session):
        await speak(client, 5000, silence_ms=200)
        await until(client, "session.output_audio.delta")  # the turn was cut at its pause
        session.drain()
        await speak(client, 0, silence_ms=1000)
        assert (await to_the_end(client))[1] == 1001


async def test_a_whole_recording_may_come_in_one_append() -> None:
    async with served(engines(transcripts=("a", "b", "c"), lines=("x", "y", "z"))) as (client, _):
        await client.send(append((LOUD * 5000 + QUIET * 800) * 3))
        await client.send(message("session.close"))
        events, code = await to_the_end(client)
    assert (text(events, "output"), code) == ("x y z", 1000)


@pytest.mark.parametrize("audio", ["A" * 1_500_001, "A" * 1_400_000 + "AA=="], ids=["no base64", "half a sample"])
async def test_a_long_append_is_refused_for_what_a_short_one_is(audio: str) -> None:
    async with served() as (client, _):
        await client.send(message("session.input_audio_buffer.append", event_id="mine", audio=audio))
        error = (await receive(client))["error"]
    assert (error["code"], error["param"], error["event_id"]) == ("invalid_value", "audio", "mine")


async def test_a_drained_session_without_speech_ends_at_once() -> None:
    async with served() as (client, session):
        session.drain()
        assert (await to_the_end(client))[1] == 1001


class Waiting:
    name = "waiting"

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def translate(self, request: TranslatorRequest, /) -> Any:
        self.asked.set()
        await asyncio.Event().wait()
        yield ""


async def test_a_session_that_is_stopped_ends_in_the_middle_of_a_translation() -> None:
    translator = Waiting()
    async with served(replace(engines(), translator=translator)) as (client, session):
        await speak(client)
        await asyncio.wait_for(translator.asked.wait(), 5)
        session.stop()
        assert (await to_the_end(client))[1] == 1001


async def test_a_translator_that_makes_nothing_is_given_up() -> None:
    async with served(replace(engines(), translator=Waiting()), limits=Limits(engine_s=0.05)) as (client, _):
        await speak(client)
        assert "made nothing" in (await until(client, "error"))[-1]["error"]["message"]


async def test_a_client_that_sends_nothing_is_told_so_and_closed() -> None:
    async with served(limits=Limits(idle_s=0.05)) as (client, _):
        events, code = await to_the_end(client)
    assert (events[-1]["error"]["code"], code) == ("session_idle", 1001)


async def test_events_above_the_rate_are_refused() -> None:
    async with served(limits=Limits(events_per_s=1)) as (client, _):
        for _ in range(3):
            await client.send(message("session.update", session={}))
        events = [await receive(client) for _ in range(3)]
    assert [event["type"] for event in events].count("error") == 2


async def test_a_recording_that_is_sent_at_once_is_translated_whole() -> None:
    """Faster than it is translated: what waits is bounded, and the rest waits in the client's socket."""
    translator = ScriptedTranslator(["x"])
    async with served(replace(engines(), translator=translator)) as (client, session):

        async def send() -> None:
            for _ in range(20):
                await speak(client)
                assert len(session._protocol._waiting) <= 4
            await client.send(message("session.close"))

        sending = asyncio.ensure_future(send())
        events, code = await to_the_end(client)
        await sending
    assert (len(translator.requests), code) == (20, 1000)
    assert events[-1]["type"] == "session.closed"


async def test_a_client_that_is_far_ahead_is_not_read_until_the_translator_follows() -> None:
    translator = Gated()
    async with served(replace(engines(), translator=translator)) as (client, session):

        async def send() -> None:
            for _ in range(10):
                await speak(client)
            await client.send(message("session.close"))

        sending = asyncio.ensure_future(send())
        await asyncio.wait_for(translator.asked.wait(), 5)
        for _ in range(1000):
            await asyncio.sleep(0)
        assert session._protocol.is_behind
        assert session._protocol.input_ms < 10 * 1200
        translator.gate.set()
        events, code = await to_the_end(client)
        await sending
    assert (text(events, "output"), code) == (" ".join(["x"] * 10), 1000)


class Gated:
    name = "gated"

    def __init__(self) -> None:
        self.asked, self.gate = asyncio.Event(), asyncio.Event()

    async def translate(self, request: TranslatorRequest, /) -> Any:
        self.asked.set()
        await self.gate.wait()
        yield "x"


async def test_a_secret_s_configuration_is_in_force_when_the_session_greets() -> None:
    ours, theirs = memory_pair()
    update = message("session.update", session={"audio": {"output": {"language": "fr"}}})
    start = SessionStart(model="gpt-realtime-translate", translates=True, message=update)
    serving = asyncio.ensure_future(ServedTranslation(theirs, engines(), SessionDefaults(), session_start=start).run())
    created = await receive(ours)
    assert created["session"]["audio"]["output"] == {"language": "fr"}
    await ours.send(message("session.close"))
    assert (await receive(ours))["type"] == "session.closed"
    await asyncio.wait_for(serving, 5)


async def ended(how: str) -> None:
    """A session that ends in this way."""
    translators: dict[str, Any] = {"it is stopped": Waiting(), "an engine fails": Refusing()}
    translator = translators.get(how, ScriptedTranslator())
    async with served(replace(engines(), translator=translator)) as (client, session):
        await speak(client)
        match how:
            case "the client closes it":
                await client.send(message("session.close"))
                await to_the_end(client)
            case "it is stopped":
                await asyncio.wait_for(translator.asked.wait(), 5)
                session.stop()
                await to_the_end(client)
            case "an engine fails":
                await until(client, "error")
            case _:
                pass  # the client is gone in the middle
        del session
    await asyncio.sleep(0)


@pytest.mark.parametrize("how", ["the client closes it", "the client is gone", "it is stopped", "an engine fails"])
async def test_a_session_is_freed_at_its_end(how: str) -> None:
    await ended(how)  # what is made once and kept
    with nothing_left_of(ServedTranslation, TranslationServerProtocol):
        await ended(how)


async def test_nothing_of_a_translation_is_logged_on_any_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    used = engines(transcripts=("sesame",), lines=("sesame",))
    async with served(used, observer=LogObserver(address="::1", owner="key 1")) as (client, _):
        await client.send(message("session.update", session={"audio": {"input": TRANSCRIBED}}))
        for sent in ('{"type":"sesame"}', '{"sesame', '{"type":"session.update","session":{"sesame":"sesame"}}'):
            await client.send(sent)
        await speak(client)
        await client.send(message("session.close"))
        events, _ = await to_the_end(client)
    assert text(events, "input") == text(events, "output") == "sesame"
    assert any("session" in record.getMessage() for record in caplog.records)
    assert not [record.getMessage() for record in caplog.records if "sesame" in repr(vars(record))]
