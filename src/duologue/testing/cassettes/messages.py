"""A message as cassettes compare it: an event, a piece of input audio, or neither."""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct

from duologue.audio.formats import PCM, PCMA, PCMU
from duologue.codec.jsontext import parse_object
from duologue.errors import DecodeError
from duologue.printable import printable_name

__all__ = ["NOT_JSON", "InputAudioRate", "ReadMessage", "bytes_in", "event_in", "read_message"]

NOT_JSON: Final = "(text that is no JSON)"
_BYTES: Final = "(binary)"
_NO_TYPE: Final = "(no type)"

_APPENDS: Final = frozenset(
    {
        "input_audio_buffer.append",
        "input_audio.turn.append",
        "session.input_audio.append",
        "session.input_audio_buffer.append",
    }
)
"""Events with a piece of input audio, of all families and dialects: the field is `audio`, in base64."""

_BYTES_PER_S: Final = {
    "audio/pcm": PCM.bytes_per_s,
    "audio/pcmu": PCMU.bytes_per_s,
    "audio/pcma": PCMA.bytes_per_s,
    "pcm16": PCM.bytes_per_s,
    "g711_ulaw": PCMU.bytes_per_s,
    "g711_alaw": PCMA.bytes_per_s,
}
"""By the name of the format. Another one counts as PCM: lengths are compared with lengths of the same format."""


class ReadMessage(Struct, frozen=True, kw_only=True):
    """One WebSocket message."""

    type: str
    """The event's type, printable; in parentheses, what else it is."""
    message: str | bytes
    event: dict[str, Any] | None = None
    """None: it is no JSON object."""
    audio_ms: float | None = None
    """The length of the piece of input audio that it is; None: it is none."""


class InputAudioRate:
    """How many bytes of input audio last a millisecond, as the last event with a session says."""

    def __init__(self) -> None:
        self.bytes_per_ms: float = PCM.bytes_per_s / 1000

    def take(self, event: dict[str, Any]) -> None:
        """Take an event of either side. One without a format changes nothing."""
        session = event.get("session")
        if not isinstance(session, dict):
            return
        told = session.get("input_audio_format")  # the beta
        audio = session.get("audio")
        if isinstance(audio, dict):
            of_input = audio.get("input")
            # Live has one format for both directions.
            told = of_input.get("format") if isinstance(of_input, dict) else audio.get("format")
        name, rate_hz = (told.get("type"), told.get("rate")) if isinstance(told, dict) else (told, None)
        if not isinstance(name, str):
            return
        bytes_per_s = _BYTES_PER_S.get(name, PCM.bytes_per_s)
        if name == "audio/pcm" and isinstance(rate_hz, int) and rate_hz > 0:
            bytes_per_s = rate_hz * PCM.bytes_per_sample
        self.bytes_per_ms = bytes_per_s / 1000


def event_in(message: str | bytes) -> dict[str, Any] | None:
    """The JSON object that a message is, if it is one."""
    if isinstance(message, bytes) and not message.lstrip().startswith(b"{"):
        return None
    try:
        return parse_object(message)
    except DecodeError:
        return None


def read_message(message: str | bytes, rate: InputAudioRate) -> ReadMessage:
    """A message of the client. A binary one without JSON counts as input audio: no dialect has another use for it."""
    event = event_in(message)
    if event is None:
        if isinstance(message, bytes):
            return ReadMessage(type=_BYTES, message=message, audio_ms=len(message) / rate.bytes_per_ms)
        return ReadMessage(type=NOT_JSON, message=message)
    name = event.get("type")
    if name in _APPENDS and isinstance(audio := event.get("audio"), str):
        return ReadMessage(type=str(name), message=message, event=event, audio_ms=bytes_in(audio) / rate.bytes_per_ms)
    rate.take(event)
    return ReadMessage(type=printable_name(name) if isinstance(name, str) else _NO_TYPE, message=message, event=event)


def bytes_in(base64: str) -> int:
    """How many bytes a text in base64 holds, with or without its padding."""
    return (len(base64) - base64[-2:].count("=")) * 3 // 4
