"""Lines of recordings: what is written is what is read."""

from __future__ import annotations

import io
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from duologue.recording import (
    ClosedLine,
    ConnectedLine,
    EngineNote,
    ExchangeLine,
    FaultNote,
    Frame,
    MarkNote,
    NoteLine,
    PlaybackNote,
    RecordingLine,
    RecordingReader,
    RecordingWriter,
    ToolNote,
    UnknownLine,
    UnknownNote,
)

KNOWN_FIELDS = {"at_s", "connection", "direction", "text", "binary", "closed", "connected", "exchange", "note"}
SECONDS = st.integers(0, 10**10).map(lambda microseconds: microseconds / 1_000_000)
CONNECTIONS = st.integers(1, 9)
TEXT = st.text(st.characters(codec=None), max_size=40)
PLAIN: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
STEPS = st.sampled_from(["begin", "end"])
KNOWN_NOTES = st.one_of(
    st.builds(PlaybackNote, item_id=TEXT, content_index=st.integers(0, 9), heard_ms=st.integers(0, 10**9)),
    st.builds(PlaybackNote, item_id=TEXT, heard_ms=st.integers(0, 10**9), is_over=st.booleans()),
    st.builds(ToolNote, name=TEXT, call_id=TEXT, step=STEPS),
    st.builds(EngineNote, stage=TEXT, step=STEPS, id=st.none() | TEXT),
    st.builds(FaultNote, name=TEXT, detail=TEXT),
    st.builds(MarkNote, text=TEXT),
)
UNKNOWN_NOTES = st.dictionaries(TEXT.filter(lambda name: name != "kind"), PLAIN, max_size=3).map(
    lambda fields: UnknownNote(fields={"kind": "later", **fields})
)
UNKNOWN_LINES = st.dictionaries(TEXT.filter(lambda name: name not in KNOWN_FIELDS), PLAIN, min_size=1, max_size=3).map(
    lambda fields: UnknownLine(fields=fields)
)
LINES: st.SearchStrategy[RecordingLine] = st.one_of(
    st.builds(
        Frame,
        at_s=SECONDS,
        direction=st.sampled_from(["sent", "received"]),
        message=TEXT | st.binary(max_size=40),
        connection=CONNECTIONS,
    ),
    st.builds(
        ClosedLine,
        at_s=SECONDS,
        code=st.integers(1000, 4999),
        reason=TEXT,
        by=st.sampled_from(["client", "server", "network"]),
        connection=CONNECTIONS,
    ),
    st.builds(
        ConnectedLine,
        at_s=SECONDS,
        url=st.none() | TEXT,
        model=st.none() | TEXT,
        dialect=st.none() | TEXT,
        connection=CONNECTIONS,
    ),
    st.builds(
        ExchangeLine,
        at_s=SECONDS,
        method=TEXT,
        path=TEXT,
        request=PLAIN,
        asks_for_socket=st.booleans(),
        status=st.integers(100, 599),
        answer=PLAIN,
    ),
    st.builds(NoteLine, at_s=SECONDS, note=KNOWN_NOTES | UNKNOWN_NOTES, connection=CONNECTIONS),
    UNKNOWN_LINES,
)


def read_back(*lines: RecordingLine, keep_secrets: bool = False) -> list[RecordingLine]:
    file = io.BytesIO()
    with RecordingWriter(file, keep_secrets=keep_secrets) as writer:
        for line in lines:
            writer.write_line(line)
    assert writer.failure is None
    with RecordingReader("memory", stream=io.BytesIO(file.getvalue())) as recording:
        return list(recording.lines())


@given(st.lists(LINES, max_size=5))
def test_what_is_written_is_read_back(lines: list[RecordingLine]) -> None:
    assert read_back(*lines, keep_secrets=True) == lines


@given(st.lists(LINES, max_size=3))
def test_lines_without_secrets_are_written_as_they_are(lines: list[RecordingLine]) -> None:
    plain = [line for line in lines if "sk-" not in str(line) and "ek_" not in str(line)]
    assert read_back(*plain) == plain


def test_a_line_of_the_first_connection_does_not_name_it() -> None:
    file = io.BytesIO()
    with RecordingWriter(file) as writer:
        writer.note(MarkNote(text="a"))
        writer.note(MarkNote(text="b"), connection=2)
    first, second = (msgspec.json.decode(line) for line in file.getvalue().splitlines()[1:])
    assert "connection" not in first
    assert second["connection"] == 2
    assert first["note"] == {"kind": "mark", "text": "a"}
