"""Text to events and back for the Live family. Imported when it is needed: its classes take time to define."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from duologue.codec.families import Family
from duologue.events.live import (
    AnyLiveClientEvent,
    AnyLiveEvent,
    AnyLiveServerEvent,
    LiveEvent,
    LiveInputAudioAppendEvent,
    LiveOutputAudioDeltaEvent,
    UnknownLiveEvent,
)

__all__ = ["LIVE_CLASSES", "decode_live", "encode_live"]

_LIVE: Final = Family[AnyLiveEvent](
    union=AnyLiveServerEvent | AnyLiveClientEvent,
    unknown=UnknownLiveEvent,
    audio=((LiveOutputAudioDeltaEvent, "delta"), (LiveInputAudioAppendEvent, "audio")),
)

LIVE_CLASSES: Final[Mapping[str, type[LiveEvent]]] = _LIVE.classes
"""Every known event of the Live family by its wire name."""


def decode_live(data: str | bytes) -> AnyLiveEvent:
    """The event that a text message of a Live connection is, sent by either side.

    An unknown type, or a known one whose fields are missing or ill-typed, becomes `UnknownLiveEvent`.

    Raises:
        DecodeError: the message is not a JSON object.
    """
    return _LIVE.decode(data)


def encode_live(event: LiveEvent) -> bytes:
    """The event as a text message, UTF-8."""
    return _LIVE.encode(event)


LiveEvent._read_json = staticmethod(_LIVE.from_json)  # type: ignore[method-assign]  # in place of its stub
LiveEvent._write_json = staticmethod(_LIVE.to_json)  # type: ignore[method-assign]
