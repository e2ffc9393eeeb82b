"""A worker's end of the control channel: what the parent keeps for all workers, asked for by messages."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final, Literal

import msgspec

from duologue.server.rejections import Rejection
from duologue.server.workers.messages import (
    Answer,
    AskFigures,
    ChannelReader,
    Drain,
    DrainWanted,
    Enter,
    Family,
    Figures,
    FromParent,
    FromWorker,
    Get,
    Leave,
    Load,
    Page,
    Put,
    Ready,
    Take,
    frame,
)
from duologue.server.workers.worker_place import WorkerPlace

__all__ = ["WorkerLink"]

_ANSWER_S: Final = 5.0
"""For the parent's answer. It takes under a millisecond; the parent may have to wait for a core."""

_MAX_WAITING: Final = 4000
"""Questions without an answer: one of each connection that a worker may have."""

_REPORT_S: Final = 0.1
"""Between two reports of what the worker holds. The parent counts what it has handed over since, so this need not be
short; a session that has ended is a place for another one."""

_LOOK_S: Final = 1.0
"""Until the worker looks at what it holds though no connection came or went: a call over WebRTC has none that ends
with it."""

_FIGURES_S: Final = 2.0
"""Between two reports of the metrics without being asked: so much of what a worker counted is lost if it is killed."""

_READ_BYTES: Final = 256 * 1024


class WorkerLink:
    """A `SharedStore` and a `Supervisor`, whose work the parent does. `run` it while the worker serves."""

    def __init__(self, control: socket.socket, *, number: int) -> None:
        self.number = number
        self.replaced: bool = False
        self._control = control
        self._next = 0
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._decoder = msgspec.msgpack.Decoder(FromParent)
        self._load = Load(held=0, received=0)
        self._orphaned = False
        """Whether the parent has died."""

    @classmethod
    def of(cls, place: WorkerPlace) -> WorkerLink:
        """The link of this process."""
        control = socket.socket(fileno=place.control)
        control.set_inheritable(False)
        return cls(control, number=place.number)

    # --- the worker's own

    @asynccontextmanager
    async def running(
        self, *, families: Callable[[], tuple[Family, ...]], on_drain: Callable[[Drain | None], None]
    ) -> AsyncGenerator[None, None]:
        """Exchange messages for a block. `on_drain` is called when the parent wants the end; with None: it has died."""
        reader, self._writer = await asyncio.open_connection(sock=self._control)
        reading = asyncio.ensure_future(self._read(reader, families, on_drain))  # noqa: TID251 - cancelled below
        pushing = asyncio.ensure_future(self._push_figures(families))  # noqa: TID251 - cancelled below
        try:
            yield
        finally:
            self._post(Figures(families=families()))
            for task in (reading, pushing):
                task.cancel()
            await asyncio.wait((reading, pushing))
            self._writer.close()

    def ready(self, message: Ready) -> None:
        """Tell the parent that sockets may come."""
        self._post(message)

    async def report(self, load: Callable[[], Load], changed: asyncio.Event) -> None:
        """Tell the parent what this worker holds, soon after `changed` was set. Runs until it is cancelled."""
        while True:
            changed.clear()
            if (now := load()) != self._load:
                self._load = now
                self._post(now)
                await asyncio.sleep(_REPORT_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await changed.wait()

    # --- the store and the supervisor

    async def put(self, digest: bytes, value: bytes, *, owner: str, lives_s: float, now: float) -> None:
        """See `SharedStore`."""
        await self._ask(
            lambda number: Put(request=number, digest=digest, value=value, owner=owner, lives_s=lives_s, now=now)
        )

    async def get(self, digest: bytes, *, now: float) -> bytes | None:
        """See `SharedStore`."""
        return (await self._ask(lambda number: Get(request=number, digest=digest, now=now))).value

    async def take(self, owner: str, *, per_minute: float, now: float) -> bool:
        """See `SharedStore`."""
        answer = await self._ask(lambda number: Take(request=number, owner=owner, per_minute=per_minute, now=now))
        return answer.granted

    def drop_expired(self, now: float) -> None:
        """Does nothing: the parent drops them."""

    async def fault(self) -> str | None:
        """None: without its parent a worker ends."""
        return None

    async def close(self) -> None:
        """Does nothing: the channel is closed by `running`."""

    async def enter(self, owner: str, *, maximum: int, owner_maximum: int | None) -> None:
        """See `Supervisor`. Cancelled: the place is given back."""
        asked = self._ask(
            lambda number: Enter(request=number, owner=owner, maximum=maximum, owner_maximum=owner_maximum)
        )
        asking = asyncio.ensure_future(asked)  # noqa: TID251 - awaited below
        try:
            await asyncio.shield(asking)
        except asyncio.CancelledError:
            asking.add_done_callback(lambda _: self._give_back(asking, owner))
            raise

    def _give_back(self, asking: asyncio.Future[Answer], owner: str) -> None:
        if not asking.cancelled() and asking.exception() is None:
            self.leave(owner)

    def leave(self, owner: str) -> None:
        """See `Supervisor`."""
        self._post(Leave(owner=owner))

    async def figures(self) -> tuple[bytes, str]:
        """See `Supervisor`."""
        from prometheus_client import CONTENT_TYPE_LATEST

        answer = await self._ask(lambda number: Page(request=number))
        return answer.value or b"", CONTENT_TYPE_LATEST

    def request_drain(self, manner: Literal["now", "turn", "end"]) -> None:
        """See `Supervisor`."""
        self._post(DrainWanted(manner=manner))

    # --- messages

    def _post(self, message: FromWorker) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(frame(message))

    async def _ask(self, make: Callable[[int], FromWorker]) -> Answer:
        """The parent's answer. Raises Rejection: its own, or there is none."""
        if self._orphaned or self._writer is None or self._writer.is_closing() or len(self._waiting) >= _MAX_WAITING:
            raise Rejection("not_ready")
        number = self._next = self._next + 1
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        self._post(make(number))
        try:
            async with asyncio.timeout(_ANSWER_S):
                answer: Answer = await waiting
        except TimeoutError:
            raise Rejection("not_ready") from None
        finally:
            del self._waiting[number]
        if answer.rejection is not None:
            raise Rejection(answer.rejection, max_bytes=answer.max_bytes)
        return answer

    async def _read(
        self,
        reader: asyncio.StreamReader,
        families: Callable[[], tuple[Family, ...]],
        on_drain: Callable[[Drain | None], None],
    ) -> None:
        messages = ChannelReader()
        while data := await _some(reader):
            for content in messages.feed(data):
                message: FromParent = self._decoder.decode(content)
                match message:
                    case Answer():
                        waiting = self._waiting.get(message.request)
                        if waiting is not None and not waiting.done():
                            waiting.set_result(message)
                    case AskFigures():
                        self._post(Figures(families=families()))
                    case Drain():
                        self.replaced = message.replaced
                        on_drain(message)
        self._orphaned = True
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(Rejection("not_ready"))
        on_drain(None)

    async def _push_figures(self, families: Callable[[], tuple[Family, ...]]) -> None:
        while True:
            await asyncio.sleep(_FIGURES_S)
            self._post(Figures(families=families()))


async def _some(reader: asyncio.StreamReader) -> bytes:
    """What has come; nothing at the end."""
    try:
        return await reader.read(_READ_BYTES)
    except OSError:
        return b""
