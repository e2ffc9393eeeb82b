"""A `RealtimeApp` over a socket, on an event loop in a thread: for clients of any kind, in any process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from duologue.client.blocking.loop_thread import LoopThread
from duologue.inspection import CallView
from duologue.testing.served.call_tap import CallTap

if TYPE_CHECKING:
    from duologue.faults import FaultPlan
    from duologue.server import RealtimeApp

__all__ = ["Held", "RealtimeServer", "ServerThread"]

_START_S: Final = 60.0
"""How long engines may take to load: embedded speech takes 4 s on a laptop, and ten times that on a small board."""

_END_S: Final = 10.0
"""How long a server may take to end. Its sessions are cut, so that it is milliseconds."""

T = TypeVar("T")
R = TypeVar("R")


class ServerThread:
    """An event loop in a thread, which serves one test after another."""

    def __init__(self) -> None:
        self._thread: LoopThread[None] = LoopThread(_nothing)
        self._thread.open()

    def call(self, work: Callable[[], Coroutine[Any, Any, R]], *, timeout_s: float) -> R:
        """Run a coroutine function on the loop; returns what it returns. Raises TimeoutError, and what it raises."""
        return self._thread.call(work, timeout_s, late="the server thread did not answer")

    def hold(self, make: Callable[[], AbstractAsyncContextManager[T]]) -> Held[T]:
        """Enter a context on the loop, and keep it open until `release`."""
        held = Held(self, make)
        self.call(held.enter, timeout_s=_START_S)
        return held

    def close(self) -> None:
        """End the thread."""
        self._thread.close()


class Held(Generic[T]):
    """A context that is open on the loop of a `ServerThread`, in a task of its own, which enters and leaves it."""

    def __init__(self, thread: ServerThread, make: Callable[[], AbstractAsyncContextManager[T]]) -> None:
        self._thread = thread
        self._make = make
        self._leaving = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.value: T
        """What the context yields."""

    async def enter(self) -> None:
        """Enter it. Raises what that raises."""
        entered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.ensure_future(self._hold(entered))  # noqa: TID251 - kept here, and ended by `release`
        await entered

    def release(self) -> None:
        """Leave it. Raises what that raises."""
        self._thread.call(self._leave, timeout_s=_END_S)

    async def _leave(self) -> None:
        self._leaving.set()
        if self._task is not None:
            await self._task

    async def _hold(self, entered: asyncio.Future[None]) -> None:
        try:
            async with self._make() as self.value:
                entered.set_result(None)
                await self._leaving.wait()
        except BaseException as fault:
            if entered.done():
                raise
            entered.set_exception(fault)


class RealtimeServer:
    """A server on a free port of this machine, and what its calls were.

    `url` is the whole URL of sessions, `base_url` what SDKs for HTTP take, `app` the application.
    """

    def __init__(self, app: RealtimeApp, thread: ServerThread, *, faults: FaultPlan | None = None) -> None:
        """Start it. `close` ends it. With faults, `url` is that of a proxy that lets them come."""
        from duologue.server.run.listener import listening

        self.app = app
        self.tap: CallTap = CallTap.before(app)
        self._thread = thread
        self._is_closed = False
        self._held = thread.hold(partial(listening, app, handler=self.tap))
        self.url: str = self._held.value
        self.base_url: str = self.url.replace("ws", "http", 1).removesuffix("/realtime")
        self._proxy: Held[str] | None = None
        if faults is not None and faults.faults:
            from duologue.faults.proxy import chaos_proxy

            self._proxy = thread.hold(partial(chaos_proxy, self.url, faults))
            self.url = f"{self._proxy.value}/v1/realtime"

    @property
    def calls(self) -> list[CallView]:
        """What the calls were so far, in the order in which they began.

        Waits until the server has read what clients have sent by now, at most a second: a call that its client has
        closed is complete. One that goes on is given as it is now.
        """
        if not self._is_closed:
            self._thread.call(self.tap.settled, timeout_s=_END_S)
        return [call.view for call in self.tap.calls]

    def close(self) -> None:
        """Close open calls with 1001, and the server. The calls can still be read."""
        if not self._is_closed:
            self._is_closed = True
            if self._proxy is not None:
                self._proxy.release()
            self._held.release()


@asynccontextmanager
async def _nothing() -> AsyncGenerator[None, None]:
    yield
