"""Text to events and back for the Live family, in every dialect of it. Imported when it is needed: its classes take
time to define."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

from duologue.codec.families import Family
from duologue.codec.jsontext import parse_object, too_deep, write_text
from duologue.codec.known import SURPRISES
from duologue.codec.longaudio import MIN_CHARS
from duologue.codec.lossy import Translation, translated, warn_of_loss
from duologue.codec.writing import to_plain
from duologue.dialects import DEFAULT_LIVE_DIALECT
from duologue.dialects.live import LIVE_PROFILES, LiveProfile
from duologue.dialects.rules import same
from duologue.events.live import (
    AnyLiveClientEvent,
    AnyLiveEvent,
    AnyLiveServerEvent,
    LiveEvent,
    LiveInputAudioAppendEvent,
    LiveOutputAudioDeltaEvent,
    UnknownLiveEvent,
)

__all__ = ["LIVE_CLASSES", "decode_live", "encode_live", "translate_live"]

_LIVE: Final = Family[AnyLiveEvent](
    union=AnyLiveServerEvent | AnyLiveClientEvent,
    unknown=UnknownLiveEvent,
    audio=((LiveOutputAudioDeltaEvent, "delta"), (LiveInputAudioAppendEvent, "audio")),
    dialect=DEFAULT_LIVE_DIALECT,
)


LIVE_CLASSES: Final[Mapping[str, type[LiveEvent]]] = _LIVE.classes
"""Every known event of the Live family by its wire name."""


def _first_decode(data: str | bytes) -> AnyLiveEvent:
    global _decode_known
    _decode_known = _LIVE.prepare()
    return _decode_known(data)


_decode_known: Callable[[str | bytes], AnyLiveEvent] = _first_decode
"""Strict: raises `SURPRISES`. It replaces itself at its first call, and is a global because finding an attribute costs
a tenth of what it does."""


def decode_live(data: str | bytes, *, dialect: str = DEFAULT_LIVE_DIALECT) -> AnyLiveEvent:
    """The event that a text message of a Live connection is, sent by either side.

    An unknown type, or a known one whose fields are missing or ill-typed, becomes `UnknownLiveEvent`.

    Raises:
        DecodeError: the message is not a JSON object.
        ValueError: there is no such dialect of Live.
    """
    if dialect != DEFAULT_LIVE_DIALECT:
        return _decode_in(data, _profile(dialect))
    try:
        # As in `Family.decode`: a call more would be a quarter of what a piece of a transcript costs.
        return _decode_known(data) if len(data) < MIN_CHARS else _LIVE.decode_long(data)
    except SURPRISES:
        return _LIVE.read(parse_object(data))


def encode_live(event: LiveEvent, *, dialect: str = DEFAULT_LIVE_DIALECT) -> bytes:
    """The event as a text message, UTF-8, in the spelling of the dialect.

    What the dialect cannot express is left out with a `LossyTranslationWarning`; `translate_live` returns it instead.

    Raises:
        ValueError: there is no such dialect of Live.
    """
    profile = _profile(dialect)
    if event.__struct_config__.tag not in _respelled(dialect):
        text = _LIVE.encode_strict(event)
        if text is not None:
            return text
    translation = translated(event, profile)
    warn_of_loss(event, translation, dialect)
    return write_text(profile.write(to_plain(event), []) if translation.frame is None else translation.frame)


def translate_live(event: LiveEvent, *, dialect: str) -> Translation:
    """The event's frame in a dialect of Live, with a report of what has no counterpart there.

    Raises:
        ValueError: there is no such dialect of Live.
    """
    return translated(event, _profile(dialect))


def _profile(dialect: str) -> LiveProfile:
    profile = LIVE_PROFILES.get(dialect)
    if profile is None:
        raise ValueError(f"no dialect {dialect!r} of Live; known: {', '.join(LIVE_PROFILES)}")
    return profile


@cache
def _respelled(dialect: str) -> frozenset[str]:
    """Names, theirs and ours, of the events that a dialect spells otherwise."""
    profile = LIVE_PROFILES[dialect]
    return frozenset({*profile.names, *profile.names.values(), *profile.rules, *profile.lacks_events})


def _decode_in(data: str | bytes, profile: LiveProfile) -> AnyLiveEvent:
    try:
        event = _decode_known(data) if len(data) < MIN_CHARS else _LIVE.decode_long(data)
        if event.type not in _respelled(profile.name):
            return event
    except SURPRISES:
        pass  # read below, as what is spelled otherwise
    try:
        return _read_in(parse_object(data), profile)
    except RecursionError as fault:  # nested too deeply for a rule, though not for the parser
        raise too_deep(data) from fault


def _read_in(frame: dict[str, Any], profile: LiveProfile) -> AnyLiveEvent:
    canonical = profile.read(frame)
    comes_back = not any(canonical.get("type") == name for name in profile.lacks_events) and same(
        profile.write(canonical, []), frame
    )
    return _LIVE.read_canonical(canonical, dialect=profile.name, kept=None if comes_back else frame, frame=frame)


LiveEvent._read_json = staticmethod(_LIVE.from_json)  # type: ignore[method-assign]  # in place of its stub
LiveEvent._write_json = staticmethod(_LIVE.to_json)  # type: ignore[method-assign]
