"""Parts of the client's core take the events that they declare, in the order in which the core names them."""

from __future__ import annotations

import inspect
import typing
from typing import Any

import pytest

from duologue.codec import EVENT_CLASSES
from duologue.events import (
    ErrorEvent,
    InputAudioBufferClearedEvent,
    InputAudioBufferCommittedEvent,
    RealtimeError,
    RealtimeEvent,
)
from duologue.protocol.core import ConversationCore
from duologue.protocol.dispatch import EventContext, Part, Takes, dispatch_table, on
from duologue.protocol.local_checks import LocalChecks
from duologue.protocol.memory import SessionMemory
from duologue.protocol.model_speech import ModelSpeech
from duologue.protocol.sequencer import ResponseSequencer
from duologue.protocol.store import ConversationStore
from duologue.protocol.telling import EventNotices
from duologue.protocol.tool_calls import ToolCalls
from duologue.protocol.unanswered import Unanswered
from duologue.protocol.usage_ledger import UsageLedger

PARTS = [
    Unanswered,
    LocalChecks,
    SessionMemory,
    ResponseSequencer,
    ModelSpeech,
    ConversationStore,
    ToolCalls,
    EventNotices,
    UsageLedger,
    ConversationCore,
]

CLEARED = InputAudioBufferClearedEvent(event_id="e")
COMMITTED = InputAudioBufferCommittedEvent(event_id="e", item_id="i", previous_item_id=None)


class Listener(Part):
    """Writes down what it takes."""

    def __init__(self, name: str, log: list[str]) -> None:
        self._name = name
        self._log = log

    @on(InputAudioBufferCommittedEvent, InputAudioBufferClearedEvent)
    def _first(self, event: RealtimeEvent, context: EventContext) -> None:
        self._log.append(f"{self._name} first")

    @on(InputAudioBufferCommittedEvent)
    def _second(self, event: InputAudioBufferCommittedEvent, context: EventContext) -> None:
        self._log.append(f"{self._name} second")


def test_an_event_goes_to_the_parts_in_their_order_and_to_their_handlers_in_that_of_definition() -> None:
    log: list[str] = []
    table = dispatch_table([Listener("b", log), Listener("a", log)])
    for event in (COMMITTED, CLEARED):
        for handler in table[type(event)]:
            handler(event, EventContext())
    assert log == ["b first", "b second", "a first", "a second", "b first", "a first"]


def test_an_event_that_no_part_declares_is_not_in_the_table() -> None:
    assert ErrorEvent not in dispatch_table([Listener("a", [])])


def test_a_part_alone_ignores_what_it_does_not_declare() -> None:
    log: list[str] = []
    error = RealtimeError(type="x", code=None, message="", param=None, event_id=None)
    Listener("a", log).receive(ErrorEvent(event_id="e", error=error))
    assert log == []


def test_a_part_fills_in_the_context_that_it_is_given() -> None:
    context = EventContext(now=3.0)
    assert Listener("a", []).receive(CLEARED, context) is context


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_a_handler_is_annotated_with_the_events_that_it_declares(part: type[Takes]) -> None:
    for event_class, handlers in part.handlers.items():
        for handler in handlers:
            annotated: Any = typing.get_type_hints(handler)["event"]
            members = typing.get_args(annotated) or (annotated,)
            if members != (RealtimeEvent,):  # one that treats all of its events alike
                assert set(members) == set(inspect.unwrap(handler).__dict__["takes"]), handler
            assert issubclass(event_class, members)


def test_the_core_has_no_part_that_is_not_listed_here() -> None:
    handlers = [handler for taking in ConversationCore(new_id=str).table.values() for handler in taking]
    assert {type(getattr(handler, "__self__", None)) for handler in handlers} == set(PARTS)


def test_no_event_class_is_derived_from_another_so_that_its_class_alone_finds_its_handlers() -> None:
    classes = list(EVENT_CLASSES.values())
    assert not [one for one in classes for other in classes if one is not other and issubclass(one, other)]
