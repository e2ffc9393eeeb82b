"""Connections as scenarios want them, and who opens them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from msgspec import Struct

from duologue.transports import Transport

__all__ = ["ConnectOptions", "OpenTransport"]


class ConnectOptions(Struct, frozen=True, kw_only=True):
    """What is special about a connection."""

    intent: str | None = None
    api_key: str | None = None
    """Another key than the right one."""
    model: str | None = None
    """Another model than the one to be tested; "" asks for none."""
    beta: bool = False
    """Show the header of the beta."""

    @property
    def expects_session(self) -> bool:
        """Whether a session should come of it, in which everything holds that holds everywhere."""
        return self.api_key is None and self.model is None and not self.beta


OpenTransport: TypeAlias = Callable[[ConnectOptions], Awaitable[Transport]]
"""Opens a connection. Raises `ConnectFailed` if none comes about, and `NotApplicable` for what it cannot open."""
