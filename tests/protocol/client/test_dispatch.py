"""Parts of the client's core handle the events that they declare, in the order in which the core names them."""

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
from duologue.protocol.client.core import ORDER, ConversationCore
from duologue.protocol.client.dispatch import EventContext, HandlesEvents, Part, dispatch_table, on

CLEARED = InputAudioBufferClearedEvent(event_id="e")
COMMITTED = InputAudioBufferCommittedEvent(event_id="e", item_id="i", previous_item_id=None)


class Recorder(Part):
    """Records the events that it handles."""

    def __init__(self, name: str, log: list[str]) -> None:
        self._name = name
        self._log = log

    @on(InputAudioBufferCommittedEvent, InputAudioBufferClearedEvent)
    def _first(self, event: RealtimeEvent, context: EventContext) -> None:
        self._log.append(f"{self._name} first")

    @on(InputAudioBufferCommittedEvent)
    def _second(self, event: InputAudioBufferCommittedEvent, context: EventContext) -> None:
        self._log.append(f"{self._name} second")


class Other(Recorder):
    """Handles fewer events; the declarations of its base class do not count."""

    @on(InputAudioBufferCommittedEvent)
    def _other(self, event: InputAudioBufferCommittedEvent, context: EventContext) -> None:
        self._log.append(f"{self._name} other")


def test_an_event_goes_to_the_parts_in_their_order_and_to_their_handlers_in_that_of_definition() -> None:
    log: list[str] = []
    table = dispatch_table([Recorder, Other])
    parts = Recorder("b", log), Other("a", log)
    for event in (COMMITTED, CLEARED):
        for place, handler in table[type(event)]:
            handler(parts[place], event, EventContext())
    assert log == ["b first", "b second", "a other", "b first"]


def test_an_event_that_no_part_declares_is_not_in_the_table() -> None:
    assert ErrorEvent not in dispatch_table([Recorder])


def test_a_part_alone_ignores_what_it_does_not_declare() -> None:
    log: list[str] = []
    error = RealtimeError(type="x", code=None, message="", param=None, event_id=None)
    Recorder("a", log).receive(ErrorEvent(event_id="e", error=error))
    assert log == []


def test_a_part_fills_in_the_context_that_it_is_given() -> None:
    context = EventContext(now=3.0)
    assert Recorder("a", []).receive(CLEARED, context) is context


@pytest.mark.parametrize("part", ORDER, ids=lambda part: part.__name__)
def test_a_handler_is_annotated_with_the_events_that_it_declares(part: type[HandlesEvents]) -> None:
    for event_class, handlers in part.handlers.items():
        for handler in handlers:
            annotated: Any = typing.get_type_hints(handler)["event"]
            members = typing.get_args(annotated) or (annotated,)
            if members != (RealtimeEvent,):  # a handler that treats all of its events alike
                assert set(members) == set(inspect.unwrap(handler).__dict__["handles"]), handler
            assert issubclass(event_class, members)


def test_the_core_has_its_parts_in_the_order_of_the_table() -> None:
    core = ConversationCore(new_id=str)
    assert [type(part) for part in (*core._parts, core)] == list(ORDER)


def test_no_event_class_is_derived_from_another_so_that_its_class_alone_finds_its_handlers() -> None:
    classes = list(EVENT_CLASSES.values())
    assert not [one for one in classes for other in classes if one is not other and issubclass(one, other)]


def test_a_context_without_arguments_is_empty() -> None:
    context = EventContext()
    assert (context.now, context.command, context.out_of_band) == (0.0, None, False)
    assert (context.audio, context.encoding, context.answers) == (None, None, None)
