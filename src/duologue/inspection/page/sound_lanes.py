"""Both sides of a call as sounds in its time: the user's as it was spoken, the model's by its parts."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from duologue.audio.samples import to_samples
from duologue.events import (
    RealtimeEvent,
    ResponseAudioDeltaEvent,
    SessionCreatedEvent,
)
from duologue.inspection.page.energy import EnergyDetector
from duologue.inspection.page.lanes import Lanes, SpeechBar
from duologue.inspection.page.peaks import STEP_MS, laid_over
from duologue.inspection.page.sounds import CallTrack, SoundStore, StoredSound
from duologue.inspection.reading import FrameSound
from duologue.inspection.spans import heard_until
from duologue.inspection.view import CallTurn, CallView

__all__ = ["ModelSounds", "PlacedSound", "UserSounds"]

_STEP_S: Final = STEP_MS / 1000

_MAX_RATE_HZ: Final = 192_000
"""A session may name any rate; no sound card has more."""

_MIN_RATE_HZ: Final = 1000

_REMEMBERED: Final = 512
"""Turns that may still change, and items whose words may still come."""


class PlacedSound(Struct, frozen=True):
    """A stretch of sound, from `offset_s` of it, that lies at `begin_s` of the call."""

    begin_s: float
    end_s: float
    sound: StoredSound
    offset_s: float


class UserSounds:
    """The user's side: its track, our own energy bars, and the bars of the server's detector."""

    def __init__(self, lanes: Lanes, store: SoundStore | None, *, digests: bool = False) -> None:
        """With `digests`, what was said can be compared with another call: it takes a second for an hour."""
        self.track: CallTrack = CallTrack(store)
        self._digest = hashlib.sha256() if digests else None
        self._lanes = lanes
        self._energy = EnergyDetector()
        self._energy_bars: dict[int, SpeechBar] = {}
        """Of the last stretch, by their first step."""
        self._speech: dict[int, SpeechBar] = {}
        """By turn."""
        self._begins: dict[str, float] = {}

    def spoken(self, piece: FrameSound, at_s: float, connection: int) -> None:
        """The client sent a piece."""
        rate_hz, pcm16 = piece.encoding.rate_hz, piece.pcm16()
        if not pcm16 or not _MIN_RATE_HZ <= rate_hz <= _MAX_RATE_HZ:
            return
        if self._digest is not None:
            self._digest.update(array("h", filter(None, to_samples(pcm16))).tobytes())
        count = len(self.track.stretches)
        peaks, moved_s = self.track.push(pcm16, rate_hz, at_s, connection)
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

    def take(self, event: RealtimeEvent, connection: int) -> None:
        """An event that may begin a session."""
        if isinstance(event, SessionCreatedEvent):
            self.track.restart(connection)

    def turned(self, turn: CallTurn, connection: int) -> None:
        """A turn is new or was changed; its places are those of this connection's audio."""
        if turn.kind != "speech" or turn.speech_started_s is None:
            return
        begin_s = self._place(turn.begin_ms, turn.speech_started_s, connection)
        bar = self._speech.get(turn.number)
        if bar is None:
            bar = self._speech[turn.number] = SpeechBar(begin_s)
            self._lanes.add("user_speech", bar)
            if len(self._speech) > _REMEMBERED:
                del self._speech[next(iter(self._speech))]
        if turn.begin_ms is None and bar.begin_s != begin_s:
            bar.begin_s = begin_s
            self._lanes.touch(bar)
        if turn.item_id is not None and turn.item_id not in self._begins:
            self._begins[turn.item_id] = bar.begin_s
            if len(self._begins) > _REMEMBERED:
                del self._begins[next(iter(self._begins))]
        known_s = turn.end_of_speech_s if turn.speech_stopped_s is None else turn.speech_stopped_s
        if known_s is not None and (bar.end_s is None or turn.end_ms is None):
            bar.end_s = max(bar.begin_s, self._place(turn.end_ms, known_s, connection))
            self._lanes.touch(bar)

    def _place(self, position_ms: int | None, known_s: float, connection: int) -> float:
        """When a position was spoken; at the latest when it was known."""
        found_s = self.track.at_s(position_ms, connection) if position_ms is not None else None
        return known_s if found_s is None else min(known_s, found_s)

    def begin_of(self, item_id: str, otherwise_s: float) -> float:
        """When the speech of an item began; `otherwise_s` where the server has not said it."""
        return self._begins.get(item_id, otherwise_s)

    def digest(self) -> bytes:
        """Of all samples but zeros, however they were cut into pieces. Raises ValueError without `digests`."""
        if self._digest is None:
            raise ValueError("the fold was made without digests")
        return self._digest.digest()

    def finish(self, at_s: float) -> None:
        """The call is over."""
        for bar in self._speech.values():
            if bar.end_s is None:
                bar.end_s = max(bar.begin_s, at_s)
                self._lanes.touch(bar)

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
        self._parts: dict[tuple[str, int], StoredSound] = {}
        self._stream = CallTrack(store, leads=True)
        """Of the families without parts."""

    def came(self, piece: FrameSound, event: object, at_s: float, connection: int) -> None:
        """The server sent a piece, in this event."""
        rate_hz, pcm16 = piece.encoding.rate_hz, piece.pcm16()
        if not pcm16 or not _MIN_RATE_HZ <= rate_hz <= _MAX_RATE_HZ:
            return
        if not isinstance(event, ResponseAudioDeltaEvent):
            self._stream.push(pcm16, rate_hz, at_s if piece.begin_s is None else piece.begin_s, connection)
            return
        key = (event.item_id, event.content_index)
        sound = self._parts.get(key)
        if sound is None:
            sound = self._parts[key] = StoredSound(rate_hz, self._store)
        sound.add(pcm16)

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


def _laid(duration_s: float, placed: Iterator[PlacedSound]) -> bytes:
    peaks = bytearray(max(0, min(round(duration_s / _STEP_S) + 1, _MAX_STEPS)))
    for each in placed:
        end_s = each.offset_s + each.end_s - each.begin_s
        laid_over(peaks, each.begin_s, each.sound.peaks_between(each.offset_s, end_s))
    return bytes(peaks)


_MAX_STEPS: Final = 24 * 3600 * 100
"""A day: a damaged line may have any time."""
