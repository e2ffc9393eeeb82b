"""How a server plays its answers, and stops when it is interrupted."""

from __future__ import annotations

import asyncio
from typing import Final

from duologue.conformance.outcomes import Undecided, Violation, expect
from duologue.conformance.scenario_context import ScenarioContext, check_alive
from duologue.conformance.scenarios.base import LONG, Scenario, ask, finish, item_ids, scenario
from duologue.conformance.wire.raw_connection import RawConnection
from duologue.conformance.wire.speech_sample import speech
from duologue.conformance.wire.trace import WireMessage

__all__ = ["SCENARIOS"]

_HEARD_MS: Final = 200
"""Of speech that is not silence: the shortest word."""

_OFF_MS: Final = 500
"""Between what is played and what is heard: jitter buffers of both sides, and this program's own delays."""

_LONG_TURN: Final = 3
"""Times the recorded sentence: with more than six seconds, its audio is larger than a message of the channel."""


@scenario("playback.webrtc", "webrtc.track")
async def _an_answer_is_played(context: ScenarioContext) -> None:
    """A spoken answer, to the end of its sound."""
    async with context.session(output_modalities=["audio"]) as connection:
        heard_before = connection.opened.call.heard_ms
        created = await ask(connection, "Say: hello, how are you today?")
        id = str(created.get("response.id"))
        stopped = await context.vital(
            "playback.webrtc", connection.until("output_audio_buffer.stopped", where=lambda each: id in each.ids)
        )
        context.follows("playback.webrtc", connection.about(id, since=created, upto=stopped))
        with context.deciding("webrtc.track"):
            heard_ms = connection.opened.call.heard_ms - heard_before
            expect(heard_ms >= _HEARD_MS, f"{heard_ms} ms of sound are heard on the track")


@scenario("barge_in.webrtc", "webrtc.truncated_at")
async def _a_user_interrupts_what_is_played(context: ScenarioContext) -> None:
    """The user speaks while the answer is played."""
    vad = {"type": "server_vad", "create_response": False, "interrupt_response": True}
    async with context.session(output_modalities=["audio"], audio={"input": {"turn_detection": vad}}) as connection:
        created = await ask(connection, LONG)
        id = str(created.get("response.id"))
        started = await connection.until("output_audio_buffer.started")
        cleared = await context.vital("barge_in.webrtc", _cleared(context, connection, started))
        if cleared.type == "output_audio_buffer.stopped":
            raise Undecided("the answer was over before the speech was noticed")
        connection.rewind(connection.trace.messages.index(started))
        truncated = await context.vital("barge_in.webrtc", connection.until("conversation.item.truncated"))
        connection.rewind(connection.trace.messages.index(created))
        await connection.until("response.done", about=[id])
        between = _of_response(connection, started, id)
        context.follows("barge_in.webrtc", between)
        with context.deciding("webrtc.truncated_at"):
            played_ms = round((cleared.at_s - started.at_s) * 1000)
            end_ms = truncated.get("audio_end_ms")
            fits = isinstance(end_ms, int) and abs(end_ms - played_ms) <= _OFF_MS
            expect(fits, f"audio_end_ms is {end_ms}, {played_ms} ms after output_audio_buffer.started")


async def _cleared(context: ScenarioContext, connection: RawConnection, started: WireMessage) -> WireMessage:
    """Speak until the server has cleared its playback, or has come to its end."""
    speaking = asyncio.ensure_future(context.speak(connection, trailing_ms=1500))  # noqa: TID251 - ended and awaited below
    try:
        # What is sent meanwhile moves the place at which waiting goes on.
        deadline_s = connection.now_s + connection.timeout_s + len(speech()) / 48_000
        begin = connection.trace.messages.index(started)
        while connection.now_s < deadline_s and connection.trace.closed is None:
            for each in connection.trace.messages[begin:]:
                if each.type in ("output_audio_buffer.cleared", "output_audio_buffer.stopped"):
                    return each
            await asyncio.sleep(0.01)
    finally:
        speaking.cancel()
        await asyncio.gather(speaking, return_exceptions=True)
    raise Violation("no output_audio_buffer.cleared after speech during playback")


def _of_response(connection: RawConnection, started: WireMessage, id: str) -> list[WireMessage]:
    """From the start of playback on, without what is about other responses, and without what the client sent."""
    ids = {id, *item_ids(connection, id)}
    begin = connection.trace.messages.index(started)
    after = [each for each in connection.trace.messages[begin:] if each.side == "S"]
    return [each for each in after if each.ids & ids or each.type == "input_audio_buffer.speech_started"]


@scenario("webrtc.clear", "webrtc.clear_idle")
async def _a_client_stops_playback(context: ScenarioContext) -> None:
    """output_audio_buffer.clear while an answer is played, and with nothing playing."""
    async with context.session(output_modalities=["audio"]) as connection:
        created = await ask(connection, LONG)
        id = str(created.get("response.id"))
        await connection.until("output_audio_buffer.started")
        if not any(id in each.ids for each in connection.trace.received("response.done")):
            await connection.send({"type": "response.cancel"})
        sent = await connection.send({"type": "output_audio_buffer.clear"})
        with context.deciding("webrtc.clear"):
            connection.rewind(connection.trace.messages.index(connection.since(sent)[0]))
            seen = await connection.until("output_audio_buffer.cleared", "output_audio_buffer.stopped", "error")
            if seen.type == "error" and seen.get("error.code") == "response_cancel_not_active":
                seen = await connection.until("output_audio_buffer.cleared", "output_audio_buffer.stopped")
            if seen.type == "output_audio_buffer.stopped":
                raise Undecided("the answer was over before the command was read")
            expect(seen.type == "output_audio_buffer.cleared", f"{seen.type} came (code {seen.get('error.code')})")
            expect(seen.get("response_id") == id, f"response_id is {seen.get('response_id')}, of {id}")
        connection.rewind(connection.trace.messages.index(created))
        await connection.until("response.done", about=[id])
        await connection.quiet()
        with context.deciding("webrtc.clear_idle"):
            await connection.send({"type": "output_audio_buffer.clear"})
            errors = [each for each in await connection.quiet() if each.type == "error"]
            expect(not errors, f"it is answered by an error (code {errors[0].get('error.code') if errors else None})")
            await check_alive(connection)


@scenario("webrtc.retrieved")
async def _a_long_turn_is_retrieved(context: ScenarioContext) -> None:
    """A spoken item whose audio is larger than a message of the data channel may be."""
    async with context.session() as connection:
        await context.play(connection, speech() * _LONG_TURN)
        committed = await connection.answer({"type": "input_audio_buffer.commit"}, "input_audio_buffer.committed")
        item_id = str(committed.get("item_id"))
        await connection.until("conversation.item.done", about=[item_id])
        with context.deciding("webrtc.retrieved"):
            asked = {"type": "conversation.item.retrieve", "item_id": item_id}
            retrieved = await connection.answer(asked, "conversation.item.retrieved")
            expect(retrieved.get("item.id") == item_id, f"{item_id} was asked for, and another one came")


@scenario("webrtc.g711")
async def _another_audio_format(context: ScenarioContext) -> None:
    """A session of audio/pcmu: what is sent and heard over the call is sound all the same."""
    formats = {"format": {"type": "audio/pcmu"}}
    audio = {"input": {**formats, "turn_detection": None}, "output": formats}
    async with context.session(output_modalities=["audio"], audio=audio) as connection:
        with context.deciding("webrtc.g711"):
            heard_before = connection.opened.call.heard_ms
            await finish(connection, await ask(connection, "Say: hello, how are you today?"))
            if not any(connection.trace.received("output_audio_buffer.stopped")):
                await connection.until("output_audio_buffer.stopped")
            heard_ms = connection.opened.call.heard_ms - heard_before
            expect(heard_ms >= _HEARD_MS, f"{heard_ms} ms of sound are heard on the track")


SCENARIOS: Final[tuple[Scenario, ...]] = (
    _an_answer_is_played,
    _a_user_interrupts_what_is_played,
    _a_client_stops_playback,
    _a_long_turn_is_retrieved,
    _another_audio_format,
)
