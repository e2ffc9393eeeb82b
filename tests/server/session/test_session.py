from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from typing import Any

import pytest

from duologue import connect
from duologue.audio.formats import Encoding
from duologue.engines.base import FunctionCall, ResponderRequest, Transcriber
from duologue.engines.scripted import ScriptedEndOfTurn
from duologue.errors import ConnectionClosedError, EngineError
from duologue.events import InputAudioBufferAppendEvent, RealtimeEvent
from duologue.events.base import encode_audio
from duologue.protocol import SessionDefaults
from duologue.server import Limits, ServerSession
from duologue.testing import scripted_engines
from duologue.transports import MemoryTransport, memory_pair
from tests.server._engines import LOUD, Calling, EndlessResponder, EndlessSynthesizer, Odd, OddOnce, failing
from tests.server._talking import audio, counts, event, settle, speak, status, typed, until, update
from tests.server.conftest import Talk

TEXT = {"output_modalities": ["text"]}
RESPOND = event("response.create")


async def test_speech_is_transcribed_and_answered_by_speech(talk: Talk) -> None:
    async with talk(scripted_engines(transcripts=("good morning",), responses=("Good morning, you.",))) as connection:
        await connection.send(update(audio={"input": {"transcription": {"model": "m"}}}))
        await speak(connection)
        events = await until(connection, "response.done")
    names = [event.type for event in events]
    assert names[:7] == [
        "session.updated",
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
    ]
    completed = next(e for e in events if e.type == "conversation.item.input_audio_transcription.completed")
    assert completed.to_json()["transcript"] == "good morning"
    assert len(audio(events)) == 48 * 60 * len("Good morning, you.")
    assert status(events)["output"][0]["content"][0]["transcript"] == "Good morning, you."


@pytest.mark.parametrize("format_type", ["audio/pcmu", "audio/pcma"])
async def test_a_telephone_s_session_runs_from_speech_to_speech(talk: Talk, format_type: str) -> None:
    pytest.importorskip("soxr")
    encoding = Encoding.of(format_type)
    loud, quiet = encoding.from_pcm16((b"\x00\x20" * 4 + b"\x00\xe0" * 4) * 500), encoding.from_pcm16(bytes(8000))
    shape = {"format": {"type": format_type}}
    async with talk(scripted_engines(responses=("Hello.",))) as connection:
        await connection.send(update(audio={"input": shape, "output": shape}))
        for piece in (loud, quiet, quiet):
            for start in range(0, len(piece), 160):
                await connection.send(InputAudioBufferAppendEvent.from_audio(piece[start : start + 160]))
        events = await until(connection, "response.done")
    assert counts(events)["input_audio_buffer.speech_stopped"] == 1
    assert status(events)["status"] == "completed"
    assert len(audio(events)) == 8 * 60 * len("Hello.")


# --- cancel


async def test_work_that_is_cancelled_before_it_begins_is_forgotten() -> None:
    ours, theirs = memory_pair()
    for _ in range(5):
        await ours.send('{"type":"response.create"}')
        await ours.send('{"type":"response.cancel"}')
    session = ServerSession(theirs, scripted_engines())
    serving = asyncio.ensure_future(session.run())
    async with asyncio.timeout(5):
        for _ in range(5):
            while RealtimeEvent.from_json(await ours.receive()).type != "response.done":
                pass
        await settle()
        assert not session._work.is_under_way
        await ours.close()
        await serving


async def test_a_cancelled_response_stops_its_engines(talk: Talk) -> None:
    responder = EndlessResponder()
    async with talk(replace(scripted_engines(), responder=responder)) as connection:
        await connection.send(event("response.create", response=TEXT))
        await until(connection, "response.output_text.delta")
        await connection.send(event("response.cancel"))
        assert status(await until(connection, "response.done"))["status"] == "cancelled"
        await settle()
        assert responder.running == 0


async def test_the_user_interrupts_a_response_and_is_answered(talk: Talk) -> None:
    responder = EndlessResponder()
    async with talk(replace(scripted_engines(), responder=responder)) as connection:
        await connection.send(update(output_modalities=["text"]))
        await connection.send(RESPOND)
        await until(connection, "response.output_text.delta")
        await speak(connection)
        events = await until(connection, "response.done")
        assert status(events)["status_details"]["reason"] == "turn_detected"
        assert counts(events)["input_audio_buffer.speech_started"] == 1
        await until(connection, "response.output_text.delta")
        await settle()
        assert responder.running == 1


@pytest.mark.parametrize("modalities", [["text"], ["audio"]])
async def test_a_response_that_has_spent_its_tokens_stops_its_own_engine(talk: Talk, modalities: list[str]) -> None:
    responder = EndlessResponder()
    async with talk(replace(scripted_engines(), responder=responder)) as connection:
        settings = {"output_modalities": modalities, "max_output_tokens": 5}
        for _ in range(3):
            await connection.send(event("response.create", response=settings))
            response = status(await until(connection, "response.done"))
            assert response["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
        await settle()
        assert responder.running == 0


# --- engines that fail


def no_voice() -> EngineError:
    return EngineError("no voice today", engine="broken")


def detail() -> ZeroDivisionError:
    return ZeroDivisionError("secret detail")


FAILING: dict[str, tuple[str, Callable[[], Any], str]] = {
    "broken: no voice today": ("responder", lambda: OddOnce("Well, ", "I ", no_voice), "text audio"),
    "a speech engine broke; the server's log says how": ("responder", lambda: OddOnce("Well, ", detail), "text audio"),
    "odd: made nothing for 0.05 s": ("responder", lambda: OddOnce("Well, ", ...), "text audio"),
    "odd: made something of the type int": ("responder", lambda: OddOnce(7), "text audio"),
    "broken: out of order": ("synthesizer", failing, "audio"),
}
"""By what the client gets: the engine, and the modalities in which it fails."""


@pytest.mark.usefixtures("idle_clock")
@pytest.mark.parametrize(
    ("message", "modality"), [(message, each) for message, row in FAILING.items() for each in row[2].split()]
)
async def test_an_engine_that_fails_fails_its_response_and_not_the_session(
    talk: Talk, message: str, modality: str
) -> None:
    stage, make, _ = FAILING[message]
    async with talk(replace(scripted_engines(), **{stage: make()}), limits=Limits(engine_s=0.05)) as connection:
        await connection.send(event("response.create", response={"output_modalities": [modality]}))
        response = status(await until(connection, "response.done"))
        assert response["status"] == "failed"
        assert response["status_details"]["error"]["message"] == message
        await connection.send(event("response.create", response=TEXT))
        assert status(await until(connection, "response.done"))["status"] == "completed"


@pytest.mark.parametrize(
    ("transcriber", "message"),
    [
        (failing(), "broken: out of order"),
        (Odd(None), "odd: made something of the type NoneType"),
    ],
)
async def test_a_transcriber_that_fails_is_reported_and_the_turn_is_answered(
    talk: Talk, transcriber: Transcriber, message: str
) -> None:
    async with talk(replace(scripted_engines(), transcriber=transcriber)) as connection:
        await connection.send(update(audio={"input": {"transcription": {"model": "m"}}}))
        await speak(connection)
        events = await until(connection, "response.done")
        [failed] = [e for e in events if e.type == "conversation.item.input_audio_transcription.failed"]
        assert failed.to_json()["error"]["message"] == message
        assert status(events)["status"] == "completed"


async def test_what_an_endpoint_says_of_its_failure_is_sent_to_the_client_and_is_in_no_log(
    talk: Talk, caplog: pytest.LogCaptureFixture
) -> None:
    class Refusing:
        name = "chat"

        async def respond(self, request: ResponderRequest, /) -> AsyncGenerator[str, None]:
            yield "Well."
            raise EngineError("host answered 400", engine="chat", quote="cannot read 'my secret'")

    async with talk(replace(scripted_engines(), responder=Refusing())) as connection:
        await connection.send(RESPOND)
        response = status(await until(connection, "response.done"))
        assert response["status_details"]["error"]["message"] == "chat: host answered 400: cannot read 'my secret'"
    assert "chat: host answered 400" in caplog.text
    assert "my secret" not in caplog.text


async def test_a_fault_of_the_server_s_own_closes_the_session_and_is_logged(
    talk: Talk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(self: object, message: str | bytes) -> None:
        raise ZeroDivisionError

    async with talk() as connection:
        monkeypatch.setattr("duologue.protocol.ServerProtocol.receive", fail)
        await connection.send(RESPOND)
        with pytest.raises(ConnectionClosedError, match="1011"):
            await connection.receive(timeout=5)
    assert "broke" in caplog.text


# --- ends


async def test_a_slow_client_is_waited_for_and_gets_everything_in_order() -> None:
    synthesizer = EndlessSynthesizer()
    ours, theirs = memory_pair(capacity=2)
    serving = asyncio.ensure_future(ServerSession(theirs, replace(scripted_engines(), synthesizer=synthesizer)).run())
    async with asyncio.timeout(5):
        await ours.send('{"type":"response.create"}')
        spoken_s = -1
        while synthesizer.spoken_s != spoken_s:
            spoken_s = synthesizer.spoken_s
            await settle(200)
        assert 10 < spoken_s < 60, "about a mebibyte of audio is buffered for a client, and no more"
        names = [RealtimeEvent.from_json(await ours.receive()).type for _ in range(50)]
        assert names[:2] == ["session.created", "response.created"]
        await ours.send('{"type":"response.cancel"}')
        while RealtimeEvent.from_json(await ours.receive()).type != "response.done":
            pass
        await ours.close()
        await serving


async def test_a_transport_whose_sending_breaks_ends_the_session() -> None:
    before = asyncio.all_tasks()

    class HalfBroken(MemoryTransport):
        async def send(self, message: str | bytes, /) -> None:
            raise ConnectionClosedError(1006, "half gone")

    async with asyncio.timeout(5):
        await ServerSession(HalfBroken(4), scripted_engines()).run()
    assert asyncio.all_tasks() == before


async def test_an_item_may_be_deleted_and_made_again_while_its_transcript_is_on_its_way(talk: Talk) -> None:
    part = {"type": "input_audio", "audio": encode_audio(LOUD * 200)}
    create = event(
        "conversation.item.create", item={"type": "message", "id": "mine", "role": "user", "content": [part]}
    )
    async with talk() as connection:
        await connection.send(update(audio={"input": {"transcription": {"model": "m"}}}))
        for _ in range(5):
            await connection.send(create)
            await connection.send(event("conversation.item.delete", item_id="mine"))
        await connection.send(event("response.create", response=TEXT))
        assert status(await until(connection, "response.done"))["status"] == "completed"


# --- limits and openings


@pytest.mark.usefixtures("idle_clock")
async def test_each_message_begins_the_idle_time_anew(talk: Talk) -> None:
    async with talk(limits=Limits(idle_s=0.3)) as connection:
        for _ in range(6):
            await connection.send(event("input_audio_buffer.clear"))
            await until(connection, "input_audio_buffer.cleared")
            with pytest.raises(TimeoutError):
                await connection.receive(timeout=0.1)


async def test_events_above_the_rate_are_refused_and_the_session_goes_on(talk: Talk) -> None:
    async with talk(limits=Limits(events_per_s=0.001)) as connection:
        await connection.send(event("input_audio_buffer.clear"))
        assert counts(await until(connection, "input_audio_buffer.cleared")) == {"input_audio_buffer.cleared": 1}
        for _ in range(3):
            await connection.send(event("input_audio_buffer.clear"))
            [refused] = await until(connection, "error")
            assert refused.to_json()["error"]["code"] == "rate_limit_exceeded"
            assert refused.to_json()["error"]["type"] == "rate_limit_error"


async def test_a_session_without_audio_makes_no_detector(talk: Talk) -> None:
    made: list[object] = []

    def make() -> Odd:
        made.append(None)
        return Odd()

    async with talk(replace(scripted_engines(), new_detector=make)) as connection:
        await connection.send(event("response.create", response=TEXT))
        await until(connection, "response.done")
    assert made == []


# --- calls, cuts, kinds of sessions, the clock


async def test_a_function_is_called_in_speech_and_its_output_is_read(talk: Talk) -> None:
    responder = Calling("Let me see.", FunctionCall(name="get_time", arguments="{}"))
    engines = replace(scripted_engines(), responder=responder)
    async with talk(engines) as connection:
        await connection.send(update(tools=[{"type": "function", "name": "get_time"}]))
        await connection.send(typed("What time is it?"))
        await connection.send(RESPOND)
        events = await until(connection, "response.done")
        message, call = status(events)["output"]
        assert (message["type"], call["type"], call["name"], call["status"]) == (
            "message",
            "function_call",
            "get_time",
            "completed",
        )
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "noon"}
        await connection.send(event("conversation.item.create", item=output))
        await connection.send(RESPOND)
        await until(connection, "response.done")
    first, second = responder.exchanges
    assert [function.name for function in first.functions] == ["get_time"]
    assert [(said.role, said.text) for said in second.messages] == [
        ("user", "What time is it?"),
        ("assistant", "Let me see."),
        ("tool", "noon"),
    ]
    assert second.messages[1].calls[0].call_id == second.messages[2].call_id == call["call_id"]


async def test_speech_is_cut_at_the_word_that_the_client_played_last(talk: Talk) -> None:
    # The scripted voice speaks a character in 60 ms.
    engines = scripted_engines(responses=("One two three. Four five six.",))
    async with talk(engines) as connection:
        await connection.send(RESPOND)
        [item] = status(await until(connection, "response.done"))["output"]
        heard_ms = 60 * len("One two three.") + 60 * len("Four five")
        cut = {"item_id": item["id"], "content_index": 0, "audio_end_ms": heard_ms}
        await connection.send(event("conversation.item.truncate", **cut))
        await connection.send(event("conversation.item.retrieve", item_id=item["id"]))
        *_, retrieved = await until(connection, "conversation.item.retrieved")
    [part] = retrieved.to_json()["item"]["content"]
    assert part["transcript"] == "One two three. Four five"


async def test_a_transcription_session_only_transcribes(talk: Talk) -> None:
    engines = scripted_engines(transcripts=("good morning",))
    async with talk(engines, kind="transcription") as connection:
        await speak(connection)
        events = await until(connection, "conversation.item.input_audio_transcription.completed")
        assert events[-1].to_json()["transcript"] == "good morning"
        await connection.send(RESPOND)
        events += await until(connection, "error")
    assert not [seen for seen in events if str(seen.type).startswith("response.")]


async def test_a_session_wakes_up_for_a_timeout_that_is_sooner_than_what_it_slept_for() -> None:
    ours, theirs = memory_pair()
    session = ServerSession(theirs, scripted_engines())
    serving = asyncio.ensure_future(session.run())
    async with asyncio.timeout(5), connect(transport=ours) as connection:
        vad = {"type": "server_vad", "idle_timeout_ms": 5000}
        await connection.send(update(output_modalities=["text"], audio={"input": {"turn_detection": vad}}))
        await connection.send(RESPOND)
        await until(connection, "response.done")
        # The response is long over, as far as the protocol knows: no test waits five seconds.
        session._protocol._idle._quiet_since -= 5
        await connection.send(update())
        events = await until(connection, "response.done")
        assert counts(events)["input_audio_buffer.timeout_triggered"] == 1
    await asyncio.wait_for(serving, 5)


async def test_what_a_lenient_session_lets_pass_is_logged_without_its_value(
    talk: Talk, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("WARNING", logger="duologue.server"):
        async with talk(defaults=SessionDefaults(lenient=True)) as connection:
            await connection.send(event("session.update", session={"type": "realtime", "secret": "swordfish"}))
            await until(connection, "session.updated")
    assert "of=session.update param=session.secret kind=string" in caplog.text
    assert "swordfish" not in caplog.text


# --- turns that end by their words


async def test_a_turn_that_is_complete_is_answered_long_before_the_longest_wait(talk: Talk) -> None:
    engines = replace(
        scripted_engines(transcripts=("That is all.",), responses=("Good.",)), end_of_turn=ScriptedEndOfTurn([1.0])
    )
    engines.transcriber.repeatable = True  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    async with talk(engines) as connection:
        shape = {"turn_detection": {"type": "semantic_vad", "eagerness": "low"}, "transcription": {"model": "m"}}
        await connection.send(update(audio={"input": shape}))
        await speak(connection, ms=400, silence_ms=600)
        events = await until(connection, "response.done")
    assert status(events)["status"] == "completed"
    completed = next(e for e in events if e.type == "conversation.item.input_audio_transcription.completed")
    assert completed.to_json()["transcript"] == "That is all."
