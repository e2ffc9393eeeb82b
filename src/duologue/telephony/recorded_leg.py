"""The leg of a call in a recording: a transport that notes each frame, beside the session that the call is joined with.

    transport = RecordedLeg(transport, codec, writer)

`PhoneCall.join` does it where the conversation is recorded.
Telephone numbers are hidden as logs hide them: their last two digits stay.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from duologue.client.asyncio.recording.markable import Markable
from duologue.recording.lines import Direction, LegKind, LegLine, RecordingLine
from duologue.telephony.codecs.leg_codec import Frame, LegCodec
from duologue.telephony.codecs.leg_events import (
    CallEnded,
    CallerAudio,
    CallStarted,
    ClearCommand,
    Digit,
    Flow,
    HangUpCommand,
    LegCommand,
    LegEvent,
    MarkCommand,
    PlayCommand,
    Played,
    UnknownLegFrame,
    masked_number,
)
from duologue.transports.base import Transport

__all__ = ["LegLines", "LegLog", "RecordedLeg", "recorded_leg", "without_numbers"]

_NUMBER: Final = re.compile(r"(?<![\w.:-])(?:(?:sip|sips|tel):)?(?:\+|00)\d(?:[ ()./-]?\d){6,16}(?![\w-])")
"""With a country's code, wherever it stands."""

_FIELD: Final = re.compile(
    r'("(?:from|to|caller\w*|called\w*|number|phone\w*|ani|dnis|remoteparty|calleridnum\w*)"\s*:\s*")([^"\\]*)(")',
    re.IGNORECASE,
)
_WORD: Final = re.compile(r"((?:^| )(?:from|to|caller\w*|called\w*|callerid\w*):)(\S+)", re.IGNORECASE)
"""Fields of JSON, and words of plain lines, that hold one in whatever form."""

_MAX_TEXT: Final = 16 * 1024
"""Of a frame without audio; a start with its parameters has 2 kB."""


class LegLog(Protocol):
    """What keeps lines: `RecordingWriter`, for one."""

    @property
    def now_s(self) -> float:
        """Seconds since the start of the recording."""
        ...

    def write_line(self, line: RecordingLine) -> None:
        """Keep a line."""
        ...


class LegLines:
    """Makes lines of frames."""

    def __init__(self, codec: LegCodec) -> None:
        self._codec = copy.copy(codec)  # what it learns of the call is not to depend on whether that is recorded
        self._protocol = type(codec).__name__.lower()

    def told(self, frame: Frame, *, at_s: float) -> LegLine:
        """A frame of the carrier."""
        event = self._codec.decode(frame)
        kind, name = _kind_of_event(event)
        return self._line(frame, "received", kind, name, event.audio if isinstance(event, CallerAudio) else None, at_s)

    def asked(self, frame: Frame, *, at_s: float) -> LegLine:
        """A frame for the carrier."""
        command = self._codec.read_command(frame)
        kind, name = _kind_of_command(command)
        return self._line(frame, "sent", kind, name, command.audio if isinstance(command, PlayCommand) else None, at_s)

    def started(self, event: CallStarted, *, at_s: float) -> LegLine:
        """The start of a call, whose frame has passed already."""
        text = msgspec.json.encode(event.details).decode() if event.details else ""
        return LegLine(at_s=at_s, protocol=self._protocol, direction="received", kind="started", text=_shown(text))

    def _line(
        self, frame: Frame, direction: Direction, kind: LegKind, name: str, audio: bytes | None, at_s: float
    ) -> LegLine:
        if audio is not None:
            encoding = self._codec.encoding
            return LegLine(
                at_s=at_s,
                protocol=self._protocol,
                direction=direction,
                kind=kind,
                audio=audio,
                format=encoding.type,
                rate_hz=encoding.rate_hz,
            )
        text = _shown(frame) if isinstance(frame, str) else ""
        return LegLine(at_s=at_s, protocol=self._protocol, direction=direction, kind=kind, name=name, text=text)


class RecordedLeg:
    """Passes everything on, and records each frame once it has been accepted or has arrived."""

    def __init__(self, transport: Transport, codec: LegCodec, log: LegLog, *, carrier: bool = False) -> None:
        """`carrier`: this is the carrier's end; lines are as the application sees them in any case.

        Make it before the call starts, or tell `call_started`.
        """
        self._transport = transport
        self._log = log
        self._lines = lines = LegLines(codec)
        self._of_sent: Callable[..., LegLine] = lines.told if carrier else lines.asked
        self._of_received: Callable[..., LegLine] = lines.asked if carrier else lines.told

    def call_started(self, event: CallStarted) -> None:
        """The call has started before it was recorded."""
        self._log.write_line(self._lines.started(event, at_s=self._log.now_s))

    async def send(self, message: str | bytes, /) -> None:
        """Hand over one message, then record it."""
        await self._transport.send(message)
        self._log.write_line(self._of_sent(message, at_s=self._log.now_s))

    async def receive(self) -> str | bytes:
        """The next message, recorded. Cancelling loses nothing."""
        message = await self._transport.receive()
        self._log.write_line(self._of_received(message, at_s=self._log.now_s))
        return message

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the transport; the recording stays open."""
        await self._transport.close(code, reason)


def recorded_leg(
    transport: Transport, codec: LegCodec, log: LegLog | None, conversation: object, started: CallStarted
) -> Transport:
    """The transport of a call that has started. It notes its frames in the log, or else in the recording of the
    conversation, if that is recorded."""
    if log is None and isinstance(conversation, Markable):
        log = conversation.recorder
    if log is None:
        return transport
    leg = RecordedLeg(transport, codec, log)
    leg.call_started(started)
    return leg


def without_numbers(text: str) -> str:
    """A text with telephone numbers as logs show them."""
    text = _FIELD.sub(lambda found: found[1] + _hidden(found[2]) + found[3], text)
    text = _WORD.sub(lambda found: found[1] + _hidden(found[2]), text)
    return _NUMBER.sub(lambda found: _hidden(found[0]), text)


def _shown(text: str) -> str:
    return without_numbers(text[:_MAX_TEXT])


def _hidden(number: str) -> str:
    return masked_number(number) or number if sum(map(str.isdigit, number)) >= _FEWEST_DIGITS else number


_FEWEST_DIGITS: Final = 3
"""Of a number: an extension. A shorter text is none."""


def _kind_of_event(event: LegEvent) -> tuple[LegKind, str]:
    match event:
        case CallStarted():
            return "started", ""
        case CallerAudio():
            return "audio", ""
        case Digit(digit=digit):
            return "key", digit
        case Played(name=name):
            return "mark", name
        case Flow(on=on):
            return "flow", "goes on" if on else "is full"
        case CallEnded(reason=reason):
            return "ended", reason
        case _:
            return "other", ""


def _kind_of_command(command: LegCommand | UnknownLegFrame) -> tuple[LegKind, str]:
    match command:
        case PlayCommand():
            return "audio", ""
        case MarkCommand(name=name):
            return "mark", name
        case ClearCommand():
            return "clear", ""
        case HangUpCommand():
            return "ended", "hung up"
        case _:
            return "other", ""
