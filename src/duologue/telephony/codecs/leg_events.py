"""What a carrier tells on its leg of a call, and what it is told: immutable values, the same for all protocols."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from msgspec import Struct, field

from duologue.audio.formats import Encoding

__all__ = [
    "CallEnded",
    "CallStarted",
    "CallerAudio",
    "ClearCommand",
    "Cleared",
    "Digit",
    "Flow",
    "HangUpCommand",
    "LegCommand",
    "LegEvent",
    "LegStatus",
    "MarkCommand",
    "PlayCommand",
    "Played",
    "UnknownLegFrame",
    "masked_number",
]


class CallStarted(Struct, frozen=True, kw_only=True):
    """The call begins: the first frame that has its ids and its audio format."""

    call_id: str = ""
    """The carrier's; empty where the first frame has none."""
    stream_id: str = ""
    """What commands must name, where the protocol has it."""
    encoding: Encoding
    """Of both directions."""
    caller: str = ""
    """The caller's number, where the protocol tells it. Personal data: `repr` shows its last two digits."""
    called: str = ""
    """The number that was called; empty where the carrier does not say it."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """What the application has passed along: custom parameters, headers, channel variables."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """The frame as plain JSON, where it came as JSON."""

    def __repr__(self) -> str:
        numbers = f"caller={masked_number(self.caller)!r}, called={masked_number(self.called)!r}"
        return f"CallStarted(call_id={self.call_id!r}, encoding={self.encoding.type!r}, {numbers})"


class CallerAudio(Struct, frozen=True, kw_only=True):
    """The next audio of the caller, in the encoding of the call; linear samples are little-endian here."""

    audio: bytes
    """Samples in the encoding of the call."""
    at_ms: int | None = None
    """Milliseconds on the carrier's clock, whose zero is its own: a jump is audio that was lost."""
    chunk: int | None = None
    """The carrier's number of this piece, for carriers that send pieces out of order."""
    track: str = "inbound"
    """"outbound" is what the caller hears, which one-way streams send too."""

    def __repr__(self) -> str:
        return f"CallerAudio(audio=<{len(self.audio)} bytes>, at_ms={self.at_ms}, chunk={self.chunk})"


class Digit(Struct, frozen=True, kw_only=True):
    """The caller has pressed a key: one of 0 to 9, *, #, A to D."""

    digit: str
    """0 to 9, * or #."""
    duration_ms: int | None = None
    """None where the carrier does not say it."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """The message's other fields, as they came."""


class Played(Struct, frozen=True, kw_only=True):
    """A mark: what was sent before it was played, or dropped by a clear, which some carriers do not tell apart."""

    name: str
    """Of the mark."""


class Cleared(Struct, frozen=True, kw_only=True):
    """The carrier has emptied its queue."""


class Flow(Struct, frozen=True, kw_only=True):
    """The carrier's queue is full (`on` is false), or takes more again."""

    on: bool


class CallEnded(Struct, frozen=True, kw_only=True):
    """The call is over."""

    reason: str = ""
    """The carrier's word; empty where it gives none."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """The message's other fields, as they came."""


class LegStatus(Struct, frozen=True, kw_only=True):
    """A known frame that asks for nothing: a greeting, a report of a queue, an error that the carrier tells."""

    name: str
    """The carrier's word for it."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """The message's other fields, as they came."""


class UnknownLegFrame(Struct, frozen=True, kw_only=True):
    """A frame that is none of the protocol's, or is damaged: kept as it came."""

    raw: str | bytes
    """The frame as it came."""
    reason: str
    """Why it is unknown, in a sentence."""

    def __repr__(self) -> str:
        return f"UnknownLegFrame(raw=<{len(self.raw)}>, reason={self.reason!r})"


LegEvent: TypeAlias = (
    CallStarted | CallerAudio | Digit | Played | Cleared | Flow | CallEnded | LegStatus | UnknownLegFrame
)
"""What `LegCodec.decode` returns."""


class PlayCommand(Struct, frozen=True, kw_only=True):
    """Queue audio for the caller."""

    audio: bytes
    content_type: str = ""
    """How the protocol names its encoding, where each piece says it."""
    rate_hz: int = 0

    def __repr__(self) -> str:
        return f"PlayCommand(audio=<{len(self.audio)} bytes>)"


class MarkCommand(Struct, frozen=True, kw_only=True):
    """Tell when everything queued so far was played."""

    name: str


class ClearCommand(Struct, frozen=True, kw_only=True):
    """Empty the queue."""


class HangUpCommand(Struct, frozen=True, kw_only=True):
    """End the call."""


LegCommand: TypeAlias = PlayCommand | MarkCommand | ClearCommand | HangUpCommand
"""What a carrier is told."""


def masked_number(number: str) -> str:
    """A telephone number as logs may show it: its last two digits."""
    digits = [character for character in number if "0" <= character <= "9"]
    return f"…{''.join(digits[-2:])}" if digits else ""
