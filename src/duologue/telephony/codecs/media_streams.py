"""Twilio Media Streams and its relatives: one protocol, in the spelling of each vendor.

Sources: the vendors' pages on their WebSocket messages, as of autumn 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec
from msgspec import Struct

from duologue.audio.formats import PCM, Encoding
from duologue.telephony.codecs.frame_shapes import (
    BASE64,
    KEY,
    MAX_NUMBER,
    NUMBER,
    NUMBER_TEXT,
    TEXT,
    TEXTS,
    Field,
    FrameFault,
    FrameShapes,
    Kind,
    Shape,
    json_object,
)
from duologue.telephony.codecs.leg_codec import Frame, LegCodec, encoding_of, swapped
from duologue.telephony.codecs.leg_events import (
    CallEnded,
    CallerAudio,
    CallStarted,
    ClearCommand,
    Cleared,
    Digit,
    LegCommand,
    LegEvent,
    LegStatus,
    MarkCommand,
    PlayCommand,
    Played,
)
from duologue.telephony.codecs.traits import Traits

__all__ = ["MediaStream", "Plivo", "SignalWire", "Telnyx", "Twilio"]


class _Spelling(Struct, frozen=True, kw_only=True):
    """How one vendor writes the protocol."""

    events: FrameShapes
    commands: FrameShapes
    stream: str
    """Where a frame names its stream."""
    stream_in_commands: bool
    sequence: tuple[str, Kind]
    """Where a frame has its number, and how that is written."""
    big_endian: bool = False
    """Of linear samples."""
    names_format: bool = False
    """Whether each piece of ours names its encoding."""


class MediaStream(LegCodec):
    """A codec of the family; its subclasses are the vendors."""

    spelling: ClassVar[_Spelling]

    def caller_audio(self, frame: str | bytes) -> CallerAudio | None:
        """The caller's audio, as all of the family write it: fifty frames a second, in a fifth of the table's time.

        None for all else, and for what is written otherwise: the table says what it is.
        """
        try:
            media = _MEDIA_DECODER.decode(frame).media
            return CallerAudio(
                audio=swapped(media.payload) if self._swaps else media.payload,
                at_ms=media.timestamp,
                chunk=media.chunk,
                track=media.track,
            )
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return None

    def _read(self, frame: Frame) -> LegEvent:
        if isinstance(frame, bytes):
            raise FrameFault("a binary frame, where all are text")
        if (audio := self.caller_audio(frame)) is not None:
            return audio
        event: LegEvent = self.spelling.events.read(json_object(frame))
        if isinstance(event, CallerAudio) and self._swaps:
            return msgspec.structs.replace(event, audio=swapped(event.audio))
        return event

    def command(self, command: LegCommand) -> Frame:
        """The frame of a command."""
        spelling = self.spelling
        if isinstance(command, PlayCommand):
            audio = swapped(command.audio) if self._swaps else command.audio
            named = _format_name(self.encoding) if spelling.names_format else ""
            command = PlayCommand(audio=audio, content_type=named, rate_hz=self.encoding.rate_hz)
        also: dict[tuple[str, ...], Any] = {(spelling.stream,): self.stream_id} if spelling.stream_in_commands else {}
        return _text_of(spelling.commands.write(command, also))

    def write(self, event: LegEvent, *, sequence: int = 0) -> Frame:
        """The frame in which the vendor tells an event."""
        spelling = self.spelling
        if isinstance(event, CallerAudio) and self._swaps:
            event = msgspec.structs.replace(event, audio=swapped(event.audio))
        place, kind = spelling.sequence
        greets = isinstance(event, LegStatus)  # which no number and no stream belong to
        also: dict[tuple[str, ...], Any] = {} if greets else {(place,): kind.write(sequence)}
        if not greets and self.stream_id and not isinstance(event, CallStarted):
            also[(spelling.stream,)] = self.stream_id
        frame = spelling.events.write(event, also)
        if isinstance(event, LegStatus):
            frame[spelling.events.tag] = event.name
        return _text_of(frame)

    def _read_command(self, frame: Frame) -> LegCommand:
        if isinstance(frame, bytes):
            raise FrameFault("a binary frame, where all are text")
        command: LegCommand = self.spelling.commands.read(json_object(frame))
        if isinstance(command, PlayCommand) and self._swaps:
            return msgspec.structs.replace(command, audio=swapped(command.audio))
        return command

    @property
    def _swaps(self) -> bool:
        return self.spelling.big_endian and self.encoding.bytes_per_sample == PCM.bytes_per_sample


_Number = Annotated[int, msgspec.Meta(ge=0, le=MAX_NUMBER)]


class _MediaBody(Struct):
    payload: bytes
    track: str = "inbound"
    chunk: _Number | None = None
    timestamp: _Number | None = None


class _MediaFrame(Struct):
    event: Literal["media"]
    media: _MediaBody


_MEDIA_DECODER: Final = msgspec.json.Decoder(_MediaFrame, strict=False)
"""Not strict: numbers are written as text."""


def _text_of(frame: Mapping[str, Any]) -> str:
    return msgspec.json.encode(frame).decode()


def _format_name(encoding: Encoding) -> str:
    return {"audio/pcmu": "audio/x-mulaw", "audio/pcma": "audio/x-alaw"}.get(encoding.type, "audio/x-l16")


def _format(rate: str, *, names: Mapping[str, str] | None = None) -> Kind:
    """An object with `encoding` and a rate."""

    def read(value: Any) -> Encoding:
        if not isinstance(value, Mapping):
            raise FrameFault("no audio format")
        rate_hz = value.get(rate)
        return encoding_of(TEXT.read(value.get("encoding")), NUMBER.read(rate_hz) if rate_hz is not None else None)

    def write(encoding: Encoding) -> dict[str, Any]:
        name = (names or {}).get(encoding.type, _format_name(encoding))
        return {"encoding": name, rate: encoding.rate_hz, "channels": 1}

    return Kind(read, write)


_NAME: Final = Field("name", ("mark", "name"), TEXT)
_STATUS: Final = Shape(LegStatus, (Field("name", ("event",), TEXT),), keeps_details=True)


def _events(
    *,
    ids: tuple[tuple[str, str], ...],
    stream: tuple[str, ...],
    parameters: str,
    media_format: Field,
    numbers: Kind = NUMBER_TEXT,
) -> dict[str, Shape]:
    """What Twilio and Telnyx share: `ids` are fields of the struct, and their names in `start`."""
    start = (
        *(Field(name, ("start", place), TEXT, required=name == "call_id") for name, place in ids),
        Field("stream_id", stream, TEXT, required=False),
        Field("parameters", ("start", parameters), TEXTS, required=False),
        media_format,
    )
    media = (
        Field("track", ("media", "track"), TEXT, required=False),
        Field("chunk", ("media", "chunk"), numbers, required=False),
        Field("at_ms", ("media", "timestamp"), NUMBER_TEXT, required=False),
        Field("audio", ("media", "payload"), BASE64),
    )
    return {
        "connected": _STATUS,
        "error": _STATUS,
        "start": Shape(CallStarted, start, keeps_details=True),
        "media": Shape(CallerAudio, media),
        "dtmf": Shape(Digit, (Field("digit", ("dtmf", "digit"), KEY),), keeps_details=True),
        "mark": Shape(Played, (_NAME,)),
        "stop": Shape(CallEnded, keeps_details=True),
    }


_MEDIA: Final = Shape(PlayCommand, (Field("audio", ("media", "payload"), BASE64),))
_COMMANDS: Final = FrameShapes(
    "event", {"media": _MEDIA, "mark": Shape(MarkCommand, (_NAME,)), "clear": Shape(ClearCommand)}
)

_TWILIO: Final = _Spelling(
    events=FrameShapes(
        "event",
        _events(
            ids=(("call_id", "callSid"),),
            stream=("start", "streamSid"),
            parameters="customParameters",
            media_format=Field("encoding", ("start", "mediaFormat"), _format("sampleRate")),
        ),
    ),
    commands=_COMMANDS,
    stream="streamSid",
    stream_in_commands=True,
    sequence=("sequenceNumber", NUMBER_TEXT),
)


class Twilio(MediaStream):
    """Twilio Media Streams, two-way: `<Connect><Stream>`. https://www.twilio.com/docs/voice/media-streams"""

    traits: ClassVar[Traits] = Traits(marks=True, after_clear="echo")
    spelling: ClassVar[_Spelling] = _TWILIO


class SignalWire(MediaStream):
    """SignalWire's cXML `<Stream>`: Twilio's messages, with linear audio at 24 kHz where `codec` asks for it."""

    traits: ClassVar[Traits] = Traits(marks=True)
    spelling: ClassVar[_Spelling] = _TWILIO


class Telnyx(MediaStream):
    """Telnyx media streaming. Ask for `stream_bidirectional_mode=rtp`: without it what is sent is silently dropped."""

    traits: ClassVar[Traits] = Traits(marks=True, after_clear="echo", reorders=True)
    spelling: ClassVar[_Spelling] = _Spelling(
        events=FrameShapes(
            "event",
            _events(
                ids=(("call_id", "call_control_id"), ("caller", "from"), ("called", "to")),
                stream=("stream_id",),
                parameters="custom_parameters",
                media_format=Field(
                    "encoding",
                    ("start", "media_format"),
                    _format("sample_rate", names={"audio/pcmu": "PCMU", "audio/pcma": "PCMA", "audio/pcm": "L16"}),
                ),
            ),
        ),
        commands=_COMMANDS,
        stream="stream_id",
        stream_in_commands=False,
        sequence=("sequence_number", NUMBER_TEXT),
        big_endian=True,
    )


_PLIVO_EVENTS: Final = {
    **_events(
        ids=(("call_id", "callId"),),
        stream=("start", "streamId"),
        parameters="customParameters",
        media_format=Field("encoding", ("start", "mediaFormat"), _format("sampleRate")),
        numbers=NUMBER,
    ),
    "playedStream": Shape(Played, (Field("name", ("name",), TEXT),)),
    "clearedAudio": Shape(Cleared),
}
del _PLIVO_EVENTS["mark"]

_PLIVO_PLAY: Final = (
    Field("content_type", ("media", "contentType"), TEXT, required=False),
    Field("rate_hz", ("media", "sampleRate"), NUMBER, required=False),
    Field("audio", ("media", "payload"), BASE64),
)


class Plivo(MediaStream):
    """Plivo audio streams. Checkpoints are told only when everything before them was really played."""

    traits: ClassVar[Traits] = Traits(marks=True, after_clear="drop")
    spelling: ClassVar[_Spelling] = _Spelling(
        events=FrameShapes("event", _PLIVO_EVENTS, aliases={"played": "playedStream"}),
        commands=FrameShapes(
            "event",
            {
                "playAudio": Shape(PlayCommand, _PLIVO_PLAY),
                "checkpoint": Shape(MarkCommand, (Field("name", ("name",), TEXT),)),
                "clearAudio": Shape(ClearCommand),
            },
        ),
        stream="streamId",
        stream_in_commands=True,
        sequence=("sequenceNumber", NUMBER),
        names_format=True,
    )
