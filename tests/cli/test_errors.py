"""Errors as sentences and exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from duologue.cli.errors import TurnFailed, UsageError, check_outputs, check_port, exit_code_of, sentence_of
from duologue.errors import ConnectionClosedError


@pytest.mark.parametrize(
    ("fault", "sentence", "code"),
    [
        (UsageError("name a file"), "name a file", 2),
        (TurnFailed("no answer within 3 s"), "no answer within 3 s", 1),
        (FileNotFoundError(2, "No such file", "a.wav"), "a.wav: No such file", 1),
        (OSError(28, "No space left"), "No space left", 1),
        (
            ConnectionClosedError(1011, "down\x1b[2J"),
            "the server ended the session: connection closed with code 1011",
            1,
        ),
        (LookupError("gone"), "LookupError: gone", 1),
    ],
)
def test_an_error_is_one_printable_sentence_and_a_code(fault: Exception, sentence: str, code: int) -> None:
    assert sentence_of(fault).startswith(sentence)
    assert sentence_of(fault).isprintable()
    assert exit_code_of(fault) == code


@pytest.mark.parametrize(
    ("outputs", "says"),
    [
        (["call.jsonl"], "call.jsonl is a file that is read"),
        (["linked.jsonl"], "linked.jsonl is a file that is read"),
        (["new.json", "new.json"], "new.json is to be written twice"),
        (["none/new.json"], "cannot write none/new.json: "),
        (["folder"], "cannot write folder: it is no file"),
    ],
)
def test_outputs_are_refused_before_the_work_is_done(
    outputs: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "call.jsonl").write_bytes(b"precious")
    (tmp_path / "linked.jsonl").hardlink_to(tmp_path / "call.jsonl")
    with pytest.raises(UsageError) as refused:
        check_outputs(*map(Path, outputs), force=True, inputs=[Path("call.jsonl")])
    assert str(refused.value).replace("\\", "/").startswith(says)


def test_outputs_that_can_be_written_pass(tmp_path: Path) -> None:
    (tmp_path / "old.json").touch()
    check_outputs(tmp_path / "old.json", None, tmp_path / "new.json", force=True, inputs=[tmp_path / "gone.jsonl"])
    assert not (tmp_path / "new.json").exists()


@pytest.mark.parametrize("port", [-1, 65_536])
def test_a_port_that_is_none_is_refused(port: int) -> None:
    check_port(0, "--port")
    with pytest.raises(UsageError, match="--port is a number from 0 to 65535"):
        check_port(port, "--port")
