"""Recordings as arguments of commands, folded to what the calls were."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from duologue.cli.errors import UsageError, sentence_of
from duologue.errors import RecordingError
from duologue.inspection import CallFold, CallView
from duologue.recording.formats import FrameFile

__all__ = ["FoldedCall", "folded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldedCall:
    """A recording, as far as it could be read."""

    name: str
    view: CallView
    damage: str | None
    """Why the rest of it could not be read."""
    cut_off: bool
    """Whether it ends in the middle of a line, as a crash leaves it."""


def folded(file: Path, *, command: str) -> FoldedCall:
    """What the call in a file was; of a damaged recording, what it was before the damage.

    Raises:
        OSError: the file cannot be opened.
        RecordingError: it cannot be read, or is no file of frames.
        UsageError: it is no recording of ours. `command` is what needs one.
    """
    with FrameFile(file) as frames:
        if frames.recording is None:
            raise UsageError(
                f"{frames.name} is {frames.format.name}, and {command} needs a recording of duologue: other files"
                " do not say when each message passed"
            )
        fold, damage = CallFold(frames.recording.header), None
        try:
            for line in frames.recording.lines():
                fold.push(line)
        except RecordingError as fault:
            damage = sentence_of(fault)
        return FoldedCall(name=frames.name, view=fold.view, damage=damage, cut_off=frames.recording.cut_off)
