"""Keys with names: a file that says who may use a server, and how much."""

from __future__ import annotations

import os
import tomllib
from typing import Any, Final

import msgspec
from msgspec import Struct

from duologue.printable import printable, printable_name
from duologue.server.allowances import Allowance
from duologue.server.http.auth import digest

__all__ = ["NamedKey", "checked_name", "read_key_file"]

_MAX_BYTES: Final = 4 * 1024 * 1024
"""Of a file: ten thousand keys with all limits take two."""

_DIGEST_BYTES: Final = 32
_MAX_NAME_CHARACTERS: Final = 64
_OF_OTHERS: Final = ("key ", "address ")
"""How callers without a name are called."""


class NamedKey(Struct, frozen=True, kw_only=True):
    """A key that the server accepts. Its repr shows no key: only the digest is kept."""

    name: str
    """Of the caller, in logs and figures. Several keys may have one name, and share its limits."""
    sha256: bytes
    """The digest of the key."""
    allowance: Allowance = Allowance()

    @staticmethod
    def of(name: str, key: str, allowance: Allowance | None = None) -> NamedKey:
        """Raises ValueError for an empty key, and for a name that is none."""
        if not key.strip():
            raise ValueError(f"the key of {printable_name(name)} is empty")
        return NamedKey(name=checked_name(name), sha256=digest(key), allowance=allowance or Allowance())


class _Entry(Struct, kw_only=True, forbid_unknown_fields=True):
    """A table of the file."""

    key: str | list[str] = msgspec.field(default_factory=list[str])
    sha256: str | list[str] = msgspec.field(default_factory=list[str])
    sessions: int | None = None
    sessions_per_minute: float | None = None
    models: list[str] = msgspec.field(default_factory=list[str])


def read_key_file(path: str | os.PathLike[str]) -> tuple[NamedKey, ...]:
    """The keys of a TOML file, which has a table for each caller: `key` or `sha256`, and limits.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no such file; the message names the file and the place, and quotes no key.
    """
    name = os.fspath(path)
    with open(path, "rb") as file:
        content = file.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise ValueError(f"{name} is too long to be a file of keys")
    try:
        tables: dict[str, Any] = tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as fault:  # a fault of tomllib's is a ValueError
        raise ValueError(f"{name}: {printable(str(fault))}") from None
    if not tables:
        raise ValueError(f"{name} holds no keys: write a table for each caller, [alice] with key = …")
    keys = [
        key for caller, table in tables.items() for key in _keys_of(f"{name}: {printable_name(caller)}", caller, table)
    ]
    if len({key.sha256 for key in keys}) < len(keys):
        raise ValueError(f"{name}: two callers have the same key")
    return tuple(keys)


def _keys_of(where: str, caller: str, table: Any) -> list[NamedKey]:
    try:
        entry = msgspec.convert(table, _Entry)
    except msgspec.ValidationError as fault:
        names = _Entry.__struct_fields__
        is_misspelled = isinstance(table, dict) and not table.keys() <= {*names}
        known = f"; known: {', '.join(names)}" if is_misspelled else ""
        raise ValueError(f"{where}: {printable(str(fault))}{known}") from None
    limits = (entry.sessions, entry.sessions_per_minute)
    if any(limit is not None and limit <= 0 for limit in limits):
        raise ValueError(f"{where}: a limit is greater than 0")
    allowance = Allowance(
        sessions=entry.sessions, sessions_per_minute=entry.sessions_per_minute, models=tuple(entry.models)
    )
    digests = [_digest_of(where, each) for each in _listed(entry.sha256)]
    try:
        keys = [NamedKey.of(caller, key, allowance) for key in _listed(entry.key)]
        keys += [NamedKey(name=checked_name(caller), sha256=each, allowance=allowance) for each in digests]
    except ValueError as fault:
        raise ValueError(f"{where}: {fault}") from None
    if not keys:
        raise ValueError(f"{where}: there is neither key nor sha256")
    return keys


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _digest_of(where: str, text: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != _DIGEST_BYTES:
        raise ValueError(f"{where}: sha256 is 64 hexadecimal digits, as of: printf %s KEY | sha256sum")
    return found


def checked_name(name: str) -> str:
    """The name, if it can be a caller's. Raises ValueError."""
    if not name.strip() or not name.isprintable() or len(name) > _MAX_NAME_CHARACTERS or name.startswith(_OF_OTHERS):
        raise ValueError(
            f"{printable_name(name)!r} is no name: it has 1 to {_MAX_NAME_CHARACTERS} characters that can be printed, "
            "and does not begin like those of callers without one"
        )
    return name
