"""Responses that are cancelled, truncated or interrupted."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from duologue.conformance.outcomes import Undecided, Violation, expect
from duologue.conformance.scenario_context import ScenarioContext
from duologue.conformance.scenarios.base import LONG, ResponseTrace, Scenario, ask, item_ids, scenario
from duologue.conformance.wire.raw_connection import RawConnection
from duologue.conformance.wire.trace import Json, WireMessage

__all__ = ["SCENARIOS"]

_PLAYED_MS: Final = 100
"""How much of the answer the client reports as played."""


@scenario("response.cancel", "cancel.open_dones")
async def _a_client_cancels(context: ScenarioContext) -> None:
    """A long answer is cancelled when its speech begins."""
    async with context.session(output_modalities=["audio"]) as connection:
        created = await ask(connection, LONG)
        await connection.until(context.speech_began)
        response = await context.vital("response.cancel", _cancel(connection, created))
        context.follows("response.cancel", [*connection.trace.sent("response.cancel"), response.done])
        with context.deciding("cancel.open_dones"):
            _closes_what_it_opened(connection, response)


@scenario("cancel.by_id")
async def _a_client_cancels_by_id(context: ScenarioContext) -> None:
    """The cancel names the response."""
    async with context.session(output_modalities=["audio"]) as connection:
        created = await ask(connection, LONG)
        with context.deciding("cancel.by_id"):
            response = await _cancel(connection, created, response_id=created.get("response.id"))
            expect(response.status == "cancelled", f"it ends {response.status}")


@scenario("item.truncate_in_progress")
async def _a_client_truncates_what_is_being_said(context: ScenarioContext) -> None:
    """A client that stops playback truncates at once, before the response ends."""
    async with context.session(output_modalities=["audio"]) as connection:
        created = await ask(connection, LONG)
        await connection.until(context.speech_began)
        with context.deciding("item.truncate_in_progress"):
            (item_id, *_) = item_ids(connection, str(created.get("response.id")))
            await connection.answer(_truncate(item_id), "conversation.item.truncated")
            if any(connection.trace.received("response.done")):
                raise Undecided("the response was complete before it was truncated")
        await connection.send({"type": "response.cancel"})


async def _cancel(connection: RawConnection, created: WireMessage, **more: Any) -> ResponseTrace:
    await connection.send({"type": "response.cancel", **more})
    id = str(created.get("response.id"))
    done = next((each for each in connection.trace.received("response.done") if id in each.ids), None)
    if done is None:
        done = await connection.until("response.done", "error")
    if done.type == "error" or done.get("response.status") == "completed":
        raise Undecided("the response was complete before the cancel was read")
    return ResponseTrace(created, done, connection.about(id, *item_ids(connection, id), since=created, upto=done))


def _closes_what_it_opened(connection: RawConnection, response: ResponseTrace) -> None:
    open_parts = len(response.of("response.content_part.added")) - len(response.of("response.content_part.done"))
    open_items = len(response.of("response.output_item.added")) - len(response.of("response.output_item.done"))
    expect(not open_parts and not open_items, f"{open_parts} parts and {open_items} items stay open")
    statuses = [each.get("item.status") for each in response.of("response.output_item.done")]
    expect(statuses[-1:] == ["incomplete"], f"the item that was cut is {', '.join(map(str, statuses))}")


@scenario("barge_in.websocket")
async def _a_user_interrupts(context: ScenarioContext) -> None:
    """The user speaks while the answer is streamed."""
    async with _speech_session(context, interrupt_response=True) as connection:
        created = await ask(connection, LONG)
        await connection.until(context.speech_began)
        done = await context.vital("barge_in.websocket", _interrupt(context, connection, created))
        if done.get("response.status") == "completed":
            raise Undecided("the response was complete before the speech was noticed")
        item_id = (item_ids(connection, str(created.get("response.id"))) or ["item_missing"])[0]
        asked = connection.answer(_truncate(item_id), "conversation.item.truncated")
        truncated = await context.vital("barge_in.websocket", asked)
        begin, end = connection.trace.messages.index(created), connection.trace.messages.index(truncated)
        context.follows("barge_in.websocket", _without_others(connection.trace.messages[begin : end + 1], created))


@scenario("vad.no_interrupt", "webrtc.no_interrupt")
async def _a_user_does_not_interrupt(context: ScenarioContext) -> None:
    """The user speaks, and the answer goes on."""
    async with _speech_session(context, interrupt_response=False) as connection:
        done = await _interrupt(context, connection, await ask(connection, LONG))
        with context.deciding("vad.no_interrupt"):
            started = connection.first("input_audio_buffer.speech_started")
            if connection.trace.precedes(done, started):
                raise Undecided("the response was complete before the speech was noticed")
            expect(done.get("response.status") == "completed", f"it ends {done.get('response.status')}")
        with context.deciding("webrtc.no_interrupt"):
            started = connection.first("input_audio_buffer.speech_started")
            await connection.quiet()
            cleared = list(connection.trace.received("output_audio_buffer.cleared"))
            expect(not cleared, "playback was cleared")
            ended = next(connection.trace.received("output_audio_buffer.stopped"), None)
            if ended is not None and connection.trace.precedes(ended, started):
                raise Undecided("the answer was over before the speech was noticed")


def _speech_session(context: ScenarioContext, *, interrupt_response: bool) -> Any:
    vad = {"type": "server_vad", "create_response": False, "interrupt_response": interrupt_response}
    return context.session(output_modalities=["audio"], audio={"input": {"turn_detection": vad}})


async def _interrupt(context: ScenarioContext, connection: RawConnection, created: WireMessage) -> WireMessage:
    """Append speech until the server detects it; returns the response.done, which may have come before."""
    began = len(connection.trace.messages)
    speaking = asyncio.ensure_future(context.speak(connection, trailing_ms=1500))  # noqa: TID251 - ended and awaited below
    try:
        await _noticed(connection, began)
    finally:
        speaking.cancel()
        await asyncio.gather(speaking, return_exceptions=True)
    connection.rewind(connection.trace.messages.index(created))
    return await connection.until("response.done", about=[str(created.get("response.id"))])


async def _noticed(connection: RawConnection, began: int) -> None:
    deadline_s = connection.now_s + connection.timeout_s
    while not any(each.type == "input_audio_buffer.speech_started" for each in connection.trace.messages[began:]):
        if connection.now_s > deadline_s or connection.trace.closed is not None:
            raise Violation(f"no input_audio_buffer.speech_started within {connection.timeout_s:g} s of speech")
        await asyncio.sleep(0.01)


def _truncate(item_id: str) -> Json:
    return {
        "type": "conversation.item.truncate",
        "item_id": item_id,
        "content_index": 0,
        "audio_end_ms": _PLAYED_MS,
    }


def _without_others(messages: list[WireMessage], created: WireMessage) -> list[WireMessage]:
    """The messages without events of other responses."""
    id = created.get("response.id")
    return [each for each in messages if (each.get("response_id") or each.get("response.id") or id) == id]


SCENARIOS: Final[tuple[Scenario, ...]] = (
    _a_client_cancels,
    _a_client_cancels_by_id,
    _a_client_truncates_what_is_being_said,
    _a_user_interrupts,
    _a_user_does_not_interrupt,
)
