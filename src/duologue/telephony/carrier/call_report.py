"""What became of a call, as the carrier saw it: when the caller heard what, of which piece how much, marks, clears."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, count
from typing import Any

import msgspec
from msgspec import Struct

from duologue.printable import printable, printable_name

__all__ = ["CallReport", "ClearReport", "PieceReport", "SpokenReport"]


class PieceReport(Struct, kw_only=True):
    """A piece of audio that the application has sent. Times are milliseconds of the call."""

    arrived_ms: float
    sent_ms: float
    """How long it is."""
    began_ms: float | None = None
    """When the caller heard its begin; None: never."""
    played_ms: float = 0.0
    """How much of it the caller has heard."""


class ClearReport(Struct, kw_only=True):
    """The application has emptied the queue."""

    at_ms: float
    heard_ms: float
    """How much of the answer the caller had heard by then."""
    dropped_ms: float
    marks: int
    """How many marks were outstanding."""
    late_ms: float = 0.0
    """Audio that came after it while the caller still spoke: what was cleared goes on."""


class SpokenReport(Struct, kw_only=True):
    """What the caller has said, or which keys were pressed, and the answer to it."""

    begin_ms: float
    end_ms: float
    """The end of its last loud sound, or the last key."""
    keys: str = ""
    answer_began_ms: float | None = None
    """When the caller heard the begin of the answer: audio that came after the end of speech. None: none came."""
    answer_heard_ms: float = 0.0
    """How much was heard of it, silence left out."""
    talked_over_ms: float = 0.0
    """How much the caller heard while speaking."""

    @property
    def first_audio_ms(self) -> float | None:
        """From the end of speech to the first audio of the answer."""
        return None if self.answer_began_ms is None else round(self.answer_began_ms - self.end_ms, 3)


class CallReport(Struct, kw_only=True):
    """A call, until now or to its end."""

    protocol: str
    duration_ms: float = 0.0
    ended_by: str = ""
    """"caller", "application" or "network"; empty while the call goes on."""
    reason: str = ""
    greeting_ms: float | None = None
    """When the first audio was heard of a call that begins with a greeting."""
    spoken: list[SpokenReport] = []
    pieces: list[PieceReport] = []
    clears: list[ClearReport] = []
    marks_sent: int = 0
    marks_echoed: int = 0
    frames_sent: int = 0
    """Pieces of the caller's audio that were passed on."""
    frames_lost: int = 0
    received_ms: float = 0.0
    heard_ms: float = 0.0
    problems: list[str] = []
    """What a carrier would refuse or drop, in the order in which it came."""
    omitted: int = 0
    """Pieces, clears and problems that are not here, because there were more than a list holds."""

    @property
    def is_answered(self) -> bool:
        """Whether everything that the caller said was answered; for a caller who said nothing: whether anything was
        heard. Keys need no answer."""
        said = [each for each in self.spoken if not each.keys]
        return all(each.answer_began_ms is not None for each in said) if said else self.heard_ms > 0

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON-ready data, with what is worked out."""
        content: dict[str, Any] = msgspec.to_builtins(self)
        for row, each in zip(content["spoken"], self.spoken, strict=True):
            row["first_audio_ms"] = each.first_audio_ms
        return {"is_answered": self.is_answered, **content}

    def sentences(self, names: Sequence[str] = ()) -> list[str]:
        """The call in words, a line each; `names` are those of what the caller has said."""
        lines = [] if self.greeting_ms is None else [f"greeting: begins after {self.greeting_ms:.0f} ms"]
        said = chain(names, (f"utterance {number}" for number in count(len(names) + 1)))
        for each in self.spoken:
            name = f"keys {each.keys}" if each.keys else next(said)
            heard_s = each.answer_heard_ms / 1000
            fate = "not answered"
            if each.first_audio_ms is not None:
                fate = f"answered after {each.first_audio_ms:.0f} ms, {heard_s:.1f} s were heard"
            lines.append(f"{printable_name(name)}: {fate}")
        for clear in self.clears:
            late = f", {clear.late_ms:.0f} ms came late" if clear.late_ms else ""
            shares = f"{clear.heard_ms:.0f} ms were heard, {clear.dropped_ms:.0f} ms not"
            lines.append(f"queue emptied at {clear.at_ms / 1000:.2f} s: {shares}{late}")
        if self.marks_sent:
            lines.append(f"marks: {self.marks_sent} sent, {self.marks_echoed} returned")
        if self.frames_lost:
            lines.append(f"lost: {self.frames_lost} of {self.frames_lost + self.frames_sent} frames of the caller")
        lines += [f"problem {problem}" for problem in self.problems]
        ended = f"over after {self.duration_ms / 1000:.1f} s: {printable(self.reason)}"
        return [*lines, ended if self.ended_by else f"goes on after {self.duration_ms / 1000:.1f} s"]
