"""Which part of the client's core takes which event, from what each part declares of itself.

    class UsageLedger(Part):
        @on(ResponseDoneEvent)
        def _response_done(self, event: ResponseDoneEvent, context: EventContext) -> None: ...

The core has one table of all its parts, and looks each event up in it once, by its class. The order is the rule: an
event goes to the parts in the order in which the core names them, and inside a part to its handlers in the order in
which they are defined. A part that finds out what another needs stands before it, and writes it into the
event's context.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, TypeAlias, TypeVar

from msgspec import Struct

from duologue.audio.formats import Encoding
from duologue.events import ClientEvent, RealtimeEvent

__all__ = ["EventContext", "Handler", "Part", "Takes", "dispatch_table", "on"]


class EventContext(Struct, kw_only=True):
    """What is known of an event beside itself. Each field names the part that fills it in."""

    now: float = 0.0
    """Of the core's clock, in seconds."""
    command: ClientEvent | None = None
    """Ours that the event answers, if one can be named: from `Unanswered`."""
    out_of_band: bool = False
    """Whether the response that the event creates is none of the conversation: from `ResponseSequencer`."""
    audio: bytes | None = None
    """Speech that the event brings, if it is to be played: from `ModelSpeech`."""
    encoding: Encoding | None = None
    """Of speech that the event cuts: from `ModelSpeech`."""

    @property
    def answers(self) -> str | None:
        """Id of the command that the event answers."""
        return str(self.command.event_id) if self.command is not None else None


Handler: TypeAlias = Callable[[Any, Any, EventContext], None]
H = TypeVar("H", bound=Handler)


def on(*classes: type[RealtimeEvent]) -> Callable[[H], H]:
    """Declares that the method takes events of these classes. A subclass of one is another class."""

    def declare(handler: H) -> H:
        handler.__dict__["takes"] = classes
        return handler

    return declare


class Takes:
    """A class whose methods declare with `on` what they take."""

    handlers: ClassVar[Mapping[type[RealtimeEvent], tuple[Handler, ...]]] = {}
    """By class of event, in the order of their definition."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        declared: dict[type[RealtimeEvent], tuple[Handler, ...]] = {}
        for handler in vars(cls).values():
            for event_class in getattr(handler, "takes", ()):
                declared[event_class] = (*declared.get(event_class, ()), handler)
        cls.handlers = declared


class Part(Takes):
    """One part of the core, which also works alone."""

    def receive(self, event: RealtimeEvent, context: EventContext | None = None) -> EventContext:
        """Hand an event to this part alone. Returns the context, which it may have filled in."""
        context = context if context is not None else EventContext()
        for handler in self.handlers.get(type(event), ()):
            handler(self, event, context)
        return context


def dispatch_table(
    order: Iterable[type[Takes]],
) -> dict[type[RealtimeEvent], tuple[tuple[int, Handler], ...]]:
    """By class of event: the handlers of these classes in their order, each with the place of its class in it."""
    table: dict[type[RealtimeEvent], tuple[tuple[int, Handler], ...]] = {}
    for place, part in enumerate(order):
        for event_class, handlers in part.handlers.items():
            table[event_class] = (*table.get(event_class, ()), *((place, handler) for handler in handlers))
    return table
