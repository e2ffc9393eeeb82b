"""What each caller may have, where it differs from what all may."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

__all__ = ["Allowance", "Allowances"]

_MAX_OWNERS: Final = 10_000
"""That an application's own authentication has named, the latest ones. A client secret outlives the request that made
it, and its sessions are the owner's."""


class Allowance(Struct, frozen=True, kw_only=True):
    """Limits of one caller; None, and no models, are those of all callers."""

    sessions: int | None = None
    """At once."""
    sessions_per_minute: float | None = None
    models: tuple[str, ...] = ()
    """Names of models that sessions may have, among those that the server has."""


_ALL: Final = Allowance()


class Allowances:
    """By the name of the owner."""

    def __init__(self, known: Mapping[str, Allowance] | None = None) -> None:
        """`known` are those of the server's own keys, which are never forgotten."""
        self._known = dict(known or {})
        self._noted: OrderedDict[str, Allowance] = OrderedDict()

    def of(self, owner: str) -> Allowance:
        """The owner's."""
        return self._known.get(owner) or self._noted.get(owner) or _ALL

    def note(self, owner: str, allowance: Allowance) -> None:
        """The application says what this owner may have, from now on."""
        self._noted[owner] = allowance
        self._noted.move_to_end(owner)
        if len(self._noted) > _MAX_OWNERS:
            self._noted.popitem(last=False)
