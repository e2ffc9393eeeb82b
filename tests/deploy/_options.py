"""Variables and keys that configurations give to `duologue serve`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Final

from duologue.cli.serving.options import ServeOptions

__all__ = ["check_keys", "check_variables"]

_OTHERS: Final = {"FORWARDED_ALLOW_IPS", "XDG_CACHE_HOME", "PATH", "PYTHONUNBUFFERED"}
"""Read by uvicorn, by the engines' cache, and by the system."""


def check_variables(names: Iterable[str]) -> None:
    """Fail where one is no option's variable: the server would not read it."""
    check_keys(name.removeprefix("DUOLOGUE_").lower() for name in names if name not in _OTHERS)


def check_keys(names: Iterable[str]) -> None:
    """Fail where one is no option's key."""
    known = {field.name.lower() for field in fields(ServeOptions)}
    unknown = sorted({name for name in names if name.replace("-", "_") not in known})
    assert unknown == []
