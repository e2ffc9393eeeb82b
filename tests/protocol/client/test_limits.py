"""A server cannot make a client keep more than its limits, and an hour of talk stays far below them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bench import soak
from duologue.events import ConversationItemCreateEvent, FunctionCallOutputItem
from duologue.protocol import ClientProtocol
from duologue.protocol.client.core import ConversationCore
from duologue.protocol.client.limits import KeptLimits
from duologue.protocol.client.notices import RunTool
from duologue.protocol.client.options import CoreOptions
from duologue.protocol.client.tools.toolbox import Toolbox
from duologue.testing import CountedIds
from tests.protocol._conversation import clock, receive

LIMITS = KeptLimits(items=50, item_characters=20_000, characters=200_000, lasting_events=400, calls=20, running=4)


def a_core(limits: KeptLimits = LIMITS) -> ConversationCore:
    return ConversationCore(new_id=CountedIds(), options=CoreOptions(kept=limits), toolbox=Toolbox(clock))


def message(item_id: str, text: str = "") -> dict[str, Any]:
    content = [{"type": "output_text", "text": text}]
    return {"id": item_id, "type": "message", "role": "assistant", "status": "completed", "content": content}


def place(item_id: str, response_id: str = "r") -> dict[str, Any]:
    return {"response_id": response_id, "item_id": item_id, "output_index": 0, "content_index": 0}


def a_call(number: int) -> dict[str, Any]:
    call = {"id": f"f{number}", "type": "function_call", "call_id": f"c{number}", "name": "clock"}
    return {**call, "arguments": '{"zone":"CET"}'}


Event = tuple[str, dict[str, Any]]


def one_text(number: int) -> Event:
    return "response.output_text.delta", place("i") | {"delta": "x" * 100}


def calls(number: int) -> Event:
    return "response.output_item.done", {"response_id": f"r{number % 7}", "output_index": 0, "item": a_call(number)}


def items_that_are_deleted(number: int) -> Event:
    if number % 2:
        return "conversation.item.deleted", {"item_id": f"i{number - 1}"}
    return "conversation.item.added", {"item": message(f"i{number}"), "previous_item_id": f"unknown{number}"}


def mcp_call(number: int) -> dict[str, Any]:
    return {"id": f"m{number}", "type": "mcp_call", "server_label": "s", "name": "n", "arguments": "{}"}


ARGUMENTS = "response.function_call_arguments"
TRANSCRIPTION = "conversation.item.input_audio_transcription"
TEXT = {"type": "output_text", "text": "x" * 100}
USAGE = {"total_tokens": 1, "input_tokens": 1, "output_tokens": 0}
DURATION = {"content_index": 0, "transcript": "x", "usage": {"type": "duration", "seconds": 1}}

ATTACKS: dict[str, Callable[[int], Event]] = {
    "items": lambda n: ("conversation.item.added", {"item": message(f"i{n}"), "previous_item_id": None}),
    "items that are deleted": items_that_are_deleted,
    "large items": lambda n: ("conversation.item.done", {"item": message(f"i{n % 40}", "x" * 9_000)}),
    "one text": one_text,
    "empty pieces": lambda n: ("response.output_text.delta", place("i") | {"delta": ""}),
    "one transcript": lambda n: (f"{TRANSCRIPTION}.delta", {"item_id": "i", "content_index": n, "delta": "x"}),
    "arguments": lambda n: (f"{ARGUMENTS}.delta", place("i") | {"call_id": "c", "delta": "x" * 100}),
    "parts": lambda n: ("response.content_part.added", place("i") | {"content_index": n, "part": TEXT}),
    "responses": lambda n: ("response.created", {"response": {"id": f"r{n}", "conversation_id": "c"}}),
    "ended responses": lambda n: (
        "response.done",
        {"response": {"id": f"r{n}", "status": "completed", "output": [], "usage": USAGE}},
    ),
    "transcripts": lambda n: (f"{TRANSCRIPTION}.completed", {"item_id": f"i{n}", **DURATION}),
    "calls": calls,
    "calls of MCP servers": lambda n: (
        "response.output_item.added",
        {"response_id": f"r{n}", "output_index": 0, "item": mcp_call(n)},
    ),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_a_server_that_sends_without_end_is_stopped(attack: Callable[[int], Event]) -> None:
    core = a_core()
    for number in range(2_000):
        kind, fields = attack(number)
        receive(core, kind, event_id=f"e{number}", **fields)
        if core.excess is not None:
            break
    assert core.excess is not None
    assert "which is more than is kept" in core.excess


def test_deleted_items_and_ended_responses_count_no_more() -> None:
    core = a_core(KeptLimits(items=50, item_characters=20_000, characters=200_000))
    for number in range(1_000):
        item = message(f"i{number}", "x" * 9_000)
        receive(core, "conversation.item.added", event_id=f"a{number}", item=item, previous_item_id=None)
        receive(core, "conversation.item.deleted", event_id=f"d{number}", item_id=f"i{number}")
        kind, fields = one_text(number)
        receive(core, kind, event_id=f"t{number}", **{**fields, "item_id": f"detached{number}"})
        response: dict[str, Any] = {"id": "r", "conversation_id": None, "status": "completed", "output": []}
        receive(core, "response.done", event_id=f"r{number}", response=response)
    assert core.excess is None
    assert len(core.store) == 0


def test_a_call_too_many_at_once_is_answered_and_not_run() -> None:
    core = a_core()
    runs: list[str] = []
    for number in range(6):
        kind, fields = calls(number)
        notices = receive(core, kind, **{**fields, "response_id": "r"})
        runs += [notice.call.call_id for notice in notices if isinstance(notice, RunTool)]
    assert runs == ["c0", "c1", "c2", "c3"]
    for call_id in runs:
        core.tool_answered(call_id, "noon", now=0.0)
    receive(core, "response.done", response={"id": "r", "conversation_id": "c", "status": "completed", "output": []})
    answers = [event.item for event in core.take_events() if isinstance(event, ConversationItemCreateEvent)]
    outputs = [item.output for item in answers if isinstance(item, FunctionCallOutputItem)]
    assert outputs[:4] == ["noon"] * 4
    assert outputs[4:] == ["The call was not made: 4 calls run already. Call it later."] * 2


def test_an_hour_of_talk_stays_far_below_the_limits() -> None:
    tight = KeptLimits(items=2_000, item_characters=20_000, characters=1_000_000, lasting_events=20_000, calls=10)
    core, protocol = a_core(tight), ClientProtocol(new_id=CountedIds())
    hour: Iterator[tuple[int, list[str]]] = itertools.islice(soak.frames(), 60 * soak.TURNS_A_MINUTE)
    core.receive(protocol.receive(json.dumps({"event_id": "e", **soak.greeting()})), now=0.0)
    for turn, messages in hour:
        for text in messages:
            core.receive(protocol.receive(text), now=float(turn))
        core.take_notices()
        core.take_events()
    assert core.excess is None
    assert len(core.store) == 720
