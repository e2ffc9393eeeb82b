"""The WebSocket of a carrier as a transport, whatever framework it comes from."""

from __future__ import annotations

from collections.abc import Awaitable, MutableMapping
from functools import partial
from typing import Any, Protocol, TypeAlias, cast, runtime_checkable

from duologue.transports.asgi import ASGITransport
from duologue.transports.base import Transport

__all__ = ["ApplicationWebSocket", "LegSocket", "leg_transport"]


@runtime_checkable
class ApplicationWebSocket(Protocol):
    """The WebSocket of an ASGI framework: Starlette's, FastAPI's, and those that are like them."""

    @property
    def scope(self) -> MutableMapping[str, Any]:
        """The scope of the connection."""
        ...

    def accept(self, subprotocol: str | None = None) -> Awaitable[None]:
        """Finish the handshake."""
        ...

    def receive(self) -> Awaitable[MutableMapping[str, Any]]:
        """The next ASGI message."""
        ...

    def send(self, message: MutableMapping[str, Any], /) -> Awaitable[None]:
        """Send an ASGI message."""
        ...


LegSocket: TypeAlias = ApplicationWebSocket | Transport
"""What a call comes over."""


async def leg_transport(websocket: LegSocket, *, subprotocol: str | None) -> Transport:
    """The transport of a call. A framework's WebSocket is accepted, if it was not yet.

    Raises:
        ConnectionClosed: the carrier has gone.
        TypeError: it is no WebSocket.
    """
    if not hasattr(websocket, "receive") or not hasattr(websocket, "send"):
        raise TypeError(
            f"a call comes over a WebSocket of an ASGI framework, or a Transport; this is {type(websocket).__name__}"
        )
    if not isinstance(websocket, ApplicationWebSocket):
        return websocket
    state: Any = getattr(websocket, "client_state", None)
    if getattr(state, "name", "") == "CONNECTING":
        offered = cast("list[str]", websocket.scope.get("subprotocols") or [])
        await websocket.accept(subprotocol if subprotocol in offered else None)
    return ASGITransport(websocket.receive, partial(_send, websocket))


async def _send(websocket: ApplicationWebSocket, message: MutableMapping[str, Any]) -> None:
    """Frameworks have errors of their own for a peer that is gone; the transport knows the one of the specification."""
    try:
        await websocket.send(message)
    except Exception as fault:
        raise OSError(f"the carrier is gone: {type(fault).__name__}") from fault
