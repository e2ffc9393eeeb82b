"""Recordings that are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from duologue.errors import RecordingError
from duologue.recording import Frame, NoteLine, RecordingReader, RecordingWriter, UnknownLine, UnknownNote

HEADER = b'{"duologue":"recording","version":1,"started_at":"2026-03-01T12:00:00+00:00","side":"client"}\n'


NEWER = HEADER.replace(b'"version":1', b'"version":2')


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Of a recording."""
    return tmp_path / "s.jsonl"


def frames_of(path: Path) -> list[Frame]:
    with RecordingReader(path) as recording:
        return list(recording)


@pytest.mark.parametrize(
    "message",
    ["", '{"a": 1.0}', "two\nlines\r\n", "Grüße, 你好, \u2028", "\ud800 alone", b"", bytes(range(256))],
    ids=["empty", "spaces", "lines", "unicode", "surrogate", "no bytes", "all bytes"],
)
def test_a_message_is_read_back_exactly_as_it_was(path: Path, message: str | bytes) -> None:
    with RecordingWriter(path) as writer:
        writer.write("received", message)
    assert [frame.message for frame in frames_of(path)] == [message]


@pytest.mark.parametrize(("rest", "cut_off"), [(b'\n{"at_s":2,"direction":"se', True), (b"", False)])
def test_a_last_line_that_was_cut_off_ends_the_recording_unless_it_lacks_only_its_end(
    path: Path, rest: bytes, cut_off: bool
) -> None:
    path.write_bytes(HEADER + b'{"at_s":1,"direction":"sent","text":"a"}' + rest)
    with RecordingReader(path) as recording:
        assert [frame.message for frame in recording] == ["a"]
        assert recording.cut_off is cut_off


@pytest.mark.parametrize(
    "line",
    [
        b"garbage",
        b"",
        b"[]",
        b'{"direction":"sent","text":"a"}',
        b'{"at_s":1,"direction":"sideways","text":"a"}',
        b'{"at_s":1,"direction":"sent"}',
        b'{"at_s":1e308,"direction":"sent","text":"a"}',
        b'{"at_s":-1e308,"closed":{"code":1000,"reason":"","by":"client"}}',
        b'{"at_s":1e308,"of a later version":{}}',
        b'{"at_s":1,"direction":"sent","text":7}',
        b'{"at_s":1,"direction":"sent","binary":"no base64!"}',
        b'{"at_s":1,"direction":"sent","text":"\xff"}',
    ],
)
def test_a_damaged_line_is_named_by_file_and_number(path: Path, line: bytes) -> None:
    good = b'{"at_s":1,"direction":"sent","text":"a"}\n'
    path.write_bytes(HEADER + good + line + b"\n" + good)
    with RecordingReader(path) as recording:
        assert next(recording).message == "a"
        with pytest.raises(RecordingError) as caught:
            next(recording)
    assert str(caught.value).startswith(f"{path}, line 3: ")


def test_fields_that_are_not_known_mean_nothing(path: Path) -> None:
    path.write_bytes(HEADER.replace(b"}", b',"more":1}') + b'{"at_s":1,"direction":"sent","text":"a","more":[]}\n')
    assert [frame.message for frame in frames_of(path)] == ["a"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"RIFF....WAVE",
        b'{"type":"session.created"}\n',
        b'{"duologue":"recording","version":"1"}\n',
        b'{"duologue":"recording","version":1,"side":"client"}\n',
    ],
)
def test_a_file_that_is_no_recording_is_rejected(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(RecordingError, match="is not a recording"):
        RecordingReader(path)


def test_a_newer_version_is_refused(path: Path) -> None:
    path.write_bytes(HEADER.replace(b'"version":1', b'"version":3'))
    with pytest.raises(RecordingError, match="version 3, and versions up to 2 are read"):
        RecordingReader(path)


def test_a_recording_of_the_first_version_says_nothing_of_what_came_later(path: Path) -> None:
    path.write_bytes(HEADER + b'{"at_s":1,"direction":"sent","text":"a"}\n')
    with RecordingReader(path) as recording:
        header = recording.header
        assert (header.version, header.url, header.model, header.dialect, header.family) == (1, None, None, None, None)
        assert list(recording.lines()) == [Frame(at_s=1, direction="sent", message="a")]


def test_frames_are_found_between_the_other_lines(path: Path) -> None:
    path.write_bytes(
        NEWER
        + b'{"at_s":1,"note":{"kind":"mark","text":"here"}}\n'
        + b'{"at_s":2,"direction":"sent","text":"a"}\n'
        + b'{"at_s":3,"closed":{"code":1000,"reason":"","by":"client"}}\n'
        + b'{"at_s":4,"direction":"sent","text":"b","connection":2}\n'
    )
    with RecordingReader(path) as recording:
        assert [(frame.message, frame.connection, recording.line_number) for frame in recording] == [
            ("a", 1, 3),
            ("b", 2, 5),
        ]


def test_lines_and_notes_of_later_versions_are_kept_and_counted(path: Path) -> None:
    path.write_bytes(
        NEWER
        + b'{"at_s":1,"weather":"rain"}\n'
        + b'{"at_s":2,"note":{"kind":"mood","value":3}}\n'
        + b'{"at_s":3,"weather":"sun"}\n'
    )
    with RecordingReader(path) as recording:
        assert list(recording.lines()) == [
            UnknownLine(fields={"at_s": 1, "weather": "rain"}),
            NoteLine(at_s=2, note=UnknownNote(fields={"kind": "mood", "value": 3})),
            UnknownLine(fields={"at_s": 3, "weather": "sun"}),
        ]
        assert recording.unknown == {"weather": 2, "note mood": 1}


@pytest.mark.parametrize(
    "line",
    [
        b'{"at_s":1,"closed":{"code":"x","by":"client"}}',
        b'{"at_s":1,"closed":{"code":1000,"by":"the cat"}}',
        b'{"closed":{"code":1000,"by":"client"}}',
        b'{"at_s":1,"connected":7}',
        b'{"at_s":1,"note":{"kind":"playback","item_id":"i"}}',
        b'{"at_s":1,"note":"mark"}',
        b'{"at_s":1}',
        b'{"at_s":"now","weather":1}',
    ],
)
def test_damage_to_a_line_of_a_known_kind_is_no_unknown_line(path: Path, line: bytes) -> None:
    path.write_bytes(NEWER + line + b"\n")
    with RecordingReader(path) as recording, pytest.raises(RecordingError, match="line 2: "):
        list(recording.lines())


def test_an_unknown_line_is_damage_in_a_recording_of_the_first_version(path: Path) -> None:
    path.write_bytes(HEADER + b'{"at_s":1,"weather":1}\n')
    with pytest.raises(RecordingError, match="line 2: no message, and nothing else"):
        frames_of(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"nowhere\.jsonl: No such file"):
        RecordingReader(tmp_path / "nowhere.jsonl")
