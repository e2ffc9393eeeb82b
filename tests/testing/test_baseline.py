"""Delays of calls, and how they compare."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from duologue.errors import DuologueError
from duologue.inspection import CallView
from duologue.inspection.view import CallInterruption, CallTool, CallTurn
from duologue.recording.lines import KIND, VERSION
from duologue.testing.baseline import (
    CallDelays,
    Delay,
    Tolerance,
    audio_mark,
    compared,
    delays_of,
    machine,
    read_baseline,
    write_baseline,
)

HEADER = {"duologue": KIND, "version": VERSION, "started_at": "2026-01-01T00:00:00+00:00", "side": "client"}


def recording(*pieces: str, side: str = "client", kind: str = "input_audio_buffer.append") -> bytes:
    """Of a client that appends these pieces of base64."""
    direction = "sent" if side == "client" else "received"
    lines = [
        {"at_s": 0.1, "direction": direction, "text": json.dumps({"type": kind, "audio": each})} for each in pieces
    ]
    return "".join(json.dumps(line) + "\n" for line in [{**HEADER, "side": side}, *lines]).encode()


def delays(audio: str = "a", faults: tuple[str, ...] = (), **figures: tuple[int, int, int]) -> CallDelays:
    found = {name: Delay(count=count, median=median, high=high) for name, (count, median, high) in figures.items()}
    return CallDelays(audio=audio, faults=faults, figures=found)


def test_all_turns_of_all_calls_are_measured_together() -> None:
    turns = [CallTurn(number=n, kind="speech", end_of_speech_s=0.0, first_audio_s=n / 100) for n in range(1, 21)]
    tool = CallTool(call_id="c", turn=1, began_s=1.0, ended_s=1.5)
    cut = CallInterruption(
        at_s=1, turn=1, item_id="i", content_index=0, heard_ms=1, arrived_ms=1, cut_by="truncate", silent_s=1.2
    )
    found = delays_of([CallView(turns=turns), CallView(tools=[tool], interruptions=[cut])], [recording()])
    assert found.figures == {
        "first_audio": Delay(count=20, median=100, high=190),
        "tool": Delay(count=1, median=500, high=500),
        "interrupt_yield": Delay(count=1, median=200, high=200),
    }


def test_the_mark_of_the_audio_does_not_depend_on_cuts_silence_or_side() -> None:
    whole = audio_mark([recording("AQIDBAUG")])
    assert whole == audio_mark([recording("AAAA", "AQID", "//8=", "BAUG")])
    assert whole == audio_mark([recording("AQIDBAUG", side="server")])
    assert whole != audio_mark([recording("BAUGAQID")])
    assert audio_mark([recording("?"), recording("AQID", kind="frog")]) == audio_mark([])


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (delays(first_audio=(3, 210, 640)), []),
        (delays(first_audio=(3, 218, 600)), ["first_audio, median: was 181 ms, now 218 ms; up to 217 ms is no change"]),
        (
            delays(first_audio=(3, 181, 721)),
            ["first_audio, longest: was 600 ms, now 721 ms; up to 720 ms is no change"],
        ),
        (delays(), ["first_audio: was 181 ms, now never"]),
        (delays(first_audio=(2, 1, 1)), ["first_audio: was there 3 times, now 2"]),
        (delays("b"), ["the baseline was made with other audio (a then, b now); save it again"]),
        (delays(faults=("drop",)), ["the baseline was made with other faults (none then, drop now)"]),
        (delays(first_audio=(3, 1, 1), transcript=(1, 9999, 9999)), []),
    ],
    ids="same median longest never fewer audio faults new".split(),
)
def test_what_is_worse_is_told(now: CallDelays, told: list[str]) -> None:
    tolerance = Tolerance(percent=20, floor_ms=29.9)
    assert compared(delays(first_audio=(3, 181, 600)), now, tolerance) == told


def test_of_twenty_and_more_the_percentile_is_compared() -> None:
    was, now = delays(tool=(20, 1, 100)), delays(tool=(20, 1, 500))
    assert compared(was, now, Tolerance()) == ["tool, p95: was 100 ms, now 500 ms; up to 130 ms is no change"]


def test_a_file_keeps_the_tests_that_did_not_run(tmp_path: Path) -> None:
    path = tmp_path / "new" / "delays.json"
    write_baseline(path, {"b": delays(), "a": delays(tool=(1, 2, 3))})
    write_baseline(path, {"b": delays("other")})
    found = read_baseline(path)
    assert (found.machine, list(found.tests), found.tests["b"].audio) == (machine(), ["a", "b"], "other")
    path.write_text(path.read_text(encoding="utf-8").replace(machine(), "another"), encoding="utf-8")
    write_baseline(path, {"c": delays()})
    assert list(read_baseline(path).tests) == ["c"]


def test_a_file_of_something_else_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "precious.json"
    path.write_text('{"duologue":"other","machine":"m"}', encoding="utf-8")
    with pytest.raises(DuologueError, match="no baseline"):
        write_baseline(path, {})
    assert path.read_text(encoding="utf-8") == '{"duologue":"other","machine":"m"}'
