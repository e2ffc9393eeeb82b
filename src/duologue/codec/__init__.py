"""Text to events and back, in every dialect.

Decoding tries one decoder for all known events first; it is written in C and allows no surprise. What it refuses
takes the forgiving path: unknown fields are set aside, unknown variants wrapped, historical spellings read as the
canonical event, and what still does not fit becomes `UnknownRealtimeEvent` with the reason. Only text that is not a
JSON object raises.
"""

from __future__ import annotations

import warnings
from binascii import b2a_base64
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, NamedTuple, get_args

import msgspec

from duologue.codec.carrying import NotCarried, carry
from duologue.codec.families import decode_translation, encode_translation
from duologue.codec.forgiving import ForgivingReader
from duologue.codec.jsontext import parse_object, write_text
from duologue.codec.longaudio import LEAST_CHARS, read_long_audio
from duologue.codec.shape import shapes_by_tag
from duologue.codec.writing import NotPlain, refuse, to_plain
from duologue.dialects import PROFILES, Profile
from duologue.dialects.names import ALIASES, CANONICAL
from duologue.dialects.rules import same
from duologue.events import (
    UNSET,
    AnyClientEvent,
    AnyServerEvent,
    InputAudioBufferAppendEvent,
    RealtimeEvent,
    UnknownRealtimeEvent,
)

__all__ = [
    "ALIASES",
    "CANONICAL",
    "DIALECTS",
    "EVENT_CLASSES",
    "Translation",
    "UncarriedWarning",
    "decode",
    "decode_translation",
    "encode",
    "encode_translation",
    "encode_append",
    "translate",
]

EVENT_CLASSES: Final[Mapping[str, type[RealtimeEvent]]] = {
    cls.__struct_config__.tag: cls for cls in (*get_args(AnyServerEvent), *get_args(AnyClientEvent))
}
"""Every known event by its canonical wire name."""

_HOME: Final = "openai"
"""The dialect of the canonical model itself."""

DIALECTS: Final = tuple(PROFILES)
"""Names that `dialect` accepts."""

_SURPRISES: Final = (msgspec.DecodeError, RecursionError, UnicodeError)
"""What the strict decoder raises when a text is not what it knows."""

_encoder: Final = msgspec.json.Encoder(enc_hook=refuse)


class UncarriedWarning(UserWarning):
    """Something of an event has no counterpart in the dialect that it was written in, and was left out."""


class Translation(msgspec.Struct, frozen=True):
    """An event in a dialect, and what of it that dialect could not carry."""

    frame: dict[str, Any] | None
    """The frame; None if the event as a whole has no counterpart."""
    lost: tuple[str, ...]
    """Paths of what was left out, in the canonical form."""


def decode(data: str | bytes, *, dialect: str = _HOME) -> RealtimeEvent:
    """The event that a text message is.

    An unknown type, or a known one whose fields are missing or ill-typed, becomes `UnknownRealtimeEvent`.

    Raises:
        DecodeError: the message is not a JSON object.
        ValueError: there is no such dialect.
    """
    if dialect != _HOME:
        return _decode_in(data, _profile(dialect))
    try:
        if len(data) >= LEAST_CHARS:
            text = data if isinstance(data, str) else data.decode("utf-8")
            event = read_long_audio(text, _decode_known)
            if event is not None:
                return event
        return _decode_known(data)
    except _SURPRISES:
        return _decode_named(data, CANONICAL) or _reader(_HOME).read(parse_object(data))


def encode(event: RealtimeEvent, *, dialect: str = _HOME) -> bytes:
    """The event as a text message, UTF-8, in the spelling of the dialect.

    What the dialect cannot carry is left out with an `UncarriedWarning`; `translate` returns it instead.

    Raises:
        ValueError: there is no such dialect.
    """
    if not isinstance(event, UnknownRealtimeEvent):
        try:
            if dialect == _HOME:
                return _encoder.encode(event)
            short = _short_ways(_profile(dialect).name).get(event.type)
            if short is not None and not short.omits(event):
                return _respell(_encoder.encode(event), event.type, short.theirs)
        except (NotPlain, UnicodeError):
            pass  # fields that are written one by one
    translation = translate(event, dialect=dialect)
    if translation.lost:
        warnings.warn(
            f"{event.type}: the dialect {dialect!r} has no counterpart for {', '.join(translation.lost)}",
            UncarriedWarning,
            stacklevel=2,
        )
    if translation.frame is None:
        return write_text(_profile(dialect).write(to_plain(event), []))
    return write_text(translation.frame)


def translate(event: RealtimeEvent, *, dialect: str) -> Translation:
    """The event's frame in a dialect, with a report of what has no counterpart there.

    Raises:
        ValueError: there is no such dialect.
    """
    profile = _profile(dialect)
    if isinstance(event, UnknownRealtimeEvent):
        return Translation(to_plain(event), ())
    origin = event.extra.frame if event.extra.dialect == dialect else None
    if origin is not None and same(profile.read(dict(origin)), to_plain(event)):
        return Translation(dict(origin), ())
    lost: list[str] = []
    if origin is None and event.type in profile.lacks_events:
        return Translation(None, ("type",))
    try:
        plain = carry(event, dialect, lost)
    except NotCarried as fault:
        return Translation(None, (str(fault),))
    return Translation(profile.write(plain, lost, own=origin is not None), tuple(lost))


def encode_append(audio: bytes, *, event_id: str | None = None, dialect: str = _HOME) -> bytes:
    """The text message that appends audio, without an event in between: it costs what its base64 costs.

    Raises:
        ValueError: there is no such dialect.
    """
    opening = _append_opening(dialect)
    if event_id is None and opening is not None:
        return b"".join((opening, b2a_base64(audio, newline=False), b'"}'))
    event = InputAudioBufferAppendEvent.from_audio(audio, event_id=UNSET if event_id is None else event_id)
    return encode(event, dialect=dialect)


# --- one decoder for all known events ---------------------------------------------------------------------------------


def _first_decode(data: str | bytes) -> RealtimeEvent:
    """Builds the decoder and takes its own place: importing the package stays cheap, and decoding pays no check."""
    global _decode_known
    decoder: msgspec.json.Decoder[RealtimeEvent] = msgspec.json.Decoder(AnyServerEvent | AnyClientEvent)
    _decode_known = decoder.decode
    return _decode_known(data)


_decode_known: Callable[[str | bytes], RealtimeEvent] = _first_decode


@cache
def _reader(dialect: str) -> ForgivingReader:
    return ForgivingReader(shapes_by_tag(EVENT_CLASSES), dialect)


# --- dialects ---------------------------------------------------------------------------------------------------------

_OPENING: Final = '{"type":"'


def _profile(dialect: str) -> Profile:
    profile = PROFILES.get(dialect)
    if profile is None:
        raise ValueError(f"no dialect {dialect!r}; known: {', '.join(PROFILES)}")
    return profile


class _ShortWay(NamedTuple):
    """An event that differs in its name at most, as long as it has all its fields."""

    theirs: str
    omitted: tuple[tuple[str, Any], ...]
    """Fields that may be missing, and what stands for them."""

    def omits(self, event: RealtimeEvent) -> bool:
        # The values are empty strings and null: these compare as they are.
        for name, value in self.omitted:  # noqa: SIM110  # a generator would double the cost of a text delta's dialect
            if getattr(event, name) == value:
                return True
        return False


@cache
def _short_ways(dialect: str) -> Mapping[str, _ShortWay]:
    """By canonical name."""
    profile = PROFILES[dialect]
    omissions = {name: profile.omissions(name) for name in EVENT_CLASSES}
    return {
        name: _ShortWay(profile.spelled(name), tuple((d.field, d.value) for d in defaults if not d.said))
        for name, defaults in omissions.items()
        if defaults is not None
    }


@cache
def _short_names(dialect: str) -> tuple[Mapping[str, str], Mapping[str, _ShortWay]]:
    """Events that the short way is open to: canonical by their names, and those that may omit something by ours."""
    read, ways = PROFILES[dialect].canonical, _short_ways(dialect)
    return (
        {short.theirs: name for name, short in ways.items() if read(short.theirs) == name},
        {name: short for name, short in ways.items() if short.omitted},
    )


def _decode_in(data: str | bytes, profile: Profile) -> RealtimeEvent:
    names, omitting = _short_names(profile.name)
    event = _decode_named(data, names)
    if event is not None:
        short = omitting.get(event.type)
        if short is None or not short.omits(event):
            return event
    return _read_in(parse_object(data), profile)


def _decode_named(data: str | bytes, names: Mapping[str, str]) -> RealtimeEvent | None:
    """The event of a text whose name is in the table, read under its canonical name.

    None for any other text, and for one that holds a surprise: the long way tells what it is.
    """
    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
        begin = len(_OPENING) if text.startswith(_OPENING) else _begin_of_name(text)
        end = text.find('"', begin)
        theirs = text[begin:end]
        canonical = names.get(theirs)
        if canonical is None:
            return None
        if canonical != theirs:
            # Away from the beginning the name may be that of an object inside. If the canonical name is nowhere else,
            # and the event turns out to have it, then it is the event's.
            if begin != len(_OPENING) and canonical in text:
                return None
            text = f"{text[:begin]}{canonical}{text[end:]}"
        event = read_long_audio(text, _decode_known) if len(text) >= LEAST_CHARS else None
        event = event or _decode_known(text)
        return event if event.type == canonical else None
    except _SURPRISES:
        return None


def _begin_of_name(text: str) -> int:
    """Where the first name begins that follows a key `type`; where there is none, no name is."""
    key = text.find('"type":')
    begin = key + (9 if text.startswith(' "', key + 7) else 8)
    return begin if key >= 0 and text[begin - 1 : begin] == '"' else len(text)


def _read_in(frame: dict[str, Any], profile: Profile) -> RealtimeEvent:
    canonical = profile.read(frame)
    # An event that they do not have is written to nobody but to whom it came from.
    lacked = any(canonical.get("type") == name for name in profile.lacks_events)
    comes_back = not lacked and same(profile.write(canonical, []), frame)
    event = _reader(profile.name).read(canonical, frame=None if comes_back else frame)
    if isinstance(event, UnknownRealtimeEvent):
        return UnknownRealtimeEvent(json=frame, problem=event.problem)
    return event


@cache
def _append_opening(dialect: str) -> bytes | None:
    """An append up to its audio, if the dialect writes it as everybody does."""
    short = _short_ways(_profile(dialect).name).get("input_audio_buffer.append")
    return None if short is None or short.omitted else f'{_OPENING}{short.theirs}","audio":"'.encode()


def _respell(text: bytes, canonical: str, theirs: str) -> bytes:
    """The text with another name in its first field, where the encoder puts it."""
    if canonical == theirs:
        return text
    return f"{_OPENING}{theirs}".encode() + text[len(_OPENING) + len(canonical) :]


# --- the methods of RealtimeEvent -------------------------------------------------------------------------------------


def _from_json(data: Mapping[str, Any] | str | bytes) -> RealtimeEvent:
    if isinstance(data, (str, bytes)):
        return decode(data)
    # A copy: the event must not change when the caller's dict does.
    return _reader(_HOME).read(msgspec.to_builtins(dict(data), str_keys=True))


RealtimeEvent._read_json = staticmethod(_from_json)
RealtimeEvent._write_json = staticmethod(to_plain)
