from __future__ import annotations

import base64
import json

from hypothesis import given
from hypothesis import strategies as st

from duologue.inspection.page import LaneFold, Redaction
from duologue.recording import ClosedLine, Frame
from duologue.server.inspector.call_changes import CallChanges, SentPeaks
from tests.server.inspector._looking import HEADER, append, created


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_a_page_that_takes_all_changes_has_the_peaks(states: list[bytes]) -> None:
    sent, page = SentPeaks(), bytearray()
    for peaks in states:
        if (changed := sent.changed(peaks)) is not None:
            first, more = changed
            assert more
            page += bytes(max(0, first + len(more) - len(page)))
            page[first : first + len(more)] = more
        assert page.rstrip(b"\0") == peaks.rstrip(b"\0")


def test_peaks_that_pages_have_are_not_sent_again() -> None:
    sent = SentPeaks()
    sent.replace(b"\1\2\3")
    assert sent.changed(b"\1\2\3") is None
    assert sent.changed(b"\1\2\3\4") == (3, b"\4")


def test_rows_are_told_whole_with_their_figures_and_without_secrets() -> None:
    fold, user, model = LaneFold(HEADER), SentPeaks(), SentPeaks()
    fold.push(Frame(at_s=0.0, direction="sent", message=created()))
    changes = CallChanges(fold)
    changes.add(fold.push(Frame(at_s=0.1, direction="received", message=append(event_id="client_1"))))
    error = {"type": "t", "message": "the key is sk-abc123def", "event_id": "client_1"}
    rejected = json.dumps({"type": "error", "event_id": "event_9", "error": error})
    changes.add(fold.push(Frame(at_s=0.2, direction="sent", message=rejected)))
    changes.add(fold.push(ClosedLine(at_s=0.3, code=1000, by="client")))
    told = changes.to_json(lines=4, redaction=Redaction(), user=user, model=model)
    rows = {tuple(path): value for path, value in told["set"]}
    assert told["lines"] == 4
    assert rows["call", "errors", 0]["message"] == "the key is (secret, 12 characters)"
    assert rows["call", "user_audio_ms"] == 100
    assert rows["call", "session_id"] == "sess_1"
    assert rows["figures",]["errors"] == 1
    assert told["frames"]["first"] == 1
    assert told["frames"]["types"] == ["input_audio_buffer.append", "error", "closed 1000"]
    assert told["frames"]["type"] == [1, 2, 3]
    assert told["frames"]["partner"] == [2, 1, -1]
    _, peaks = told["peaks"]["user"]
    assert base64.b64decode(peaks).count(127) >= 9
    assert "model" not in told["peaks"]
    assert told["partners"] == []


def test_an_earlier_frame_learns_of_its_partner() -> None:
    fold = LaneFold(HEADER)
    create = '{"type":"response.create","event_id":"client_1"}'
    fold.push(Frame(at_s=0.0, direction="received", message=create))
    changes = CallChanges(fold)
    response = {"id": "resp_1", "object": "realtime.response", "status": "in_progress", "output": []}
    made = json.dumps({"type": "response.created", "event_id": "event_1", "response": response})
    changes.add(fold.push(Frame(at_s=0.1, direction="sent", message=made)))
    told = changes.to_json(lines=2, redaction=Redaction(), user=SentPeaks(), model=SentPeaks())
    assert told["partners"] == [[0, 1]]
    assert told["frames"]["partner"] == [0]


def test_without_new_lines_there_are_no_frames() -> None:
    fold = LaneFold(HEADER)
    changes = CallChanges(fold)
    changes.finish(fold.finish())
    assert "frames" not in changes.to_json(lines=0, redaction=Redaction(), user=SentPeaks(), model=SentPeaks())
