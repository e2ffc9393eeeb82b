"""From the keywords of `connect` and `converse` to an `Endpoint`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from duologue.client.auth import Auth
from duologue.client.endpoint import Endpoint, TransportName
from duologue.transports.socket_options import SocketOptions

if TYPE_CHECKING:
    from ssl import SSLContext

__all__ = ["endpoint_from", "require_url"]


def endpoint_from(
    url: str | Endpoint,
    *,
    model: str | None,
    api_key: str | None,
    dialect: str,
    auth: Auth | None,
    headers: Mapping[str, str] | None,
    query: Mapping[str, str] | None,
    call_id: str | None,
    intent: str | None,
    ssl: SSLContext | None,
    proxy: str | None,
    max_message_bytes: int,
    open_timeout: float,
    ping_interval: float | None,
    ping_timeout: float,
    loop_lag_ms: int | None = None,
    transport: TransportName | None = None,
) -> Endpoint:
    """The endpoint of a URL and the other keywords, or the one that is given in their place.

    Raises:
        TypeError: an `Endpoint` and another keyword, or a URL that is no text.
    """
    if not isinstance(url, str | Endpoint):
        raise TypeError(f"a URL is a str, not {type(url).__name__}: write str(url)")
    given = Endpoint(
        url="" if isinstance(url, Endpoint) else url,
        model=model,
        api_key=api_key,
        dialect=dialect,
        auth=auth,
        headers=headers or {},
        query=query or {},
        call_id=call_id,
        intent=intent,
        transport=transport,
        socket=SocketOptions(
            ssl=ssl,
            proxy=proxy,
            max_message_bytes=max_message_bytes,
            open_timeout=open_timeout,
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
        ),
        loop_lag_ms=loop_lag_ms,
    )
    if not isinstance(url, Endpoint):
        return given
    if given != Endpoint():
        raise TypeError("give an Endpoint or its parts, not both; msgspec.structs.replace changes a part")
    return url


def require_url(endpoint: Endpoint, *, function: str, instead: str) -> None:
    """Check that the caller says which server is meant; `instead` is the keyword that makes a URL needless.

    Raises:
        TypeError: the URL is missing.
    """
    if not endpoint.url:
        raise TypeError(
            f'{function}() needs the URL of a server: {function}("wss://example.com", …)'
            f" or {function}(Endpoint(url=…)); or give {instead}="
        )
