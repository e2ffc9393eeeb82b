"""The events that this version knows, and the strict decoder of all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, reduce
from operator import or_
from typing import Any, Final, get_args

import msgspec

from duologue.codec.forgiving import ForgivingReader
from duologue.codec.shape import shapes_by_tag
from duologue.events import AnyClientEvent, AnyEvent, AnyServerEvent, RealtimeEvent

__all__ = [
    "AZURE_VOICE_LIVE",
    "EVENT_CLASSES",
    "SURPRISES",
    "decode",
    "forgiving_reader",
    "is_own_event",
    "own_classes",
    "own_decoder",
    "prepare",
]

EVENT_CLASSES: Final[Mapping[str, type[RealtimeEvent]]] = {
    cls.__struct_config__.tag: cls for cls in (*get_args(AnyServerEvent), *get_args(AnyClientEvent))
}
"""Every known event by its canonical wire name."""

AZURE_VOICE_LIVE: Final = "azure-voice-live"
"""The dialect with events of its own that have classes."""
_OWN_EVENTS: Final = "duologue.events.azure_voice_live"

SURPRISES: Final = (msgspec.DecodeError, RecursionError, UnicodeError)
"""What the strict decoder raises for a text that it does not know."""


def prepare() -> None:
    """Build the decoder, unless it is there: the first event to be decoded does so otherwise.

    That takes some 40 ms, in which msgspec asks types for their hashes and forgets what those raise that are written
    in Python: in the main thread, Ctrl-C at such a moment is lost.
    """
    global decode
    if decode is _first_decode:
        decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyServerEvent | AnyClientEvent)
        decode = decoder.decode


def _first_decode(data: str | bytes) -> AnyEvent:
    """Replaces itself at the first call: importing stays cheap, and decoding needs no check."""
    prepare()
    return decode(data)


decode: Callable[[str | bytes], AnyEvent] = _first_decode
"""Strict: raises `SURPRISES`. Call it as `known.decode`: it replaces itself."""


@cache
def own_classes(dialect: str) -> Mapping[str, type[RealtimeEvent]]:
    """Events that only this dialect has, by wire name."""
    if dialect != AZURE_VOICE_LIVE:
        return {}
    # Loaded when they are needed: few programs speak this dialect.
    from duologue.events.azure_voice_live import AnyVoiceLiveClientEvent, AnyVoiceLiveServerEvent

    classes = (*get_args(AnyVoiceLiveServerEvent), *get_args(AnyVoiceLiveClientEvent))
    return {cls.__struct_config__.tag: cls for cls in classes}


def is_own_event(event: RealtimeEvent, *, of_another_dialect_than: str) -> bool:
    """Whether an event belongs to one dialect alone, and to another one than this."""
    if type(event).__module__ != _OWN_EVENTS:
        return False
    return of_another_dialect_than != AZURE_VOICE_LIVE


@cache
def own_decoder(dialect: str) -> Callable[[str | bytes], AnyEvent] | None:
    """The strict decoder of the events that only this dialect has; None if there are none."""
    classes = own_classes(dialect)
    if not classes:
        return None
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(reduce(or_, classes.values()))
    return decoder.decode


@cache
def forgiving_reader(dialect: str) -> ForgivingReader:
    """The reader for what the strict decoder rejects, in this dialect."""
    return ForgivingReader(shapes_by_tag({**EVENT_CLASSES, **own_classes(dialect)}), dialect)
