"""The function by which a model transfers a call: to one of the targets that the application names, and no other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

from duologue.errors import ConnectFailed

__all__ = ["transfer_function"]


def transfer_function(
    transfer: Callable[[str], Awaitable[str]], targets: Mapping[str, str]
) -> Callable[[str], Awaitable[str]]:
    """`transfer(to)` for a model, in which `to` is one of the names. Raises ValueError for no targets."""
    if not targets:
        raise ValueError("name at least one target: {'sales': '+15551230042'}")

    async def chosen(to: str) -> str:
        try:
            return await transfer(targets[to])
        except ConnectFailed as fault:  # another error is the application's: functions that fail are told, too
            return f"The transfer has failed, and the caller is still here: {fault}"

    names: Any = Literal[tuple(targets)]
    chosen.__name__ = "transfer"
    chosen.__doc__ = "Connect the caller with another person. Say so first: the caller hears you to the end."
    chosen.__annotations__["to"] = names
    return chosen
