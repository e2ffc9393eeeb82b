"""Events as lines for people: one line each, but successive pieces of audio or text share a line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from duologue.audio.formats import Encoding
from duologue.cli.turns.audio_formats import SessionAudio
from duologue.cli.turns.describe import describe
from duologue.cli.turns.observations import Observation
from duologue.events import InputAudioBufferAppendEvent, RealtimeEvent, ResponseAudioDeltaEvent, UnknownRealtimeEvent
from duologue.printable import printable
from duologue.recording import Direction

__all__ = ["ARROWS", "Timeline", "TimelineLine"]

ARROWS: Final[dict[Direction, str]] = {"sent": "→", "received": "←"}

_MAX_CHARACTERS: Final = 120
"""Length of an event's text; the summary has the whole transcripts."""


@dataclass(slots=True, kw_only=True)
class TimelineLine:
    """One event, or a run of pieces."""

    at_s: float
    """Time of the first piece."""
    direction: Direction
    name: str
    text: str = ""
    count: int = 1
    audio_ms: float | None = None
    odd: bool = False
    """Whether it could not be decoded, or is an error."""

    @property
    def saying(self) -> str:
        """The text after the name."""
        text = printable(" ".join(self.text.split()))
        if len(text) > _MAX_CHARACTERS:
            text = f"{text[:_MAX_CHARACTERS]}…"
        count = f"×{self.count}" if self.count > 1 else ""
        audio = "" if self.audio_ms is None else f"{self.audio_ms:.0f} ms"
        return "  ".join(part for part in (count, audio, text) if part)

    def __str__(self) -> str:
        return f"{self.at_s:9.3f}  {ARROWS[self.direction]}  {self.name:<53}  {self.saying}".rstrip()


class Timeline:
    """Folds a stream of events into lines."""

    def __init__(self) -> None:
        self._audio = SessionAudio()
        self._open: dict[tuple[str, str, str], TimelineLine] = {}

    @property
    def open(self) -> list[TimelineLine]:
        """Lines that may still grow, oldest first."""
        return list(self._open.values())

    def push(self, observation: Observation) -> Iterator[TimelineLine]:
        """Add an event. Yields the lines that it finishes, in the order in which they started."""
        event = observation.event
        self._audio = self._audio.after(event)
        if not _is_piece(event):
            yield from self.close()
            yield self._line(observation)
            return
        key = (observation.direction, event.type or "", str(getattr(event, "item_id", "")))
        line, more = self._open.get(key), self._line(observation)
        if line is None:
            self._open[key] = more
            return
        line.count += 1
        line.text += more.text
        if more.audio_ms is not None:
            line.audio_ms = (line.audio_ms or 0) + more.audio_ms

    def close(self) -> list[TimelineLine]:
        """Finish all open lines; returns them."""
        lines = self.open
        self._open.clear()
        return lines

    def _line(self, observation: Observation) -> TimelineLine:
        event = observation.event
        return TimelineLine(
            at_s=observation.at_s,
            direction=observation.direction,
            name=printable(event.type or "?"),
            text=describe(event),
            audio_ms=self._audio_ms(event),
            odd=isinstance(event, UnknownRealtimeEvent) or event.type == "error",
        )

    def _audio_ms(self, event: RealtimeEvent) -> float | None:
        match event:
            case InputAudioBufferAppendEvent():
                return _duration_ms(event.audio, self._audio.input)
            case ResponseAudioDeltaEvent():
                return _duration_ms(event.delta, self._audio.output)
            case _:
                return None


def _is_piece(event: RealtimeEvent) -> bool:
    if isinstance(event, UnknownRealtimeEvent):
        return False
    return isinstance(event, InputAudioBufferAppendEvent) or str(event.type).endswith(".delta")


def _duration_ms(encoded: str, encoding: Encoding) -> float:
    """Duration of base64 audio, from its length alone."""
    size_bytes = len(encoded) * 3 // 4 - encoded[-2:].count("=")
    return size_bytes * 1000 / encoding.bytes_per_s
