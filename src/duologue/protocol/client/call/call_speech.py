"""The speech of one response on a call: where it belongs, and the events of it that wait for the end of its sound."""

from __future__ import annotations

from duologue.audio.formats import PCM, Encoding
from duologue.audio.transcoding import TranscodeStream
from duologue.codec import encode
from duologue.events import ResponseAudioDeltaEvent, ResponseContentPartAddedEvent
from duologue.events.base import encode_audio

__all__ = ["CallSpeech"]


class CallSpeech:
    """The speech of one response; its first part with audio has all of it, because no event says where another begins.

    `encoding` is that of the events.
    """

    def __init__(self, response_id: str, *, encoding: Encoding) -> None:
        self.response_id = response_id
        self.is_begun = False
        """Whether the server has told that it plays it."""
        self.is_over = False
        self.calls_functions = False
        self.held: list[str] = []
        """Messages that wait for the end of the sound."""
        self.is_done = False
        """Whether the end of the response is among them."""
        self._encoding = encoding
        self._stream: TranscodeStream | None = None
        self._part: ResponseContentPartAddedEvent | None = None

    @property
    def has_part(self) -> bool:
        """Whether the part has been told that the sound belongs to."""
        return self._part is not None

    def part_added(self, event: ResponseContentPartAddedEvent) -> None:
        """A part of the response begins."""
        if self._part is None and event.part.type in ("audio", "output_audio"):
            self._part = event

    def delta(self, pcm: bytes, *, event_id: str) -> str | None:
        """The event of more sound, which is PCM at 24 kHz. Raises MissingExtra where the rates differ."""
        if self._stream is None:
            self._stream = TranscodeStream(PCM, self._encoding)
        return self._event(self._stream.push(pcm), event_id)

    def rest(self, *, event_id: str) -> str | None:
        """The event of what a resampler has held back; None if there is nothing."""
        stream, self._stream = self._stream, None
        return self._event(stream.flush(), event_id) if stream is not None else None

    def _event(self, audio: bytes, event_id: str) -> str | None:
        part = self._part
        if not audio or part is None:
            return None
        event = ResponseAudioDeltaEvent(
            event_id=event_id,
            response_id=part.response_id,
            item_id=part.item_id,
            output_index=part.output_index,
            content_index=part.content_index,
            delta=encode_audio(audio),
        )
        return encode(event).decode("ascii")
