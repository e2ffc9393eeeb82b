"""A conversation as JSON: what is in the export, by name and version, is described in docs/howto/transcripts.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec
from msgspec import Struct

from duologue.codec.writing import to_plain
from duologue.events import AnySession, MessageItem
from duologue.events.base import encode_audio
from duologue.protocol.client.history.item_builder import StoredItem

__all__ = ["FORMAT", "VERSION", "export_of"]

FORMAT: Final = "duologue.conversation"

VERSION: Final = 1
"""Raised when a name changes or goes; names that are added leave it alone."""


def export_of(
    items: Iterable[StoredItem],
    *,
    usage: Struct,
    session: AnySession | None,
    audio: Callable[[str, int], bytes | None] | None = None,
) -> dict[str, Any]:
    """The conversation as plain JSON data. `audio` gives the kept speech of a part; without it none is exported."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "session": _session(session),
        "items": [_item(stored, audio) for stored in items],
        "usage": _usage(usage),
    }


def _usage(usage: Struct) -> dict[str, Any]:
    counts: dict[str, Any] = msgspec.to_builtins(usage)
    return {**counts, "responses": dict(counts["responses"])}


def _session(session: AnySession | None) -> dict[str, Any] | None:
    """What identifies the session; its instructions and tools are the application's own."""
    if session is None:
        return None
    fields: Any = to_plain(session)
    return {name: fields.get(name) for name in ("id", "model")}


def _item(stored: StoredItem, audio: Callable[[str, int], bytes | None] | None) -> dict[str, Any]:
    exported: dict[str, Any] = {
        "id": stored.item_id,
        "role": stored.role,
        "text": stored.text,
        "done": stored.done,
        "response_id": stored.response_id,
        "interrupted_at_ms": stored.truncated_at_ms,
        "transcription_failed": stored.transcription_failed,
        "item": to_plain(stored.item),
    }
    if audio is not None and isinstance(stored.item, MessageItem):
        kept = [audio(stored.item_id, index) for index in range(len(stored.item.content))]
        exported["audio"] = [None if part is None else encode_audio(part) for part in kept]
    return exported
