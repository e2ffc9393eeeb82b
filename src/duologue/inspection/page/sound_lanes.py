"""Both sides of a call as sounds in its time: the user's as it was spoken, the model's by its parts."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from duologue.audio.formats import Encoding
from duologue.errors import AudioError
from duologue.events import (
    InputAudioBufferSpeechStartedEvent,
    InputAudioBufferSpeechStoppedEvent,
    RealtimeEvent,
    ResponseAudioDeltaEvent,
    SessionCreatedEvent,
)
from duologue.inspection.page.energy import EnergyDetector
from duologue.inspection.page.lanes import Lanes, SpeechBar
from duologue.inspection.page.peaks import STEP_MS, laid_over
from duologue.inspection.page.sounds import CallTrack, Sound, SoundStore
from duologue.inspection.reading import ReadEvent
from duologue.inspection.session_in_force import SessionClock
from duologue.inspection.spans import heard_until
from duologue.inspection.view import CallView

__all__ = ["ModelSounds", "PlacedSound", "SoundPiece", "UserSounds", "sound_in"]

_STEP_S: Final = STEP_MS / 1000

_MAX_RATE_HZ: Final = 192_000
"""A session may name any rate; no sound card has more."""

_MIN_RATE_HZ: Final = 1000

_REMEMBERED: Final = 512
"""Items whose speech has begun and not ended."""


class SoundPiece(Struct, frozen=True):
    """The sound of one frame."""

    pcm16: bytes
    rate_hz: int


class PlacedSound(Struct, frozen=True):
    """A stretch of sound, from `offset_s` of it, that lies at `begin_s` of the call."""

    begin_s: float
    end_s: float
    sound: Sound
    offset_s: float


def sound_in(read: ReadEvent, session: SessionClock) -> SoundPiece | None:
    """The sound of an event; None without any, and where it cannot be decoded."""
    event = read.event
    for name in getattr(event, "audio_fields", ()):
        text = getattr(event, name, None)
        if not isinstance(text, str):
            continue
        encoding = session.settings.input if read.by == "client" else session.settings.output
        try:
            return SoundPiece(_pcm16(base64.b64decode(text), encoding), encoding.rate_hz)
        except (binascii.Error, ValueError, AudioError):
            return SoundPiece(b"", encoding.rate_hz)
    return None


class UserSounds:
    """The user's side: its track, our own energy bars, and the bars of the server's detector."""

    def __init__(self, lanes: Lanes, store: SoundStore | None) -> None:
        self.track = CallTrack(store)
        self._lanes = lanes
        self._energy = EnergyDetector()
        self._energy_bars: dict[int, SpeechBar] = {}
        """Of the last stretch, by their first step."""
        self._speech: dict[str, SpeechBar] = {}
        self._begins: dict[str, float] = {}

    def heard(self, piece: SoundPiece, at_s: float, connection: int) -> None:
        """The client sent a piece."""
        if not piece.pcm16 or not _MIN_RATE_HZ <= piece.rate_hz <= _MAX_RATE_HZ:
            return
        count = len(self.track.stretches)
        peaks, moved_s = self.track.push(piece.pcm16, piece.rate_hz, at_s, connection)
        if len(self.track.stretches) != count:
            self._energy.restart()
            self._energy_bars.clear()
        stretch = self.track.stretches[-1]
        for bar in self._energy_bars.values() if moved_s else ():
            bar.begin_s += moved_s
            bar.end_s = (bar.end_s or bar.begin_s) + moved_s
            self._lanes.touch(bar)
        for span in self._energy.push(peaks):
            end_s = stretch.begin_s + (span.last + 1) * _STEP_S
            known = self._energy_bars.get(span.first)
            if known is None:
                known = self._energy_bars[span.first] = SpeechBar(stretch.begin_s + span.first * _STEP_S, end_s)
                self._lanes.add("user_energy", known)
            known.end_s = end_s
            self._lanes.touch(known)

    def take(self, event: RealtimeEvent, at_s: float, connection: int, silence_ms: int) -> None:
        """What an event says about the speech. `silence_ms` is what the server waits for, and counts as speech."""
        match event:
            case SessionCreatedEvent():
                self.track.restart(connection)
            case InputAudioBufferSpeechStartedEvent(item_id=item_id, audio_start_ms=start_ms):
                begin_s = self.track.at_s(start_ms, connection)
                bar = SpeechBar(min(at_s, begin_s if begin_s is not None else at_s))
                self._speech[item_id], self._begins[item_id] = bar, bar.begin_s
                if len(self._begins) > _REMEMBERED:
                    oldest = next(iter(self._begins))
                    del self._begins[oldest]
                    self._speech.pop(oldest, None)
                self._lanes.add("user_speech", bar)
            case InputAudioBufferSpeechStoppedEvent(item_id=item_id, audio_end_ms=end_ms):
                found_s = self.track.at_s(max(0, end_ms - silence_ms), connection)
                if (known := self._speech.pop(item_id, None)) is not None:
                    known.end_s = max(known.begin_s, min(at_s, found_s if found_s is not None else at_s))
                    self._lanes.touch(known)
            case _:
                pass

    def begin_of(self, item_id: str, otherwise_s: float) -> float:
        """When the speech of an item began; `otherwise_s` where the server has not said it."""
        return self._begins.get(item_id, otherwise_s)

    def finish(self, at_s: float) -> None:
        """The call is over."""
        for bar in self._speech.values():
            bar.end_s = max(bar.begin_s, at_s)
            self._lanes.touch(bar)
        self._speech.clear()

    def placed(self) -> Iterator[PlacedSound]:
        """All of it in the time of the call."""
        for stretch in self.track.stretches:
            yield PlacedSound(stretch.begin_s, stretch.end_s, stretch.sound, 0.0)

    def peaks(self, duration_s: float) -> bytes:
        """A byte for each 10 ms of the call."""
        return _laid(duration_s, self.placed())


class ModelSounds:
    """The model's side."""

    def __init__(self, store: SoundStore | None) -> None:
        self._store = store
        self._parts: dict[tuple[str, int], Sound] = {}
        self._stream = CallTrack(store, leads=True)
        """Of the families without parts."""

    def came(self, piece: SoundPiece, read: ReadEvent, at_s: float, connection: int) -> None:
        """The server sent a piece."""
        if not piece.pcm16 or not _MIN_RATE_HZ <= piece.rate_hz <= _MAX_RATE_HZ:
            return
        event = read.event
        if not isinstance(event, ResponseAudioDeltaEvent):
            self._stream.push(piece.pcm16, piece.rate_hz, at_s, connection)
            return
        key = (event.item_id, event.content_index)
        sound = self._parts.get(key)
        if sound is None:
            sound = self._parts[key] = Sound(piece.rate_hz, self._store)
        sound.add(piece.pcm16)

    def placed(self, view: CallView) -> Iterator[PlacedSound]:
        """All that was heard, in the time of the call, in order."""
        found = [
            PlacedSound(span.begin_s, span.end_s, sound, span.media_ms / 1000)
            for part in view.heard
            if (sound := self._parts.get((part.item_id, part.content_index))) is not None
            for span in heard_until(part.spans, part.heard_ms)[0]
        ]
        found += (PlacedSound(each.begin_s, each.end_s, each.sound, 0.0) for each in self._stream.stretches)
        yield from sorted(found, key=lambda each: each.begin_s)

    def peaks(self, duration_s: float, view: CallView) -> bytes:
        """A byte for each 10 ms of the call, as it was heard."""
        return _laid(duration_s, self.placed(view))


def _pcm16(data: bytes, encoding: Encoding) -> bytes:
    return encoding.to_pcm16(data[: len(data) // encoding.bytes_per_sample * encoding.bytes_per_sample])


def _laid(duration_s: float, placed: Iterator[PlacedSound]) -> bytes:
    peaks = bytearray(max(0, min(round(duration_s / _STEP_S) + 1, _MAX_STEPS)))
    for each in placed:
        end_s = each.offset_s + each.end_s - each.begin_s
        laid_over(peaks, each.begin_s, each.sound.peaks_between(each.offset_s, end_s))
    return bytes(peaks)


_MAX_STEPS: Final = 24 * 3600 * 100
"""A day: a damaged line may have any time."""
