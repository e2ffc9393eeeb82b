"""What tools that drive browsers log: messages of the Chrome DevTools Protocol, and traces of Playwright.

[The protocol's events](https://chromedevtools.github.io/devtools-protocol/tot/Network/#event-webSocketFrameReceived)
are written by Puppeteer, by chromedriver in its performance log, and by Playwright with `DEBUG=pw:protocol`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import msgspec

from duologue.errors import RecordingError
from duologue.recording.formats.envelopes import contents
from duologue.recording.formats.found import FoundFrame
from duologue.recording.formats.objects import pieces

__all__ = ["is_protocol_log", "is_trace", "read_trace"]

_PROTOCOL: Final = re.compile(rb'"method\\?"\s*:\s*\\?"(?:Network|Page|Runtime|Target|Log|Performance)\.')
_TRACE_BEGINNINGS: Final = (b"context-options", b"resource-snapshot", b"frame-snapshot", b"before", b"screencast-frame")
_TRACE_TYPES: Final = frozenset(
    "context-options before after input action log console stdout stderr error object frame-snapshot"
    " screencast-frame".split()
)
"""Lines of a trace that hold no message of a WebSocket."""


def is_protocol_log(head: bytes) -> bool:
    """Whether a file with this beginning has messages of the DevTools protocol."""
    return _PROTOCOL.search(head) is not None


def is_trace(head: bytes) -> bool:
    """Whether a file with this beginning is of a Playwright trace."""
    first, _, _ = head.lstrip().partition(b"\n")
    return first.startswith(b"{") and any(b'"type":"%s"' % name in first for name in _TRACE_BEGINNINGS)


def read_trace(stream: BinaryIO, name: str) -> Iterator[FoundFrame]:
    """The WebSocket messages of a trace.

    Raises:
        RecordingError: it has none.
    """
    found = False
    for piece in pieces(stream):
        if piece.text and _type(piece.text) not in _TRACE_TYPES:
            for frame in contents(FoundFrame(piece.line, piece.text)):
                found = True
                yield frame
    if not found:
        raise RecordingError(f"{name} is a Playwright trace without WebSocket messages: save a HAR file instead")


class _Typed(msgspec.Struct):
    type: Any = None


def _type(text: bytes) -> Any:
    try:
        return msgspec.json.decode(text, type=_Typed).type
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
