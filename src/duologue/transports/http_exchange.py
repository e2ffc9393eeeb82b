"""One request over HTTP/1.1 and its answer, for what is no WebSocket: the base install has no HTTP client."""

from __future__ import annotations

import asyncio
import re
import ssl
from base64 import b64encode
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import unquote, urlsplit

from duologue.errors import ConnectFailed
from duologue.printable import printable
from duologue.transports.addresses import without_secrets
from duologue.transports.http_answers import HttpAnswer
from duologue.transports.network_faults import network_failure

__all__ = ["MAX_BODY_BYTES", "exchange", "open_stream"]

MAX_BODY_BYTES: Final = 256 * 1024
"""Of an answer: an SDP of 4 sections has 10 kB, and an error's page less than this."""

_MAX_HEAD_BYTES: Final = 64 * 1024
"""Of status and headers: a server with many cookies sends a few kB."""

_MAX_QUOTED: Final = 80
"""Characters of what answered in another protocol."""

_STATUS_LINE: Final = re.compile(rb"HTTP/1\.[01] (\d{3})(?: [^\r\n]*)?\r?\n")
_CHUNK_SIZE: Final = re.compile(rb"[ \t]{0,4}([0-9A-Fa-f]{1,7})[ \t]{0,4}(?:;[^\n]{0,200})?\r?")
_TLS_RECORDS: Final = (b"\x15\x03", b"\x16\x03")
"""How an alert and a handshake of TLS begin: RFC 8446, section 5.1."""

_SECURE: Final = frozenset({"https", "wss"})
_HTTPS_PORT: Final = 443
_HTTP_PORT: Final = 80


async def exchange(
    url: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    context: ssl.SSLContext | None = None,
    proxy: str | None = None,
    max_body_bytes: int = MAX_BODY_BYTES,
) -> HttpAnswer:
    """Send a request, and return the answer, whatever its status. Redirects are not followed: a key would go along.

    `url` is of `http`, `https`, `ws` or `wss`; `proxy` is the URL of an HTTP proxy, whose CONNECT leads to the server.
    At an answer of 101 the connection is closed. Of a longer body the first `max_body_bytes` come. There is no time
    limit: use `asyncio.timeout`. Cancelling closes the connection.

    Raises:
        ConnectFailed: the server was not reached, or it does not speak HTTP; no message shows the query or a header.
    """
    parts = urlsplit(url)
    sent = {
        "Host": parts.netloc.rpartition("@")[2],
        "Connection": "close",
        "Accept": "*/*",
        **({"Content-Length": str(len(body))} if body or method == "POST" else {}),
        **(headers or {}),
    }
    for name, value in sent.items():
        if not (value.isascii() and value.isprintable()):
            raise ConnectFailed(f"the header {name} holds characters that HTTP does not allow", retryable=False)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
    shown = without_secrets(url)
    request = "\r\n".join(lines).encode("ascii", "replace") + body
    is_connected = False
    try:
        async with open_stream(url, context=context, proxy=proxy) as (reader, writer):
            is_connected = True
            writer.write(request)
            await writer.drain()
            return await _answer(reader, shown, max_body_bytes=0 if method == "HEAD" else max_body_bytes)
    except OSError as fault:
        raise network_failure(shown, fault, is_connected=is_connected) from None


@asynccontextmanager
async def open_stream(
    url: str, *, context: ssl.SSLContext | None = None, proxy: str | None = None, address: str | None = None
) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter], None]:
    """A connection to the host of a URL for the length of a block, with TLS for `https` and `wss`.

    `address` is connected to in place of the host's name; a certificate is held to the name all the same.

    Raises:
        ConnectFailed: there is no connection, or the proxy does not lead to the server.
        OSError: there is one, and no agreement on TLS: mostly `ssl.SSLError`.
    """
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme in _SECURE
    port = parts.port or (_HTTPS_PORT if secure else _HTTP_PORT)
    writer: asyncio.StreamWriter | None = None
    tls = (context or ssl.create_default_context()) if secure else None
    try:
        if proxy is None:
            reader, writer = await _connected(url, address or host, port)
        else:
            via = urlsplit(proxy)
            name = f"the proxy {without_secrets(proxy)}, which leads to {without_secrets(url)}"
            reader, writer = await _connected(proxy, via.hostname or "", via.port or _HTTP_PORT, name=name)
            await _led(reader, writer, f"[{host}]:{port}" if ":" in host else f"{host}:{port}", proxy)
        if tls is not None:
            await writer.start_tls(tls, server_hostname=host)
        yield reader, writer
    finally:
        if writer is not None:
            # Not `wait_closed`, which waits forever for a connection that was cut within the handshake of TLS.
            writer.transport.abort()
            await asyncio.sleep(0)  # here the socket is closed


async def _connected(
    url: str, host: str, port: int, *, name: str | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        return await asyncio.open_connection(host, port)
    except OSError as fault:
        raise network_failure(without_secrets(url), fault, name=name) from None


async def _led(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, to: str, proxy: str) -> None:
    """Have the proxy lead to a server (RFC 9110, section 9.3.6). Raises ConnectFailed."""
    parts, shown = urlsplit(proxy), without_secrets(proxy)
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    known = b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode()
    credentials = f"Proxy-Authorization: Basic {known}\r\n" if user else ""
    try:
        writer.write(f"CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n{credentials}\r\n".encode("ascii", "replace"))
        await writer.drain()
        status, _, _ = await _head(reader, shown)
    except OSError as fault:
        raise network_failure(shown, fault, is_connected=True) from None
    if not 200 <= status < 300:
        raise ConnectFailed(f"the proxy {shown} does not lead to {to} (HTTP {status})", retryable=status >= 500)


async def _answer(reader: asyncio.StreamReader, shown: str, *, max_body_bytes: int) -> HttpAnswer:
    status, headers, rest = await _head(reader, shown)
    while 100 <= status < 200 and status != 101:  # interim answers: RFC 9110, section 15.2
        status, headers, rest = await _head(reader, shown, rest)
    if not max_body_bytes or status in (101, 204, 304):
        return HttpAnswer(status=status, headers=headers)
    body = await _body(reader, headers, rest, max_body_bytes)
    return HttpAnswer(status=status, headers=headers, body=body[:max_body_bytes])


async def _head(reader: asyncio.StreamReader, shown: str, received: bytes = b"") -> tuple[int, dict[str, str], bytes]:
    """Status, headers with names in lower case, and what came behind them."""
    while True:
        ends = [at + len(mark) for mark in (b"\r\n\r\n", b"\n\n") if (at := received.find(mark)) >= 0]
        if ends or len(received) > _MAX_HEAD_BYTES or not _may_be_http(received):
            break
        more = await reader.read(4096)
        if not more:
            break
        received += more
    found = _STATUS_LINE.match(received)
    if found is None or not ends:
        raise _no_http(shown, received, status=int(found[1]) if found is not None else None)
    end = min(ends)
    headers: dict[str, str] = {}
    for line in received[found.end() : end].decode("latin-1").splitlines():
        name, _, value = line.partition(":")
        if name := name.strip().lower():
            headers[name] = f"{headers[name]}, {value.strip()}" if name in headers else value.strip()
    return int(found[1]), headers, received[end:]


def _may_be_http(received: bytes) -> bool:
    return received[:5] == b"HTTP/"[: len(received)]


def _no_http(shown: str, received: bytes, *, status: int | None) -> ConnectFailed:
    if status is not None:
        return ConnectFailed(f"{shown} breaks off within the headers of its answer (HTTP {status})", retryable=True)
    if not received:
        return ConnectFailed(f"{shown} closed the connection without an answer", retryable=True)
    if received.startswith(_TLS_RECORDS):
        return ConnectFailed(f"{shown} speaks TLS, and not plain HTTP", retryable=False)
    line = received.lstrip().split(b"\n", 1)[0].decode("utf-8", "replace").strip()
    quoted = printable(line, max_characters=_MAX_QUOTED)
    return ConnectFailed(f'{shown} does not speak HTTP: it answered "{quoted}"', retryable=False)


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str], received: bytes, max_bytes: int) -> bytes:
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return await _chunks(reader, received, max_bytes)
    length = headers.get("content-length", "")
    wanted = min(int(length), max_bytes) if length.isdecimal() and len(length) < 10 else max_bytes
    while len(received) < wanted and (more := await reader.read(64 * 1024)):
        received += more
    return received[:wanted]


async def _chunks(reader: asyncio.StreamReader, received: bytes, max_bytes: int) -> bytes:
    """The chunks of a body (RFC 9112, section 7.1) up to its end, or to what is no chunk."""
    body = b""
    while len(body) < max_bytes:
        while b"\n" not in received and len(received) < 1024 and (more := await reader.read(4096)):
            received += more
        line, _, received = received.partition(b"\n")
        size = _CHUNK_SIZE.fullmatch(line)
        if size is None or not (length := int(size[1], 16)):
            break
        wanted = min(length, max_bytes) + 2
        while len(received) < wanted and (more := await reader.read(64 * 1024)):
            received += more
        body += received[:wanted][: min(length, max_bytes)]
        if len(received) < length + 2:
            break
        received = received[length + 2 :]
    return body
