"""Text to events and back, in every dialect.

Decoding tries one decoder for all known events first; it is written in C and strict. Text that it rejects
takes the forgiving path: unknown fields are set aside, unknown variants wrapped, historical spellings read as the
canonical event, and what still does not fit becomes `UnknownRealtimeEvent` with the reason. Only text that is not a
JSON object raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import msgspec

from duologue.codec import known
from duologue.codec.error_frames import is_error_frame, kept_frame, read_error
from duologue.codec.families import decode_translation, encode_translation
from duologue.codec.fast_path import append_prefix, fast_paths, read_by_name, read_fast, respell
from duologue.codec.jsontext import parse_object, too_deep, write_text
from duologue.codec.known import EVENT_CLASSES, forgiving_reader
from duologue.codec.longaudio import MIN_CHARS, read_long_audio
from duologue.codec.lossy import LossyTranslationWarning, Translation, translated, warn_of_loss
from duologue.codec.writing import NotPlain, reject, to_plain
from duologue.dialects import DEFAULT_DIALECT, PROFILES, Profile
from duologue.dialects.names import ALIASES, CANONICAL
from duologue.dialects.places import copy_json
from duologue.dialects.rules import same
from duologue.events import (
    UNSET,
    AnyEvent,
    InputAudioBufferAppendEvent,
    RealtimeEvent,
    UnknownRealtimeEvent,
)
from duologue.events.base64_text import encode_base64

if TYPE_CHECKING:
    from duologue.codec.live import decode_live, encode_live

__all__ = [
    "ALIASES",
    "CANONICAL",
    "DIALECTS",
    "EVENT_CLASSES",
    "Translation",
    "LossyTranslationWarning",
    "decode",
    "decode_live",
    "decode_translation",
    "encode",
    "encode_live",
    "encode_translation",
    "encode_append",
    "prepare",
    "translate",
]


DIALECTS: Final = tuple(PROFILES)
"""Names that `dialect` accepts."""

_encoder: Final = msgspec.json.Encoder(enc_hook=reject)


def decode(data: str | bytes, *, dialect: str = DEFAULT_DIALECT) -> AnyEvent:
    """The event that a text message is.

    An unknown type, or a known one whose fields are missing or ill-typed, becomes `UnknownRealtimeEvent`. An `error` is
    an `ErrorEvent` whatever it lacks.

    >>> decode('{"type": "response.cancel", "response_id": "resp_1"}')
    ResponseCancelEvent(response_id='resp_1')
    >>> type(decode('{"type": "tomorrow.event"}')).__name__
    'UnknownRealtimeEvent'

    Raises:
        DecodeError: the message is not a JSON object.
        ValueError: there is no such dialect.
    """
    if dialect != DEFAULT_DIALECT:
        return _decode_in(data, _profile(dialect))
    try:
        if len(data) >= MIN_CHARS:
            text = data if isinstance(data, str) else data.decode("utf-8")
            event = read_long_audio(text, known.decode)
            if event is not None:
                return event
        return known.decode(data)
    except known.SURPRISES:
        return read_by_name(data, CANONICAL) or _read_plain(parse_object(data))


def encode(event: RealtimeEvent, *, dialect: str = DEFAULT_DIALECT) -> bytes:
    """The event as a text message, UTF-8, in the spelling of the dialect.

    What the dialect cannot express is left out with a `LossyTranslationWarning`; `translate` returns it instead.

    Raises:
        ValueError: there is no such dialect.

    >>> from duologue.events import ResponseCancelEvent
    >>> encode(ResponseCancelEvent())
    b'{"type":"response.cancel"}'
    """
    if not isinstance(event, UnknownRealtimeEvent):
        try:
            if dialect == DEFAULT_DIALECT:
                return _encoder.encode(event)
            fast = fast_paths(_profile(dialect).name).get(event.type)
            if fast is not None and not fast.omits(event):
                return respell(_encoder.encode(event), event.type, fast.theirs)
        except (NotPlain, UnicodeError):
            pass  # fields that are written one by one
    translation = translate(event, dialect=dialect)
    warn_of_loss(event, translation, dialect)
    if translation.frame is None:
        return write_text(_profile(dialect).write(to_plain(event), []))
    return write_text(translation.frame)


def translate(event: RealtimeEvent, *, dialect: str) -> Translation:
    """The event's frame in a dialect, with a report of what has no counterpart there.

    Raises:
        ValueError: there is no such dialect.
    """
    profile = _profile(dialect)
    if known.is_own_event(event, of_another_dialect_than=dialect):
        return Translation(None, ("type",))
    return translated(event, profile)


def encode_append(audio: bytes, *, event_id: str | None = None, dialect: str = DEFAULT_DIALECT) -> bytes:
    """The text message that appends audio, without an event in between: it costs what its base64 costs.

    Raises:
        ValueError: there is no such dialect.
    """
    prefix = append_prefix(_profile(dialect).name)
    if event_id is None and prefix is not None:
        return b"".join((prefix, encode_base64(audio).encode(), b'"}'))
    event = InputAudioBufferAppendEvent.from_audio(audio, event_id=UNSET if event_id is None else event_id)
    return encode(event, dialect=dialect)


def prepare() -> None:
    """Build the decoders now, in some 70 ms, which the first event and the first malformed one would take otherwise.

    A server calls it before it lets clients in: they would all wait for it.
    """
    known.prepare()
    forgiving_reader(DEFAULT_DIALECT)


# --- Live -------------------------------------------------------------------------------------------------------------


def _load_live() -> Any:
    # At its first use: the family's classes take time to define, and most programs do without.
    return import_module("duologue.codec.live")


def __getattr__(name: str) -> Any:
    if name in ("decode_live", "encode_live"):
        return getattr(_load_live(), name)
    raise AttributeError(f"module 'duologue.codec' has no attribute {name!r}")


# --- dialects ---------------------------------------------------------------------------------------------------------


def _profile(dialect: str) -> Profile:
    profile = PROFILES.get(dialect)
    if profile is None:
        raise ValueError(f"no dialect {dialect!r}; known: {', '.join(PROFILES)}")
    return profile


def _read_plain(frame: dict[str, Any]) -> AnyEvent:
    reader = forgiving_reader(DEFAULT_DIALECT)
    event = reader.read(frame)
    if isinstance(event, UnknownRealtimeEvent) and is_error_frame(frame):
        return read_error(reader, frame, frame=frame)
    return event


def _decode_in(data: str | bytes, profile: Profile) -> AnyEvent:
    try:
        return read_fast(data, profile.name) or _read_own(data, profile.name) or _read_in(parse_object(data), profile)
    except RecursionError as fault:  # nested too deeply for a rule, though not for the parser
        raise too_deep(data) from fault


def _read_own(data: str | bytes, dialect: str) -> AnyEvent | None:
    """The event of a text, if it is one that only this dialect has, and fits its class."""
    own = known.own_decoder(dialect)
    if own is None:
        return None
    try:
        return own(data)
    except known.SURPRISES:
        return None


def _read_in(frame: dict[str, Any], profile: Profile) -> AnyEvent:
    canonical = profile.read(frame)
    # An event that the dialect lacks is written back only to the peer that sent it: keep its frame.
    lacked = any(canonical.get("type") == name for name in profile.lacks_events)
    comes_back = not lacked and same(profile.write(canonical, []), frame)
    reader = forgiving_reader(profile.name)
    event = reader.read(canonical, frame=None if comes_back else frame)
    if isinstance(event, UnknownRealtimeEvent):
        if is_error_frame(canonical):
            return read_error(reader, canonical, frame=frame)
        return UnknownRealtimeEvent(json=frame, problem=event.problem)
    return event


# --- the methods of RealtimeEvent -------------------------------------------------------------------------------------


def _from_json(data: Mapping[str, Any] | str | bytes) -> AnyEvent:
    if isinstance(data, (str, bytes)):
        return decode(data)
    if not isinstance(data, Mapping):
        raise TypeError(f"an event is read from a mapping or from JSON text, not from {type(data).__name__}")
    # A copy: the event must not change when the caller's dict does.
    return _read_plain(copy_json(dict(data)))


def _to_json(event: RealtimeEvent) -> dict[str, Any]:
    plain: dict[str, Any] = kept_frame(event, DEFAULT_DIALECT) or to_plain(event)
    return plain


RealtimeEvent._read_json = staticmethod(_from_json)  # type: ignore[method-assign]  # in place of its stub
RealtimeEvent._write_json = staticmethod(_to_json)  # type: ignore[method-assign]
