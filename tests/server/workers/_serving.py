"""`duologue serve --workers 2` with scripted engines, for tests that need real processes."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

KEY = "k-workers"

ENGINES = (
    *("--detector", "scripted", "--transcriber", "scripted"),
    *("--synthesizer", "scripted", "--no-talk", "--log-level", "error"),
)

_START_S = 50.0


@dataclass
class Served:
    """A running server."""

    url: str
    process: Process
    lines: list[str]

    @property
    def http(self) -> str:
        return self.url.replace("ws://", "http://").removesuffix("/v1/realtime")

    def workers(self) -> list[int]:
        """The processes of the workers."""
        children = (
            Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii").split()
        )
        return [int(each) for each in children]

    async def gone(self, pids: Iterable[int], within_s: float = 20.0) -> None:
        """Wait until none of these processes runs any more."""
        async with asyncio.timeout(within_s):
            while any(_runs(pid) for pid in pids):  # noqa: ASYNC110 - other processes set no events
                await asyncio.sleep(0.05)

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    async def figures(self) -> dict[str, float]:
        """The page of `/metrics`: values by name with labels."""
        async with httpx.AsyncClient(headers={"authorization": f"Bearer {KEY}"}) as client:
            page = (await client.get(f"{self.http}/metrics")).text
        pairs = (line.rsplit(" ", 1) for line in page.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    async def post(self, path: str, **body: Any) -> httpx.Response:
        async with httpx.AsyncClient(headers={"authorization": f"Bearer {KEY}"}) as client:
            return await client.post(f"{self.http}{path}", **body)

    async def ended(self, within_s: float = 20.0) -> int:
        """Its exit code."""
        async with asyncio.timeout(within_s):
            return await self.process.wait()


def _runs(pid: int) -> bool:
    """Whether there is this process, and it is not one that has ended and waits to be noticed."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@asynccontextmanager
async def serving(
    *arguments: str,
    workers: int | None = 2,
    webrtc: bool = False,
    responder: Sequence[str] = ("--responder", "scripted"),
    environment: Mapping[str, str] | None = None,
    pass_fds: tuple[int, ...] = (),
) -> AsyncGenerator[Served, None]:
    """The server, for a block."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "duologue", "serve", "--port", "0", "--workers", str(workers), *ENGINES),
        *(*responder, *arguments),
        *(() if webrtc else ("--no-webrtc",)),
        stdout=PIPE,
        env={**os.environ, "DUOLOGUE_API_KEY": KEY, **(environment or {})},
    )
    assert process.stdout is not None
    try:
        lines: list[str] = []
        async with asyncio.timeout(_START_S):
            while not any("hold" in line for line in lines):
                line = (await process.stdout.readline()).decode()
                assert line, "it has ended"
                lines.append(line.strip())
        yield Served(lines[0].removeprefix("listening on "), process, lines)
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
                process.send_signal(signal.SIGTERM)
            with suppress(TimeoutError):
                async with asyncio.timeout(12):
                    await process.wait()
        if process.returncode is None:
            process.kill()
            await process.wait()
