"""Asterisk's AudioSocket: messages over TCP, each a type, a length and a payload. No clear, and no marks.

Sources: Asterisk's res_audiosocket, and Asterisk 22.10.1 as it ran.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import ClassVar, Final

from duologue.audio.formats import PCM, Encoding
from duologue.telephony.codecs.frame_shapes import KEY, FrameFault
from duologue.telephony.codecs.leg_codec import Frame, LegCodec
from duologue.telephony.codecs.leg_events import (
    CallEnded,
    CallerAudio,
    CallStarted,
    Digit,
    HangUpCommand,
    LegCommand,
    LegEvent,
    LegStatus,
    PlayCommand,
)
from duologue.telephony.codecs.traits import Traits

__all__ = ["AudioSocket", "AudioSocketSplitter"]

_HEADER_BYTES: Final = 3
_HANG_UP: Final = 0x00
_ID: Final = 0x01
_KEY: Final = 0x03
_ERROR: Final = 0xFF
_AUDIO_HZ: Final = {
    0x10: 8_000,
    0x11: 12_000,
    0x12: 16_000,
    0x13: 24_000,
    0x14: 32_000,
    0x15: 44_100,
    0x16: 48_000,
    0x17: 96_000,
    0x18: 192_000,
}
_AUDIO_KINDS: Final = {rate_hz: kind for kind, rate_hz in _AUDIO_HZ.items()}
_MAX_PAYLOAD_BYTES: Final = 0xFFFF


class AudioSocketSplitter:
    """A TCP stream into messages, headers included, however it is cut. Holds at most one message of 64 kB."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def push(self, data: bytes) -> list[bytes]:
        """The messages that this piece completes."""
        self._rest += data
        joined, at, messages = self._rest, 0, list[bytes]()
        while len(joined) - at >= _HEADER_BYTES:
            end = at + _HEADER_BYTES + int.from_bytes(joined[at + 1 : at + _HEADER_BYTES], "big")
            if end > len(joined):
                break
            messages.append(bytes(joined[at:end]))
            at = end
        del joined[:at]
        return messages


class AudioSocket(LegCodec):
    """A call over AudioSocket; `rate_hz` is that of its first audio, 8 kHz unless the dialplan asks for more.

    A frame is one message with its header, as `AudioSocketSplitter` gives it. The call has started with its id.
    Asterisk ends a call in which neither side has sent anything for 2 s: silence is sent while there is no speech.
    """

    traits: ClassVar[Traits] = Traits(marks=False, clears=False, fills_pauses=True, quiet_when_silent=True)

    def __init__(self, *, rate_hz: int = 8_000) -> None:
        """Raises ValueError for a rate that the protocol has not."""
        super().__init__()
        if rate_hz not in _AUDIO_KINDS:
            raise ValueError(f"AudioSocket has no {rate_hz} Hz; it has {', '.join(map(str, _AUDIO_KINDS))}")
        self.encoding: Encoding = replace(PCM, rate_hz=rate_hz)

    def _read(self, frame: Frame) -> LegEvent:
        kind, payload = _split(frame)
        match kind:
            case 0x01:
                if len(payload) != 16:
                    raise FrameFault("an id is 16 bytes")
                return CallStarted(call_id=str(uuid.UUID(bytes=payload)), encoding=self.encoding)
            case 0x03:
                return Digit(digit=KEY.read(payload.decode("latin-1")))
            case 0x00:
                return CallEnded(reason="hung up")
            case 0xFF:
                return LegStatus(name="error", details={"code": payload.hex()})
            case _:
                if _AUDIO_HZ.get(kind) != self.encoding.rate_hz:
                    raise FrameFault(f"type 0x{kind:02x} is not audio at {self.encoding.rate_hz} Hz")
                return CallerAudio(audio=payload)

    def hang_up(self) -> Frame | None:
        """Asterisk ends the call when it is told to."""
        return self._ends_call()

    def command(self, command: LegCommand) -> Frame:
        """The message of a command. Raises FrameFault for marks and clears, which the protocol has not."""
        match command:
            case PlayCommand(audio=audio):
                return _message(_AUDIO_KINDS[self.encoding.rate_hz], audio)
            case HangUpCommand():
                return _message(_HANG_UP, b"")
            case _:
                raise FrameFault(f"AudioSocket has no {type(command).__name__}")

    def write(self, event: LegEvent, *, sequence: int = 0) -> Frame:
        """The message in which Asterisk tells an event; messages have no numbers."""
        match event:
            case CallStarted(call_id=call_id):
                return _message(_ID, uuid.UUID(call_id).bytes)
            case CallerAudio(audio=audio):
                return _message(_AUDIO_KINDS[self.encoding.rate_hz], audio)
            case Digit(digit=digit):
                return _message(_KEY, digit.encode("ascii"))
            case CallEnded():
                return _message(_HANG_UP, b"")
            case LegStatus(details=details):
                return _message(_ERROR, bytes.fromhex(str(details.get("code", ""))))
            case _:
                raise FrameFault(f"AudioSocket has no {type(event).__name__}")

    def _read_command(self, frame: Frame) -> LegCommand:
        kind, payload = _split(frame)
        if kind == _HANG_UP:
            return HangUpCommand()
        if _AUDIO_HZ.get(kind) == self.encoding.rate_hz:
            return PlayCommand(audio=payload)
        raise FrameFault(f"type 0x{kind:02x} is no command")


def _split(frame: Frame) -> tuple[int, bytes]:
    if isinstance(frame, str):
        raise FrameFault("text, where all messages are binary")
    if len(frame) < _HEADER_BYTES or int.from_bytes(frame[1:3], "big") != len(frame) - _HEADER_BYTES:
        raise FrameFault("its length is not what its header says")
    return frame[0], frame[_HEADER_BYTES:]


def _message(kind: int, payload: bytes) -> bytes:
    if len(payload) > _MAX_PAYLOAD_BYTES:
        raise FrameFault(f"{len(payload)} bytes are more than one message holds")
    return bytes((kind,)) + len(payload).to_bytes(2, "big") + payload
