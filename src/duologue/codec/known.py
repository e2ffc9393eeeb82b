"""The events that this version knows, and the strict decoder of all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final, get_args

import msgspec

from duologue.codec.forgiving import ForgivingReader
from duologue.codec.shape import shapes_by_tag
from duologue.events import AnyClientEvent, AnyEvent, AnyServerEvent, RealtimeEvent

__all__ = ["EVENT_CLASSES", "SURPRISES", "decode", "forgiving_reader", "prepare"]

EVENT_CLASSES: Final[Mapping[str, type[RealtimeEvent]]] = {
    cls.__struct_config__.tag: cls for cls in (*get_args(AnyServerEvent), *get_args(AnyClientEvent))
}
"""Every known event by its canonical wire name."""

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
def forgiving_reader(dialect: str) -> ForgivingReader:
    """The reader for what the strict decoder rejects, in this dialect."""
    return ForgivingReader(shapes_by_tag(EVENT_CLASSES), dialect)
