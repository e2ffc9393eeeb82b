from __future__ import annotations

from pathlib import Path

import pytest

from duologue.recording import ClosedLine, Frame, Header, MarkNote, NoteLine, RecordingReader
from duologue.server.recordings.session_recording import SessionRecording
from duologue.server.recordings.space import Space
from duologue.server.recordings.writing_thread import WritingThread

HEADER = Header(started_at="2026-03-01T12:00:00.000+00:00", side="server", family="realtime", subject="key 1")
CLOSED = ClosedLine(at_s=2.0, code=1000, by="client")


class Recorded:
    """A recording whose lines are taken by the test in the place of the thread."""

    def __init__(self, path: Path, *, max_bytes: int | None = None, max_waiting_bytes: int = 1 << 20) -> None:
        self.path = path
        self.troubles: list[str | None] = []
        self.thread = WritingThread(max_waiting_bytes=max_waiting_bytes)
        self.space = Space(str(path.parent), max_bytes=max_bytes)
        self.session = SessionRecording(
            str(path), HEADER, thread=self.thread, space=self.space, told=self.troubles.append
        )

    def write(self) -> None:
        self.thread._write_out()

    def lines(self) -> list[object]:
        with RecordingReader(self.path) as reader:
            assert reader.header == HEADER
            return list(reader.lines())


def test_a_session_is_written_to_its_close_with_the_times_that_it_had(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path / "a.jsonl")
    recorded.session.passed(0.5000004, "sent", '{"type":"session.created"}')
    recorded.session.passed(1.0, "received", b"\x00")
    recorded.session.told(CLOSED)
    recorded.session.ended()
    recorded.write()
    assert recorded.lines() == [
        Frame(at_s=0.5, direction="sent", message='{"type":"session.created"}'),
        Frame(at_s=1.0, direction="received", message=b"\x00"),
        CLOSED,
    ]
    assert recorded.troubles == [None]


def test_a_session_in_which_nothing_passed_leaves_no_file(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path / "a.jsonl")
    recorded.session.ended()
    recorded.write()
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("precious", encoding="utf-8")
    recorded = Recorded(path)
    recorded.session.passed(0.0, "sent", "a")
    recorded.write()
    recorded.session.passed(0.0, "sent", "b")
    recorded.session.ended()
    recorded.write()
    assert path.read_text(encoding="utf-8") == "precious"
    assert len(recorded.troubles) == 1
    assert "exists already" in str(recorded.troubles[0])


def test_at_the_limit_of_the_folder_the_recording_says_that_it_ends(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path / "a.jsonl", max_bytes=600)
    for count in range(10):
        recorded.session.passed(float(count), "sent", "x" * 100)
        recorded.write()
    recorded.session.ended()
    recorded.write()
    *frames, last = recorded.lines()
    assert 2 <= len(frames) < 10
    assert isinstance(last, NoteLine)
    assert last.at_s == len(frames) - 1
    assert isinstance(last.note, MarkNote)
    assert last.note.text.startswith("the recording ends here")
    assert recorded.troubles == [None, "the limit of the folder is reached: take recordings away"]


def test_no_recording_begins_in_a_full_folder(tmp_path: Path) -> None:
    (tmp_path / "old.jsonl").write_bytes(bytes(100))
    recorded = Recorded(tmp_path / "a.jsonl", max_bytes=100)
    recorded.session.passed(0.0, "sent", "a")
    recorded.session.ended()
    recorded.write()
    assert not (tmp_path / "a.jsonl").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_ends_the_recording(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path / "a.jsonl")
    recorded.session.passed(0.0, "sent", "a")
    recorded.write()
    writer = recorded.session._writer
    assert writer is not None
    writer._file.close()
    writer._file = open("/dev/full", "wb", buffering=0)  # noqa: SIM115  closed by the recording
    for count in (1, 2):
        recorded.session.passed(count, "sent", "b")
        recorded.write()
    recorded.session.ended()
    recorded.write()
    well, full = recorded.troubles
    assert well is None
    assert full is not None
    assert full.startswith(f"recording to {recorded.path} stopped")
    assert writer._file.closed


def test_a_session_that_is_faster_than_the_disk_is_recorded_no_further(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path / "a.jsonl", max_waiting_bytes=10)
    recorded.session.passed(0.0, "sent", "a")
    recorded.session.passed(0.0, "sent", "b")
    recorded.session.passed(0.0, "sent", "c")
    recorded.session.told(CLOSED)
    assert recorded.troubles == ["the disk takes too long"]
    recorded.session.ended()
    recorded.write()


def test_a_long_burst_is_not_gathered_in_memory(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path / "a.jsonl", max_waiting_bytes=1 << 30)
    for _ in range(3):
        recorded.session.passed(0.0, "sent", "x" * (1 << 20))
    recorded.session.ended()
    largest = 0
    for waiting, line, _ in list(recorded.thread._waiting):
        waiting.take(line)
        writer = recorded.session._writer
        assert writer is not None
        largest = max(largest, writer.gathered_bytes)
    assert largest == 0


def test_a_fault_of_ours_ends_one_recording_and_not_the_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = Recorded(tmp_path / "a.jsonl")

    def fail(message: object) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr("duologue.recording.writer.scrubbed", fail)
    recorded.session.passed(0.0, "sent", "a")
    recorded.session.ended()
    recorded.write()
    assert recorded.troubles == ["RecursionError: too deep"]
