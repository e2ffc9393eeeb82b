"""`duologue serve --phone` in a process of its own."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

from duologue.transports.websocket import open_websocket
from tests.cli.conftest import running
from tests.telephony._carrier import MemoryCarrier
from tests.telephony._frames import FRAMES

__all__ = ["calling", "serving_phone"]


@contextmanager
def serving_phone(*arguments: str, **environment: str) -> Generator[tuple[subprocess.Popen[str], str], None, None]:
    """The server, and the URL for calls of the last network. It ends with the block."""
    command = ["serve", "--no-webrtc", "--no-talk", "--until-eof", *arguments]
    if "--port" not in command:
        command += ["--port", "0"]
    with running(*command, stdin=subprocess.PIPE, stderr=None, **environment) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        line = process.stdout.readline()
        while line and "come in at" not in line:
            line = process.stdout.readline()
        yield process, line.rpartition(" ")[2].strip()
        process.stdin.close()
        process.wait(15)


@asynccontextmanager
async def calling(url: str) -> AsyncGenerator[MemoryCarrier, None]:
    """A call of Twilio's to this URL, which has started."""
    transport = await open_websocket(url)
    line = MemoryCarrier("twilio", transport)
    reading = asyncio.ensure_future(line.read())
    try:
        for frame in FRAMES["twilio"][:2]:
            await transport.send(frame)
        yield line
    finally:
        await transport.close()
        reading.cancel()
        await asyncio.wait([reading])
