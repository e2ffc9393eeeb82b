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
from duologue.codec.known import SURPRISES
from duologue.codec.longaudio import MIN_CHARS, LongAudio
from duologue.codec.shape import ObjectShape, shapes_by_tag
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

    `dialect` is the one of the canonical model. The decoders are built at the first event.
    """

    def __init__(
        self,
        *,
        union: Any,
        unknown: Callable[..., E],
        audio: tuple[tuple[type[Variant], str], ...],
        dialect: str = DEFAULT_DIALECT,
    ) -> None:
        self.dialect = dialect
        self.classes: Mapping[str, type[Any]] = {cls.__struct_config__.tag: cls for cls in get_args(union)}
        """By wire name."""
        self._union = union
        self._unknown = unknown
        self._long_audio = LongAudio(audio)
        self._readers: dict[str | None, ForgivingReader] = {}
        self.decode_known: Callable[[str | bytes], E] = self._first_decode
        """The strict decoder of all known events: raises `SURPRISES`. It replaces itself at its first call."""

    def decode(self, data: str | bytes) -> E:
        """The event that a text message is; an unknown one if it is none, or none that holds together.

        Raises:
            DecodeError: the message is not a JSON object.
        """
        try:
            return self.decode_known(data) if len(data) < MIN_CHARS else self.decode_long(data)
        except SURPRISES:
            return self.read(parse_object(data))

    def decode_long(self, data: str | bytes) -> E:
        """`decode_known`, for a text of at least `MIN_CHARS`."""
        text = data if isinstance(data, str) else data.decode("utf-8")
        return self._long_audio.read(text, self.decode_known) or self.decode_known(text)

    def prepare(self) -> Callable[[str | bytes], E]:
        """Build the strict decoder of all known events, and return it. It raises `SURPRISES`."""
        self.decode_known = msgspec.json.Decoder(self._union).decode
        return self.decode_known

    def _first_decode(self, data: str | bytes) -> E:
        return self.prepare()(data)

    def encode(self, event: Variant) -> bytes:
        """The event as a text message, UTF-8."""
        text = self.encode_strict(event)
        return write_text(self.to_json(event)) if text is None else text

    def encode_strict(self, event: Variant) -> bytes | None:
        """The text of an event without fields beyond those of its classes; None for others."""
        if isinstance(event, UnknownFrame):
            return None
        try:
            return _encoder.encode(event)
        except (NotPlain, UnicodeError):
            return None  # written field by field

    def read(self, frame: dict[str, Any]) -> E:
        """The event that a JSON object is."""
        return self.read_canonical(frame, dialect=self.dialect, kept=None, frame=frame)

    def read_canonical(
        self, fields: dict[str, Any], *, dialect: str | None, kept: dict[str, Any] | None, frame: dict[str, Any]
    ) -> E:
        """The event of a frame that came in a dialect, from its canonical form.

        `kept` is the frame if it is to be kept with a typed event; an unknown event and an incomplete `error` keep it.
        """
        reader = self.reader(dialect)
        event: object = reader.read(fields, frame=kept)
        if isinstance(event, UnknownRealtimeEvent) and is_error_frame(fields):
            event = read_error(reader, fields, frame=frame)
        if isinstance(event, UnknownRealtimeEvent):
            return self._unknown(json=frame, problem=event.problem)
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
        # A copy: the event must not change when the caller's dict does. No dialect: a program has made it.
        frame = msgspec.to_builtins(dict(data), str_keys=True)
        return self.read_canonical(frame, dialect=None, kept=None, frame=frame)

    def to_json(self, event: Variant) -> dict[str, Any]:
        """The event as plain JSON data."""
        if isinstance(event, UnknownFrame):
            plain: dict[str, Any] = to_plain(event.json)
            return plain
        dialect = event.extra.dialect
        return (kept_frame(event, dialect) if dialect in (self.dialect, None) else None) or to_plain(event)

    def reader(self, dialect: str | None) -> ForgivingReader:
        """The reader for what the strict decoder rejects, in this dialect."""
        reader = self._readers.get(dialect)
        if reader is None:
            reader = self._readers[dialect] = ForgivingReader(self._shapes, dialect)
        return reader

    @cached_property
    def _shapes(self) -> Mapping[str, ObjectShape]:
        # The reader walks along the shapes of any tagged struct; only its annotations speak of the realtime family.
        return shapes_by_tag(cast("Mapping[str, type[RealtimeEvent]]", self.classes))


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


TranslationEvent._read_json = staticmethod(_TRANSLATION.from_json)  # type: ignore[method-assign]  # in place of its stub
TranslationEvent._write_json = staticmethod(_TRANSLATION.to_json)  # type: ignore[method-assign]
