"""Messages for a data channel, whose other end takes none above some length."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from duologue.codec import encode
from duologue.codec.jsontext import parse_object, write_text
from duologue.errors import DecodeError
from duologue.events import ErrorEvent, RealtimeError
from duologue.printable import printable_name

__all__ = ["fitting"]

_MOST_BYTES_A_CHARACTER: Final = 4
"""In UTF-8."""


def fitting(text: str, max_bytes: int, *, new_id: Callable[[str], str]) -> str:
    """The message, if its UTF-8 is not longer than `max_bytes`.

    Otherwise an item that was retrieved comes without its audio. In place of any other message comes an `error` that
    names the type of the event.
    """
    if _fits(text, max_bytes):
        return text
    n_bytes = len(text.encode("utf-8", "surrogatepass"))
    frame = _parsed(text)
    if frame.get("type") == "conversation.item.retrieved":
        shorter = write_text(_without_audio(frame)).decode()
        if _fits(shorter, max_bytes):
            return shorter
    message = (
        f"An event '{printable_name(str(frame.get('type')))}' of {n_bytes} bytes was not sent: this connection takes"
        f" messages of {max_bytes} bytes at most. A WebSocket, or a sideband, takes longer ones."
    )
    error = RealtimeError(type="server_error", code="event_too_large", message=message, param=None, event_id=None)
    return encode(ErrorEvent(event_id=new_id("event"), error=error)).decode()


def _fits(text: str, max_bytes: int) -> bool:
    if len(text) * _MOST_BYTES_A_CHARACTER <= max_bytes:
        return True
    return len(text) <= max_bytes and (text.isascii() or len(text.encode("utf-8", "surrogatepass")) <= max_bytes)


def _parsed(text: str) -> dict[str, Any]:
    try:
        return parse_object(text)
    except DecodeError:
        return {}


def _without_audio(frame: dict[str, Any]) -> dict[str, Any]:
    item = frame.get("item")
    content = item.get("content") if isinstance(item, dict) else None
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict) and "audio" in part:
            part["audio"] = None
    return frame
