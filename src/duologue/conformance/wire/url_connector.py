"""Opens a scenario's connections to the server at a URL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from msgspec.structs import replace

from duologue.client.asyncio.connect import open_endpoint
from duologue.client.auth import usual_auth
from duologue.client.dialect_detection import AUTO
from duologue.client.endpoint import Endpoint
from duologue.client.live.opening import dialect_of
from duologue.client.live.urls import attach_url, fork_url, primary_url
from duologue.client.translation.urls import translation_endpoint
from duologue.conformance.wire.connector import ConnectOptions, Family, OpenTransport
from duologue.transports import Transport

__all__ = ["open_endpoint_of"]

_BETA_HEADER = {"OpenAI-Beta": "realtime=v1"}

_TRANSLATION_MODEL: Final = "gpt-realtime-translate"
"""The model in the URL of a translation session if none is named: the hosted service has no other one."""


def open_endpoint_of(
    place: Endpoint | str,
    *,
    family: Family = "realtime",
    wrap: Callable[[Transport], Transport] = lambda transport: transport,
) -> OpenTransport:
    """A function for `run` that opens connections to this server's endpoint of the family.

    `wrap` may wrap each connection, as a recorder does.
    """
    endpoint = Endpoint(url=place) if isinstance(place, str) else place
    prepare = _ENDPOINTS[family]

    async def open_transport(options: ConnectOptions) -> Transport:
        """Raises ConnectFailed."""
        special = prepare(endpoint, options)
        if options.api_key is not None:
            special = replace(special, api_key=options.api_key)
        if options.beta:
            special = replace(special, headers={**special.headers, **_BETA_HEADER})
        return wrap(await open_endpoint(special))

    return open_transport


def _realtime(endpoint: Endpoint, options: ConnectOptions) -> Endpoint:
    if options.intent is not None:
        endpoint = replace(endpoint, intent=options.intent)
    if options.model is not None:
        endpoint = replace(endpoint, model=options.model or None)
    return endpoint


def _live(endpoint: Endpoint, options: ConnectOptions) -> Endpoint:
    dialect, secure = dialect_of(endpoint), endpoint.socket.ssl is not None
    if options.attach is not None:
        url = attach_url(endpoint.url, options.attach, graceful_close=True, dialect=dialect, secure=secure)
    elif options.fork is not None:
        url = fork_url(endpoint.url, options.fork, dialect=dialect, secure=secure)
    else:
        url = primary_url(endpoint.url, dialect=dialect, model=endpoint.model, secure=secure)
    auth = endpoint.auth
    if auth is None and endpoint.api_key is not None:
        auth = usual_auth(dialect, url, endpoint.api_key)
    # The model is in the URL of the dialects that name it there, and otherwise in session.start.
    return replace(endpoint, url=url, model=None, dialect=AUTO, auth=auth)


def _translation(endpoint: Endpoint, options: ConnectOptions) -> Endpoint:
    model = endpoint.model if options.model is None else options.model
    return replace(translation_endpoint(endpoint), model=model or _TRANSLATION_MODEL)


_ENDPOINTS: Final[Mapping[Family, Callable[[Endpoint, ConnectOptions], Endpoint]]] = {
    "realtime": _realtime,
    "live": _live,
    "translation": _translation,
}
