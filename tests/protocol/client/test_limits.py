"""A server cannot have a client keep more than its limits allow, and an hour's honest call comes nowhere near them."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import msgspec
import pytest

from bench import soak
from duologue.events import (
    ConversationItemCreateEvent,
    FunctionCallOutputItem,
    InputAudioBufferCommitEvent,
    RealtimeEvent,
)
from duologue.protocol import ClientProtocol
from duologue.protocol.client import limits
from duologue.protocol.client.core import ConversationCore, CoreOptions
from duologue.protocol.client.deduplication import Repeats
from duologue.protocol.client.limits import KeptLimits
from duologue.protocol.client.notices import RunTool
from duologue.protocol.client.pending_commands import Unanswered
from duologue.protocol.client.playback import PlaybackLedger
from duologue.protocol.client.tools.toolbox import Toolbox
from duologue.protocol.states import SequenceState
from duologue.testing import CountedIds
from tests.protocol._conversation import calling, clock, told
from tests.protocol._desk import Desk

LIMITS = KeptLimits(items=50, item_characters=20_000, characters=200_000, lasting_events=400, calls=20, running=4)


def a_core(kept: KeptLimits = LIMITS) -> ConversationCore:
    return ConversationCore(new_id=CountedIds(), options=CoreOptions(kept=kept), toolbox=Toolbox(clock))


def message(item_id: str, text: str = "") -> dict[str, Any]:
    content = [{"type": "output_text", "text": text}]
    return {"id": item_id, "type": "message", "role": "assistant", "status": "completed", "content": content}


def place(item_id: str, response_id: str = "r") -> dict[str, Any]:
    return {"response_id": response_id, "item_id": item_id, "output_index": 0, "content_index": 0}


def a_call(number: int) -> dict[str, Any]:
    return {
        "id": f"f{number}",
        "type": "function_call",
        "call_id": f"c{number}",
        "name": "clock",
        "arguments": '{"zone":"CET"}',
    }


Event = tuple[str, dict[str, Any]]


def items(number: int) -> Event:
    return "conversation.item.added", {"item": message(f"i{number}"), "previous_item_id": None}


def items_that_are_deleted(number: int) -> Event:
    if number % 2:
        return "conversation.item.deleted", {"item_id": f"i{number - 1}"}
    return "conversation.item.added", {"item": message(f"i{number}"), "previous_item_id": f"nobody{number}"}


def large_items(number: int) -> Event:
    return "conversation.item.done", {"item": message(f"i{number % 40}", "x" * 9_000), "previous_item_id": None}


def one_text(number: int) -> Event:
    return "response.output_text.delta", place("i") | {"delta": "x" * 100}


def empty_pieces(number: int) -> Event:
    return "response.output_text.delta", place("i") | {"delta": ""}


def one_transcript(number: int) -> Event:
    kind = "conversation.item.input_audio_transcription.delta"
    return kind, {"item_id": "i", "content_index": number, "delta": "x"}


def arguments(number: int) -> Event:
    return "response.function_call_arguments.delta", place("i") | {"call_id": "c", "delta": "x" * 100}


def parts(number: int) -> Event:
    part = {"type": "output_text", "text": "x" * 100}
    return "response.content_part.added", {**place("i"), "content_index": number, "part": part}


def responses(number: int) -> Event:
    return "response.created", {"response": {"id": f"r{number}", "object": "realtime.response", "conversation_id": "c"}}


def ended_responses(number: int) -> Event:
    usage = {"total_tokens": 1, "input_tokens": 1, "output_tokens": 0}
    return "response.done", {"response": {"id": f"r{number}", "status": "completed", "output": [], "usage": usage}}


def transcripts(number: int) -> Event:
    kind = "conversation.item.input_audio_transcription.completed"
    usage = {"type": "duration", "seconds": 1}
    return kind, {"item_id": f"i{number}", "content_index": 0, "transcript": "x", "usage": usage}


def calls(number: int) -> Event:
    return "response.output_item.done", {"response_id": f"r{number % 7}", "output_index": 0, "item": a_call(number)}


def calls_of_tool_servers(number: int) -> Event:
    item = {"id": f"m{number}", "type": "mcp_call", "server_label": "s", "name": "n", "arguments": "{}"}
    return "response.output_item.added", {"response_id": f"r{number}", "output_index": 0, "item": item}


ATTACKS: list[tuple[Callable[[int], Event], int, str]] = [
    (items, 50, "50 items"),
    (items_that_are_deleted, 102, "50 items"),
    (large_items, 21, "200000 characters in a conversation"),
    (one_text, 121, "20000 characters in an item"),
    (empty_pieces, 312, "20000 characters in an item"),
    (one_transcript, 307, "20000 characters in an item"),
    (arguments, 121, "20000 characters in an item"),
    (parts, 312, "20000 characters in an item"),
    (responses, 400, "400 events that leave something behind"),
    (ended_responses, 400, "400 events that leave something behind"),
    (transcripts, 50, "50 items"),
    (calls, 20, "20 calls without an end"),
    (calls_of_tool_servers, 20, "20 calls without an end"),
]


@pytest.mark.parametrize(("attack", "most", "words"), ATTACKS, ids=[attack.__name__ for attack, *_ in ATTACKS])
def test_a_server_that_tells_without_end_is_stopped(attack: Callable[[int], Event], most: int, words: str) -> None:
    core = a_core()
    for number in range(most + 1):
        assert core.excess is None
        kind, fields = attack(number)
        told(core, kind, event_id=f"e{number}", **fields)
    assert core.excess == f"the server sent more than {words}, which is more than is kept (CoreOptions.kept)"


def test_what_is_gone_counts_no_more() -> None:
    core = a_core(KeptLimits(items=50, item_characters=20_000, characters=200_000))
    for number in range(1_000):
        item = message(f"i{number}", "x" * 9_000)
        told(core, "conversation.item.added", event_id=f"a{number}", item=item, previous_item_id=None)
        told(core, "conversation.item.deleted", event_id=f"d{number}", item_id=f"i{number}")
        kind, fields = one_text(number)
        told(core, kind, event_id=f"t{number}", **{**fields, "item_id": f"beside{number}"})
        response: dict[str, Any] = {"id": "r", "conversation_id": None, "status": "completed", "output": []}
        told(core, "response.done", event_id=f"r{number}", response=response)
    assert core.excess is None
    assert len(core.store) == 0


def test_a_call_too_many_at_once_is_answered_and_not_run() -> None:
    core = a_core()
    runs: list[str] = []
    for number in range(6):
        kind, fields = calls(number)
        notices = told(core, kind, **{**fields, "response_id": "r"})
        runs += [notice.call.call_id for notice in notices if isinstance(notice, RunTool)]
    assert runs == ["c0", "c1", "c2", "c3"]
    for call_id in runs:
        core.tool_answered(call_id, "noon", now=0.0)
    told(core, "response.done", response={"id": "r", "conversation_id": "c", "status": "completed", "output": []})
    answers = [event.item for event in core.take_events() if isinstance(event, ConversationItemCreateEvent)]
    outputs = [item.output for item in answers if isinstance(item, FunctionCallOutputItem)]
    assert outputs[:4] == ["noon"] * 4
    assert outputs[4:] == ["The call was not made: 4 calls run already. Call it later."] * 2


def test_an_hour_of_talk_comes_nowhere_near_the_limits() -> None:
    least = KeptLimits(items=2_000, item_characters=20_000, characters=1_000_000, lasting_events=20_000, calls=10)
    core, protocol = a_core(least), ClientProtocol(new_id=CountedIds())
    hour: Iterator[tuple[int, list[str]]] = itertools.islice(soak.frames(), 60 * soak.TURNS_A_MINUTE)
    core.receive(protocol.receive(json.dumps({"event_id": "e", **soak.greeting()})), now=0.0)
    for turn, messages in hour:
        for text in messages:
            core.receive(protocol.receive(text), now=float(turn))
        core.take_notices()
        core.take_events()
    assert core.excess is None
    assert len(core.store) == 720


# --- what is remembered of what is over


def _repeats() -> tuple[Callable[[int], object], Callable[[], bool]]:
    repeats = Repeats()

    def event(number: int) -> RealtimeEvent:
        return RealtimeEvent.from_json({"type": "input_audio_buffer.cleared", "event_id": f"e{number}"})

    return lambda number: repeats.is_repeated(event(number)), lambda: repeats.is_repeated(event(0))


def _unanswered(*, taken: bool) -> tuple[Callable[[int], object], Callable[[], bool]]:
    unanswered = Unanswered()

    def send(number: int) -> None:
        unanswered.sent(InputAudioBufferCommitEvent(event_id=f"e{number}"))
        if taken:
            acknowledged = {"type": "input_audio_buffer.committed", "event_id": "e", "item_id": "i"}
            unanswered.receive(RealtimeEvent.from_json(acknowledged))

    def knows_the_first() -> bool:
        error = {"type": "invalid_request_error", "message": "", "event_id": "e0"}
        refused = RealtimeEvent.from_json({"type": "error", "event_id": "e", "error": error})
        return unanswered.receive(refused).command is not None

    return send, knows_the_first


def _played_parts() -> tuple[Callable[[int], object], Callable[[], bool]]:
    ledger = PlaybackLedger()
    return lambda number: ledger.received(f"i{number}", 0, 48), lambda: ledger.received_bytes("i0") > 0


def _detached_items() -> tuple[Callable[[int], object], Callable[[], bool]]:
    core = ConversationCore(new_id=CountedIds())

    def knows_the_first() -> bool:
        told(core, "conversation.item.added", item=message("i0"), previous_item_id=None)
        stored = core.store.get("i0")
        return stored is not None and stored.text == "x"

    return lambda number: told(core, "response.output_text.delta", **place(f"i{number}"), delta="x"), knows_the_first


def _ended_responses() -> tuple[Callable[[int], object], Callable[[], bool]]:
    desk = Desk()

    def one(number: int) -> None:
        desk.created(f"r{number}")
        desk.done(f"r{number}")

    def knows_the_first() -> bool:
        desk.created("r0")
        return desk.at(SequenceState.IDLE)

    return one, knows_the_first


def _called_functions() -> tuple[Callable[[int], object], Callable[[], bool]]:
    core = ConversationCore(new_id=CountedIds(), toolbox=Toolbox(clock))

    def one(number: int) -> list[Any]:
        return calling(core, (f"c{number}", '{"zone":"CET"}'), response_id=f"r{number}")

    def call(number: int) -> None:
        one(number)
        core.tool_answered(f"c{number}", "noon", now=0.0)

    def knows_the_first() -> bool:
        item = {"type": "function_call", "id": "i", "name": "clock", "call_id": "c0", "arguments": '{"zone":"CET"}'}
        notices = told(core, "response.output_item.done", response_id="again", output_index=0, item=item)
        return not any(isinstance(notice, RunTool) for notice in notices)

    return call, knows_the_first


@pytest.mark.parametrize(
    ("make", "most"),
    [
        (_repeats, 512),
        (partial(_unanswered, taken=False), 256),
        (partial(_unanswered, taken=True), 256),
        (_played_parts, 256),
        (_detached_items, 256),
        (_ended_responses, 64),
        (_called_functions, 1024),
    ],
    ids=["events", "commands", "answered commands", "speech", "items out of band", "responses", "calls"],
)
def test_the_newest_are_remembered_and_no_more(
    make: Callable[[], tuple[Callable[[int], object], Callable[[], bool]]], most: int
) -> None:
    for count, known in ((most, True), (most + 1, False)):
        add, knows_the_first = make()
        for number in range(count):
            add(number)
        assert knows_the_first() is known


def test_the_table_of_limits_is_that_of_the_defaults() -> None:
    rows = re.findall(r"^(\w+) +([\d,]+)( Mi)? ", str(limits.__doc__), re.MULTILINE)
    table = {name: int(number.replace(",", "")) * (1024 * 1024 if unit else 1) for name, number, unit in rows}
    assert table == msgspec.structs.asdict(KeptLimits())


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["x" * 5, "y" * 5], None),
        (["x" * 6], "133 characters in an item"),
        (["x" * 5, "y" * 5, ""], "266 characters in a conversation"),
    ],
    ids=["as many as may be", "an item too long", "an item too many"],
)
def test_characters_may_be_as_many_as_their_limits_say(texts: list[str], words: str | None) -> None:
    core = a_core(KeptLimits(item_characters=64 + 64 + 5, characters=2 * (64 + 64 + 5)))
    for number, text in enumerate(texts):
        assert core.excess is None
        told(core, "conversation.item.added", item=message(f"i{number}", text), previous_item_id=None)
    assert (core.excess or "").removesuffix(", which is more than is kept (CoreOptions.kept)") == (
        f"the server sent more than {words}" if words else ""
    )
