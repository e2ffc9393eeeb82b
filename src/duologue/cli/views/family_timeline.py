"""Events of Live and of translation as lines for people; successive pieces of audio or text share a line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from duologue.audio.formats import PCM, Encoding
from duologue.cli.views.timeline import TimelineLine
from duologue.events import is_set
from duologue.events.base64_text import decode_base64
from duologue.events.live import (
    LiveCommentaryAppendEvent,
    LiveDelegationCreatedEvent,
    LiveErrorEvent,
    LiveEvent,
    LiveInputTranscriptDeltaEvent,
    LiveInstructionsAppendEvent,
    LiveOutputTranscriptDeltaEvent,
    LiveResponseEvent,
    LiveSessionClosedEvent,
    LiveSessionStartedEvent,
    LiveSessionUsageUpdatedEvent,
    LiveThinkingAppendEvent,
    UnknownLiveEvent,
)
from duologue.events.translation import (
    TranslationErrorEvent,
    TranslationEvent,
    TranslationInputTranscriptDeltaEvent,
    TranslationOutputTranscriptDeltaEvent,
    UnknownTranslationEvent,
)
from duologue.protocol.live.client.session_format import session_encodings
from duologue.recording import Direction

__all__ = ["FamilyEvent", "FamilyTimeline", "describe_event"]

FamilyEvent: TypeAlias = LiveEvent | TranslationEvent


class FamilyTimeline:
    """Folds the events of one session into lines."""

    def __init__(self) -> None:
        self._encodings: tuple[Encoding, Encoding] = (PCM, PCM)
        self._open: dict[tuple[str, str], TimelineLine] = {}

    def push(self, at_s: float, direction: Direction, event: FamilyEvent) -> Iterator[TimelineLine]:
        """Add an event. Yields the lines that it finishes, in the order in which they started."""
        if isinstance(event, LiveSessionStartedEvent):
            self._encodings = session_encodings(event.session, (PCM, PCM))
        line = self._line(at_s, direction, event)
        if not (event.audio_fields or str(event.type).endswith(".delta")) or line.odd:
            yield from self.close()
            yield line
            return
        before = self._open.setdefault((direction, line.name), line)
        if before is not line:
            before.count += 1
            before.text += line.text
            if line.audio_ms is not None:
                before.audio_ms = (before.audio_ms or 0) + line.audio_ms

    def close(self) -> list[TimelineLine]:
        """Finish all open lines; returns them."""
        lines = [*self._open.values()]
        self._open.clear()
        return lines

    def _line(self, at_s: float, direction: Direction, event: FamilyEvent) -> TimelineLine:
        odd = isinstance(event, UnknownLiveEvent | UnknownTranslationEvent | LiveErrorEvent | TranslationErrorEvent)
        return TimelineLine(
            at_s=at_s,
            direction=direction,
            name=event.type if isinstance(event.type, str) else "(no type)",
            text=describe_event(event),
            audio_ms=self._audio_ms(direction, event),
            odd=odd,
        )

    def _audio_ms(self, direction: Direction, event: FamilyEvent) -> float | None:
        """How long the audio of an event lasts; None without any that can be read."""
        encoding = self._encodings[direction == "received"]
        for name in event.audio_fields:
            encoded = getattr(event, name)
            try:
                return encoding.duration_ms(len(decode_base64(encoded))) if isinstance(encoded, str) else None
            except ValueError:
                return None
        return None


def describe_event(event: FamilyEvent) -> str:
    """The content of an event in short; empty where its name suffices. Deltas keep their white space."""
    match event:
        case UnknownLiveEvent() | UnknownTranslationEvent():
            return event.problem
        case LiveErrorEvent(error=error) | TranslationErrorEvent(error=error):
            message = error.message if is_set(error.message) else ""
            return f"{error.code}: {message}" if is_set(error.code) else message
        case (
            LiveInputTranscriptDeltaEvent()
            | LiveOutputTranscriptDeltaEvent()
            | TranslationInputTranscriptDeltaEvent()
            | TranslationOutputTranscriptDeltaEvent()
        ):
            return event.delta
        case LiveInstructionsAppendEvent() | LiveThinkingAppendEvent() | LiveCommentaryAppendEvent():
            return event.content
        case LiveSessionStartedEvent(session=session):
            return f"{session.id}, {session.model}"
        case LiveDelegationCreatedEvent(delegation=delegation):
            return f"{delegation.id} to {delegation.target}"
        case LiveResponseEvent():
            return str(event.event.get("type", ""))
        case LiveSessionUsageUpdatedEvent(usage=usage):
            return f"{usage.seconds:g} s"
        case LiveSessionClosedEvent():
            return f"{event.reason}, {event.usage.seconds:g} s" if is_set(event.usage) else event.reason
        case _:
            return ""
