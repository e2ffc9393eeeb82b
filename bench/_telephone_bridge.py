"""The process under test of `telephone.py`: calls of Twilio come in, each is joined with a conversation upstream."""

from __future__ import annotations

import asyncio
import gc
import resource
import sys
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

import duologue
from duologue import telephony
from duologue.errors import ConnectionClosed, DuologueError
from duologue.server import Limits, RealtimeApp, loop_factory, serve, tune_process
from duologue.testing.engines import scripted_app_engines
from duologue.transports.asgi import ASGIReceive, ASGISend, ASGITransport, Scope

__all__ = ["BridgeApp"]

_MAX_CALLS: Final = 2000


class BridgeApp(RealtimeApp):
    """Joins each WebSocket with a conversation at `upstream_url`."""

    upstream_url = ""

    async def __call__(self, scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        """The ASGI entry point."""
        if scope["type"] != "websocket":
            await super().__call__(scope, receive, send)
            return
        carrier = ASGITransport(receive, send)
        with suppress(ConnectionClosed, DuologueError):
            await carrier.accept()
            await carrier.admit("the carrier")
            call = await telephony.accept(carrier, telephony.Twilio())
            async with duologue.converse(self.upstream_url, dialect="openai", tools=[call.hang_up]) as conversation:
                await call.join(conversation)


def _figures() -> str:
    """CPU seconds, resident bytes, bytes of Python's objects where they are traced, and tasks."""
    resident = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    if tracemalloc.is_tracing():
        gc.collect()
    cpu = resource.getrusage(resource.RUSAGE_SELF)
    traced = tracemalloc.get_traced_memory()[0]
    return f"{cpu.ru_utime + cpu.ru_stime} {resident} {traced} {len(asyncio.all_tasks())}\n"


async def _answer_questions() -> None:
    """A line of figures for each line on standard input, until that ends."""
    while await asyncio.to_thread(sys.stdin.readline):
        sys.stdout.write(_figures())
        sys.stdout.flush()


async def serve_bridge() -> None:
    """Serve until standard input ends; prints the port on the first line."""
    app = BridgeApp(
        engines=scripted_app_engines(),
        limits=Limits(sessions=_MAX_CALLS, max_sessions_per_owner=None, max_unread_bytes_per_owner=None),
    )
    app.upstream_url = sys.argv[1]

    def say_where(url: str) -> None:
        tune_process()  # as `duologue serve` does
        sys.stdout.write(f"{url.rpartition(':')[2].partition('/')[0]}\n")
        sys.stdout.flush()

    serving = asyncio.ensure_future(serve(app, port=0, on_listening=say_where))
    await _answer_questions()
    serving.cancel()
    await asyncio.wait({serving})


if __name__ == "__main__":
    if "--trace" in sys.argv:
        tracemalloc.start()
    with asyncio.Runner(
        loop_factory=None if "--asyncio" in sys.argv else loop_factory()
    ) as runner:  # as `duologue serve`
        runner.run(serve_bridge())
