"""Which part of the client's core handles which event, from what each part declares.

    class UsageLedger(Part):
        @on(ResponseDoneEvent)
        def _response_done(self, event: ResponseDoneEvent, context: EventContext) -> None: ...

The core has one table of the handlers of all its parts, and looks an event up in it by its class. An event goes to the
parts in the order in which the core names them, and inside a part to its handlers in the order of their definition.
A part that finds out what another one needs stands before it, and writes that into the event's context.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, TypeAlias, TypeVar

from msgspec import Struct

from duologue.audio.formats import Encoding
from duologue.events import ClientEvent, RealtimeEvent

__all__ = ["EventContext", "Handler", "HandlesEvents", "Part", "dispatch_table", "on"]


class EventContext(Struct):
    """What is known about an event besides its fields. Each field names the part that fills it in."""

    now: float = 0.0
    """On the core's clock, in seconds."""
    command: ClientEvent | None = None
    """The client's command that the event answers, if it is known: from `PendingCommands`."""
    out_of_band: bool = False
    """Whether the response that the event creates stays out of the conversation: from `ResponseSequencer`."""
    in_conversation: bool | None = None
    """Whether the response that ends is one of the conversation, if that is known: from `ResponseSequencer`."""
    unannounced: bool = False
    """Whether the event begins a response whose `response.created` has not come: from `ResponseSequencer`."""
    silence: str = ""
    """Why the client itself ends the response, whose end the server has not told: from `ResponseSilence`."""
    all_told: bool = False
    """Whether every item of that response has ended: from `ResponseSilence`."""
    transcripts: Sequence[str] = ()
    """Transcripts of the user's speech that the event's item tells for the first time: from `ConversationStore`."""
    told_before: bool = False
    """Whether the event's transcript was told before: from `ConversationStore`."""
    audio: bytes | None = None
    """Speech in the event, if it is to be played: from `OutputAudio`."""
    encoding: Encoding | None = None
    """Of the speech that the event has, or that it truncates: from `OutputAudio`."""

    @property
    def answers(self) -> str | None:
        """Event id of the command that the event answers."""
        return str(self.command.event_id) if self.command is not None else None


Handler: TypeAlias = Callable[[Any, Any, EventContext], None]
H = TypeVar("H", bound=Handler)


def on(*classes: type[RealtimeEvent]) -> Callable[[H], H]:
    """Declares that the method handles events of exactly these classes, without their subclasses."""

    def declare(handler: H) -> H:
        handler.__dict__["handles"] = classes
        return handler

    return declare


class HandlesEvents:
    """A class whose methods declare with `on` which events they handle."""

    handlers: ClassVar[Mapping[type[RealtimeEvent], tuple[Handler, ...]]] = {}
    """By class of event, in the order of their definition."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        declared: dict[type[RealtimeEvent], tuple[Handler, ...]] = {}
        for handler in vars(cls).values():
            for event_class in getattr(handler, "handles", ()):
                declared[event_class] = (*declared.get(event_class, ()), handler)
        cls.handlers = declared


class Part(HandlesEvents):
    """One part of the core, which also works alone."""

    def receive(self, event: RealtimeEvent, context: EventContext | None = None) -> EventContext:
        """Give an event to this part alone. Returns the context, which the part may have filled in."""
        context = context if context is not None else EventContext()
        for handler in self.handlers.get(type(event), ()):
            handler(self, event, context)
        return context


def dispatch_table(order: Iterable[type[HandlesEvents]]) -> dict[type[RealtimeEvent], tuple[tuple[int, Handler], ...]]:
    """By class of event: the handlers of these classes in order, each with the index of its class."""
    table: dict[type[RealtimeEvent], tuple[tuple[int, Handler], ...]] = {}
    for place, part in enumerate(order):
        for event_class, handlers in part.handlers.items():
            table[event_class] = (*table.get(event_class, ()), *((place, handler) for handler in handlers))
    return table
