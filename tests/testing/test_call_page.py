"""The page of a recorded call."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from duologue import converse
from duologue.errors import RecordingError
from duologue.server import RealtimeApp
from duologue.testing import scripted_app_engines
from duologue.testing.call_page import write_call_page
from duologue.testing.served import AppInMemory


async def test_it_is_written_for_its_owner_alone(tmp_path: Path) -> None:
    app = AppInMemory(RealtimeApp(engines=scripted_app_engines()))
    async with converse(open_connection=app.connect) as conversation:
        await conversation.ask("Hello")
    app.tap.calls[0].save(tmp_path / "call.jsonl")
    page = tmp_path / "call.html"
    for _ in range(2):
        write_call_page(tmp_path / "call.jsonl", page, title="a test")
    assert "<title" in page.read_text(encoding="utf-8")
    assert stat.S_IMODE(page.stat().st_mode) == stat.S_IMODE((tmp_path / "call.jsonl").stat().st_mode) == 0o600


def test_a_file_that_is_no_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError):
        write_call_page(tmp_path / "missing.jsonl", tmp_path / "call.html", title="a test")
