"""Opens a scenario's connections to the server at a URL."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from duologue.client.asyncio.connect import open_endpoint
from duologue.client.endpoint import Endpoint
from duologue.conformance.wire.connector import ConnectOptions, OpenTransport
from duologue.transports import Transport

__all__ = ["open_endpoint_of"]

_BETA_HEADER = {"OpenAI-Beta": "realtime=v1"}


def open_endpoint_of(
    place: Endpoint | str, *, wrap: Callable[[Transport], Transport] = lambda transport: transport
) -> OpenTransport:
    """A function for `run` that opens connections to this endpoint. `wrap` may wrap each, as a recorder does."""
    endpoint = Endpoint(url=place) if isinstance(place, str) else place

    async def open_transport(options: ConnectOptions) -> Transport:
        """Raises ConnectFailed."""
        special = endpoint
        if options.intent is not None:
            special = replace(special, intent=options.intent)
        if options.api_key is not None:
            special = replace(special, api_key=options.api_key)
        if options.model is not None:
            special = replace(special, model=options.model or None)
        if options.beta:
            special = replace(special, headers={**special.headers, **_BETA_HEADER})
        return wrap(await open_endpoint(special))

    return open_transport
