"""Recordings as arguments, folded."""

from __future__ import annotations

from pathlib import Path

import pytest

from duologue.cli.errors import UsageError
from duologue.cli.folded import folded
from tests.cli.commands.test_inspect import written
from tests.cli.conftest import write_lines
from tests.inspection._calls import vad_call


def test_a_recording_is_folded_up_to_its_damage(tmp_path: Path) -> None:
    path = written(tmp_path / "call.jsonl", vad_call())
    whole = folded(path, command="gate")
    assert (len(whole.view.turns), whole.damage, whole.cut_off) == (2, None, False)
    with path.open("ab") as file:
        file.write(b"garbage\n")
    damaged = folded(path, command="gate")
    assert damaged.view.turns == whole.view.turns
    assert damaged.damage is not None
    assert str(path) in damaged.damage


def test_a_file_that_is_no_recording_is_refused_for_the_command(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="gate needs a recording"):
        folded(write_lines(tmp_path / "frames.jsonl", {"type": "response.cancel"}), command="gate")
