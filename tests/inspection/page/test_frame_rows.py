"""Frames as columns."""

from __future__ import annotations

import json
from typing import Any

from duologue.inspection.fold import CallFold
from duologue.inspection.page.frame_rows import FrameRow, FrameTable
from duologue.recording import (
    ClosedLine,
    ConnectedLine,
    ExchangeLine,
    FaultNote,
    Frame,
    MarkNote,
    NoteLine,
    RecordingLine,
    UnknownLine,
)


def rows_of(*lines: RecordingLine) -> tuple[list[FrameRow], FrameTable]:
    fold, table = CallFold(), FrameTable()
    rows: list[FrameRow] = []
    for line in lines:
        fold.push(line)
        content = None
        if isinstance(line, Frame) and fold.read is not None and fold.read.event is not None:
            content = json.loads(line.message)
        rows.append(table.push(line, fold.read, content))
    return rows, table


def sent(at_s: float, type_name: str, **fields: Any) -> Frame:
    return Frame(at_s=at_s, direction="sent", message=json.dumps({"type": type_name, **fields}))


def received(at_s: float, type_name: str, **fields: Any) -> Frame:
    return Frame(at_s=at_s, direction="received", message=json.dumps({"type": type_name, **fields}))


PLACE = {"response_id": "r", "item_id": "i", "output_index": 0, "content_index": 0}


def test_every_line_is_a_row_with_its_own_number() -> None:
    rows, table = rows_of(
        sent(0.5, "response.cancel", event_id="e"),
        ConnectedLine(at_s=1, connection=2),
        NoteLine(at_s=2, note=MarkNote(text="here")),
        ClosedLine(at_s=3, code=1000, by="client"),
        ExchangeLine(at_s=3.5, method="POST", path="/v1/x?model=m", status=401),
        UnknownLine(fields={"at_s": 4, "later": {}}),
    )
    assert [row.number for row in rows] == [0, 1, 2, 3, 4, 5]
    assert len(table) == 6
    assert "".join(row.dir for row in rows) == "soncnn"
    assert [row.type for row in rows][1:] == [
        "connected", "note mark", "closed 1000", "POST /v1/x 401", "(unknown line)"
    ]  # fmt: skip
    assert (rows[0].at_ms, rows[0].id) == (500, "e")


def test_pieces_fold_to_the_first_of_their_run_which_any_other_message_ends() -> None:
    rows, _ = rows_of(
        sent(0, "input_audio_buffer.append", audio="AAAA"),
        received(0.1, "response.output_audio.delta", event_id="e1", delta="AAAA", **PLACE),
        received(0.1, "response.output_audio_transcript.delta", event_id="e2", delta="a", **PLACE),
        sent(0.2, "input_audio_buffer.append", audio="AAAA"),
        NoteLine(at_s=0.25, note=MarkNote(text="no message")),
        received(0.3, "response.output_audio.delta", event_id="e3", delta="AAAA", **PLACE),
        received(0.4, "response.done", event_id="e4", response={}),
        sent(0.5, "input_audio_buffer.append", audio="AAAA"),
    )
    assert [row.fold for row in rows] == [0, 1, 2, 0, 4, 1, 6, 7]
    assert [row.id for row in rows] == ["", "e1", "e2", "", "", "", "e4", ""]


def test_what_deserves_a_look_is_odd() -> None:
    rows, _ = rows_of(
        received(0, "error", error={"type": "x", "message": "no"}),
        received(0, "of.another.world"),
        Frame(at_s=0, direction="received", message="no json"),
        Frame(at_s=0, direction="received", message=b"\xff"),
        NoteLine(at_s=0, note=FaultNote(name="drop")),
        ClosedLine(at_s=0, code=1006, by="network"),
        ExchangeLine(at_s=0, method="POST", path="/v1/x", status=401),
        sent(0, "response.cancel"),
    )
    assert [row.odd for row in rows] == [True] * 7 + [False]
    assert rows[2].type == "(unreadable)"


def test_columns_hold_the_rows_and_the_wire_its_bytes() -> None:
    _, table = rows_of(sent(0.001, "response.cancel"), received(1e12, "x"), received(-5, "x"))
    columns = table.columns()
    assert columns["at_ms"] == [1, 2**32 - 1, 0]
    assert columns["dir"] == "srr"
    assert columns["types"] == ["response.cancel", "x"]
    assert columns["type"] == [0, 1, 1]
    assert columns["partner"] == [-1, -1, -1]
    assert columns["odd"] == [0, 1, 1]
    assert table.wire() == {"sent": 1, "sent_bytes": 27, "received": 2, "received_bytes": 26}


def test_made_up_names_are_bounded() -> None:
    _, table = rows_of(*(received(0, f"name{number}" + "x" * 500) for number in range(1100)))
    names = table.columns()["types"]
    assert len(names) == 1001
    assert max(map(len, names)) == 120
