"""Text to events and back for the translation family, with the promises of the realtime one.

Wire names are shared between the families, so only the connection determines the family of a frame.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, cast, get_args

import msgspec

from duologue.codec.forgiving import ForgivingReader
from duologue.codec.jsontext import parse_object, write_text
from duologue.codec.shape import shapes_by_tag
from duologue.codec.writing import NotPlain, reject, to_plain
from duologue.dialects.places import copy_json
from duologue.events import (
    AnyTranslationClientEvent,
    AnyTranslationServerEvent,
    RealtimeEvent,
    TranslationEvent,
    UnknownRealtimeEvent,
    UnknownTranslationEvent,
)

__all__ = ["TRANSLATION_CLASSES", "decode_translation", "encode_translation"]

TRANSLATION_CLASSES: Final[Mapping[str, type[TranslationEvent]]] = {
    cls.__struct_config__.tag: cls
    for cls in (*get_args(AnyTranslationServerEvent), *get_args(AnyTranslationClientEvent))
}
"""Every known event of the translation family by its wire name."""

_encoder: Final = msgspec.json.Encoder(enc_hook=reject)


def decode_translation(data: str | bytes) -> TranslationEvent:
    """The event that a text message of a translation connection is.

    An unknown type, or a known one whose fields are missing or ill-typed, becomes `UnknownTranslationEvent`.

    Raises:
        DecodeError: the message is not a JSON object.
    """
    try:
        return _decode_known()(data)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return _read(parse_object(data))


def encode_translation(event: TranslationEvent) -> bytes:
    """The event as a text message, UTF-8."""
    if not isinstance(event, UnknownTranslationEvent):
        try:
            return _encoder.encode(event)
        except (NotPlain, UnicodeError):
            pass  # written field by field below
    return write_text(_to_json(event))


@cache
def _decode_known() -> Callable[[str | bytes], TranslationEvent]:
    decoder: msgspec.json.Decoder[TranslationEvent] = msgspec.json.Decoder(
        AnyTranslationServerEvent | AnyTranslationClientEvent
    )
    return decoder.decode


@cache
def _reader() -> ForgivingReader:
    # The reader walks along the shapes of any tagged struct; only its annotations speak of the realtime family.
    return ForgivingReader(shapes_by_tag(cast("Mapping[str, type[RealtimeEvent]]", TRANSLATION_CLASSES)), "openai")


def _read(frame: dict[str, Any]) -> TranslationEvent:
    event: object = _reader().read(frame)
    if isinstance(event, UnknownRealtimeEvent):
        return UnknownTranslationEvent(json=event.json, problem=event.problem)
    assert isinstance(event, TranslationEvent)
    return event


def _from_json(data: Mapping[str, Any] | str | bytes) -> TranslationEvent:
    if isinstance(data, (str, bytes)):
        return decode_translation(data)
    if not isinstance(data, Mapping):
        raise TypeError(f"an event is read from a mapping or from JSON text, not from {type(data).__name__}")
    # A copy: the event must not change when the caller's dict does.
    return _read(copy_json(dict(data)))


def _to_json(event: TranslationEvent) -> dict[str, Any]:
    plain: dict[str, Any] = to_plain(event.json if isinstance(event, UnknownTranslationEvent) else event)
    return plain


TranslationEvent._read_json = staticmethod(_from_json)
TranslationEvent._write_json = staticmethod(_to_json)
