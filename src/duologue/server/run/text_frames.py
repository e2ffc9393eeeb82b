"""Text messages of one frame, read and written without the WebSocket library (RFC 6455, section 5.2).

Nearly all messages of a call are one frame, and come whole: appends to the server, deltas from it. For these the
library's parser, which takes any cut of any frame, is most of what a message costs between the socket and the session.
"""

from __future__ import annotations

from typing import Final

try:
    from websockets.speedups import apply_mask
except ImportError:  # a platform for which the library has no compiled part
    from websockets.utils import apply_mask

__all__ = ["MAX_BYTES", "frame_of", "text_at"]

MAX_BYTES: Final = 16 * 1024
"""Of a message that is read here. 100 ms of audio are 6.4 kB; what waits for the session may be two of these."""

_WHOLE_TEXT: Final = 0x81
"""The first byte of a text message of one frame, without extensions."""
_MASKED: Final = 0x80
_SHORT: Final = 126
"""From here on the length stands in two more bytes; 127 says eight."""
_EMPTY_BYTES: Final = 6
"""Of a frame without any text: head and mask."""
_LONG: Final = 0x10000


def text_at(data: bytes, at: int = 0) -> tuple[bytes, int] | None:
    """The text that a client sent and the end of its frame, if one whole frame of text begins there; else None."""
    size = len(data)
    if size - at <= _EMPTY_BYTES or data[at] != _WHOLE_TEXT:
        return None
    length = data[at + 1] - _MASKED
    if length == _SHORT:
        begin, length = at + 8, data[at + 2] << 8 | data[at + 3]
    elif 0 < length < _SHORT:
        begin = at + _EMPTY_BYTES
    else:  # without a mask, empty, or with its length in eight bytes
        return None
    end = begin + length
    if end > size or end - at > MAX_BYTES:
        return None
    return apply_mask(data[begin:end], data[begin - 4 : begin]), end


def frame_of(text: bytes) -> bytes:
    """The frame in which a server sends this text."""
    size = len(text)
    if size < _SHORT:
        return bytes((_WHOLE_TEXT, size)) + text
    if size < _LONG:
        return bytes((_WHOLE_TEXT, _SHORT, size >> 8, size & 0xFF)) + text
    return b"".join((bytes((_WHOLE_TEXT, _SHORT + 1)), size.to_bytes(8, "big"), text))
