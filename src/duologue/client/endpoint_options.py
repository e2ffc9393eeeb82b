"""The parts of an endpoint as keywords, for the functions that take them in its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypedDict

from duologue.client.auth import Auth
from duologue.client.endpoint import Endpoint
from duologue.transports.socket_options import SocketOptions

if TYPE_CHECKING:
    from ssl import SSLContext

__all__ = ["EndpointParts", "LoopEndpointParts", "endpoint_from"]


class EndpointParts(TypedDict, total=False):
    """What `Endpoint` and `SocketOptions` hold, apart from the URL. Their docs say what each of it means."""

    model: str | None
    api_key: str | None
    dialect: str
    auth: Auth | None
    headers: Mapping[str, str] | None
    query: Mapping[str, str] | None
    call_id: str | None
    intent: str | None
    ssl: SSLContext | None
    proxy: str | None
    max_message_bytes: int
    open_timeout: float
    ping_interval: float | None
    ping_timeout: float


class LoopEndpointParts(EndpointParts, total=False):
    """The same for programs with an event loop."""

    loop_lag_ms: int | None


def endpoint_from(url: str | Endpoint, parts: EndpointParts) -> Endpoint:
    """The endpoint of a URL and its parts, or the one that is given in their place.

    Raises:
        TypeError: an `Endpoint` and some of its parts, or a part that there is not.
    """
    if isinstance(url, Endpoint):
        if parts:
            raise TypeError("give an Endpoint or its parts, not both; msgspec.structs.replace changes a part")
        return url
    given: dict[str, Any] = {**parts}
    given |= {name: given[name] or {} for name in ("headers", "query") if name in given}
    socket = {name: given.pop(name) for name in SocketOptions.__struct_fields__ if name in given}
    return Endpoint(url=url, socket=SocketOptions(**socket), **given)
