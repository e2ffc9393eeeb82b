"""Keys in files."""

from __future__ import annotations

from pathlib import Path

import pytest

from duologue.cli.errors import UsageError
from duologue.cli.serving.secret_files import key_of


def test_a_key_comes_from_its_option_or_its_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"\n  sk-1 \r\n")
    assert key_of(None, file, option="--llm-key") == "sk-1"
    assert key_of("sk-2", None, option="--llm-key") == "sk-2"
    assert key_of("", None, option="--llm-key") is None


@pytest.mark.parametrize("content", [b"", b" \n", b"a\nb\n", b"x" * 20_000, b"a\0b"])
def test_a_file_without_one_key_is_refused_and_not_quoted(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=r"--llm-key-file: .* must hold one key, on one line") as refused:
        key_of(None, file, option="--llm-key")
    assert "a\nb" not in str(refused.value)


def test_a_file_that_is_not_there_and_two_keys_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--llm-key-file: cannot read .*: No such file"):
        key_of(None, tmp_path / "none", option="--llm-key")
    with pytest.raises(UsageError, match="--llm-key and --llm-key-file exclude each other"):
        key_of("k", tmp_path / "none", option="--llm-key")
