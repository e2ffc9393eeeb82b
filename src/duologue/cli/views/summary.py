"""The summary of a call: counts, words, latencies, usage and files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, Final, get_args

import msgspec

from duologue.cli.turns.observations import Observation
from duologue.cli.turns.turn import First, Turn
from duologue.events import InputAudioTranscriptionCompletedEvent, ResponseDoneEvent, is_set
from duologue.inspection import CallTurn, CallView
from duologue.printable import printable

__all__ = ["Latencies", "Summary", "SummaryBuilder", "Transcripts", "TurnSummary", "lines_of", "turn_lines"]


class Latencies(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds from the end of the user's turn to the first piece of each kind; null if there is none.

    Negative for a transcript that came before the end.
    """

    first_transcript: int | None
    first_text: int | None
    first_audio: int | None


class Transcripts(msgspec.Struct, frozen=True, kw_only=True):
    """The words of both sides."""

    user: str
    server: str


class TurnSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One turn."""

    transcripts: Transcripts
    latencies_ms: Latencies
    status: str | None


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """A call. `latencies_ms` has the medians of the turns."""

    duration_s: float
    transcripts: Transcripts
    latencies_ms: Latencies
    latencies_from: str
    """The moment that latencies count from, in words."""
    turns: list[TurnSummary]
    events: dict[str, dict[str, int]]
    """Number of events of each type, by direction."""
    usage: dict[str, Any]
    files: dict[str, str]
    """Paths of what was written: "reply", "recording"."""
    failure: str | None


_FROM_SPEECH: Final = (
    "the moment the last 100 ms with speech were sent; the silence by which a server detects the end of a turn is"
    " included"
)
_FROM_RECORDING: Final = (
    "the end of the user's speech, without the silence by which the server detects it, or from the question that was"
    " typed; a transcript counts when it is final"
)
_FROM_TEXT: Final = "the moment response.create was sent"


class SummaryBuilder:
    """Collects the summary of a call, also of one that ends early."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.recorded: CallView | None = None
        """What a recorded call was; its turns are in place of `turns`."""
        self.files: dict[str, str] = {}
        self.failure: str | None = None
        self._events: dict[str, Counter[str]] = {"sent": Counter(), "received": Counter()}
        self._usage: dict[str, Any] = {}
        self._last_at_s = 0.0

    def add(self, observation: Observation) -> None:
        """Count an event and its usage."""
        event = observation.event
        self._events[observation.direction][event.type or "?"] += 1
        self._last_at_s = observation.at_s
        match event:
            case ResponseDoneEvent(response=response) if is_set(response.usage):
                _add(self._usage.setdefault("responses", {}), event.to_json()["response"]["usage"])
            case InputAudioTranscriptionCompletedEvent(usage=usage) if is_set(usage):
                _add(self._usage.setdefault("transcription", {}), event.to_json()["usage"])
            case _:
                pass  # events without a usage

    def summary(self) -> Summary:
        """The summary so far."""
        recorded = self.recorded.turns if self.recorded is not None else None
        turns = [_turn(turn) for turn in self.turns] if recorded is None else [_recorded(turn) for turn in recorded]
        return Summary(
            duration_s=round(self._last_at_s, 3),
            transcripts=Transcripts(
                user=" ".join(turn.transcripts.user for turn in turns if turn.transcripts.user),
                server=" ".join(turn.transcripts.server for turn in turns if turn.transcripts.server),
            ),
            latencies_ms=_medians([turn.latencies_ms for turn in turns]),
            latencies_from=self._latencies_from,
            turns=turns,
            events={direction: dict(sorted(counts.items())) for direction, counts in self._events.items()},
            usage=self._usage,
            files=self.files,
            failure=self.failure,
        )

    @property
    def _latencies_from(self) -> str:
        if self.recorded is not None:
            return _FROM_RECORDING
        return _FROM_SPEECH if any(turn.spoken for turn in self.turns) else _FROM_TEXT


def lines_of(summary: Summary) -> list[tuple[str, str]]:
    """The summary for people: labels and texts; empty for a call without events."""
    if not any(summary.events.values()):
        return []
    lines = turn_lines(summary)
    for direction, counts in summary.events.items():
        lines.append((direction, f"{sum(counts.values())} events"))
        lines += [("", f"{count:5}  {printable(name)}") for name, count in counts.items()]
    lines += [("usage", f"{what}: {_flat(usage)}") for what, usage in summary.usage.items()]
    lines += [("files", f"{what}: {path}") for what, path in summary.files.items()]
    return lines


def turn_lines(summary: Summary) -> list[tuple[str, str]]:
    """The turns of the summary, and what their latencies count from."""
    lines: list[tuple[str, str]] = []
    for number, turn in enumerate(summary.turns, 1):
        label = f"turn {number}" if len(summary.turns) > 1 else "turn"
        lines.append((label, turn.status or "not completed"))
        lines += [("  you", printable(turn.transcripts.user))] if turn.transcripts.user else []
        lines += [("  server", printable(turn.transcripts.server))] if turn.transcripts.server else []
        lines.append(("  latency", _latency(turn.latencies_ms)))
    if len(summary.turns) > 1:
        lines.append(("median", _latency(summary.latencies_ms)))
    if summary.turns:
        lines.append(("", f"Counted from {summary.latencies_from}."))
    return lines


def _turn(turn: Turn) -> TurnSummary:
    last = turn.responses[-1].status if turn.responses else None
    return TurnSummary(
        transcripts=Transcripts(user=turn.words.user, server=turn.words.server),
        latencies_ms=Latencies(**{f"first_{first}": turn.latency_ms(first) for first in get_args(First)}),
        status=last if is_set(last) else ("answered" if turn.responses else "transcribed" if turn.answered else None),
    )


def _recorded(turn: CallTurn) -> TurnSummary:
    return TurnSummary(
        transcripts=Transcripts(user=turn.user_text or "", server=turn.answer_text or ""),
        latencies_ms=Latencies(
            first_transcript=turn.transcript_ms, first_text=turn.first_text_ms, first_audio=turn.first_audio_ms
        ),
        status=turn.status or ("answered" if turn.first_text_s is not None or turn.first_audio_s is not None else None),
    )


def _medians(latencies: Sequence[Latencies]) -> Latencies:
    values: dict[str, int | None] = {}
    for name in Latencies.__struct_fields__:
        known = [value for each in latencies if (value := getattr(each, name)) is not None]
        values[name] = round(median(known)) if known else None
    return Latencies(**values)


def _latency(latencies: Latencies) -> str:
    parts = (
        f"{name.removeprefix('first_')} {_in_words(value)}" for name, value in msgspec.structs.asdict(latencies).items()
    )
    return "first " + ", ".join(parts)


def _in_words(latency_ms: int | None) -> str:
    """In words. A negative latency is a transcript that the server sent while the user was still speaking."""
    if latency_ms is None:
        return "–"
    return f"{latency_ms} ms" if latency_ms >= 0 else "while speaking"


def _add(total: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Add numbers at every depth. Other values are skipped, and so are fields whose type changes."""
    for name, value in more.items():
        match total.get(name), value:
            case ((None | dict() as inner), Mapping()):
                _add(total.setdefault(name, {} if inner is None else inner), value)
            case _, bool():
                pass
            case ((None | int() | float() as sum_), int() | float()):
                total[name] = (sum_ or 0) + value
            case _:
                pass  # text and lists: not to be added up


def _flat(usage: Mapping[str, Any]) -> str:
    numbers = ((name, value) for name, value in usage.items() if not isinstance(value, Mapping))
    return ", ".join(f"{printable(name.replace('_', ' '))} {value}" for name, value in numbers)
