"""The audio of a call while it is folded: peaks in memory, samples in a store."""

from __future__ import annotations

from typing import BinaryIO, Final, Protocol

from msgspec import Struct

from duologue.inspection.page.peaks import STEP_MS, PeakMeter

__all__ = ["CallTrack", "FileStore", "SoundStore", "StoredSound", "Stretch"]


class SoundStore(Protocol):
    """Keeps samples out of memory, or only the newest of them."""

    def write(self, pcm16: bytes) -> int:
        """Keep a piece; returns its place."""
        ...

    def read(self, place: int, size_bytes: int) -> bytes:
        """What was written there: shorter, or empty, where it is not kept any more."""
        ...


class FileStore:
    """Keeps samples in a file that is open for reading and writing, such as `tempfile.TemporaryFile()`."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._end = 0
        self._is_at_end = True

    def write(self, pcm16: bytes) -> int:
        """Keep a piece; returns its place."""
        if not self._is_at_end:
            self._file.seek(self._end)
            self._is_at_end = True
        place = self._end
        self._file.write(pcm16)
        self._end += len(pcm16)
        return place

    def read(self, place: int, size_bytes: int) -> bytes:
        """What was written there."""
        self._is_at_end = False
        self._file.seek(place)
        return self._file.read(size_bytes)


class StoredSound:
    """One stream of PCM16: its peaks, and where its samples are."""

    def __init__(self, rate_hz: int, store: SoundStore | None) -> None:
        """Without a store only the peaks are kept."""
        self.rate_hz = rate_hz
        self.size_bytes: int = 0
        self.peaks: bytearray = bytearray()
        """One for each whole 10 ms."""
        self._meter = PeakMeter(rate_hz)
        self._store = store
        self._blocks: list[tuple[int, int, int]] = []
        """Position in the stream, place in the store, size."""

    @property
    def duration_s(self) -> float:
        return self.size_bytes / (2 * self.rate_hz)

    def add(self, pcm16: bytes) -> bytes:
        """The next piece; returns its peaks."""
        if self._store is not None and pcm16:
            place = self._store.write(pcm16)
            last = self._blocks[-1] if self._blocks else None
            if last is not None and last[1] + last[2] == place:
                self._blocks[-1] = (last[0], last[1], last[2] + len(pcm16))
            else:
                self._blocks.append((self.size_bytes, place, len(pcm16)))
        self.size_bytes += len(pcm16)
        peaks = self._meter.push(pcm16)
        self.peaks += peaks
        return peaks

    def read(self, begin_s: float, end_s: float) -> bytes:
        """PCM16 between two times of the stream; silence where the store has it no more."""
        begin, end = (2 * round(at_s * self.rate_hz) for at_s in (max(0.0, begin_s), end_s))
        end = min(end, self.size_bytes)
        found = bytearray()
        for position, place, size in self._blocks:
            low, high = max(begin, position), min(end, position + size)
            if low < high and self._store is not None:
                found += self._store.read(place + low - position, high - low).ljust(high - low, b"\0")
        return bytes(found)

    def peaks_between(self, begin_s: float, end_s: float) -> bytes:
        """The peaks between two times of the stream."""
        first, last = round(begin_s * 1000 / STEP_MS), round(end_s * 1000 / STEP_MS)
        return bytes(self.peaks[first:last])


_LATE_S: Final = 0.12
"""Audio that comes later than it was due by more was not sent in between; less is the jitter of a program."""

_EXACT_S: Final = 0.001
"""Times of lines are rounded to microseconds, and pieces to samples."""

_STALL_S: Final = 2.0
"""A program that stood still this long sends afterwards what it missed; after a longer break nothing was missed."""

_MAX_STRETCHES: Final = 20_000
"""Of a call: a push-to-talk call of a day has fewer."""


class Stretch(Struct, kw_only=True):
    """Audio without a break."""

    begin_s: float
    """In the call."""
    earliest_s: float
    """Where it may begin at the earliest."""
    connection: int
    position_ms: float
    """Of its beginning in the audio of its connection's session."""
    sound: StoredSound

    @property
    def end_s(self) -> float:
        return self.begin_s + self.sound.duration_s


class CallTrack:
    """Lays the pieces of a stream that is sent as it is spoken into the time of the call.

    The last sample of a piece was spoken when it was sent, or earlier: a stretch lies as early as its most punctual
    piece says. `leads` is True for a stream that is played when it comes, such as the output of a Live session.
    """

    def __init__(self, store: SoundStore | None, *, leads: bool = False) -> None:
        self.stretches: list[Stretch] = []
        self._store = store
        self._leads = leads
        self._positions: dict[int, float] = {}

    def restart(self, connection: int) -> None:
        """A session begins, with audio of its own."""
        self._positions[connection] = 0.0

    def push(self, pcm16: bytes, rate_hz: int, at_s: float, connection: int) -> tuple[bytes, float]:
        """A piece; returns its peaks, and by how much the last stretch was moved: never above 0."""
        duration_s = len(pcm16) / (2 * rate_hz)
        due_s = at_s if self._leads else at_s - duration_s
        position_ms = self._positions.get(connection, 0.0)
        self._positions[connection] = position_ms + duration_s * 1000
        stretch = self.stretches[-1] if self.stretches else None
        if stretch is None or self._breaks(stretch, rate_hz, due_s, connection, position_ms):
            stretch = self._begin(rate_hz, due_s, connection, position_ms)
        moved_s = 0.0
        if not self._leads and stretch.end_s > due_s + _EXACT_S:
            moved_s = max(stretch.earliest_s - stretch.begin_s, due_s - stretch.end_s)
            stretch.begin_s += moved_s
        return stretch.sound.add(pcm16), moved_s

    def at_s(self, position_ms: float, connection: int) -> float | None:
        """When a position of a session's audio was spoken; None for one that was not sent."""
        found: float | None = None
        for stretch in reversed(self.stretches):
            if stretch.connection != connection:
                continue
            found = min(stretch.begin_s + (position_ms - stretch.position_ms) / 1000, stretch.end_s)
            if stretch.position_ms < position_ms:
                return found
        return found if position_ms <= 0 else None

    def _breaks(self, last: Stretch, rate_hz: int, due_s: float, connection: int, position_ms: float) -> bool:
        if len(self.stretches) >= _MAX_STRETCHES and last.sound.rate_hz == rate_hz:
            return False
        continues = last.position_ms + last.sound.duration_s * 1000
        return (
            last.connection != connection
            or last.sound.rate_hz != rate_hz
            or abs(continues - position_ms) > 1
            or due_s > last.end_s + _LATE_S
        )

    def _begin(self, rate_hz: int, due_s: float, connection: int, position_ms: float) -> Stretch:
        after_s = self.stretches[-1].end_s if self.stretches else 0.0
        begin_s = max(due_s, after_s)
        is_stall = bool(self.stretches) and begin_s - after_s <= _STALL_S
        stretch = Stretch(
            begin_s=begin_s,
            earliest_s=after_s if is_stall else max(after_s, begin_s - _LATE_S),
            connection=connection,
            position_ms=position_ms,
            sound=StoredSound(rate_hz, self._store),
        )
        self.stretches.append(stretch)
        return stretch
