"""What tests of the blocking client need: servers on an event loop in another thread, and an eye on threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, contextmanager
from typing import Any, TypeVar

from duologue import blocking
from duologue.engines.registry import Engines
from duologue.server import RealtimeApp
from duologue.server.session import ServerSession
from duologue.testing import ScriptedServer
from duologue.testing.engines import scripted_app_engines, scripted_engines
from duologue.transports.blocking import BlockingMemoryTransport, blocking_memory_pair
from tests.client._waiting import FAST
from tests.server._listening import listening

T = TypeVar("T")

_SERVER = "test-server"


@contextmanager
def aside(make: Callable[[], AbstractAsyncContextManager[T]]) -> Generator[T, None, None]:
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
def no_thread_left() -> Generator[None, None, None]:
    """At the end of the block, the threads that run are those that ran before it, and those of servers."""
    before = set(threading.enumerate())
    yield
    join_all("duologue-tool")  # one whose function has answered is about to end, and nobody waits for that
    left = {thread for thread in threading.enumerate() if not thread.name.startswith(_SERVER)} - before
    assert not left, [thread.name for thread in left]


def over_a_socket(engines: Engines | None = None) -> AbstractContextManager[Callable[[], _Opened]]:
    """Connections to a server of ours under uvicorn."""
    return _over(lambda: listening(RealtimeApp(engines=scripted_app_engines(engines))))


@contextmanager
def _over(
    serve: Callable[[], AbstractAsyncContextManager[str]],
) -> Generator[Callable[[], _Opened], None, None]:
    with aside(serve) as url:
        yield lambda: blocking.connect(url)


@contextmanager
def in_memory(engines: Engines | None = None) -> Generator[Callable[[], _Opened], None, None]:
    """Connections to sessions of our server, each over a pair in memory."""
    with aside(lambda: _sessions(engines or scripted_engines())) as serve:

        @contextmanager
        def connect() -> Generator[blocking.BlockingConnection, None, None]:
            near, far = blocking_memory_pair()
            serve(far)
            try:
                with blocking.connect(transport=near) as connection:
                    yield connection
            finally:
                far.close()

        yield connect


@asynccontextmanager
async def _sessions(engines: Engines) -> AsyncGenerator[Callable[[BlockingMemoryTransport], object], None]:
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as tasks:

        def serve(end: BlockingMemoryTransport) -> None:
            loop.call_soon_threadsafe(lambda: tasks.create_task(ServerSession(_OnLoop(end), engines).run()))

        yield serve


class _OnLoop:
    """A blocking transport for an event loop. Its threads let go when it is closed."""

    def __init__(self, end: BlockingMemoryTransport) -> None:
        self._end = end

    async def send(self, message: str | bytes, /) -> None:
        await asyncio.to_thread(self._end.send, message)

    async def receive(self) -> str | bytes:
        return await asyncio.to_thread(self._end.receive)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self._end.close(code, reason)


_Opened = AbstractContextManager[blocking.BlockingConnection]


@contextmanager
def talking(server: ScriptedServer, **options: Any) -> Generator[blocking.BlockingConversation, None, None]:
    """A conversation with a scripted server; afterwards it has left no thread, and the server found no fault."""
    with (
        aside(server.listening) as url,
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
