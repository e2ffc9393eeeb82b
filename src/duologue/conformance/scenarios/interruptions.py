"""Responses that do not come to their end."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from duologue.conformance.outcomes import Undecided, Violation, expect
from duologue.conformance.scenario_context import Bench
from duologue.conformance.scenarios.base import LONG, Scenario, Turn, ask, item_ids, scenario
from duologue.conformance.wire.raw_connection import RawConnection
from duologue.conformance.wire.trace import Json, Message

__all__ = ["SCENARIOS"]

_HEARD_MS: Final = 100
"""How much of the answer the client claims to have played."""


@scenario("response.cancel", "cancel.open_dones")
async def _a_client_cancels(bench: Bench) -> None:
    """A long answer is cancelled when its speech begins."""
    async with bench.session(output_modalities=["audio"]) as line:
        created = await ask(line, LONG)
        await line.until("response.output_audio.delta")
        turn = await bench.vital("response.cancel", _cancel(line, created))
        bench.follows("response.cancel", [*line.trace.sent("response.cancel"), turn.done])
        with bench.deciding("cancel.open_dones"):
            _closes_what_it_opened(line, turn)


@scenario("cancel.by_id")
async def _a_client_cancels_by_id(bench: Bench) -> None:
    """As before, and the response is named."""
    async with bench.session(output_modalities=["audio"]) as line:
        created = await ask(line, LONG)
        with bench.deciding("cancel.by_id"):
            turn = await _cancel(line, created, response_id=created.get("response.id"))
            expect(turn.status == "cancelled", f"it ends {turn.status}")


@scenario("item.truncate_in_progress")
async def _a_client_truncates_what_is_being_said(bench: Bench) -> None:
    """A client that stops playing cuts at once, and does not wait for the response to end."""
    async with bench.session(output_modalities=["audio"]) as line:
        created = await ask(line, LONG)
        await line.until("response.output_audio.delta")
        with bench.deciding("item.truncate_in_progress"):
            (item_id, *_) = item_ids(line, str(created.get("response.id")))
            await line.answer(_truncate(item_id), "conversation.item.truncated")
            if any(line.trace.received("response.done")):
                raise Undecided("the response was complete before it was truncated")
        await line.send({"type": "response.cancel"})


async def _cancel(line: RawConnection, created: Message, **more: Any) -> Turn:
    await line.send({"type": "response.cancel", **more})
    id = str(created.get("response.id"))
    done = next((each for each in line.trace.received("response.done") if id in each.ids), None)
    if done is None:
        done = await line.until("response.done", "error")
    if done.type == "error" or done.get("response.status") == "completed":
        raise Undecided("the response was complete before the cancel was read")
    return Turn(created, done, line.about(id, *item_ids(line, id), since=created, upto=done))


def _closes_what_it_opened(line: RawConnection, turn: Turn) -> None:
    open_parts = len(turn.of("response.content_part.added")) - len(turn.of("response.content_part.done"))
    open_items = len(turn.of("response.output_item.added")) - len(turn.of("response.output_item.done"))
    expect(not open_parts and not open_items, f"{open_parts} parts and {open_items} items stay open")
    statuses = [each.get("item.status") for each in turn.of("response.output_item.done")]
    expect(statuses[-1:] == ["incomplete"], f"the item that was cut is {', '.join(map(str, statuses))}")


@scenario("barge_in.websocket")
async def _a_user_interrupts(bench: Bench) -> None:
    """Speech comes in while the answer is being spoken."""
    async with _listening(bench, interrupt_response=True) as line:
        created = await ask(line, LONG)
        await line.until("response.output_audio.delta")
        done = await bench.vital("barge_in.websocket", _interrupt(bench, line, created))
        if done.get("response.status") == "completed":
            raise Undecided("the response was complete before the speech was noticed")
        item_id = (item_ids(line, str(created.get("response.id"))) or ["item_missing"])[0]
        asked = line.answer(_truncate(item_id), "conversation.item.truncated")
        truncated = await bench.vital("barge_in.websocket", asked)
        begin, end = line.trace.messages.index(created), line.trace.messages.index(truncated)
        bench.follows("barge_in.websocket", _without_others(line.trace.messages[begin : end + 1], created))


@scenario("vad.no_interrupt")
async def _a_user_does_not_interrupt(bench: Bench) -> None:
    """Speech comes in, and the answer goes on."""
    async with _listening(bench, interrupt_response=False) as line:
        done = await _interrupt(bench, line, await ask(line, LONG))
        with bench.deciding("vad.no_interrupt"):
            started = line.first("input_audio_buffer.speech_started")
            if line.trace.precedes(done, started):
                raise Undecided("the response was complete before the speech was noticed")
            expect(done.get("response.status") == "completed", f"it ends {done.get('response.status')}")


def _listening(bench: Bench, *, interrupt_response: bool) -> Any:
    vad = {"type": "server_vad", "create_response": False, "interrupt_response": interrupt_response}
    return bench.session(output_modalities=["audio"], audio={"input": {"turn_detection": vad}})


async def _interrupt(bench: Bench, line: RawConnection, created: Message) -> Message:
    """Speak until the server notices; then the response's end, which may have been before."""
    began = len(line.trace.messages)
    speaking = asyncio.ensure_future(bench.speak(line, trailing_ms=1500))  # noqa: TID251 - ended and awaited below
    try:
        await _noticed(line, began)
    finally:
        speaking.cancel()
        await asyncio.gather(speaking, return_exceptions=True)
    line.rewind(line.trace.messages.index(created))
    return await line.until("response.done", about=[str(created.get("response.id"))])


async def _noticed(line: RawConnection, began: int) -> None:
    deadline_s = line.now_s + line.patience_s
    while not any(each.type == "input_audio_buffer.speech_started" for each in line.trace.messages[began:]):
        if line.now_s > deadline_s or line.trace.closed is not None:
            raise Violation(f"no input_audio_buffer.speech_started within {line.patience_s:g} s of speech")
        await asyncio.sleep(0.01)


def _truncate(item_id: str) -> Json:
    return {
        "type": "conversation.item.truncate",
        "item_id": item_id,
        "content_index": 0,
        "audio_end_ms": _HEARD_MS,
    }


def _without_others(messages: list[Message], created: Message) -> list[Message]:
    """Without events of other responses than this one."""
    id = created.get("response.id")
    return [each for each in messages if (each.get("response_id") or each.get("response.id") or id) == id]


SCENARIOS: Final[tuple[Scenario, ...]] = (
    _a_client_cancels,
    _a_client_cancels_by_id,
    _a_client_truncates_what_is_being_said,
    _a_user_interrupts,
    _a_user_does_not_interrupt,
)
