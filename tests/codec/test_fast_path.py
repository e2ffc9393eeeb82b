"""Which frames the strict decoder takes as they are."""

from __future__ import annotations

import json

import pytest

from bench import fast_path
from duologue import catalogue

DOCUMENTED = [entry.key for entry in catalogue.events() if entry.api == "realtime"]


@pytest.mark.parametrize("key", DOCUMENTED)
def test_every_documented_event_takes_the_fast_path(key: str) -> None:
    assert fast_path.is_fast(json.dumps(catalogue.examples()[key]), "openai")


def test_a_surprise_does_not() -> None:
    frame = catalogue.examples()["realtime:server:session.created"]
    assert not fast_path.is_fast(json.dumps({**frame, "from_tomorrow": 1}), "openai")


def test_the_count_is_of_every_event_and_of_every_dialect_that_there_are_frames_of(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["fast_path.py", "--json"])
    fast_path.main()
    figures = json.loads(capsys.readouterr().out)
    assert figures["frames"] > len(DOCUMENTED) >= 60
    assert figures["fast_percent"] == 100.0
    assert 0 < figures["fast_percent_openai-beta"] < 100
