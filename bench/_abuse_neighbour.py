"""The honest clients in `abuse.py`: a session that asks for little, new sessions, and requests of `/healthz`."""

from __future__ import annotations

import asyncio
import json
import time
from base64 import b64encode
from contextlib import suppress
from pathlib import Path
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from bench._abuse_server import NEIGHBOUR_KEY, Process

__all__ = ["Neighbour", "Watch", "warm_up"]

EVERY_S: Final = 0.02
_PATIENCE_S: Final = 3.0
_PROBE: Final = '{"type":"probe"}'
_HEADERS: Final = {"Authorization": f"Bearer {NEIGHBOUR_KEY}"}


def _address(port: int) -> str:
    return f"ws://127.0.0.1:{port}/v1/realtime?model=m"


async def _session(port: int) -> ClientConnection:
    socket = await connect(
        _address(port), additional_headers=_HEADERS, compression=None, ping_interval=None, open_timeout=_PATIENCE_S
    )
    async with asyncio.timeout(_PATIENCE_S):
        first = json.loads(await socket.recv())
    if first["type"] != "session.created":
        raise OSError(first["error"].get("code"))
    return socket


class Neighbour:
    """A session that sends a tiny event every 20 ms, which is refused at once, and waits for that."""

    def __init__(self, socket: ClientConnection, server: Process) -> None:
        self._socket = socket
        self._server = server
        self._due: list[tuple[float, tuple[float, float]]] = []
        """When each was due, and how long the processes had waited for their cores until then."""
        self._answered = 0
        self._waited: list[tuple[float, float]] = []
        self.late_ms: list[float] = []
        """By how much this process itself was late."""
        self.lost = ""

    @classmethod
    async def moved_in(cls, server: Process) -> Neighbour:
        """A neighbour with a session."""
        return cls(await _session(server.port), server)

    async def ask(self) -> None:
        """Send on time, answered or not."""
        due = time.monotonic()
        with suppress(WebSocketException, OSError):
            while True:
                await asyncio.sleep(due - time.monotonic())
                self.late_ms.append((time.monotonic() - due) * 1000)
                self._due.append((due, self._without_core_s()))
                await self._socket.send(_PROBE)
                due += EVERY_S

    async def listen(self) -> None:
        """Record when each is answered."""
        try:
            while True:
                message = await self._socket.recv()
                if '"type":"error"' in str(message)[:40]:
                    self._waited.append(self._since(*self._due[self._answered]))
                    self._answered += 1
        except (WebSocketException, OSError) as fault:
            self.lost = f"the neighbour's session was closed: {fault}"

    def _without_core_s(self) -> tuple[float, float]:
        """How long the server, and this process, have been ready and had no core."""
        ours = Path("/proc/self/schedstat").read_text(encoding="ascii").split()[1]
        return self._server.waited_s(), int(ours) / 1e9

    def _since(self, due: float, without_core_s: tuple[float, float]) -> tuple[float, float]:
        """Milliseconds since then: by the clock, and without those in which other programs had the cores."""
        waited_s = time.monotonic() - due
        # The larger one: both may have waited at the same time.
        lost_s = max(now_s - then_s for now_s, then_s in zip(self._without_core_s(), without_core_s, strict=True))
        return waited_s * 1000, max(0.0, waited_s - lost_s) * 1000

    def waited_ms(self) -> tuple[list[float], list[float]]:
        """By the clock, and without what other programs took; sorted. What is not answered has waited until now."""
        try:
            waited = self._waited + [self._since(*due) for due in self._due[self._answered :]]
        except OSError:  # the server is gone
            waited = self._waited or [(float("inf"), float("inf"))]
        return sorted(clock for clock, _ in waited), sorted(own for _, own in waited)

    async def leave(self) -> None:
        """Disconnect."""
        self._socket.transport.abort()
        await self._socket.wait_closed()


class Watch:
    """Whether `/healthz` answers, and whether others still get a session."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.asked = self.unanswered = self.newcomers = self.rejected = 0
        self.slowest_ms = 0.0
        self.reasons: set[str] = set()

    async def health(self) -> None:
        """Look at the page five times a second, each time over a new connection."""
        while True:
            began = time.monotonic()
            self.asked += 1
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    await self._page()
            except (OSError, EOFError, TimeoutError) as fault:
                self.unanswered += 1
                self.reasons.add(f"healthz: {type(fault).__name__}")
            self.slowest_ms = max(self.slowest_ms, (time.monotonic() - began) * 1000)
            await asyncio.sleep(0.2)

    async def _page(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            if b" 200 " not in await reader.readline():
                raise EOFError
        finally:
            writer.transport.abort()

    async def arrivals(self) -> None:
        """Open and leave a session twice a second."""
        while True:
            self.newcomers += 1
            try:
                socket = await _session(self._port)
                socket.transport.abort()
                await socket.wait_closed()
            except (OSError, EOFError, TimeoutError, WebSocketException) as fault:
                self.rejected += 1
                self.reasons.add(f"newcomer: {type(fault).__name__} {fault}"[:80])
            await asyncio.sleep(0.5)


async def warm_up(port: int, mcp: str = "") -> None:
    """What every server loads at its first use: resampling, a written and a spoken turn, and a list of tools."""
    socket = await _session(port)
    tool = {"type": "mcp", "server_label": "a", "server_url": mcp, "require_approval": "never"}
    session = {"type": "realtime", "output_modalities": ["text"], "tools": [tool] if mcp else []}
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "mode honest"}]}
    for event in (
        {"type": "session.update", "session": session},
        {"type": "input_audio_buffer.append", "audio": b64encode(bytes(96_000)).decode()},
        {"type": "conversation.item.create", "item": item},
        {"type": "response.create"},
        {"type": "response.create", "response": {"conversation": "none", "output_modalities": ["audio"]}},
    ):
        await socket.send(json.dumps(event))
    wanted = ["response.done", "response.done", *(["mcp_list_tools.completed"] if mcp else [])]
    with suppress(TimeoutError):
        async with asyncio.timeout(5):
            while wanted:
                name = json.loads(await socket.recv())["type"]
                if name in wanted:
                    wanted.remove(name)
    await socket.close()
