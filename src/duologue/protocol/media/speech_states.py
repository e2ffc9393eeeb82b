"""The states of a response's speech on a media line, as a table (`duologue.protocol.states`)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

__all__ = ["SPEECH", "SPEECH_ENDS", "SpeechInput", "SpeechState"]


class SpeechState(Enum):
    """The speech of one response, on a line that plays it to the user."""

    WAITING = "waiting"
    """Behind the speech of other responses; the client knows nothing of it."""
    PLAYING = "playing"
    """`output_audio_buffer.started` is sent. A pause in which the engines have not gone on belongs to it."""
    STOPPED = "stopped"
    """`output_audio_buffer.stopped` is sent."""
    CLEARED = "cleared"
    """`output_audio_buffer.cleared` is sent; what still comes of it is dropped."""
    SKIPPED = "skipped"
    """It ended before any of it was played: no event."""


class SpeechInput(Enum):
    """What happens to the speech of a response."""

    FIRST_PLAYED = "first frame played"
    ALL_PLAYED = "all played"
    """The response is done, and no frame of it is left."""
    CUT = "cut"
    """The user speaks, or the client has sent `output_audio_buffer.clear`."""


SPEECH: Final[Mapping[tuple[SpeechState, SpeechInput], SpeechState]] = {
    (SpeechState.WAITING, SpeechInput.FIRST_PLAYED): SpeechState.PLAYING,
    (SpeechState.WAITING, SpeechInput.ALL_PLAYED): SpeechState.SKIPPED,
    (SpeechState.WAITING, SpeechInput.CUT): SpeechState.SKIPPED,
    (SpeechState.PLAYING, SpeechInput.ALL_PLAYED): SpeechState.STOPPED,
    (SpeechState.PLAYING, SpeechInput.CUT): SpeechState.CLEARED,
}

SPEECH_ENDS: Final = frozenset({SpeechState.STOPPED, SpeechState.CLEARED, SpeechState.SKIPPED})
