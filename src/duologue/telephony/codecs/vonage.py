"""Vonage's WebSocket endpoint: binary audio, and JSON for all else.

Source: https://developer.vonage.com/en/voice/voice-api/concepts/websockets, as of autumn 2026.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import msgspec

from duologue.audio.formats import Encoding
from duologue.telephony.codecs.frame_shapes import (
    KEY,
    NUMBER,
    TEXT,
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
    Cleared,
    Digit,
    LegCommand,
    LegEvent,
    MarkCommand,
    PlayCommand,
    Played,
)
from duologue.telephony.codecs.traits import Traits

__all__ = ["Vonage"]

_CONTENT_TYPE: Final = re.compile(r"audio/l16;\s*rate=(\d{4,6})")
_OWN_FIELDS: Final = frozenset({"event", "content-type"})


def _read_content_type(value: Any) -> Encoding:
    match = _CONTENT_TYPE.fullmatch(TEXT.read(value))
    if match is None:
        raise FrameFault("no audio/l16 with a rate")
    return encoding_of("audio/l16", int(match[1]))


def _write_content_type(encoding: Encoding) -> str:
    return f"audio/l16;rate={encoding.rate_hz}"


_FORMAT: Final = Kind(_read_content_type, _write_content_type)
_NAME: Final = Field("name", ("payload", "name"), TEXT)

_EVENTS: Final = FrameShapes(
    "event",
    {
        "websocket:connected": Shape(CallStarted, (Field("encoding", ("content-type",), _FORMAT),), keeps_details=True),
        "websocket:dtmf": Shape(
            Digit,
            (Field("digit", ("digit",), KEY), Field("duration_ms", ("duration",), NUMBER, required=False)),
            keeps_details=True,
        ),
        "websocket:notify": Shape(Played, (_NAME,)),
        "websocket:cleared": Shape(Cleared),
        "websocket:disconnected": Shape(CallEnded, keeps_details=True),
    },
)
_COMMANDS: Final = FrameShapes("action", {"notify": Shape(MarkCommand, (_NAME,)), "clear": Shape(ClearCommand)})


class Vonage(LegCodec):
    """A call of Vonage's Voice API. Its first message has no id of the call: pass one in the headers of the NCCO."""

    traits: ClassVar[Traits] = Traits(marks=True)

    def _read(self, frame: Frame) -> LegEvent:
        if isinstance(frame, bytes):
            return CallerAudio(audio=frame)
        plain = json_object(frame)
        if plain.get(_EVENTS.tag) == "websocket:connected":
            return _started(plain)
        event: LegEvent = _EVENTS.read(plain)
        return event

    def command(self, command: LegCommand) -> Frame:
        """The frame of a command."""
        if isinstance(command, PlayCommand):
            return command.audio
        return msgspec.json.encode(_COMMANDS.write(command)).decode()

    def write(self, event: LegEvent, *, sequence: int = 0) -> Frame:
        """The frame in which Vonage tells an event; frames have no numbers."""
        if isinstance(event, CallerAudio):
            return event.audio
        return msgspec.json.encode(_EVENTS.write(event)).decode()

    def _read_command(self, frame: Frame) -> LegCommand:
        if isinstance(frame, bytes):
            return PlayCommand(audio=frame)
        command: LegCommand = _COMMANDS.read(json_object(frame))
        return command


def _started(plain: Mapping[str, Any]) -> CallStarted:
    """The application's own headers stand beside the protocol's fields."""
    encoding = _FORMAT.read(plain.get("content-type"))
    parameters = {
        name: value if isinstance(value, str) else msgspec.json.encode(value).decode()
        for name, value in plain.items()
        if name not in _OWN_FIELDS
    }
    call_id = parameters.get("uuid") or parameters.get("call_uuid") or ""
    return CallStarted(call_id=call_id, encoding=encoding, parameters=parameters, details=plain)
