"""What the codecs of all protocols have in common: frames to values and back, no I/O."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import ClassVar, Final

from duologue.audio.formats import PCM, PCMA, PCMU, Encoding
from duologue.printable import printable
from duologue.telephony.codecs.frame_shapes import FrameFault
from duologue.telephony.codecs.leg_events import (
    CallerAudio,
    CallStarted,
    ClearCommand,
    HangUpCommand,
    LegCommand,
    LegEvent,
    MarkCommand,
    PlayCommand,
    UnknownLegFrame,
)
from duologue.telephony.codecs.traits import Traits

__all__ = ["Frame", "LegCodec", "encoding_of", "swapped"]

Frame = str | bytes
"""A WebSocket message, text or binary; of AudioSocket one message with its header."""

_RATES_HZ: Final = frozenset({8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000})
"""Rates that telephony has; with any other number a resampler might be asked for the impossible."""

_NAMES: Final = {
    **dict.fromkeys(("audio/x-mulaw", "audio/mulaw", "audio/pcmu", "pcmu", "mulaw", "ulaw"), PCMU),
    **dict.fromkeys(("audio/x-alaw", "audio/alaw", "audio/pcma", "pcma", "alaw"), PCMA),
    **dict.fromkeys(("audio/x-l16", "audio/l16", "l16", "audio/pcm", "linear16", "slin"), PCM),
}
"""How vendors name encodings."""


def encoding_of(name: str, rate_hz: int | None) -> Encoding:
    """The encoding that a vendor's name and a rate mean. Raises FrameFault for one that is not read here."""
    known = _NAMES.get(name.lower())
    rate = rate_hz if rate_hz is not None else 8_000
    if known is None or rate not in _RATES_HZ or (known is not PCM and rate != known.rate_hz):
        shown = printable(name, max_characters=40)
        raise FrameFault(f"audio as {shown!r} at {rate} Hz is not read here; ask the carrier for PCMU")
    return replace(PCM, rate_hz=rate) if known is PCM else known


class LegCodec(ABC):
    """One call in one carrier's protocol. `decode` learns from the start of the call what commands must name.

        decode · play · mark · clear · hang_up       our side
        write · read_command                         the carrier's side, for tests

    Not for two calls: make one for each.

    >>> from duologue.telephony import Twilio
    >>> Twilio().decode('{"event": "dtmf", "streamSid": "MZ1", "dtmf": {"track": "inbound_track", "digit": "1"}}').digit
    '1'
    """

    traits: ClassVar[Traits]
    """What the carrier can and cannot do."""

    def __init__(self) -> None:
        self.encoding: Encoding = PCMU
        """Of the call, once it has started."""
        self.stream_id: str = ""
        """The carrier's id of the stream; empty before the call has started."""
        self._has_started = False

    def decode(self, frame: Frame) -> LegEvent:
        """The value of a frame of the carrier. Never raises: what cannot be read is an UnknownLegFrame."""
        try:
            event = self._read(frame)
        except FrameFault as fault:
            return UnknownLegFrame(raw=frame, reason=str(fault))
        if isinstance(event, CallStarted):
            if self._has_started:
                return UnknownLegFrame(raw=frame, reason="the call has started already")
            self._has_started = True
            self.encoding, self.stream_id = event.encoding, event.stream_id
        return event

    def caller_audio(self, frame: str | bytes) -> CallerAudio | None:
        """The caller's audio, if a text (or its bytes) is that and can be read faster than by `decode`; else None."""
        return None

    def play(self, audio: bytes) -> Frame:
        """Audio for the caller, in the encoding of the call."""
        return self.command(PlayCommand(audio=audio))

    def mark(self, name: str) -> Frame:
        """A mark behind what was sent."""
        return self.command(MarkCommand(name=name))

    def clear(self) -> Frame | None:
        """Empty the carrier's queue. None where that cannot be asked for."""
        return self.command(ClearCommand()) if self.traits.clears else None

    def hang_up(self) -> Frame | None:
        """End the call. None where closing the connection does it."""
        return None

    @abstractmethod
    def _read(self, frame: Frame) -> LegEvent:
        """The value of a frame. Raises FrameFault, and nothing else."""

    @abstractmethod
    def command(self, command: LegCommand) -> Frame:
        """The frame of a command. Raises FrameFault where the protocol has none."""

    @abstractmethod
    def write(self, event: LegEvent, *, sequence: int = 0) -> Frame:
        """The frame in which this carrier tells an event, as its `sequence`-th. Raises FrameFault."""

    @abstractmethod
    def _read_command(self, frame: Frame) -> LegCommand:
        """The command that a frame of ours is. Raises FrameFault, and nothing else."""

    def read_command(self, frame: Frame) -> LegCommand | UnknownLegFrame:
        """What a frame of ours tells the carrier. Never raises."""
        try:
            return self._read_command(frame)
        except FrameFault as fault:
            return UnknownLegFrame(raw=frame, reason=str(fault))

    def _ends_call(self) -> Frame:
        return self.command(HangUpCommand())


def swapped(samples: bytes) -> bytes:
    """16-bit samples in the other byte order, without half a sample at the end."""
    whole = len(samples) // 2 * 2
    other = bytearray(whole)
    other[0::2], other[1::2] = samples[1:whole:2], samples[0:whole:2]
    return bytes(other)
