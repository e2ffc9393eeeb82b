"""What is kept of tests' calls."""

from __future__ import annotations

from pathlib import Path

import pytest

from duologue.testing import read_call
from duologue.testing.plugin.artifacts import _name_of
from tests.testing.plugin._inner import run

pytest_plugins = ("pytester",)


_CODE = """
import os
import pytest
from duologue import blocking

@pytest.mark.parametrize("fails", [True, False], ids=["fails", "does/not"])
def test_a(realtime_server, fails):
    for _ in range(2):
        with blocking.converse(realtime_server.url) as conversation:
            conversation.ask("Hello")
    assert not fails or os.environ.get("PASS")
"""


def kept(pytester: pytest.Pytester) -> dict[str, list[str]]:
    """The files of each test's folder."""
    folders = sorted((pytester.path / ".duologue").glob("*/"))
    return {folder.name.rpartition("-")[0]: sorted(path.name for path in folder.iterdir()) for folder in folders}


def test_by_default_the_calls_of_tests_that_fail_are_kept(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run(pytester, _CODE)
    assert kept(pytester) == {"test_inner-test_a-fails": ["call-1.html", "call-1.jsonl", "call-2.html", "call-2.jsonl"]}
    result.stdout.fnmatch_lines(["*- duologue recordings -*", "duologue inspect .duologue/test_inner-*/call-1.jsonl"])
    (line,) = [line for line in result.stdout.lines if line.endswith("call-2.jsonl")]
    call = read_call(pytester.path / line.removeprefix("duologue inspect "))
    assert (call.side, len(call.turns)) == ("server", 1)
    assert (pytester.path / ".duologue" / ".gitignore").read_text(encoding="utf-8").endswith("*\n")

    monkeypatch.setenv("PASS", "1")
    run(pytester, _CODE)
    assert kept(pytester) == {}  # what an earlier run kept would mislead


def test_all_or_none_can_be_kept(pytester: pytest.Pytester) -> None:
    result = run(pytester, _CODE, "--duologue-keep=none")
    assert kept(pytester) == {}
    assert "duologue recordings" not in result.stdout.str()
    run(pytester, _CODE, "--duologue-keep=all")
    assert set(kept(pytester)) == {"test_inner-test_a-fails", "test_inner-test_a-does-not"}


def test_a_folder_that_cannot_be_made_is_told_and_changes_nothing_else(pytester: pytest.Pytester) -> None:
    (pytester.path / ".duologue").write_text("in the way", encoding="utf-8")
    result = run(pytester, _CODE)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*- duologue recordings -*", "not kept: *.duologue*"])


def test_a_test_without_a_recording_leaves_no_folder(pytester: pytest.Pytester) -> None:
    code = "def test_a(realtime_server, scripted_server): assert not scripted_server"
    run(pytester, code).assert_outcomes(failed=1)
    assert kept(pytester) == {}


def test_names_of_folders_suit_file_systems_and_differ_where_tests_do() -> None:
    names = [_name_of(f"tests/test_a.py::test_b[{value}]") for value in ("a/b", "a:b", "..", "x" * 500)]
    assert len(set(names)) == 4
    assert all(len(name) < 130 and Path(name).name == name and ":" not in name for name in names)
    assert names[0].startswith("tests-test_a-test_b-a-b-")
