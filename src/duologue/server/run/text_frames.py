"""Text messages of one frame, read and written without the WebSocket library (RFC 6455, section 5.2).

Nearly all messages of a call are one frame that comes in one read: appends to the server, deltas from it. For these the
library's parser, which takes any cut of any frame, is most of what a message costs between the socket and the session.
"""

from __future__ import annotations

from typing import Final

try:
    from websockets.speedups import apply_mask
except ImportError:  # a platform for which the library has no compiled part
    from websockets.utils import apply_mask

__all__ = ["MAX_BYTES", "frame_of", "text_in"]

MAX_BYTES: Final = 16 * 1024
"""Of a message that is read here. 100 ms of audio are 6.4 kB; what waits for the session may be two of these."""

_WHOLE_TEXT: Final = 0x81
"""The first byte of a text message of one frame, without extensions."""
_MASKED: Final = 0x80
_SHORT: Final = 126
"""From here on the length stands in two more bytes; 127 says eight."""
_EIGHT: Final = _MASKED | _SHORT + 1
_LONG: Final = 0x10000


def text_in(data: bytes) -> bytes | None:
    """The text that a client sent, if the data are one whole frame of text and nothing else; else None."""
    size = len(data)
    if not 6 < size <= MAX_BYTES or data[0] != _WHOLE_TEXT:
        return None
    length = data[1] - _MASKED
    if length == _SHORT:
        begin, length = 8, data[2] << 8 | data[3]
    else:
        begin = 6
    # An unmasked frame has a negative length here; 127 are the first bytes of one that has its length in eight.
    if begin + length != size or data[1] == _EIGHT:
        return None
    return apply_mask(data[begin:], data[begin - 4 : begin])


def frame_of(text: bytes) -> bytes:
    """The frame in which a server sends this text."""
    size = len(text)
    if size < _SHORT:
        return bytes((_WHOLE_TEXT, size)) + text
    if size < _LONG:
        return bytes((_WHOLE_TEXT, _SHORT, size >> 8, size & 0xFF)) + text
    return b"".join((bytes((_WHOLE_TEXT, _SHORT + 1)), size.to_bytes(8, "big"), text))
