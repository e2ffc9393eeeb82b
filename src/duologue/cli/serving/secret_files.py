"""Keys that the server shows to others: from the environment or a file, for every user of a machine reads arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from duologue.cli.errors import UsageError

__all__ = ["key_of"]

_MAX_KEY_BYTES: Final = 16 * 1024
"""Of a file with a key: the longest, signed tokens of identity providers, have some thousand characters."""


def key_of(key: str | None, file: Path | None, *, option: str) -> str | None:
    """The key that was given, or stands in the file; `option` is its name, such as "--llm-key".

    Raises:
        UsageError: both were given, or the file cannot be read, or holds no key or more than one line.
    """
    if file is None:
        return key or None
    if key:
        raise UsageError(f"{option} and {option}-file exclude each other: choose one")
    try:
        with file.open("rb") as opened:
            content = opened.read(_MAX_KEY_BYTES + 1)
    except OSError as fault:
        raise UsageError(f"{option}-file: cannot read {file}: {fault.strerror or fault}") from fault
    lines = content.decode("utf-8", "replace").split("\n")
    lines = [line.strip() for line in lines if line.strip()]
    if len(content) > _MAX_KEY_BYTES or len(lines) != 1 or not lines[0].isprintable():
        raise UsageError(f"{option}-file: {file} must hold one key, on one line")
    return lines[0]
