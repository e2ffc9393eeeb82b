"""What holds in traces of calls: what each check finds, and what it accepts."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.conformance.rulebook.call_invariants import CALL_INVARIANTS
from duologue.conformance.wire.trace import Trace, WireMessage


def trace_of(*types: str, sideband: bool = False, part: str = "audio") -> Trace:
    events: list[dict[str, Any]] = [
        {"type": each, "response_id": "resp_1", **({"part": {"type": part}} if each.endswith("part.added") else {})}
        for each in types
    ]
    messages = [WireMessage(side="S", at_s=0.0, event=event) for event in events]
    return Trace(name="by hand", messages=messages, sideband=sideband)


def verdicts(rule_id: str, trace: Trace) -> list[str | None]:
    return list(CALL_INVARIANTS[rule_id](trace))


PART = "response.content_part.added"
STARTED, STOPPED, CLEARED = (f"output_audio_buffer.{each}" for each in ("started", "stopped", "cleared"))


@pytest.mark.parametrize(
    ("types", "holds"),
    [
        ([STARTED, STOPPED], True),
        ([STARTED, CLEARED], True),
        ([STARTED], None),
        ([], None),
        ([STOPPED], False),
        ([CLEARED, STARTED], False),
        ([STARTED, STARTED, STOPPED], False),
        ([STARTED, STOPPED, CLEARED], False),
        ([STARTED, STOPPED, STOPPED], False),
        ([STARTED, CLEARED, STARTED], False),
    ],
)
def test_playback_starts_once_and_ends_once(types: list[str], holds: bool | None) -> None:
    found = verdicts("playback_once", trace_of(*types))
    assert [each is None for each in found] == ([] if holds is None else [holds])


def test_audio_deltas_belong_on_the_track() -> None:
    delta, done = "response.output_audio.delta", "response.output_audio.done"
    assert verdicts("no_audio_delta", trace_of(delta, done)) == [
        "resp_1: response.output_audio.delta came over the data channel"
    ]
    assert verdicts("no_audio_delta", trace_of(done)) == [None]
    assert verdicts("no_audio_delta", trace_of()) == []
    assert verdicts("no_audio_delta", trace_of(delta, sideband=True)) == []


def test_only_speech_is_played() -> None:
    assert verdicts("playback_spoken", trace_of(PART, STARTED)) == [None]
    assert verdicts("playback_spoken", trace_of(STARTED)) == ["resp_1: it is played, and has no spoken part"]
    assert len(verdicts("playback_spoken", trace_of(PART, STARTED, part="text"))) == 1
    assert verdicts("playback_spoken", trace_of(STARTED, sideband=True)) == []
