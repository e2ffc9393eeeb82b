"""HTTP with one MCP server, kept within what a session may ask of it: its address, its answers' size, and no streams.

What the MCP SDK leaves open: its limits hold for single events, and it follows redirects to other paths.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Final

import httpx2

__all__ = ["NarrowTransport"]

_MOST_ANSWER_BYTES: Final = 2 * 1024 * 1024
"""A hundred tools with long schemas, or an output that no model reads to its end."""

_GOODBYE_S: Final = 2.0
"""For the end of a session over there: nobody waits for what it answers."""


class NarrowTransport(httpx2.AsyncBaseTransport):
    """Carries requests to permitted addresses. Proxies of the environment are not used."""

    def __init__(self, permits: Callable[[str], bool], context: ssl.SSLContext) -> None:
        self._permits = permits
        self._inner = httpx2.AsyncHTTPTransport(verify=context)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request.

        Raises:
            httpx2.TransportError: it leads elsewhere, cannot be sent, or is answered in a form that has no limit.
        """
        if request.method == "GET":
            # A stream of the server's own messages, which nobody here listens to.
            return httpx2.Response(405, request=request)
        if not self._permits(str(request.url)):
            raise httpx2.ConnectError("the MCP server leads to an address that is not permitted", request=request)
        if request.method == "DELETE":
            async with asyncio.timeout(_GOODBYE_S):
                return await self._inner.handle_async_request(request)
        # Compressed, a small answer may be a large one.
        request.headers["Accept-Encoding"] = "identity"
        response = await self._inner.handle_async_request(request)
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise httpx2.RemoteProtocolError("the MCP server compresses its answers unasked", request=request)
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Bounded(response.stream)
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


class _Bounded(httpx2.AsyncByteStream):
    """An answer, up to its limit."""

    def __init__(self, inner: httpx2.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        n_bytes = 0
        async for piece in self._inner:
            n_bytes += len(piece)
            if n_bytes > _MOST_ANSWER_BYTES:
                raise httpx2.ReadError(f"the MCP server answers with more than {_MOST_ANSWER_BYTES} bytes")
            yield piece

    async def aclose(self) -> None:
        await self._inner.aclose()
