"""Servers that open no session: each answers a handshake with these bytes, or with none."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress


def http_answer(
    status: str, body: str = "", *, headers: str = "", version: str = "1.1", length: int | None = None
) -> bytes:
    """An HTTP response; `headers` are lines that end in `\\r\\n`."""
    content = body.encode()
    size = len(content) if length is None else length
    return f"HTTP/{version} {status}\r\nContent-Length: {size}\r\n{headers}\r\n".encode() + content


@asynccontextmanager
async def answering(
    answer: bytes, *, tls: ssl.SSLContext | None = None, reads: bool = True, stays: bool = False
) -> AsyncGenerator[int, None]:
    """A server that reads a request, if `reads`, answers, and closes, unless it `stays`. Yields its port."""
    over = asyncio.Event()

    async def answer_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            if reads:
                await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
            if stays:
                await over.wait()
            writer.close()

    server = await asyncio.start_server(answer_one, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        over.set()
        server.close()


@contextmanager
def plain_tls_server(context: ssl.SSLContext) -> Generator[int, None, None]:
    """A server in a thread that shakes hands over TLS, as most servers do: its alerts reach the client."""

    def shake_hands() -> None:
        plain, _ = listener.accept()
        with context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False) as encrypted:
            encrypted.settimeout(5)
            with suppress(ssl.SSLError):
                encrypted.do_handshake()
            # Closed with unread data, a socket would send a reset that overtakes the alert.
            with socket.socket(fileno=encrypted.detach()) as rest:
                rest.settimeout(5)
                rest.shutdown(socket.SHUT_WR)
                with suppress(OSError):
                    while rest.recv(4096):
                        pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        thread = threading.Thread(target=shake_hands)
        thread.start()
        yield listener.getsockname()[1]
    thread.join(5)


def unused_port() -> int:
    """A port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port: int = unused.getsockname()[1]
        return port
