"""What `play` and `listen` return: work that runs for a block, or to its end when it is awaited."""

from __future__ import annotations

import asyncio
import logging
import warnings
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Final, TypeVar

from duologue.errors import ConnectionClosedOK, DuologueError

__all__ = ["SoundBlock", "closing_after"]

_logger = logging.getLogger(__name__)

_CLOSE_S: Final = 3.0
"""How long a sink or a source may take to close; then it is left behind, and the log says so."""

B = TypeVar("B", bound="SoundBlock")


@asynccontextmanager
async def closing_after(close: Callable[[], Awaitable[object]]) -> AsyncGenerator[None, None]:
    """Close at the end in any case. A fault of the block is raised before one of `close`, which is logged then."""
    try:
        yield
    except Exception:
        try:
            await close()
        except Exception:
            _logger.exception("a sink or a source failed, and does not close either")
        raise
    except BaseException:
        await close()
        raise
    await close()


class SoundBlock(ABC):
    """`async with` runs it beside a block and stops it at the end; `await` runs it to its end.

    A fault of the sink or the source ends the block: it is cancelled, and the fault is raised in its place.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._is_entered = False
        self._task: asyncio.Task[None] | None = None
        """While it runs, and if it has failed: how a task was cancelled refers to this object."""
        self._owner: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._has_cancelled = False
        self._is_ending = False

    # --- what subclasses do

    @abstractmethod
    async def _hold(self, opened: Callable[[], None]) -> None:
        """Open, call `opened`, run, close in any case."""

    @abstractmethod
    async def _drain(self) -> None:
        """Wait for what belongs to a block that has ended normally."""

    # --- for applications

    async def wait(self) -> None:
        """Wait for the end. Raises the fault of the sink or the source. Cancelling the wait stops nothing."""
        if self._task is not None:
            await asyncio.wait([self._task])
            self._raise_fault()

    def __await__(self) -> Generator[object, None, None]:
        return self.run_to_end().__await__()

    async def __aenter__(self: B) -> B:
        self._owner = asyncio.current_task()
        self._cancelling = self._owner.cancelling() if self._owner is not None else 0
        await self.start(failed=self._cancel_owner)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._is_ending = True
        owner = self._owner
        if self._has_cancelled and owner is not None:
            if kind is None or not issubclass(kind, asyncio.CancelledError):
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(0)  # the cancellation that is still on its way
            if owner.uncancel() > self._cancelling:  # another cancellation, from outside, came too
                await self.stop()
                return
        await self.stop(drain=kind is None)
        if (fault := self.fault) is None or fault is raised:
            return
        if kind is not None and not (self._has_cancelled and issubclass(kind, asyncio.CancelledError)):
            _logger.error("%s failed, and so did its block", self._name, exc_info=fault)
            return
        raise fault from fault.__cause__

    # --- for both shells

    @property
    def fault(self) -> BaseException | None:
        """What ended it before its time."""
        if self._task is None or not self._task.done() or self._task.cancelled():
            return None
        return self._task.exception()

    async def start(self, *, failed: Callable[[BaseException], None]) -> None:
        """Open and begin; `failed` is called with a fault that comes later. Raises what opening raises."""
        if self._is_entered:
            raise RuntimeError(f"{self._name} can be entered once; call it again for another block")
        opened = asyncio.Event()
        self._is_entered = True
        self._task = asyncio.ensure_future(self._run(opened.set))  # noqa: TID251 - `stop` ends it
        self._task.add_done_callback(self._ended)
        self._task.add_done_callback(lambda _: opened.set())
        try:
            await opened.wait()
        except BaseException:
            await self.stop()
            raise
        self._raise_fault()
        if self._task is not None:
            self._task.add_done_callback(lambda _: self._tell(failed))

    async def stop(self, *, drain: bool = False) -> None:
        """End it, and wait until the sink or the source is closed; bounded in time."""
        self._is_ending = True
        task = self._task
        if task is None:
            return
        try:
            if drain and not task.done():
                await self._drain()
        finally:
            task.cancel()
            await asyncio.wait([task], timeout=_CLOSE_S)
            if not task.done():
                _logger.warning("%s goes on: what it plays or hears with does not close", self._name)

    @property
    def is_entered(self) -> bool:
        """Whether it was begun."""
        return self._is_entered

    async def run_to_end(self) -> None:
        """What `await` does."""
        await self.start(failed=lambda fault: None)
        try:
            await self.wait()
        except ConnectionClosedOK:
            pass
        finally:
            await self.stop()

    async def _run(self, opened: Callable[[], None]) -> None:
        try:
            await self._hold(opened)
        except asyncio.CancelledError:
            if not _is_cancelled():  # the sink or the source has met what was cancelled
                raise DuologueError(f"{self._name} is over: what it plays or hears with was cancelled") from None
            raise

    def _tell(self, failed: Callable[[BaseException], None]) -> None:
        if (fault := self.fault) is not None and not self._is_ending:
            failed(fault)

    def _cancel_owner(self, fault: BaseException) -> None:
        if self._owner is not None and not self._is_ending:
            self._has_cancelled = self._owner.cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or task.exception() is None:
            self._task = None

    def _raise_fault(self) -> None:
        if (fault := self.fault) is not None:
            try:
                raise fault
            finally:
                del fault  # it refers to this frame

    def __del__(self) -> None:
        if not self._is_entered:
            warnings.warn(
                f"{self._name} has done nothing: write `async with {self._name}:` or `await {self._name}`"
                " (`with` in a program without an event loop)",
                RuntimeWarning,
                stacklevel=2,
            )


def _is_cancelled() -> bool:
    """Whether the current task is being cancelled. Here, because an exception's frame must not refer to its task."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0
