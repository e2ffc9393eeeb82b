"""Text to events and back for the families beside Realtime, with its promises: translation, and Live.

Wire names are shared between the families, so only the connection determines the family of a frame.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final, Generic, TypeVar, cast, get_args

import msgspec

from duologue.codec.error_frames import is_error_frame, kept_frame, read_error
from duologue.codec.forgiving import ForgivingReader
from duologue.codec.jsontext import parse_object, write_text
from duologue.codec.longaudio import MIN_CHARS, LongAudio
from duologue.codec.shape import shapes_by_tag
from duologue.codec.writing import NotPlain, reject, to_plain
from duologue.dialects import DEFAULT_DIALECT
from duologue.events import (
    AnyTranslationClientEvent,
    AnyTranslationEvent,
    AnyTranslationServerEvent,
    RealtimeEvent,
    TranslationEvent,
    TranslationOutputAudioDeltaEvent,
    UnknownRealtimeEvent,
    UnknownTranslationEvent,
)
from duologue.events.base import UnknownFrame, Variant

__all__ = ["TRANSLATION_CLASSES", "Family", "decode_translation", "encode_translation"]

E = TypeVar("E", bound=Variant)

_encoder: Final = msgspec.json.Encoder(enc_hook=reject)


class Family(Generic[E]):
    """The events of one kind of connection. `union` is all of them; `audio` are those that are long and mostly audio.

    The decoders are built at the first event.
    """

    def __init__(self, *, union: Any, unknown: Callable[..., E], audio: tuple[tuple[type[Variant], str], ...]) -> None:
        self.classes: Mapping[str, type[Any]] = {cls.__struct_config__.tag: cls for cls in get_args(union)}
        """By wire name."""
        self._union = union
        self._unknown = unknown
        self._long_audio = LongAudio(audio)

    def decode(self, data: str | bytes) -> E:
        """The event that a text message is; an unknown one if it is none, or none that holds together.

        Raises:
            DecodeError: the message is not a JSON object.
        """
        try:
            if len(data) >= MIN_CHARS:
                text = data if isinstance(data, str) else data.decode("utf-8")
                event = self._long_audio.read(text, self._decode_known)
                if event is not None:
                    return event
            return self._decode_known(data)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            return self.read(parse_object(data))

    def encode(self, event: Variant) -> bytes:
        """The event as a text message, UTF-8."""
        if not isinstance(event, UnknownFrame):
            try:
                return _encoder.encode(event)
            except (NotPlain, UnicodeError):
                pass  # written field by field below
        return write_text(self.to_json(event))

    def read(self, frame: dict[str, Any]) -> E:
        """The event that a JSON object is."""
        event: object = self._reader.read(frame)
        if isinstance(event, UnknownRealtimeEvent) and is_error_frame(frame):
            event = read_error(self._reader, frame, frame=frame)
        if isinstance(event, UnknownRealtimeEvent):
            return self._unknown(json=event.json, problem=event.problem)
        return cast("E", event)

    def from_json(self, data: Mapping[str, Any] | str | bytes) -> E:
        """The event that a JSON object is, as text or as a mapping.

        Raises:
            DecodeError: the text is not a JSON object.
            TypeError: it is neither text nor a mapping.
        """
        if isinstance(data, (str, bytes)):
            return self.decode(data)
        if not isinstance(data, Mapping):
            raise TypeError(f"an event is read from a mapping or from JSON text, not from {type(data).__name__}")
        # A copy: the event must not change when the caller's dict does.
        return self.read(msgspec.to_builtins(dict(data), str_keys=True))

    def to_json(self, event: Variant) -> dict[str, Any]:
        """The event as plain JSON data."""
        if isinstance(event, UnknownFrame):
            plain: dict[str, Any] = to_plain(event.json)
            return plain
        return kept_frame(event, DEFAULT_DIALECT) or to_plain(event)

    @cached_property
    def _decode_known(self) -> Callable[[str | bytes], E]:
        return msgspec.json.Decoder(self._union).decode

    @cached_property
    def _reader(self) -> ForgivingReader:
        # The reader walks along the shapes of any tagged struct; only its annotations speak of the realtime family.
        return ForgivingReader(shapes_by_tag(cast("Mapping[str, type[RealtimeEvent]]", self.classes)), DEFAULT_DIALECT)


_TRANSLATION: Final = Family[AnyTranslationEvent](
    union=AnyTranslationServerEvent | AnyTranslationClientEvent,
    unknown=UnknownTranslationEvent,
    audio=((TranslationOutputAudioDeltaEvent, "delta"),),
)

TRANSLATION_CLASSES: Final[Mapping[str, type[TranslationEvent]]] = _TRANSLATION.classes
"""Every known event of the translation family by its wire name."""


def decode_translation(data: str | bytes) -> AnyTranslationEvent:
    """The event that a text message of a translation connection is.

    An unknown type, or a known one whose fields are missing or ill-typed, becomes `UnknownTranslationEvent`.

    Raises:
        DecodeError: the message is not a JSON object.
    """
    return _TRANSLATION.decode(data)


def encode_translation(event: TranslationEvent) -> bytes:
    """The event as a text message, UTF-8."""
    return _TRANSLATION.encode(event)


TranslationEvent._read_json = staticmethod(_TRANSLATION.from_json)
TranslationEvent._write_json = staticmethod(_TRANSLATION.to_json)
