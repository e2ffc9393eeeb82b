"""Optional packages: imported where they are first needed, reported by the extra that brings them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from duologue.errors import MissingExtra

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["needs"]


class needs:
    """Imports inside this block that find no package raise `MissingExtra` naming the extra to install."""

    def __init__(self, extra: str) -> None:
        self.extra = extra

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(fault, ModuleNotFoundError):
            raise MissingExtra(fault.name or "a package", extra=self.extra) from fault
