"""For tests of the blocking client: servers on an event loop in another thread, and a check for threads left behind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any, TypeVar

from duologue import blocking
from duologue.client import Connection, connect
from duologue.client.asyncio.managed_connection import OpenConnection
from duologue.engines.registry import Engines
from duologue.server import RealtimeApp
from duologue.server.session.session import ServerSession
from duologue.testing import ScriptedServer
from duologue.testing.engines import scripted_app_engines, scripted_engines
from duologue.transports import Transport, memory_pair
from tests.client._waiting import FAST
from tests.server._listening import listening

T = TypeVar("T")

_SERVER = "test-server"


@contextmanager
def in_a_thread(make: Callable[[], AbstractAsyncContextManager[T]]) -> Generator[T, None, None]:
    """What an async context manager yields, which runs on an event loop in another thread for the length of a block."""
    entered: Future[tuple[T, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def hold() -> None:
        leave = asyncio.Event()
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(thread_name_prefix=_SERVER))
        async with make() as value:
            entered.set_result((value, asyncio.get_running_loop(), leave))
            await leave.wait()

    def run() -> None:
        try:
            asyncio.run(hold())
        except BaseException as fault:
            if entered.done():
                raise
            entered.set_exception(fault)

    thread = threading.Thread(target=run, name=_SERVER)
    thread.start()
    value, loop, leave = entered.result(10)
    try:
        yield value
    finally:
        loop.call_soon_threadsafe(leave.set)
        thread.join(10)
        assert not thread.is_alive(), "the server does not stop"


@contextmanager
def no_thread_left(*, soon: bool = False) -> Generator[None, None, None]:
    """At the end of the block, or soon after it, no threads run but those that ran before it, and those of servers."""
    before = set(threading.enumerate())
    yield
    join_all("duologue-tool")  # a thread whose function has returned ends soon; the client does not wait for it
    left = {thread for thread in threading.enumerate() if not thread.name.startswith(_SERVER)} - before
    for thread in left if soon else ():
        thread.join(5)
    assert not (names := [thread.name for thread in left if not soon or thread.is_alive()]), names


@contextmanager
def over_a_socket(engines: Engines | None = None) -> Generator[OpenConnection, None, None]:
    """Connections to a server of ours under uvicorn."""
    with in_a_thread(lambda: listening(RealtimeApp(engines=scripted_app_engines(engines)))) as url:
        yield lambda: connect(url)


@contextmanager
def in_memory(engines: Engines | None = None) -> Generator[OpenConnection, None, None]:
    """Connections to sessions of our server, each over a pair in memory, whose ends are on different event loops."""
    with in_a_thread(lambda: _sessions(engines or scripted_engines())) as serve:

        def opening() -> AbstractAsyncContextManager[Connection]:
            near, far = memory_pair()
            serve(far)
            return connect(transport=near)

        yield opening


@asynccontextmanager
async def _sessions(engines: Engines) -> AsyncGenerator[Callable[[Transport], object], None]:
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as tasks:

        def serve(end: Transport) -> None:
            loop.call_soon_threadsafe(lambda: tasks.create_task(ServerSession(end, engines).run()))

        yield serve


@contextmanager
def talking(server: ScriptedServer, **options: Any) -> Generator[blocking.BlockingConversation, None, None]:
    """A conversation with a scripted server; afterwards it has left no thread, and the server found no fault."""
    with (
        in_a_thread(server.listening) as url,
        no_thread_left(),
        blocking.converse(url, reconnect=options.pop("reconnect", FAST), **options) as conversation,
    ):
        yield conversation
    assert server.faults == []


def join_all(prefix: str) -> None:
    """Wait until the threads of this name are gone; five seconds at most for each."""
    for thread in threading.enumerate():
        if thread.name.startswith(prefix):
            thread.join(5)
