"""How an utterance begins and ends in a dialect, as data: which commands a client sends, in their spelling.

Most servers take audio at any time, make an item of it at `input_audio_buffer.commit`, and answer `response.create`.
Others want a command before the audio, end an utterance otherwise, or have a command for the end of all audio.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct, field

__all__ = ["COMMIT", "PUBLISHED", "UtteranceProfile"]

COMMIT: Final = "input_audio_buffer.commit"


class UtteranceProfile(Struct, frozen=True, kw_only=True):
    """The commands around the audio that a client sends."""

    names_model_first: bool = False
    """Whether a `session.update` with the model must come before any of these commands."""
    begin: Mapping[str, Any] | None = None
    """The frame that begins an utterance; None: its audio does."""
    end: Mapping[str, Any] = field(default_factory=lambda: {"type": COMMIT})
    """The frame that ends an utterance."""
    is_transcribed_once: bool = False
    """Whether a final transcript says that an utterance is over; otherwise `input_audio_buffer.committed` does."""
    finish: Mapping[str, Any] | None = None
    """The frame that says that no more audio comes; None: the end of the last utterance says it."""
    finished: str | None = None
    """The event that answers `finish`, when everything has been told."""
    finish_models: tuple[str, ...] = ()
    """Parts of the names of the models that take `finish`; others reject it. Empty: all take it."""

    def takes_finish(self, model: str | None) -> bool:
        """Whether a session with this model has a command that says that no more audio comes."""
        if self.finish is None:
            return False
        return not self.finish_models or any(part in (model or "") for part in self.finish_models)

    def is_end(self, frame: Mapping[str, Any]) -> bool:
        """Whether a frame ends an utterance."""
        return all(frame.get(name) == value for name, value in self.end.items())

    def is_begin(self, frame: Mapping[str, Any]) -> bool:
        """Whether a frame begins an utterance."""
        return self.begin is not None and frame.get("type") == self.begin["type"] and not self.is_end(frame)


PUBLISHED: Final = UtteranceProfile()
"""What the hosted service documents: audio, then `input_audio_buffer.commit`, then `response.create`."""
