"""Assertions about calls, and what they say when they fail."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from duologue.inspection import CallView
from duologue.recording import RecordingWriter
from duologue.testing import (
    assert_heard,
    assert_latency,
    assert_no_errors,
    assert_order,
    assert_tool,
    assert_turn,
    read_call,
)
from duologue.testing.assertions import read_recording
from tests.inspection._calls import SERVER_VAD, Call, barge_in_call, push_to_talk_call, vad_call, view_of

VAD, PUSHED, CUT = view_of(vad_call()), view_of(push_to_talk_call()), view_of(barge_in_call())


def fast_call() -> CallView:
    """Its audio was sent at once."""
    call = Call()
    call.session(0.5, SERVER_VAD)
    for _ in range(30):
        call.speaks(0.9, 1.0)
    call.server(1.2, "input_audio_buffer.speech_stopped", item_id="item_1", audio_end_ms=2500)
    return view_of(call.lines)


@pytest.mark.parametrize(
    "hold",
    [
        lambda: assert_order(VAD, "speech_started", "input_audio_buffer.speech_stopped", "response.created"),
        lambda: assert_order(PUSHED, "session.created", ..., "response.done", ..., "response.done", exactly=True),
        lambda: assert_order(PUSHED, ..., exactly=True),
        lambda: assert_turn(
            VAD, 1, user=re.compile("time"), answer="It is noon.", status="completed", interrupted=False
        ),
        lambda: assert_turn(VAD, 1, kind="speech", first_audio_ms=(0, 700), transcript_ms=(600, 600)),
        lambda: assert_turn(CUT, 1, interrupted=True, status="cancelled"),
        lambda: assert_heard(CUT, "item_2", ms=1200),
        lambda: assert_heard(CUT, 1, ms=1180, within_ms=0),
        lambda: assert_tool(VAD, "multiply", {"b": 8, "a": 7}, within_s=0.25),
        lambda: assert_tool(VAD, "multiply"),
        lambda: assert_latency(VAD, "first_audio", longest=1300, p95=1300, at_least=2),
        lambda: assert_no_errors(VAD),
        lambda: assert_no_errors(PUSHED, but=["odd"]),
    ],
    ids=map(str, range(13)),
)
def test_what_holds_raises_nothing(hold: Callable[[], Any]) -> None:
    hold()


@pytest.mark.parametrize(
    ("fails", "told"),
    [
        (lambda: assert_order(VAD, "response.done", "speech_stopped", "session.created"),
         "there is no session.created behind response.done, speech_stopped; it came earlier"),
        (lambda: assert_order(VAD, "nothing.like.it"), "there is no nothing.like.it"),
        (lambda: assert_order(PUSHED, "session.created", exactly=True), "+ response.done"),
        (lambda: assert_turn(VAD, 3), "there is no turn 3; there are 2"),
        (lambda: assert_turn(VAD, 1, user="What?", status="failed"),
         "turn 1: status is 'completed', not 'failed'; user_text is 'What time is it?', not 'What?'"),
        (lambda: assert_turn(VAD, 1, first_audio_ms=(0, 500)), "turn 1: first_audio_ms is 700, not between 0 and 500"),
        (lambda: assert_turn(fast_call(), 1, first_audio_ms=(0, 500)),
         "turn 1: first_audio_ms is not known (its audio was sent faster than it was spoken)"),
        (lambda: assert_heard(CUT, "item_2", ms=3000),
         "of item 'item_2', 1180 ms were heard (3000 ms came, cut by truncate), not 3000 ± 40 ms"),
        (lambda: assert_heard(CUT, 3, ms=1), "no speech of item 3 came; there is speech of: item_2, item_4"),
        (lambda: assert_tool(VAD, "add"), "add was not called; called were: multiply"),
        (lambda: assert_tool(VAD, "multiply", {"a": 1}), '{"a":7,"b":8}'),
        (lambda: assert_tool(VAD, "multiply", within_s=0.1), "multiply took 250 ms, more than 100 ms"),
        (lambda: assert_latency(VAD, "first_audio", p95=800),
         "2 of 2 turns have first_audio, and 20 are needed"),
        (lambda: assert_latency(VAD, "first_audio", longest=800, at_least=1),
         "first_audio of 2 turns: longest is 1300 ms, above 800 ms; all of them: [700, 1300]"),
        (lambda: assert_no_errors(PUSHED), "6.050 s: odd: No. (in answer to response.create)"),
    ],
    ids=map(str, range(15)),
)  # fmt: skip
def test_what_does_not_hold_is_said_with_what_was_found_and_the_end_of_the_call(
    fails: Callable[[], Any], told: str
) -> None:
    with pytest.raises(AssertionError) as caught:
        fails()
    assert told in str(caught.value)
    assert "events:" in str(caught.value)


def test_a_recorded_call_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "call.jsonl"
    with RecordingWriter(path) as writer:
        for line in vad_call():
            writer.write_line(line)
    found = read_call(path)
    assert (found.turns, found.sequence, found.path) == (VAD.turns, VAD.sequence, str(path))
    assert read_recording(path.read_bytes()) == VAD
    with pytest.raises(AssertionError) as failed:
        assert_turn(found, 1, answer="It is one.")
    told = str(failed.value).splitlines()
    assert told[1] == "- It is one."
    assert "+ It is noon." in told
    assert told[-1] == f"duologue inspect {path}"


def test_no_test_runner_is_needed() -> None:
    code = "import sys, duologue.testing; sys.exit('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=30).returncode == 0
