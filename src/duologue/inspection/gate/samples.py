"""What thresholds are judged by: a figure's value for each turn of each call, or why a turn has none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Final

from msgspec import Struct

from duologue.inspection.gate.thresholds import Unit
from duologue.inspection.view import CallError, CallTurn, CallView

__all__ = ["FIGURES", "GateFigure", "JudgedCall", "Sample", "samples_of"]


class JudgedCall(Struct, frozen=True, kw_only=True):
    """A call and what it is called in findings."""

    name: str
    view: CallView


class Sample(Struct, frozen=True, kw_only=True):
    """A figure of one turn, or one thing that is counted."""

    call: str
    what: str
    """Of what it is: "turn 3"."""
    at_s: float
    """Where in the call to look: the end of the user's speech, or when it happened."""
    value_ms: int | None = None
    waited_ms: int | None = None
    """Of what did not come: how long it could have. It breaks the limits below that; of others nothing is known."""
    missing: str = ""
    """Why there is no value."""


class GateFigure(Struct, frozen=True, kw_only=True):
    """A figure that limits can be set for."""

    unit: Unit
    noun: str
    """What has it."""
    having: str = ""
    """That it has it, where not everything of this noun does."""
    samples: Callable[[JudgedCall], Iterator[Sample]]

    def counted(self, count: int) -> str:
        """So many of them, in words."""
        return f"{count} {self.noun}{'' if count == 1 else 's'}"


def samples_of(calls: Sequence[JudgedCall], figure: str) -> list[Sample]:
    """All samples of a figure, call by call."""
    return [sample for call in calls for sample in FIGURES[figure].samples(call)]


# --- delays of turns --------------------------------------------------------------------------------------------------


def _delays(name: str, what: str, kinds: tuple[str, ...]) -> Callable[[JudgedCall], Iterator[Sample]]:
    """Samples of a delay that turns of these kinds have. `what` is what did not come where it is missing."""

    def samples(call: JudgedCall) -> Iterator[Sample]:
        turns = call.view.turns
        for turn, after in zip_longest(turns, turns[1:]):
            if turn.kind in kinds:
                yield _delay(call, turn, after, name, what)

    return samples


def _delay(call: JudgedCall, turn: CallTurn, after: CallTurn | None, name: str, what: str) -> Sample:
    value_ms: int | None = getattr(turn, f"{name}_ms")
    has_come = getattr(turn, "user_text_s" if name == "transcript" else f"{name}_s", None) is not None
    begin_s = next((each for each in _ends(turn) if each is not None), 0.0)
    waited_ms, missing = None, ""
    if value_ms is None and has_come:
        missing = turn.withheld or "the end of its speech is not known"
    elif value_ms is None and turn.kind == "typed" and turn.first_text_s is not None:
        missing = "it was answered in writing"
    elif value_ms is None:
        waited_ms = max(0, round((_given_up_s(call, after) - begin_s) * 1000))
        until = "until the user went on" if after is not None else "until the call ended"
        missing = f"no {what} came in the {waited_ms} ms {until}"
    return Sample(
        call=call.name,
        what=f"turn {turn.number}",
        at_s=begin_s,
        value_ms=value_ms,
        waited_ms=waited_ms,
        missing=missing,
    )


def _ends(turn: CallTurn) -> tuple[float | None, ...]:
    """Moments from which an answer was waited for, the best first."""
    return (turn.end_of_speech_s, turn.speech_stopped_s, turn.committed_s, turn.speech_started_s)


def _given_up_s(call: JudgedCall, after: CallTurn | None) -> float:
    """When an answer was waited for no longer: the user went on, or the call ended."""
    begins = () if after is None else (after.speech_started_s, after.end_of_speech_s)
    return next((each for each in begins if each is not None), call.view.last_at_s)


def _endpointing(call: JudgedCall) -> Iterator[Sample]:
    for turn in call.view.turns:
        if turn.kind == "speech" and turn.speech_stopped_s is not None:
            value_ms = turn.endpointing_ms
            missing = "" if value_ms is not None else turn.withheld or "the end of its speech is not known"
            at_s = turn.speech_stopped_s if turn.end_of_speech_s is None else turn.end_of_speech_s
            yield Sample(call=call.name, what=f"turn {turn.number}", at_s=at_s, value_ms=value_ms, missing=missing)


# --- what is no turn --------------------------------------------------------------------------------------------------


def _interruptions(call: JudgedCall) -> Iterator[Sample]:
    for cut in call.view.interruptions:
        what = f"the interruption of turn {cut.turn}"
        yield Sample(call=call.name, what=what, at_s=cut.at_s, value_ms=cut.yield_ms)


def _tools(call: JudgedCall) -> Iterator[Sample]:
    for tool in call.view.tools:
        begin_s = tool.began_s if tool.began_s is not None else tool.asked_s or 0.0
        waited_ms = None if tool.duration_ms is not None else max(0, round((call.view.last_at_s - begin_s) * 1000))
        yield Sample(
            call=call.name,
            what=f"{tool.name or 'a function'} in turn {tool.turn}",
            at_s=begin_s,
            value_ms=tool.duration_ms,
            waited_ms=waited_ms,
            missing="" if waited_ms is None else f"it had not answered {waited_ms} ms later, when the call ended",
        )


def _underruns(call: JudgedCall) -> Iterator[Sample]:
    for part in call.view.heard:
        for _ in range(part.underruns):
            yield Sample(call=call.name, what=f"the speech of {part.item_id}", at_s=part.first_heard_s)


def _errors(call: JudgedCall) -> Iterator[Sample]:
    for error in call.view.errors:
        yield Sample(call=call.name, what=_error_words(error), at_s=error.at_s)


def _error_words(error: CallError) -> str:
    code = f"{error.code}: " if error.code and error.code not in error.message else ""
    return f"{code}{error.message}" + (f" (in answer to {error.answers})" if error.answers else "")


_SPOKEN: Final = ("speech", "push_to_talk")
_ASKED: Final = (*_SPOKEN, "typed")


def _of_turns(name: str, what: str, kinds: tuple[str, ...]) -> GateFigure:
    having = f" with {name.replace('_', ' ')}"
    return GateFigure(unit="ms", noun="turn", having=having, samples=_delays(name, what, kinds))


FIGURES: Final[Mapping[str, GateFigure]] = {
    "first audio": _of_turns("first_audio", "speech", _ASKED),
    "first heard": _of_turns("first_heard", "speech", _ASKED),
    "first text": _of_turns("first_text", "text", _ASKED),
    "transcript": _of_turns("transcript", "transcript", _SPOKEN),
    "endpointing": GateFigure(unit="ms", noun="turn", having=" with endpointing", samples=_endpointing),
    "interrupt": GateFigure(unit="ms", noun="interruption", samples=_interruptions),
    "tool": GateFigure(unit="ms", noun="function call", samples=_tools),
    "errors": GateFigure(unit="count", noun="error", samples=_errors),
    "underruns": GateFigure(unit="count", noun="underrun", samples=_underruns),
}
"""By the name in findings. The options of `duologue gate` have the same names, with hyphens."""
