"""Asterisk's chan_websocket: binary audio, and control messages as JSON or as plain lines.

Sources: Asterisk's page on the channel driver, and Asterisk 22.10.1 as it ran.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import msgspec

from duologue.audio.formats import Encoding
from duologue.telephony.codecs.frame_shapes import (
    KEY,
    TEXT,
    TEXTS,
    Field,
    FrameFault,
    FrameShapes,
    Kind,
    Shape,
    json_object,
)
from duologue.telephony.codecs.leg_codec import Frame, LegCodec, encoding_of
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
    LegStatus,
    MarkCommand,
    PlayCommand,
    Played,
)
from duologue.telephony.codecs.traits import Traits

__all__ = ["Asterisk", "AsteriskPlain"]

_LINEAR_HZ: Final = {
    "slin": 8_000,
    **{f"slin{khz}": khz * 1000 for khz in (12, 16, 24, 32, 48, 96, 192)},
    "slin44": 44_100,
}


def _read_format(value: Any) -> Encoding:
    name = TEXT.read(value)
    return encoding_of("slin", _LINEAR_HZ[name]) if name in _LINEAR_HZ else encoding_of(name, None)


def _write_format(encoding: Encoding) -> str:
    linear = {rate_hz: name for name, rate_hz in _LINEAR_HZ.items()}
    return {"audio/pcmu": "ulaw", "audio/pcma": "alaw"}.get(encoding.type, linear.get(encoding.rate_hz, "slin"))


_FORMAT: Final = Kind(_read_format, _write_format)
_VARIABLES: Final = Kind(lambda value: {name.lstrip("_"): text for name, text in TEXTS.read(value).items()}, dict)
"""Only what the dialplan sets with underscores, `__caller`, reaches the socket's channel: they are no part of it."""
_MARK: Final = Field("name", ("correlation_id",), TEXT)
_STATUS: Final = Shape(LegStatus, (Field("name", ("event",), TEXT),), keeps_details=True)
_STARTED: Final = (
    Field("call_id", ("channel_id",), TEXT, required=False),
    Field("stream_id", ("connection_id",), TEXT, required=False),
    Field("encoding", ("format",), _FORMAT),
    Field("parameters", ("channel_variables",), _VARIABLES, required=False),
)
_EVENTS: Final = FrameShapes(
    "event",
    {
        "MEDIA_START": Shape(CallStarted, _STARTED, keeps_details=True),
        "DTMF_END": Shape(Digit, (Field("digit", ("digit",), KEY),), keeps_details=True),
        "MEDIA_MARK_PROCESSED": Shape(Played, (_MARK,)),
        "MEDIA_XOFF": _STATUS,
        "MEDIA_XON": _STATUS,
        "STATUS": _STATUS,
        "QUEUE_DRAINED": _STATUS,
        "MEDIA_BUFFERING_COMPLETED": _STATUS,
        "HANGUP": Shape(CallEnded, keeps_details=True),
    },
)
_COMMANDS: Final = FrameShapes(
    "command",
    {
        "MARK_MEDIA": Shape(MarkCommand, (_MARK,)),
        "FLUSH_MEDIA": Shape(ClearCommand),
        "HANGUP": Shape(HangUpCommand),
    },
)
_FLOW: Final = {"MEDIA_XOFF": False, "MEDIA_XON": True}

_MOST_QUEUED_MS: Final = 10_000
"""Asterisk queues 1,000 frames and marks, 18 s of speech with ours, and ignores what is above. It says so at 900, but
by then a server that speaks fast has sent the rest."""

_MAX_LINE_WORDS: Final = 64
"""Parameters of one plain line; the longest that Asterisk writes has seven."""


class Asterisk(LegCodec):
    """`Dial(WebSocket/NAME/c(ulaw)f(json))`: control messages as JSON.

    Marks never come back after a flush, a text above 128 bytes is dropped, and nothing is sent while the channel is
    silent.
    """

    traits: ClassVar[Traits] = Traits(
        marks=True,
        after_clear="drop",
        most_queued_ms=_MOST_QUEUED_MS,
        quiet_when_silent=True,
        longest_text_bytes=128,
        subprotocol="media",
    )

    def _read(self, frame: Frame) -> LegEvent:
        if isinstance(frame, bytes):
            return CallerAudio(audio=frame)
        event: LegEvent = _EVENTS.read(self._parsed(frame, _EVENTS.tag))
        if isinstance(event, LegStatus) and event.name in _FLOW:
            return Flow(on=_FLOW[event.name])
        return event

    def hang_up(self) -> Frame | None:
        """Asterisk ends the call when it is told to."""
        return self._ends_call()

    def command(self, command: LegCommand) -> Frame:
        """The frame of a command."""
        if isinstance(command, PlayCommand):
            return command.audio
        return self._written(_COMMANDS.write(command), _COMMANDS.tag)

    def write(self, event: LegEvent, *, sequence: int = 0) -> Frame:
        """The frame in which Asterisk tells an event; frames have no numbers."""
        match event:
            case CallerAudio():
                return event.audio
            case Flow(on=on):
                return self._written({"event": "MEDIA_XON" if on else "MEDIA_XOFF"}, _EVENTS.tag)
            case LegStatus(name=name):
                return self._written({**_EVENTS.write(event), "event": name}, _EVENTS.tag)
            case _:
                return self._written(_EVENTS.write(event), _EVENTS.tag)

    def _read_command(self, frame: Frame) -> LegCommand:
        if isinstance(frame, bytes):
            return PlayCommand(audio=frame)
        command: LegCommand = _COMMANDS.read(self._parsed(frame, _COMMANDS.tag))
        return command

    def _parsed(self, text: str, tag: str) -> Mapping[str, Any]:
        return json_object(text)

    def _written(self, message: Mapping[str, Any], tag: str) -> str:
        return msgspec.json.encode(message).decode()


class AsteriskPlain(Asterisk):
    """The same with control messages as plain lines: Asterisk's older format, and its default.

    `MEDIA_START connection_id:… format:ulaw …`, and `MARK_MEDIA 1.2`: a word without a colon is a mark.
    """

    def _parsed(self, text: str, tag: str) -> Mapping[str, Any]:
        words = text.split(" ", _MAX_LINE_WORDS)
        if not words[0] or len(words) > _MAX_LINE_WORDS:
            raise FrameFault("no line of a control message")
        message: dict[str, Any] = {}
        for word in words[1:]:
            name, colon, value = word.partition(":")
            message[name if colon else "correlation_id"] = value if colon else word
        return {**message, tag: words[0]}  # which no parameter of that name replaces

    def _written(self, message: Mapping[str, Any], tag: str) -> str:
        words = [str(message[tag])]
        for name, value in message.items():
            if name == "correlation_id":
                words.append(str(value))
            elif name != tag and not isinstance(value, Mapping):  # lines have no objects
                words.append(f"{name}:{value}")
        return " ".join(words)
