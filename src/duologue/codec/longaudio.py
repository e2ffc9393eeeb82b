"""Reads frames that are nearly all audio without walking through the audio.

A JSON parser looks at every character of a string; base64 has none that means anything. So the string is cut out by
its quotes, and only the rest is parsed. This is done only where it cannot change the result: the field's key is
preceded by a comma or a brace, which no character inside a string can fake; there is no backslash anywhere; the field
comes once. Everything else goes the ordinary way.

Shorter still is the way of a frame that has its type and its audio, in this order, and nothing else: the event is made
from the string, without a parser.

One difference is accepted: control characters inside the string, which JSON forbids and base64 does not know, are
found when the audio is read and not before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

from duologue.events import AnyEvent, InputAudioBufferAppendEvent, ResponseAudioDeltaEvent
from duologue.events.base import Variant

__all__ = ["MIN_CHARS", "LongAudio", "read_long_audio"]

E = TypeVar("E", bound=Variant)

MIN_CHARS: Final = 1024
"""Below this, cutting costs more than parsing saves."""

_HEAD_CHARS: Final = 1024
"""Where the field begins, behind a type and two ids at most: looking farther costs as much as parsing."""


class LongAudio:
    """Reads such frames of one family. `fields` are its classes with audio, and the field that holds it."""

    def __init__(self, fields: tuple[tuple[type[Variant], str], ...]) -> None:
        self._bare = tuple(
            (head := f'{{"type":"{cls.__struct_config__.tag}","{field}":"', len(head), _maker(cls, field))
            for cls, field in fields
            if _requires_only(cls, field)
        )
        # The field's key up to the quote of its value, as compact and as spaced writers lay it out.
        self._layouts = tuple((cls, field, key) for cls, field in fields for key in _keys(field))

    def read(self, text: str, decode: Callable[[str], E]) -> E | None:
        """The event, if the text is such a frame; None sends it the ordinary way. Raises what `decode` raises."""
        for head, begin, make in self._bare:
            if text.startswith(head):
                if text.find('"', begin) == len(text) - 2 and text[-1] == "}" and "\\" not in text:
                    bare: E = make(text[begin:-2])
                    return bare
                break
        for cls, field, key in self._layouts:
            begin = text.find(key, 0, _HEAD_CHARS)
            if begin < 0:
                continue
            begin += len(key)
            end = text.find('"', begin)
            if end < 0 or "\\" in text:
                return None
            # Behind the last field there is a brace alone.
            if end + 2 != len(text) and text.find(field, end) >= 0:
                return None
            event = decode(text[:begin] + text[end:])
            if type(event) is not cls:
                return None
            msgspec.structs.force_setattr(event, field, text[begin:end])
            return event
        return None


def _requires_only(cls: type[Variant], field: str) -> bool:
    return [info.name for info in msgspec.structs.fields(cls) if info.required] == [field]


def _maker(cls: Any, field: str) -> Callable[[str], Any]:
    # A keyword that is spelled out costs half of one that is passed in a dict.
    if field == "delta":
        return lambda audio: cls(delta=audio)
    return lambda audio: cls(**{field: audio})


def _keys(field: str) -> tuple[str, str]:
    return f',"{field}":"', f', "{field}": "'


_REALTIME: Final = LongAudio(((ResponseAudioDeltaEvent, "delta"), (InputAudioBufferAppendEvent, "audio")))


def read_long_audio(text: str, decode: Callable[[str], AnyEvent]) -> AnyEvent | None:
    """`LongAudio.read` for the realtime family."""
    return _REALTIME.read(text, decode)
