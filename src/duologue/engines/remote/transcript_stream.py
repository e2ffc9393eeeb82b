"""The transcripts of `/audio/transcriptions`, as servers send them: as events, as one JSON object, as plain text."""

from __future__ import annotations

import msgspec

from duologue.engines.remote.event_lines import FaultBody

__all__ = ["TranscriptFault", "TranscriptStream"]

_DELTA, _DONE = "transcript.text.delta", "transcript.text.done"


class _Delta(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Event(FaultBody):
    """One event of a stream, or the object that is the whole answer."""

    type: str | None = None
    delta: str | None = None
    text: str | None = None
    choices: list[_Choice] | None = None
    """As vLLM sends it: pieces of the chat completions kind."""


class TranscriptStream:
    """Puts a transcript together. Joined, the pieces have no white space around them."""

    def __init__(self) -> None:
        self.ended: bool = False
        """Whether an event has said that this was all."""
        self.needs_end: bool = False
        """Whether one of this kind of events is still to say so; those of some servers just stop."""
        self._space = ""
        self._begun = False

    def read(self, line: str) -> str:
        """The next piece of the transcript, from the data of an event; empty if there is none in it.

        Raises:
            ValueError: it is no event of a transcript.
            TranscriptFault: it says that the transcription has failed.
        """
        if not line:
            return ""
        if line == "[DONE]":
            self.ended = True
            return ""
        event = msgspec.json.decode(line, type=_Event)
        if (fault := event.fault) is not None:
            raise TranscriptFault(fault)
        if event.type == _DONE:
            self.ended = True
            return "" if self._begun else self._piece(event.text or "")
        if event.type == _DELTA or event.choices is not None:
            return self._piece(self._delta_of(event))
        if event.type is None and event.text is not None:
            return self._segment(event.text)
        return ""  # segments with times, usage, and what is not known yet

    def read_whole(self, content: str, *, is_json: bool) -> str:
        """The transcript in an answer that is no stream. Raises as `read` does."""
        self.ended = True
        if not is_json:
            return content.strip()
        event = msgspec.json.decode(content, type=_Event)
        if (fault := event.fault) is not None:
            raise TranscriptFault(fault)
        if event.text is None:
            raise ValueError("an object without a text")
        return event.text.strip()

    def _delta_of(self, event: _Event) -> str:
        self.needs_end = True
        pieces = [event.delta or ""]
        for choice in (event.choices or ())[:1]:
            self.ended = self.ended or choice.finish_reason is not None
            pieces.append((choice.delta and choice.delta.content) or "")
        return "".join(pieces)

    def _segment(self, text: str) -> str:
        """A segment of its own: some servers put no space before it."""
        return self._piece(text if not self._begun or self._space or text[:1].isspace() else f" {text}")

    def _piece(self, text: str) -> str:
        """The text without white space at the beginning of all; that at its end is kept back until more comes."""
        text = self._space + text
        if not self._begun:
            text = text.lstrip()
        words = text.rstrip()
        self._space = text[len(words) :]
        self._begun = self._begun or bool(words)
        return words


class TranscriptFault(Exception):
    """The server says that the transcription has failed; the message is its own."""
