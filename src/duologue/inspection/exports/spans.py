"""The rows of a call as spans with a name, by lane."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct

from duologue.inspection.spans import heard_until
from duologue.inspection.view import CallTurn, CallView

__all__ = ["LANES", "NamedSpan", "named_spans"]

LANES: Final = ("user", "responses", "model as heard", "functions", "delays", "events")
"""In the order in which they are shown."""

_DELAYS: Final = ("first_text", "first_audio", "first_heard")


class NamedSpan(Struct, frozen=True, kw_only=True):
    """What happened from one moment of the call to another; `end_s` is `begin_s` for a moment."""

    lane: str
    begin_s: float
    end_s: float
    name: str
    facts: dict[str, Any] = {}


def named_spans(view: CallView, *, words: bool = True) -> Iterator[NamedSpan]:
    """All rows that have a time; without `words`, nothing that was said or passed to functions."""
    for turn in view.turns:
        yield from _turn(turn, words=words)
    for response in view.responses:
        begin_s = response.created_s if response.requested_s is None else response.requested_s
        if begin_s is not None:
            end_s = view.last_at_s if response.done_s is None else response.done_s
            facts = {"response_id": response.response_id, "turn": response.turn, "tokens": response.tokens}
            name = f"response {response.status or 'unfinished'}"
            yield NamedSpan(lane="responses", begin_s=begin_s, end_s=end_s, name=name, facts=facts)
    texts = {response.response_id: response.text for response in view.responses} if words else {}
    for part in view.heard:
        for span in heard_until(part.spans, part.heard_ms)[0]:
            name = texts.get(part.response_id) or "speech"
            facts = {"item_id": part.item_id, "heard_ms": part.heard_ms, "cut_by": part.cut_by}
            yield NamedSpan(lane="model as heard", begin_s=span.begin_s, end_s=span.end_s, name=name, facts=facts)
    for tool in view.tools:
        begin_s = tool.asked_s if tool.began_s is None else tool.began_s
        if begin_s is not None:
            ends = (tool.ended_s, tool.answered_s, begin_s)
            end_s = next(each for each in ends if each is not None)
            facts = {"call_id": tool.call_id} | ({"arguments": tool.arguments} if words else {})
            yield NamedSpan(
                lane="functions", begin_s=begin_s, end_s=end_s, name=f"{tool.name or 'function'}()", facts=facts
            )
    yield from _moments(view, words=words)


def _turn(turn: CallTurn, *, words: bool) -> Iterator[NamedSpan]:
    begin_s, end_s = turn.speech_started_s, turn.end_of_speech_s
    if end_s is not None and turn.begin_ms is not None and turn.end_ms is not None:
        begin_s = end_s - (turn.end_ms - turn.begin_ms) / 1000  # `speech_started` came later
    elif begin_s is None:
        begin_s = end_s
    if begin_s is not None:
        said = turn.user_text if words else None
        end_s = begin_s if end_s is None else max(begin_s, end_s)
        name = said or f"turn {turn.number}"
        facts = {"turn": turn.number, "kind": turn.kind}
        yield NamedSpan(lane="user", begin_s=begin_s, end_s=end_s, name=name, facts=facts)
    for delay in _DELAYS:
        to_s: float | None = getattr(turn, f"{delay}_s")
        if turn.end_of_speech_s is not None and to_s is not None and to_s >= turn.end_of_speech_s:
            name = f"to {delay.replace('_', ' ')}"
            yield NamedSpan(
                lane="delays", begin_s=turn.end_of_speech_s, end_s=to_s, name=name, facts={"turn": turn.number}
            )


def _moments(view: CallView, *, words: bool) -> Iterator[NamedSpan]:
    for cut in view.interruptions:
        name = f"interrupted, {cut.heard_ms} of {cut.arrived_ms} ms heard"
        yield NamedSpan(lane="events", begin_s=cut.at_s, end_s=max(cut.at_s, cut.silent_s), name=name)
    for error in view.errors:
        facts = {"message": error.message} if words else {}
        yield NamedSpan(
            lane="events", begin_s=error.at_s, end_s=error.at_s, name=f"error {error.code or ''}".rstrip(), facts=facts
        )
    for mark in view.marks:
        name = f"{mark.kind}: {mark.text}" if words else mark.kind
        yield NamedSpan(lane="events", begin_s=mark.at_s, end_s=mark.at_s, name=name)
