"""A translation session on the client, without I/O and clock: what may be sent, what came, and how it ended.

The server greets first. Updates are answered in their order, or by an error that names them. `session.close` is
answered by the rest of the translation and `session.closed`; a connection that ends without it was not finalised:
https://developers.openai.com/api/docs/guides/realtime
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from math import inf
from typing import Final

from msgspec import UNSET

from duologue.audio.formats import PCM, Encoding
from duologue.errors import LocalProtocolError
from duologue.events import (
    AnyTranslationClientEvent,
    AnyTranslationEvent,
    TranslationErrorEvent,
    TranslationInputAudioBufferAppendEvent,
    TranslationInputTranscriptDeltaEvent,
    TranslationOutputAudioDeltaEvent,
    TranslationOutputTranscriptDeltaEvent,
    TranslationSession,
    TranslationSessionClosedEvent,
    TranslationSessionCloseEvent,
    TranslationSessionCreatedEvent,
    TranslationSessionUpdate,
    TranslationSessionUpdatedEvent,
    TranslationSessionUpdateEvent,
    UnknownTranslationEvent,
    is_set,
)
from duologue.protocol.translation.client.lines import LineGrouper
from duologue.protocol.translation.client.notices import (
    SourceText,
    TranslatedAudio,
    TranslatedText,
    TranslationEnded,
    TranslationErrorReported,
    TranslationNotice,
    TranslationSessionChanged,
    TranslationUnreadable,
    TranslationUpdateEnded,
)

__all__ = ["CLOSE_QUIET_S", "TranslationCore", "TranslationState"]

CLOSE_QUIET_S: Final = 15.0
"""How long the server may be silent between `session.close` and `session.closed`: an utterance takes it a few seconds.
Each event that comes begins it anew."""

_MAX_CLOSE_S: Final = 120.0
"""The whole of it, from a server that goes on sending."""

_MAX_RATE_HZ: Final = 192_000
"""No speech has a higher sample rate; a server that names one is not believed."""


class TranslationState(Enum):
    """Where a session is."""

    OPENING = "opening"
    """The server has not greeted."""
    OPEN = "open"
    CLOSING = "closing"
    """`session.close` is sent, and the rest of the translation comes."""
    ENDED = "ended"


class TranslationCore:
    """One session, seen from the client. `now` is a monotonic clock in seconds, the same one in every call."""

    def __init__(self, *, new_id: Callable[[str], str]) -> None:
        self._new_id = new_id
        self.state: TranslationState = TranslationState.OPENING
        self.session: TranslationSession | None = None
        """The session as the server last sent it."""
        self._updates: list[str] = []
        """Ids of updates that are not answered, in their order."""
        self._has_sent_audio = False
        self._source = LineGrouper("source")
        self._translation = LineGrouper("translation")
        self._last_error: TranslationErrorEvent | None = None
        self._close_due_at = self._close_ends_at = inf
        self._events: list[AnyTranslationClientEvent] = []
        self._notices: list[TranslationNotice] = []

    # --- the shell

    @property
    def is_over(self) -> bool:
        """Whether nothing more is sent or received."""
        return self.state is TranslationState.ENDED

    @property
    def n_unsent(self) -> int:
        """Events that `take_events` would return."""
        return len(self._events)

    @property
    def next_tick_at(self) -> float:
        """When `tick` is due next; infinity if never."""
        return min(self._close_due_at, self._close_ends_at)

    def take_events(self) -> list[AnyTranslationClientEvent]:
        """The events to be sent, in order."""
        events, self._events = self._events, []
        return events

    def take_notices(self) -> list[TranslationNotice]:
        """The notices since the last call."""
        notices, self._notices = self._notices, []
        return notices

    def tick(self, now: float) -> None:
        """Time has passed: give up a close that the server does not answer."""
        if now >= self.next_tick_at:
            self._end(False, "the server did not finish the translation in time")

    def lost(self, reason: str, *, now: float) -> None:
        """The connection is over. After `session.closed` it changes nothing."""
        del now
        self._end(False, reason)

    # --- what the application wants

    def append(self, audio: bytes) -> None:
        """Send source speech, PCM16 at 24 kHz.

        Raises:
            LocalProtocolError: the session is not open, or the audio ends in half a sample.
        """
        self._check_open("send audio")
        if len(audio) % 2:
            raise LocalProtocolError("cannot send audio: it ends in half a sample; PCM16 has two bytes for each")
        if audio:
            self._has_sent_audio = True
            self._events.append(TranslationInputAudioBufferAppendEvent.from_audio(audio))

    def update(self, session: TranslationSessionUpdate) -> str:
        """Change the session; returns the id by which `TranslationUpdateEnded` names this update.

        Raises:
            LocalProtocolError: the session is not open.
        """
        self._check_open("update the session")
        event_id = self._new_id("event")
        self._updates.append(event_id)
        self._events.append(TranslationSessionUpdateEvent(session=session, event_id=event_id))
        return event_id

    def close(self, *, now: float) -> None:
        """Ask for the rest of the translation, and for the end. Closing twice is fine."""
        if self.state is TranslationState.OPENING:
            self._end(False, "it was closed before the server had greeted")
        elif self.state is TranslationState.OPEN:
            self.state = TranslationState.CLOSING
            self._close_due_at, self._close_ends_at = now + CLOSE_QUIET_S, now + _MAX_CLOSE_S
            self._events.append(TranslationSessionCloseEvent())

    def _check_open(self, what: str) -> None:
        if self.state is not TranslationState.OPEN:
            why = {
                TranslationState.OPENING: "the server has not greeted",
                TranslationState.CLOSING: "the session is being closed",
                TranslationState.ENDED: "the session is over",
            }
            raise LocalProtocolError(f"cannot {what}: {why[self.state]}")

    # --- what the server sends

    def receive(self, event: AnyTranslationEvent, *, now: float) -> None:
        """Take an event. Never raises for what a server sends; after the end it changes nothing."""
        if self.is_over:
            return
        if self.state is TranslationState.CLOSING:
            self._close_due_at = now + CLOSE_QUIET_S
        match event:
            case TranslationSessionCreatedEvent() | TranslationSessionUpdatedEvent():
                self._session(event)
            case TranslationOutputAudioDeltaEvent():
                self._audio(event)
            case TranslationInputTranscriptDeltaEvent():
                at_ms = _ms(event.elapsed_ms)
                self._notices.append(SourceText(text=event.delta, elapsed_ms=at_ms))
                self._notices += self._source.add(event.delta, at_ms)
            case TranslationOutputTranscriptDeltaEvent():
                at_ms = _ms(event.elapsed_ms)
                self._notices.append(TranslatedText(text=event.delta, elapsed_ms=at_ms))
                self._notices += self._translation.add(event.delta, at_ms)
            case TranslationErrorEvent():
                self._error(event)
            case TranslationSessionClosedEvent():
                asked = self.state is TranslationState.CLOSING
                self._end(True, "closed as asked" if asked else "the server closed the session")
            case UnknownTranslationEvent():
                self._notices.append(TranslationUnreadable(event.wire_type, event.problem))
            case _:
                self._notices.append(TranslationUnreadable(event.type, "only clients send it"))

    def _session(self, event: TranslationSessionCreatedEvent | TranslationSessionUpdatedEvent) -> None:
        if not isinstance(event.session, TranslationSession):
            self._notices.append(TranslationUnreadable(event.type, "its session is of another kind"))
            return
        self.session = event.session
        if self.state is TranslationState.OPENING:
            self.state = TranslationState.OPEN
        self._notices.append(TranslationSessionChanged(event.session))
        if isinstance(event, TranslationSessionUpdatedEvent) and self._updates:
            self._notices.append(TranslationUpdateEnded(event_id=self._updates.pop(0)))

    def _audio(self, event: TranslationOutputAudioDeltaEvent) -> None:
        problem = _format_problem(event)
        try:
            audio = event.decode_audio()
        except ValueError:
            problem = "its audio is not base64"
            audio = b""
        if problem or len(audio) % 2:
            self._notices.append(TranslationUnreadable(event.type, problem or "its audio ends in half a sample"))
            return
        rate_hz = event.sample_rate if is_set(event.sample_rate) else PCM.rate_hz
        if audio:
            self._notices.append(
                TranslatedAudio(audio=audio, encoding=Encoding.of(PCM.type, rate_hz), elapsed_ms=_ms(event.elapsed_ms))
            )

    def _error(self, event: TranslationErrorEvent) -> None:
        named = event.error.event_id
        if not is_set(named) and self._updates and not self._has_sent_audio:
            named = self._updates[0]  # there is nothing else that it could answer
        if isinstance(named, str) and named in self._updates:
            self._updates.remove(named)
            self._notices.append(TranslationUpdateEnded(event_id=named, error=event))
            return
        self._last_error = event
        self._notices.append(TranslationErrorReported(event))

    def _end(self, finalised: bool, reason: str) -> None:
        if self.is_over:
            return
        self.state = TranslationState.ENDED
        self._close_due_at = self._close_ends_at = inf
        self._events.clear()
        self._notices += (*self._source.flush(), *self._translation.flush())
        self._notices += (TranslationUpdateEnded(event_id=each, reason=reason) for each in self._updates)
        self._updates.clear()
        self._notices.append(
            TranslationEnded(finalised=finalised, reason=reason, error=None if finalised else self._last_error)
        )


def _ms(elapsed_ms: object) -> int | None:
    return elapsed_ms if isinstance(elapsed_ms, int) else None


def _format_problem(event: TranslationOutputAudioDeltaEvent) -> str:
    """Why this audio cannot be read; empty if it can. https://developers.openai.com/api/reference/realtime"""
    if event.format not in (UNSET, None, "pcm16"):
        return "its audio is in a format that is not published"
    if event.channels not in (UNSET, None, 1):
        return "its audio has more than one channel"
    if is_set(event.sample_rate) and not 0 < event.sample_rate <= _MAX_RATE_HZ:
        return "its sample rate is none"
    return ""
