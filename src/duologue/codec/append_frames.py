"""Reads the audio of an append straight from its frame, without a text and an event between them.

Nine in ten messages of a call are appends of a type and audio alone. Any other frame, and every wrong one, is left to
`decode`.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

from duologue.events import InputAudioBufferAppendEvent
from duologue.events.base64_text import fast_reader

__all__ = ["HEADS", "TEXT_HEADS", "audio_in"]

HEADS: Final = (b'{"type":"input_audio_buffer.append"', b'{"type": "input_audio_buffer.append"')
"""How appends begin, as compact and as spaced writers lay them out. To look is a tenth of what a wrong try costs."""

TEXT_HEADS: Final = tuple(head.decode() for head in HEADS)
"""The same of texts."""


class _BareAppend(
    Struct, tag=InputAudioBufferAppendEvent.__struct_config__.tag, tag_field="type", forbid_unknown_fields=True
):
    audio: bytes


_decode: Final = msgspec.json.Decoder(_BareAppend).decode


_BEFORE_AUDIO: Final = (HEADS[0] + b',"audio":"', HEADS[1] + b', "audio": "')
_BEHIND_AUDIO: Final = b'"}'


def audio_in(frame: bytes) -> bytes | None:
    """The audio of an append that has no other field; None for any other frame."""
    if fast_reader is not None and frame.endswith(_BEHIND_AUDIO):
        for before in _BEFORE_AUDIO:
            if frame.startswith(before):
                try:
                    return fast_reader(frame[len(before) : -len(_BEHIND_AUDIO)])
                except ValueError:  # a further field has a quotation mark, an escaped character a backslash
                    break
    try:
        return _decode(frame).audio
    except msgspec.MsgspecError:
        return None
