"""A proxy between any client and any Realtime or Live server that lets faults come."""

from __future__ import annotations

import asyncio
import http
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from ssl import SSLContext
from typing import Any, Final

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from duologue.codec.jsontext import write_text
from duologue.errors import ConnectFailed
from duologue.faults.connection import ConnectionFaults
from duologue.faults.handshake import check_target, fault_answer, forwarded_headers, target_url
from duologue.faults.line import FaultyLine
from duologue.faults.plan import FaultPlan
from duologue.faults.recorded_line import RecordedLine
from duologue.faults.sockets import FarConnecting, FarConnection, LinkedTransport, NearConnection, impair_links
from duologue.recording import RecordingWriter
from duologue.transports.handshake_failures import Handshake, handshake_failure
from duologue.transports.handshakes import library_options, proxy_for
from duologue.transports.http_answers import HttpAnswer
from duologue.transports.socket_options import SocketOptions

__all__ = ["chaos_proxy"]

_MAX_MESSAGE_BYTES: Final = 64 * 1024 * 1024
"""Four times the largest message of the protocol: what is too large is for the two ends to say."""

_CLOSE_TIMEOUT_S: Final = 3
_BAD_GATEWAY: Final = 502


class _Silent(logging.LoggerAdapter[logging.Logger]):
    """A logger without anything: the library logs keys, and tracebacks for a client that speaks no WebSocket."""

    def isEnabledFor(self, level: int) -> bool:
        return False


_SILENT: Final = _Silent(logging.getLogger("duologue.faults.proxy"), {})

_CLIENT_GONE: Final = HttpAnswer(status=408)
"""Nothing reads it."""

_ALONG: Final = ("content-type", "retry-after", "www-authenticate", "location", "x-request-id")
"""Headers of a refusal that go on to the client."""


@asynccontextmanager
async def chaos_proxy(
    to: str,
    plan: FaultPlan,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    ssl: SSLContext | None = None,
    record: RecordingWriter | None = None,
    failed: Callable[[ConnectFailed], object] | None = None,
) -> AsyncGenerator[str, None]:
    """Listen for the length of a block; yields the URL for clients, which is plain `ws`.

    Each connection goes on to the server at `to`, with the client's headers, sub-protocols and query, and its path
    unless `to` has one. The certificate of a `wss` server is verified, by `ssl` if it is given. A refusal of the server
    is passed on, and a server that cannot be reached is answered with 502; `failed` is told why. `record` gets what
    each client sent and was sent, and a note of each fault. Leaving the block closes all connections with 1001.

    Raises:
        ConnectFailed: `to` is not an address.
        OSError: the port is taken, or may not be listened on.
    """
    proxy = _Proxy(check_target(to), plan, ssl=ssl, record=record, failed=failed)
    async with serve(
        proxy.carry,
        host,
        port,
        process_request=proxy.open,
        select_subprotocol=_chosen,
        create_connection=partial(NearConnection, proxy.opening),  # type: ignore[arg-type]  # it is called, no more
        compression=None,
        max_size=_MAX_MESSAGE_BYTES,
        ping_interval=None,
        open_timeout=None,  # `handshake_delay` may be longer
        close_timeout=_CLOSE_TIMEOUT_S,
        server_header=None,
        logger=_SILENT,
    ) as server:
        address, listens_on = server.sockets[0].getsockname()[:2]
        try:
            yield f"ws://{f'[{address}]' if ':' in address else address}:{listens_on}"
        finally:
            server.close()
            for near in list(proxy.opening):  # the library would wait for the end of their handshake
                near.transport.abort()


class _Proxy:
    """Opens and carries the connections."""

    def __init__(
        self,
        to: str,
        plan: FaultPlan,
        *,
        ssl: SSLContext | None,
        record: RecordingWriter | None,
        failed: Callable[[ConnectFailed], object] | None,
    ) -> None:
        self.opening: set[NearConnection] = set()
        """Clients whose handshake is not over."""
        self._to = to
        self._plan = plan
        self._options = SocketOptions(
            ssl=ssl if to.startswith("wss:") else None, max_message_bytes=_MAX_MESSAGE_BYTES, ping_interval=None
        )
        self._record = record
        self._failed = failed
        if record is not None:
            plan.tell(lambda fired: record.note(fired.note, connection=fired.connection))

    async def open(self, near: ServerConnection, request: Request) -> Response | None:
        """Open the connection to the server; returns the answer to a handshake that fails."""
        assert isinstance(near, NearConnection)
        near.faults = ConnectionFaults(self._plan, has_bytes=True)
        for fault in near.faults.opening(asyncio.get_running_loop().time()):
            if fault.name == "handshake_delay":
                with suppress(TimeoutError):
                    async with asyncio.timeout(fault.number("s")):
                        await near.gone.wait()
                    return _response(_CLIENT_GONE)
            elif (answer := fault_answer(fault)) is not None:
                return _response(answer)
        try:
            far = await self._connect(request)
        except InvalidStatus as refused:
            given = refused.response
            headers = {name: given.headers[name] for name in _ALONG if name in given.headers}
            return _response(HttpAnswer(status=given.status_code, headers=headers, body=bytes(given.body or b"")))
        except ConnectFailed as fault:
            if self._failed is not None:
                self._failed(fault)
            body = write_text({"error": {"type": "server_error", "code": "bad_gateway", "message": str(fault)}})
            return _response(HttpAnswer(status=_BAD_GATEWAY, headers={"content-type": "application/json"}, body=body))
        near.far = far
        if near.gone.is_set():
            far.transport.abort()
        return None

    async def _connect(self, request: Request) -> FarConnection:
        url = target_url(self._to, request.path)
        headers = forwarded_headers(request.headers.raw_items())
        offered = [
            name.strip() for value in request.headers.get_all("Sec-WebSocket-Protocol") for name in value.split(",")
        ]
        handshake = Handshake(url, dict(headers), offered, open_timeout=self._options.open_timeout)
        try:
            handshake.proxy = proxy_for(url, self._options)
            keywords: dict[str, Any] = library_options(
                {}, offered, self._options, proxy=handshake.proxy, trace=handshake.trace
            )
            keywords |= {
                "additional_headers": headers,
                "user_agent_header": None,
                "create_connection": partial(FarConnection, handshake.trace),
                "logger": _SILENT,
                "close_timeout": _CLOSE_TIMEOUT_S,
            }
            far = await FarConnecting(url, **keywords)
        except InvalidStatus:
            raise
        except (WebSocketException, OSError, ValueError, ImportError) as fault:
            raise handshake_failure(fault, handshake) from None
        assert isinstance(far, FarConnection)
        return far

    async def carry(self, near: ServerConnection) -> None:
        """Carry the messages of a connection until it is over."""
        assert isinstance(near, NearConnection)
        far, faults = near.far, near.faults
        assert far is not None
        assert faults is not None
        near.is_open()
        witness = None
        if self._record is not None:
            if faults.number > 1:
                self._record.connected(url=self._to, connection=faults.number)
            witness = RecordedLine(self._record, faults.number)
        near.open_link.use_chance(self._plan.chance(-1, faults.number, "near"))
        far.open_link.use_chance(self._plan.chance(-1, faults.number, "far"))
        line = FaultyLine(
            LinkedTransport(near),
            LinkedTransport(far),
            faults,
            impair=lambda fault: impair_links(fault, near.open_link, far.open_link),
            witness=witness,
        )
        near.on_gone, far.on_gone = partial(line.closing, "client"), partial(line.closing, "server")
        await line.run()


def _chosen(near: ServerConnection, _: object) -> Subprotocol | None:
    """The sub-protocol that the server has chosen."""
    assert isinstance(near, NearConnection)
    return near.far.subprotocol if near.far is not None else None


def _response(answer: HttpAnswer) -> Response:
    headers = Headers(answer.headers)
    headers["Content-Length"] = str(len(answer.body))
    headers["Connection"] = "close"
    phrases = {int(status): status.phrase for status in http.HTTPStatus}
    return Response(answer.status, phrases.get(answer.status, "Refused"), headers, answer.body)
