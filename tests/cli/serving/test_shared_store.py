"""--shared and its secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from duologue.cli.errors import UsageError
from duologue.cli.serving.options import ServeOptions
from duologue.cli.serving.shared_store import shared_store
from duologue.server import Limits

URL = "redis://user:hush@store.internal/1"


def test_the_secret_comes_from_its_variable_or_its_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("s" * 32 + "\n", encoding="utf-8")
    for options in (ServeOptions(shared=URL, secret="s" * 32), ServeOptions(shared=URL, secret_file=file)):
        store = shared_store(options, Limits())
        assert store is not None
        assert store.place == "store.internal:6379"
    assert shared_store(ServeOptions(), Limits()) is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (ServeOptions(shared=URL), "--shared needs a secret of 32 characters"),
        (ServeOptions(shared=URL, secret="hush"), "--shared needs a secret of 32 characters"),
        (ServeOptions(shared="http://hush", secret="s" * 32), "--shared: redis://HOST:PORT"),
        (ServeOptions(secret="s" * 32), "belong to --shared URL"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_quoted(options: ServeOptions, said: str) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        shared_store(options, Limits())
    assert "hush" not in str(refused.value)
