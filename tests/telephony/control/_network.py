"""A network's HTTP interface as a stand-in on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from duologue.telephony import TwilioControl

__all__ = ["Network", "network"]


class Network:
    """Answers each request with the next answer, and keeps what was asked."""

    def __init__(self, *answers: tuple[int, bytes]) -> None:
        self.requests: list[bytes] = []
        self._answers = list(answers)
        self.url = ""
        self.tasks: set[asyncio.Task[None]] = set()

    async def before_answer(self) -> None:
        """What happens first."""

    @property
    def control(self) -> TwilioControl:
        return TwilioControl(account_sid="AC1", auth_token="the-token", base_url=self.url)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            await self._answer(reader, writer)
        finally:
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        self.requests.append(head + await reader.readexactly(length))
        if self._answers:
            await self.before_answer()
            status, body = self._answers.pop(0)
            writer.write(b"HTTP/1.1 %d Said\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body))
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        else:
            await reader.read()  # until the client gives up


@asynccontextmanager
async def network(*answers: tuple[int, bytes]) -> AsyncGenerator[Network, None]:
    """The stand-in, with these answers; without any more it is silent."""
    each = Network(*answers)
    server = await asyncio.start_server(each, "127.0.0.1", 0)
    each.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield each
    finally:
        server.close()
        if each.tasks:
            await asyncio.wait(each.tasks)
