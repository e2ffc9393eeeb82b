"""What a translation session sends of its utterances: transcripts and speech, each with its place in the stream.

Places are `elapsed_ms`, in steps of 200 ms, as at the hosted service; in each of the three streams they never fall.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from duologue.audio.formats import PCM
from duologue.events import (
    TranslationInputTranscriptDeltaEvent,
    TranslationOutputAudioDeltaEvent,
    TranslationOutputTranscriptDeltaEvent,
)
from duologue.events.base import encode_audio
from duologue.protocol.translation.server.utterances import SourceUtterance

__all__ = ["STEP_MS", "SourceTranscript", "TranslatedSpeech"]

STEP_MS: Final = 200
"""The length of a frame of the hosted translation engine."""

_MS_PER_CHARACTER: Final = 66
"""About 15 characters a second, as people speak: the place of a word inside its utterance is an estimate."""


class SourceTranscript:
    """The words of the source speech, as deltas."""

    def __init__(self, new_event_id: Callable[[], str]) -> None:
        self._new_event_id = new_event_id
        self._text = _JoinedText()
        self._utterance: SourceUtterance | None = None
        self._n_chars = 0

    def begin(self, utterance: SourceUtterance) -> None:
        """What comes next are words of this utterance."""
        self._text.begin_utterance()
        self._utterance, self._n_chars = utterance, 0

    def add(self, piece: str) -> Iterator[TranslationInputTranscriptDeltaEvent]:
        """The next words. Yields their event, unless they are empty."""
        assert self._utterance is not None, "an utterance has begun"
        delta = self._text.add(piece)
        if not delta:
            return
        at_ms = min(self._utterance.start_ms + self._n_chars * _MS_PER_CHARACTER, self._utterance.end_ms)
        self._n_chars += len(piece)
        yield TranslationInputTranscriptDeltaEvent(
            event_id=self._new_event_id(), delta=delta, elapsed_ms=at_ms // STEP_MS * STEP_MS
        )


class TranslatedSpeech:
    """The translation, as deltas of text and of speech."""

    def __init__(self, new_event_id: Callable[[], str]) -> None:
        self._new_event_id = new_event_id
        self._text = _JoinedText()
        self._audio = bytearray()
        self._elapsed_ms = 0
        """Where the next speech belongs."""
        self._step_bytes: Final = PCM.bytes_for_ms(STEP_MS)

    def begin(self, *, input_ms: int) -> None:
        """The next utterance is spoken when the one before it is over, and not before it was heard."""
        self._text.begin_utterance()
        self._elapsed_ms = max(self._elapsed_ms, -(-input_ms // STEP_MS) * STEP_MS)

    def add_text(self, piece: str) -> Iterator[TranslationOutputTranscriptDeltaEvent]:
        """The next words. Yields their event, unless they are empty."""
        if delta := self._text.add(piece):
            yield TranslationOutputTranscriptDeltaEvent(
                event_id=self._new_event_id(), delta=delta, elapsed_ms=self._elapsed_ms
            )

    def add_audio(self, pcm16: bytes) -> Iterator[TranslationOutputAudioDeltaEvent]:
        """The next speech, PCM16 at 24 kHz. Yields the pieces of 200 ms that it completes."""
        self._audio += pcm16
        while len(self._audio) >= self._step_bytes:
            piece = bytes(self._audio[: self._step_bytes])
            del self._audio[: self._step_bytes]
            yield self._delta(piece)

    def end(self) -> Iterator[TranslationOutputAudioDeltaEvent]:
        """The utterance is over. Yields the rest of its speech, which may be shorter."""
        if self._audio:
            rest, self._audio = bytes(self._audio), bytearray()
            yield self._delta(rest)

    def _delta(self, piece: bytes) -> TranslationOutputAudioDeltaEvent:
        event = TranslationOutputAudioDeltaEvent(
            event_id=self._new_event_id(),
            delta=encode_audio(piece),
            format="pcm16",
            sample_rate=PCM.rate_hz,
            channels=1,
            elapsed_ms=self._elapsed_ms,
        )
        self._elapsed_ms += STEP_MS
        return event


class _JoinedText:
    """Pieces of text that clients append without a space of their own."""

    def __init__(self) -> None:
        self._has_text = False
        self._is_new = True

    def begin_utterance(self) -> None:
        self._is_new = True

    def add(self, piece: str) -> str:
        """The piece, with a space before it where another utterance came before."""
        if self._is_new:
            piece = piece.lstrip()
            if piece and self._has_text:
                piece = f" {piece}"
        if piece:
            self._is_new, self._has_text = False, True
        return piece
