"""What recordings hold beside messages, as sentences."""

from __future__ import annotations

import pytest

from duologue.cli.views.recorded import sentence_of_line
from duologue.recording import (
    ClosedLine,
    ConnectedLine,
    EngineNote,
    FaultNote,
    Frame,
    MarkNote,
    Note,
    NoteLine,
    PlaybackNote,
    RecordingLine,
    ToolNote,
    UnknownLine,
    UnknownNote,
)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (ClosedLine(at_s=1.5, code=1006, by="network"), "the connection was lost, code 1006"),
        (ClosedLine(at_s=1.5, code=1008, reason="no\nmore", by="server"), "closed by the server, code 1008 (no more)"),
        (ConnectedLine(at_s=1.5, url="wss://a.example", connection=2), "connected again to wss://a.example"),
        (ConnectedLine(at_s=1.5, connection=2), "connected again"),
    ],
    ids=["lost", "closed", "again", "again, somewhere"],
)
def test_connections_end_and_begin(line: RecordingLine, sentence: str) -> None:
    assert sentence_of_line(line) == f"    1.500  ·  {sentence}"


@pytest.mark.parametrize(
    ("note", "sentence"),
    [
        (PlaybackNote(item_id="item_1", heard_ms=1180), "heard 1.18 s of part 0 of item_1"),
        (PlaybackNote(item_id="item_1", heard_ms=40, is_over=True), "heard 0.04 s of part 0 of item_1, and no more"),
        (ToolNote(name="add", call_id="call_1", step="begin"), "add (call_1) begins"),
        (EngineNote(stage="transcribe", step="end", id="item_1"), "transcribe of item_1 ends"),
        (EngineNote(stage="respond", step="begin"), "respond begins"),
        (FaultNote(name="reset"), "fault made: reset"),
        (FaultNote(name="close", detail="code 1001"), "fault made: close, code 1001"),
        (MarkNote(text="here\x1b[0m"), "mark: here\\x1b[0m"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_notes_say_what_happened(note: Note, sentence: str) -> None:
    assert sentence_of_line(NoteLine(at_s=1.5, note=note)) == f"    1.500  ·  {sentence}"


def test_what_no_sentence_is_about() -> None:
    assert sentence_of_line(Frame(at_s=1, direction="sent", message="a")) is None
    assert sentence_of_line(UnknownLine(fields={})) is None
    unknown = sentence_of_line(NoteLine(at_s=1, note=UnknownNote(fields={"kind": "mood"})))
    assert unknown is not None
    assert "does not know" in unknown
