"""Which frames the strict decoder takes as they are."""

from __future__ import annotations

import json

import pytest

from bench import fast_path
from duologue import catalogue, decode, encode
from duologue.codec import DIALECTS, encode_append
from duologue.dialects import PROFILES

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


STREAMED = [
    catalogue.examples()[f"realtime:{key}"]
    for key in (
        "client:input_audio_buffer.append",
        "server:input_audio_buffer.speech_started",
        "server:response.output_text.delta",
        "server:response.output_audio_transcript.done",
        "server:response.function_call_arguments.delta",
    )
]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_event_that_differs_in_its_name_at_most_is_fast_in_both_directions(
    dialect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: object, **__: object) -> None:
        raise AssertionError("not the fast path")

    for way in ("_read_in", "parse_object", "translate"):
        monkeypatch.setattr(f"duologue.codec.{way}", slow)
    for ours in STREAMED:
        if ours["type"] in PROFILES[dialect].lacks_events:
            continue
        theirs = PROFILES[dialect].write(ours, [])
        for frame in (theirs, dict(sorted(theirs.items()))):
            for text in (json.dumps(frame), json.dumps(frame, separators=(",", ":")).encode()):
                assert json.loads(encode(decode(text, dialect=dialect), dialect=dialect)) == theirs
    monkeypatch.setattr("duologue.codec.encode", slow)
    assert encode_append(b"\1\2", dialect=dialect) == b'{"type":"input_audio_buffer.append","audio":"AQI="}'


def test_a_text_that_holds_its_own_canonical_name_is_read_the_same() -> None:
    for first in ({}, {"new": {"type": "response.text.delta"}}):
        frame = {**first, "type": "response.text.delta", **STREAMED[2], "delta": '"response.output_text.delta"'}
        event = decode(json.dumps(frame | {"type": "response.text.delta"}), dialect="openai-beta")
        assert event.to_json() == {**STREAMED[2], **first, "delta": '"response.output_text.delta"'}
