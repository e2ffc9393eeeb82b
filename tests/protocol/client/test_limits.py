"""A server cannot make a client keep more than its limits, and an hour of talk stays far below them."""

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
from duologue.protocol.client.core import ConversationCore
from duologue.protocol.client.deduplication import Deduplicator
from duologue.protocol.client.limits import KeptLimits
from duologue.protocol.client.notices import RunTool
from duologue.protocol.client.options import CoreOptions
from duologue.protocol.client.pending_commands import PendingCommands
from duologue.protocol.client.playback import PlaybackLedger
from duologue.protocol.client.tools.toolbox import Toolbox
from duologue.protocol.states import SequenceState
from duologue.testing import CountedIds
from tests.protocol._conversation import calling, clock, receive
from tests.protocol._sequencer_driver import SequencerDriver
from tests.protocol._wire import rejected, server_event

LIMITS = KeptLimits(items=50, item_characters=20_000, characters=200_000, lasting_events=400, calls=20, running=4)


def a_core(kept: KeptLimits = LIMITS) -> ConversationCore:
    return ConversationCore(new_id=CountedIds(), options=CoreOptions(kept=kept), toolbox=Toolbox(clock))


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

ITEMS = "50 items"
IN_AN_ITEM = "20000 characters in an item"
LASTING = "400 events that leave something behind"
CALLS = "20 calls without an end"

ATTACKS: dict[str, tuple[Callable[[int], Event], int, str]] = {
    "items": (lambda n: ("conversation.item.added", {"item": message(f"i{n}"), "previous_item_id": None}), 50, ITEMS),
    "items that are deleted": (items_that_are_deleted, 102, ITEMS),
    "large items": (
        lambda n: ("conversation.item.done", {"item": message(f"i{n % 40}", "x" * 9_000)}),
        *(21, "200000 characters in a conversation"),
    ),
    "one text": (one_text, 121, IN_AN_ITEM),
    "empty pieces": (lambda n: ("response.output_text.delta", place("i") | {"delta": ""}), 312, IN_AN_ITEM),
    "one transcript": (
        lambda n: (f"{TRANSCRIPTION}.delta", {"item_id": "i", "content_index": n, "delta": "x"}),
        *(307, IN_AN_ITEM),
    ),
    "arguments": (lambda n: (f"{ARGUMENTS}.delta", place("i") | {"call_id": "c", "delta": "x" * 100}), 121, IN_AN_ITEM),
    "parts": (
        lambda n: ("response.content_part.added", place("i") | {"content_index": n, "part": TEXT}),
        *(312, IN_AN_ITEM),
    ),
    "responses": (
        lambda n: ("response.created", {"response": {"id": f"r{n}", "conversation_id": "c"}}),
        *(400, LASTING),
    ),
    "ended responses": (
        lambda n: (
            "response.done",
            {"response": {"id": f"r{n}", "status": "completed", "output": [], "usage": USAGE}},
        ),
        *(400, LASTING),
    ),
    "transcripts": (lambda n: (f"{TRANSCRIPTION}.completed", {"item_id": f"i{n}", **DURATION}), 50, ITEMS),
    "calls": (calls, 20, CALLS),
    "calls of MCP servers": (
        lambda n: (
            "response.output_item.added",
            {"response_id": f"r{n}", "output_index": 0, "item": mcp_call(n)},
        ),
        *(20, CALLS),
    ),
}
"""Each with the number of its events that are accepted, and the limit that the next one exceeds."""


@pytest.mark.parametrize(("attack", "accepted", "limit"), ATTACKS.values(), ids=ATTACKS)
def test_a_server_that_sends_without_end_is_stopped(attack: Callable[[int], Event], accepted: int, limit: str) -> None:
    core = a_core()
    for number in range(accepted + 1):
        assert core.excess is None
        kind, fields = attack(number)
        receive(core, kind, event_id=f"e{number}", **fields)
    assert core.excess == f"the server sent more than {limit}, which is more than is kept (CoreOptions.kept)"


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


# --- what is remembered of the past


Memory = tuple[Callable[[int], object], Callable[[], bool]]
"""What adds the entry of a number, and what returns whether the first entry is still known."""


def _event_ids() -> Memory:
    deduplicator = Deduplicator()

    def event(number: int) -> RealtimeEvent:
        return server_event("input_audio_buffer.cleared", event_id=f"e{number}")

    return lambda number: deduplicator.is_repeated(event(number)), lambda: deduplicator.is_repeated(event(0))


def _commands(*, answered: bool) -> Memory:
    pending = PendingCommands()

    def send(number: int) -> None:
        pending.sent(InputAudioBufferCommitEvent(event_id=f"e{number}"))
        if answered:
            pending.receive(server_event("input_audio_buffer.committed", item_id="i"))

    def knows_the_first() -> bool:
        return pending.receive(rejected("e0")).command is not None

    return send, knows_the_first


def _played_parts() -> Memory:
    ledger = PlaybackLedger()
    return lambda number: ledger.received(f"i{number}", 0, 48), lambda: ("i0", 0) in ledger.interrupt().cut


def _detached_items() -> Memory:
    core = ConversationCore(new_id=CountedIds())

    def knows_the_first() -> bool:
        receive(core, "conversation.item.added", item=message("i0"), previous_item_id=None)
        stored = core.store.get("i0")
        return stored is not None and stored.text == "x"

    return lambda number: receive(core, "response.output_text.delta", **place(f"i{number}"), delta="x"), knows_the_first


def _ended_responses() -> Memory:
    driver = SequencerDriver()

    def one(number: int) -> None:
        driver.created(f"r{number}")
        driver.done(f"r{number}")

    def knows_the_first() -> bool:
        driver.created("r0")
        return driver.at(SequenceState.IDLE)

    return one, knows_the_first


def _called_functions() -> Memory:
    core = ConversationCore(new_id=CountedIds(), toolbox=Toolbox(clock))

    def one(number: int) -> list[Any]:
        return calling(core, (f"c{number}", '{"zone":"CET"}'), response_id=f"r{number}")

    def call(number: int) -> None:
        one(number)
        core.tool_answered(f"c{number}", "noon", now=0.0)

    def knows_the_first() -> bool:
        item = {"type": "function_call", "id": "i", "name": "clock", "call_id": "c0", "arguments": '{"zone":"CET"}'}
        notices = receive(core, "response.output_item.done", response_id="again", output_index=0, item=item)
        return not any(isinstance(notice, RunTool) for notice in notices)

    return call, knows_the_first


@pytest.mark.parametrize(
    ("make", "least", "most"),
    [
        (_event_ids, 256, 511),  # two halves, of which the older one goes as a whole
        (partial(_commands, answered=False), 256, 256),
        (partial(_commands, answered=True), 256, 256),
        (_played_parts, 256, 256),
        (_detached_items, 256, 256),
        (_ended_responses, 64, 64),
        (_called_functions, 1024, 1024),
    ],
    ids=["events", "commands", "answered commands", "speech", "items out of band", "responses", "calls"],
)
def test_the_newest_are_remembered_and_no_more(make: Callable[[], Memory], least: int, most: int) -> None:
    for count, known in ((least, True), (most + 1, False)):
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
        receive(core, "conversation.item.added", item=message(f"i{number}", text), previous_item_id=None)
    assert (core.excess or "").removesuffix(", which is more than is kept (CoreOptions.kept)") == (
        f"the server sent more than {words}" if words else ""
    )
