"""Options of a scenario's connections, and the type of the function that opens them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal, TypeAlias

from msgspec import Struct

from duologue.transports import Transport

__all__ = ["ConnectOptions", "Family", "Medium", "OpenTransport"]

Family: TypeAlias = Literal["realtime", "live", "translation"]
"""A family of sessions: each has an endpoint, events and rules of its own."""

Medium: TypeAlias = Literal["websocket", "webrtc"]
"""What carries a session."""


class ConnectOptions(Struct, frozen=True, kw_only=True):
    """How a connection differs from an ordinary one."""

    intent: str | None = None
    """Value of the query parameter `intent`."""
    api_key: str | None = None
    """A key in place of the right one."""
    model: str | None = None
    """A model in place of the one to test; "" names none."""
    beta: bool = False
    """Send the header of the beta."""
    attach: str | None = None
    """The id of the Live session to attach a sideband to."""
    fork: str | None = None
    """The id of the stored Live session to fork."""

    @property
    def expects_session(self) -> bool:
        """Whether the server should open a current session; the invariants are checked in those."""
        return self.api_key is None and self.model is None and not self.beta


OpenTransport: TypeAlias = Callable[[ConnectOptions], Awaitable[Transport]]
"""Opens a connection. Raises `ConnectFailed` if that fails, and `NotApplicable` for options it does not support."""
