"""The fast path of a dialect: an event that differs in its name at most is read and written by the strict codec.

The name is replaced in the text, where it stands as the value of a key `type` and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from duologue.codec import known
from duologue.codec.longaudio import MIN_CHARS, read_long_audio
from duologue.dialects import PROFILES
from duologue.events import AnyEvent, RealtimeEvent

__all__ = ["FastPath", "append_prefix", "fast_paths", "read_by_name", "read_fast", "respell"]

_PREFIX: Final = '{"type":"'


class FastPath(NamedTuple):
    """An event that differs in its name at most, as long as it has all its fields."""

    theirs: str
    omitted: tuple[tuple[str, Any], ...]
    """Fields that may be missing, and their values in that case."""

    def omits(self, event: RealtimeEvent) -> bool:
        # The values are empty strings and null: these compare as they are.
        for name, value in self.omitted:  # noqa: SIM110  # a generator would double the cost of a text delta's dialect
            if getattr(event, name) == value:
                return True
        return False


@cache
def fast_paths(dialect: str) -> Mapping[str, FastPath]:
    """The fast paths of a dialect by canonical event name."""
    profile = PROFILES[dialect]
    omissions = {name: profile.omissions(name) for name in known.EVENT_CLASSES}
    return {
        name: FastPath(profile.spelled(name), tuple((d.field, d.value) for d in defaults if not d.always_written))
        for name, defaults in omissions.items()
        if defaults is not None
    }


@cache
def _fast_names(dialect: str) -> tuple[Mapping[str, str], Mapping[str, FastPath]]:
    """Events with a fast path: canonical names by theirs; and by canonical name those that may omit fields."""
    read, paths = PROFILES[dialect].canonical, fast_paths(dialect)
    return (
        {fast.theirs: name for name, fast in paths.items() if read(fast.theirs) == name},
        {name: fast for name, fast in paths.items() if fast.omitted},
    )


def read_fast(data: str | bytes, dialect: str) -> AnyEvent | None:
    """The event of a text in a dialect; None if it needs the ordinary way."""
    names, omitting = _fast_names(dialect)
    event = read_by_name(data, names)
    if event is not None:
        fast = omitting.get(event.type)
        if fast is not None and fast.omits(event):
            return None
    return event


def read_by_name(data: str | bytes, names: Mapping[str, str]) -> AnyEvent | None:
    """The event of a text whose name is in the table, read under its canonical name.

    None for any other text, and for one that the strict decoder rejects: the forgiving reader handles these.
    """
    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
        begin = len(_PREFIX) if text.startswith(_PREFIX) else _begin_of_name(text)
        end = text.find('"', begin)
        theirs = text[begin:end]
        canonical = names.get(theirs)
        if canonical is None:
            return None
        if canonical != theirs:
            # Away from the beginning the name may be that of an object inside. If the canonical name is nowhere else,
            # and the event turns out to have it, then it is the event's.
            if begin != len(_PREFIX) and canonical in text:
                return None
            text = f"{text[:begin]}{canonical}{text[end:]}"
        event = read_long_audio(text, known.decode) if len(text) >= MIN_CHARS else None
        event = event or known.decode(text)
        return event if event.type == canonical else None
    except known.SURPRISES:
        return None


def _begin_of_name(text: str) -> int:
    """Where the first name begins that follows a key `type`; where there is none, no name is."""
    key = text.find('"type":')
    begin = key + (9 if text.startswith(' "', key + 7) else 8)
    return begin if key >= 0 and text[begin - 1 : begin] == '"' else len(text)


@cache
def append_prefix(dialect: str) -> bytes | None:
    """The text of an append up to its audio; None if the dialect needs more than another name."""
    fast = fast_paths(dialect).get("input_audio_buffer.append")
    return None if fast is None or fast.omitted else f'{_PREFIX}{fast.theirs}","audio":"'.encode()


def respell(text: bytes, canonical: str, theirs: str) -> bytes:
    """The text with another name in its first field, where the encoder puts it."""
    if canonical == theirs:
        return text
    return f"{_PREFIX}{theirs}".encode() + text[len(_PREFIX) + len(canonical) :]
