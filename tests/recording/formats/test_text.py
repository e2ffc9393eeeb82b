"""JSON texts, arrays and logs: which of them a text is, and what is said of the rest."""

from __future__ import annotations

from io import BytesIO

import pytest

from duologue.recording.formats.text import is_array, is_json_texts, is_log, read_array, read_json_texts, read_log


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b'{"type":"a"}', "texts"),
        (b'{"type":"a"}\noops', "texts"),
        (b'oops\n{"type":"a"}', "texts"),
        (b'{\n  "type": "a"', "texts"),
        (b'{"type":"' + b"A" * 1000, "texts"),
        (b'[{"type":"a"}', "array"),
        (b"[\n  {\n", "array"),
        (b'[["sent", {', "array"),
        (b'[1]\n{"type":"a"}', "texts"),
        (b'[12:00] < {"type":"a"}', "log"),
        (b'hi\n> {"type":"a"}', "log"),
        (b'data: {"type":"a"}', "log"),
        (b"[]", None),
        (b"text", None),
        (b"", None),
    ],
)
def test_a_text_is_recognised(head: bytes, kind: str | None) -> None:
    recognisers = {"array": is_array, "log": is_log, "texts": is_json_texts}
    assert next((name for name, recognise in recognisers.items() if recognise(head)), None) == kind


def test_what_is_behind_an_array_is_a_problem() -> None:
    found = list(read_array(BytesIO(b'[{"type":"a"},\n\n{"type":"b"}\n]\noops'), [0]))
    assert [(frame.number, frame.text) for frame in found[:2]] == [(1, b'{"type":"a"}'), (2, b'{"type":"b"}')]
    assert [frame.number for frame in found if frame.problem.startswith("behind it: not a JSON object")] == [2]


def test_a_line_that_is_json_and_no_object_is_named() -> None:
    (problem,) = read_json_texts(BytesIO(b"[1]"), [0])
    assert problem.problem == "not a JSON object: it is an array (message of 3 bytes)"


def test_messages_that_a_log_has_shortened_say_how_to_log_them_whole() -> None:
    log = b"""DEBUG:websockets.client:< TEXT '{"type":"session.created"...null}' [3000 bytes]\n"""
    (frame,) = read_log(BytesIO(log), [0])
    assert frame.problem.endswith("WEBSOCKETS_MAX_LOG_SIZE=100000000")
    assert (frame.direction, frame.text) == ("received", b"")


def test_times_and_directions_of_a_log_are_kept() -> None:
    log = b'2026-11-01T10:00:00.250Z > {"type":"a"}\n2026-11-01T10:00:01Z < {"type":"b"}\n'
    first, second = read_log(BytesIO(log), [0])
    assert (first.direction, second.direction) == ("sent", "received")
    assert first.at_s is not None
    assert second.at_s is not None
    assert second.at_s - first.at_s == pytest.approx(0.75)
