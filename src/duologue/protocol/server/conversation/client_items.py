"""Items that clients create: checked, given an id, their audio decoded."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import UNSET

from duologue.audio.formats import Encoding
from duologue.events import (
    ConversationItem,
    FunctionCallItem,
    FunctionCallOutputItem,
    InputAudioPart,
    InputImagePart,
    MessageItem,
    OutputAudioPart,
    is_set,
)
from duologue.events.base import decode_audio
from duologue.protocol.server.conversation.items import Entry
from duologue.protocol.server.errors import InvalidRequest

__all__ = ["MAX_AUDIO_BYTES", "audio_of", "check_audio_size", "entry_of", "is_picture"]

MAX_AUDIO_BYTES: Final = 15 * 1024 * 1024
"""In one field. The published limit of an append: five minutes at 24 kHz; streaming clients send 20 to 200 ms."""

_PICTURE: Final = re.compile(r"data:image/[a-z0-9][a-z0-9.+-]{0,63}(?:;[a-z0-9=._-]{1,64}){0,4};base64,", re.IGNORECASE)

_ROLES: Final = ("system", "user", "assistant")


def audio_of(encoded: str, param: str) -> bytes:
    """The bytes of a base64 field. Raises InvalidRequest."""
    try:
        audio = decode_audio(encoded)
    except ValueError as fault:
        raise InvalidRequest("not_audio", param=param) from fault
    check_audio_size(audio, param)
    return audio


def check_audio_size(audio: bytes, param: str) -> None:
    """Raise InvalidRequest if a field holds more audio than one may."""
    if len(audio) > MAX_AUDIO_BYTES:
        raise InvalidRequest("audio_too_large", param=param, max_bytes=MAX_AUDIO_BYTES, got_bytes=len(audio))


def is_picture(url: str) -> bool:
    """Whether this is a data URI of a picture.

    Other URLs are rejected, because the model's server would fetch what a client names (request forgery).
    """
    return url.isascii() and _PICTURE.match(url) is not None


def entry_of(item: ConversationItem, path: str, *, encoding: Encoding, new_id: Callable[[str], str]) -> Entry:
    """The entry of an item that is at `path` of an event; its audio is in `encoding`. Raises InvalidRequest."""
    entry = Entry(item=item)
    changes: dict[str, Any] = {} if is_set(item.id) else {"id": new_id("item")}
    if hasattr(item, "status") and not isinstance(item, FunctionCallOutputItem):
        # An output has no status on the wire unless its client gave it one.
        changes["status"] = "completed"
    if isinstance(item, FunctionCallItem) and not is_set(item.call_id):
        changes["call_id"] = new_id("call")
    if isinstance(item, MessageItem):
        if item.role not in _ROLES:
            reason = f"expected one of {', '.join(_ROLES)}, but got {item.role!r}"
            raise InvalidRequest("wrong_value", param=f"{path}.role", reason=reason)
        for index, part in enumerate(item.content):
            if isinstance(part, InputAudioPart) and is_set(part.audio):
                entry.audio.add(audio_of(part.audio, f"{path}.content[{index}].audio"))
                entry.encoding = encoding
            elif isinstance(part, InputImagePart) and not is_picture(part.image_url):
                raise InvalidRequest("not_a_picture", param=f"{path}.content[{index}].image_url")
        changes["content"] = [
            msgspec.structs.replace(part, audio=UNSET, transcript=part.transcript or None)
            if isinstance(part, InputAudioPart | OutputAudioPart)
            else part
            for part in item.content
        ]
    entry.item = msgspec.structs.replace(item, **changes)
    return entry
