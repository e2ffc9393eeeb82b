from __future__ import annotations

import threading

import pytest

from duologue.recording import RecordingLine
from duologue.server.recordings.writing_thread import Passed, WritingThread


class Lines:
    """What a recording is told in the thread."""

    def __init__(self) -> None:
        self.taken: list[object] = []
        self.written = threading.Event()
        self.gate: threading.Event | None = None

    def take(self, line: Passed | RecordingLine | None, /) -> None:
        if self.gate is not None:
            assert self.gate.wait(5)
        self.taken.append(line)

    def write_out(self) -> None:
        self.taken.append("written")
        self.written.set()


def line(text: str) -> Passed:
    return 0.0, "sent", text


async def test_what_comes_together_is_written_in_one_piece() -> None:
    thread, lines = WritingThread(), Lines()
    for text in "abc":
        thread.put(lines, line(text))
    thread.start()
    assert await thread.stop()
    assert lines.taken == [line("a"), line("b"), line("c"), "written"]


async def test_lines_are_written_while_the_server_goes_on() -> None:
    thread, lines = WritingThread(gather_s=0.001), Lines()
    thread.start()
    thread.put(lines, line("a"))
    assert lines.written.wait(5)
    assert await thread.stop()


async def test_too_much_that_waits_is_refused_and_an_end_is_not() -> None:
    thread, lines = WritingThread(max_waiting_bytes=1000), Lines()
    assert thread.put(lines, line("a"), n_bytes=2000)
    assert not thread.put(lines, line("b"), n_bytes=1)
    assert thread.put(lines, None)
    thread.start()
    assert await thread.stop()
    assert lines.taken == [line("a"), None, "written"]
    assert thread.put(lines, line("c"))


async def test_a_disk_that_hangs_does_not_keep_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duologue.server.recordings.writing_thread._STOP_S", 0.05)
    thread, lines = WritingThread(), Lines()
    lines.gate = threading.Event()
    thread.start()
    running = thread._thread
    assert running is not None
    thread.put(lines, line("a"))
    assert not await thread.stop()
    lines.gate.set()
    running.join(5)


async def test_a_thread_that_was_not_started_need_not_be_stopped() -> None:
    assert await WritingThread().stop()
