"""Files of keys with names and limits."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from duologue.server import Allowance, NamedKey, read_key_file

KEY = "sk-do-not-tell"


def write(folder: Path, text: str) -> Path:
    path = folder / "keys.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_each_table_is_a_caller(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        f"""
        [alice]
        key = "{KEY}"
        sessions = 5
        sessions_per_minute = 30
        models = ["m"]

        ["The shop"]
        sha256 = "{sha256(b"other").hexdigest()}"

        [bob]
        key = ["old", "new"]
        """,
    )
    alice, shop, old, new = read_key_file(path)
    assert alice == NamedKey.of("alice", KEY, Allowance(sessions=5, sessions_per_minute=30, models=("m",)))
    assert (shop.name, shop.sha256, shop.allowance) == ("The shop", sha256(b"other").digest(), Allowance())
    assert (old.name, new.name) == ("bob", "bob")
    assert KEY not in repr((alice, shop, old, new))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "holds no keys: write a table for each caller"),
        ("[alice\n", "Expected ']'"),
        ("alice = 1\n", "alice: Expected `object`"),
        ("[alice]\n", "alice: there is neither key nor sha256"),
        (
            f"[alice]\nkey = '{KEY}'\nsession = 1\n",
            "alice: Object contains unknown field `session`; known: key",
        ),
        (f"[alice]\nkey = '{KEY}'\nsessions = 'x'\n", "alice: Expected `int | null`, got `str` - at `$.sessions`"),
        (f"[alice]\nkey = '{KEY}'\nsessions = 0\n", "alice: a limit is greater than 0"),
        (f"[alice]\nkey = ['{KEY}', ' ']\n", "alice: the key of alice is empty"),
        ("[alice]\nsha256 = 'abc'\n", "alice: sha256 is 64 hexadecimal digits"),
        (f"['key 1']\nkey = '{KEY}'\n", "'key 1' is no name"),
        (f'["a\\nb"]\nkey = "{KEY}"\n', "is no name"),
        (f"[a]\nkey = '{KEY}'\n[b]\nkey = '{KEY}'\n", "two callers have the same key"),
        ("#" * 5_000_000, "is too long to be a file of keys"),
    ],
)
def test_an_error_names_file_and_place_and_no_key(text: str, reason: str, tmp_path: Path) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ValueError, match="keys.toml") as refused:  # noqa: RUF043 - the dot may be any character
        read_key_file(path)
    assert reason in str(refused.value)
    assert KEY not in str(refused.value)
    assert str(refused.value).isprintable()
