"""The parent: accepts connections, hands each to the emptiest worker, and keeps what holds for all workers."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Final

from duologue.clock import loop_time, unix_time
from duologue.errors import DuologueError
from duologue.server.limits import Limits
from duologue.server.open_sessions import DrainManner
from duologue.server.rejections import Rejection
from duologue.server.shared.memory_store import MemoryStore
from duologue.server.telemetry.log import log_event
from duologue.server.workers.accepting import Accepting
from duologue.server.workers.merged_figures import MergedFigures
from duologue.server.workers.messages import (
    Answer,
    AskFigures,
    Drain,
    DrainWanted,
    Enter,
    Figures,
    FromWorker,
    Get,
    Leave,
    Load,
    Page,
    Put,
    Ready,
    Take,
)
from duologue.server.workers.passed_streams import pass_stream, take_stream
from duologue.server.workers.placement import Placement
from duologue.server.workers.places import Places
from duologue.server.workers.restarts import MAX_EARLY_DEATHS, Restarts
from duologue.server.workers.silences import LOOK_S, Silences
from duologue.server.workers.worker_process import WorkerProcess

__all__ = ["Parent"]

_MAX_PASSED: Final = 32
"""Streams in one iteration of the event loop."""

_START_S: Final = 600.0
"""Until a worker is ready: weights from a cold disk take a minute or two. One that hangs in it would keep a reload, or
its place, for ever."""

_MAX_GENERATIONS: Final = 4
"""Of workers at a time: those that drain hold their calls and their engines, for an hour perhaps. A reload beyond it
waits for the end of some."""

_SETTLE_S: Final = 1.0
"""From the last socket that a replaced worker was handed to its drain: for handshakes under way, which would be
rejected. They take milliseconds."""

_FIGURES_S: Final = 1.0
"""For a worker's figures. One that hangs is shown as it last was."""

_END_S: Final = 8.0
"""After the drain: a worker gives its connections 3 s and its engines 5 s."""


class Parent:
    """Runs workers by a command. `run` it once."""

    def __init__(
        self,
        *,
        command: Sequence[str],
        workers: int,
        listening: socket.socket,
        releases: bool,
        on_listening: Callable[[Sequence[Ready]], None],
    ) -> None:
        """`listening` is bound, and closed at the end; with `releases` already when the drain begins, for a successor.
        `on_listening` is called once, with what all workers have said, when all of them are ready."""
        self._command = tuple(command)
        self._drain: DrainManner = "turn"
        """As the latest worker has said, which reads the options anew."""
        self._releases = releases
        self._on_listening = on_listening
        self._limits = Limits()
        self._store = MemoryStore()
        self._places = Places()
        self._placement = Placement()
        self._figures = MergedFigures()
        self._started = 0
        self._all: dict[int, WorkerProcess] = {}
        self._accepting = Accepting(listening, self._placement, self._all)
        self._silences = Silences()
        self._passed_over: frozenset[int] = frozenset()
        self._slots: list[WorkerProcess | None] = [None] * workers
        self._restarts = [Restarts() for _ in range(workers)]
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending = asyncio.Event()
        self._failed: asyncio.Future[None] | None = None
        self._changed = asyncio.Event()
        """A worker has become ready or has ended."""
        self._reload_wanted = asyncio.Event()
        self._reloading: asyncio.Task[None] | None = None

    @property
    def pids(self) -> list[int]:
        """Of the workers that take new connections."""
        return [each.pid for each in self._slots if each is not None and each.ready.is_set()]

    async def run(self) -> None:
        """Serve until cancelled, or until a client with a key asks for the end. Then the workers drain; cancelled
        again, they end at once.

        Raises:
            DuologueError: workers die before they are ready, again and again.
        """
        loop = asyncio.get_running_loop()
        self._failed = loop.create_future()
        ended = self._spawn(_wait(self._ending))
        loop.add_signal_handler(signal.SIGHUP, self._reload_wanted.set)
        try:
            for slot in range(len(self._slots)):
                self._spawn(self._keep(slot))
            await self._first_of(self._all_ready(), ended)
            if not self._ending.is_set():
                self._accepting.start()
                self._on_listening([each.said for each in self._all.values() if each.said is not None])
                self._reloading = self._spawn(self._reload())
                self._spawn(self._watch())
                await self._first_of(ended)
        except asyncio.CancelledError:
            self._ending.set()
            await self._end()
            raise
        except BaseException:
            self._ending.set()
            await self._end(now=True)
            raise
        else:
            await self._end()
        finally:
            self._close()

    async def _first_of(self, *works: asyncio.Task[None]) -> None:
        assert self._failed is not None
        await asyncio.wait({*works, self._failed}, return_when=asyncio.FIRST_COMPLETED)
        if self._failed.done():
            self._failed.result()

    def _all_ready(self) -> asyncio.Task[None]:
        async def wait() -> None:
            while not all(each is not None and each.ready.is_set() for each in self._slots):
                self._changed.clear()
                await self._changed.wait()

        return self._spawn(wait())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        fault = None if task.cancelled() else task.exception()
        if fault is not None and self._failed is not None and not self._failed.done():
            self._failed.set_exception(fault)

    # --- workers

    async def _keep(self, slot: int) -> None:
        """Have a worker in this place, again and again."""
        restarts = self._restarts[slot]
        while not self._ending.is_set():
            try:
                await self._have(slot, restarts)
            except OSError as fault:
                if not len(self._placement):
                    raise DuologueError(f"cannot start a worker: {fault.strerror or fault}") from fault
                log_event(logging.ERROR, "worker cannot be started", reason=str(fault))
            self._slots[slot] = None
            if self._ending.is_set():
                return
            delay_s = restarts.died(loop_time())
            if restarts.hopeless and not len(self._placement):
                raise DuologueError(
                    f"the server did not start: {MAX_EARLY_DEATHS} workers have ended before they were ready; the log"
                    " says why"
                )
            self._figures.restarted()
            log_event(logging.WARNING, "worker is started again", seconds=delay_s)
            with suppress(TimeoutError):
                async with asyncio.timeout(delay_s):
                    await self._ending.wait()

    async def _have(self, slot: int, restarts: Restarts) -> None:
        """Have a worker in this place until it dies. Raises OSError: it cannot be started."""
        worker = await self._start()
        self._slots[slot] = worker
        self._spawn(self._note_ready(worker, restarts))
        await worker.left.wait()
        while (here := self._slots[slot]) is not worker and here is not None:
            worker = here  # a reload has replaced the other one
            await worker.left.wait()

    async def _watch(self) -> None:
        """Pass over workers that say nothing, and end those that hang."""
        while True:
            await asyncio.sleep(LOOK_S)
            silent = self._silences.look(loop_time())
            for number in sorted(silent.quiet - self._passed_over):
                log_event(logging.WARNING, "worker does not answer", pid=self._all[number].pid)
            self._passed_over = silent.quiet
            self._placement.pass_over(silent.quiet)
            for number in silent.hung:
                log_event(logging.ERROR, "worker hangs and is killed", pid=self._all[number].pid)
                self._all[number].kill()

    async def _start(self) -> WorkerProcess:
        self._started += 1
        worker = await WorkerProcess.start(self._started, self._command, workers=len(self._slots))
        self._all[worker.number] = worker
        self._spawn(self._serve(worker))
        self._spawn(self._end_late(worker))
        return worker

    async def _end_late(self, worker: WorkerProcess) -> None:
        """End a worker that does not become ready in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_START_S):
                await worker.started.wait()
        if not worker.started.is_set():
            log_event(logging.ERROR, "worker is not ready in time and is killed", pid=worker.pid, seconds=_START_S)
            worker.kill()

    async def _note_ready(self, worker: WorkerProcess, restarts: Restarts) -> None:
        await worker.ready.wait()
        restarts.ready(loop_time())

    async def _serve(self, worker: WorkerProcess) -> None:
        """Do what a worker asks, until it has ended."""
        loop = asyncio.get_running_loop()
        loop.add_reader(worker.streams.fileno(), self._pass_streams, worker)
        try:
            async for message in worker.messages():
                self._silences.heard(worker.number, loop_time())
                await self._handle(worker, message)
        except (ValueError, KeyError) as fault:
            log_event(logging.ERROR, "worker sends what is no message", fault=fault)
            worker.kill()
        loop.remove_reader(worker.streams.fileno())
        self._silences.gone(worker.number)
        self._placement.remove(worker.number)
        try:
            async with asyncio.timeout(_END_S):
                code = await worker.wait()
        except TimeoutError:
            worker.kill()
            code = await worker.wait()
        cut = self._places.gone(worker.number)
        self._figures.gone(worker.number, cut_sessions=cut)
        self._figures.workers_ready = len(self._placement)
        del self._all[worker.number]
        worker.close()
        worker.gone.set()
        worker.started.set()
        worker.left.set()
        self._changed.set()
        if not worker.retired:
            log_event(logging.ERROR, "worker has died", pid=worker.pid, code=code, sessions=cut)

    async def _handle(self, worker: WorkerProcess, message: FromWorker) -> None:
        number = worker.number
        match message:
            case Ready():
                self._limits_of(message)
                self._drain = message.drain
                worker.said = message
                if not worker.retired:
                    self._placement.add(number)
                    self._figures.workers_ready = len(self._placement)
                worker.ready.set()
                worker.started.set()
                self._changed.set()
                log_event(logging.INFO, "worker is ready", pid=worker.pid)
            case Load(held=held, received=received):
                self._placement.report(number, held=held, received=received)
            case Figures(families=families):
                self._figures.report(number, families)
                self._store.drop_expired(unix_time())
                if worker.figures_due is not None and not worker.figures_due.done():
                    worker.figures_due.set_result(None)
            case Leave(owner=owner):
                self._places.leave(number, owner)
            case Page(request=request):
                self._spawn(self._send_page(worker, request))
            case DrainWanted(manner=manner):
                log_event(logging.INFO, "drain wanted", manner=manner)
                self._drain = manner
                self._ending.set()
            case _:
                worker.post(await self._answer(number, message))

    async def _answer(self, number: int, message: Put | Get | Take | Enter) -> Answer:
        try:
            match message:
                case Put():
                    await self._store.put(
                        message.digest, message.value, owner=message.owner, lives_s=message.lives_s, now=message.now
                    )
                    return Answer(request=message.request)
                case Get():
                    return Answer(request=message.request, value=await self._store.get(message.digest, now=message.now))
                case Take(owner=owner, per_minute=per_minute, now=now):
                    taken = await self._store.take(owner, per_minute=per_minute, now=now)
                    return Answer(request=message.request, granted=taken)
                case Enter():
                    rejection = self._places.enter(
                        number, message.owner, maximum=message.maximum, owner_maximum=message.owner_maximum
                    )
                    return Answer(request=message.request, rejection=rejection)
        except Rejection as rejection:
            return Answer(
                request=message.request, rejection=rejection.name, max_bytes=self._limits.max_owner_client_secret_bytes
            )

    def _limits_of(self, ready: Ready) -> None:
        self._limits = Limits(
            client_secrets=ready.client_secrets,
            max_client_secret_bytes=ready.max_client_secret_bytes,
            max_owner_client_secret_bytes=ready.max_owner_client_secret_bytes,
            drain_s=ready.drain_s,
        )
        self._store.limit(self._limits)

    async def _send_page(self, worker: WorkerProcess, request: int) -> None:
        """Ask all workers for their figures, and send the page."""
        loop = asyncio.get_running_loop()
        asked = [each for each in self._all.values() if each.ready.is_set()]
        for each in asked:
            if each.figures_due is None or each.figures_due.done():
                each.figures_due = loop.create_future()
                each.post(AskFigures())
        due = [each.figures_due for each in asked if each.figures_due is not None]
        if due:
            await asyncio.wait(due, timeout=_FIGURES_S)
        content, _ = self._figures.page()
        worker.post(Answer(request=request, value=content))

    # --- streams between workers

    def _pass_streams(self, worker: WorkerProcess) -> None:
        """Pass on what a worker sends for others. One that cannot be delivered is closed, which its sender sees."""
        for _ in range(_MAX_PASSED):
            try:
                taken = take_stream(worker.streams)
            except OSError:
                return
            if taken is None:
                continue
            number, end = taken
            try:
                wanted = self._all.get(number)
                if wanted is not None:
                    with suppress(OSError):
                        pass_stream(wanted.streams, number, end)
            finally:
                os.close(end)

    # --- the end of workers

    async def _reload(self) -> None:
        """Replace the workers one by one whenever that is wanted, by ones that read options, keys and certificates
        anew."""
        while True:
            await self._reload_wanted.wait()
            self._reload_wanted.clear()
            await self._fewer_than(_MAX_GENERATIONS * len(self._slots))
            log_event(logging.INFO, "workers are replaced")
            for slot in range(len(self._slots)):
                if not await self._replace(slot):
                    log_event(logging.ERROR, "reload given up: the workers of before go on")
                    break

    async def _fewer_than(self, workers: int) -> None:
        """Wait until so many have ended that there are fewer."""
        while len(self._all) >= workers:
            log_event(logging.WARNING, "reload waits for workers that drain", workers=len(self._all))
            self._changed.clear()
            await self._changed.wait()

    async def _replace(self, slot: int) -> bool:
        """Start a worker and, when it is ready, end the one in its place. Whether it became ready."""
        for _ in range(MAX_EARLY_DEATHS):
            before = self._slots[slot]
            if before is None:
                return True  # it has died and is started anew: by the options of now
            try:
                worker = await self._start()
            except OSError as fault:
                log_event(logging.ERROR, "worker cannot be started", reason=str(fault))
                return False
            gone, ready = self._spawn(_wait(worker.gone)), self._spawn(_wait(worker.ready))
            await asyncio.wait({gone, ready}, return_when=asyncio.FIRST_COMPLETED)
            gone.cancel()
            if worker.ready.is_set():
                self._restarts[slot].ready(loop_time())
                if self._slots[slot] is before:
                    self._slots[slot] = worker
                    before.left.set()
                    self._spawn(self._retire(before))
                else:
                    self._spawn(self._retire(worker))
                return True
            ready.cancel()
        return False

    async def _retire(self, worker: WorkerProcess) -> None:
        """End a worker that another one has replaced."""
        worker.retired = True
        self._placement.remove(worker.number)
        self._figures.workers_ready = len(self._placement)
        await asyncio.sleep(_SETTLE_S)
        worker.post(Drain(manner=self._drain, replaced=True))
        await self._ended(worker)

    async def _ended(self, worker: WorkerProcess) -> None:
        """Wait until a worker that drains has ended; kill it if it takes too long."""
        try:
            async with asyncio.timeout(self._limits.drain_s + _END_S):
                await worker.gone.wait()
        except TimeoutError:
            worker.kill()
            await worker.gone.wait()

    async def _end(self, *, now: bool = False) -> None:
        """Drain all workers, and wait for their ends. Cancelled: they end at once."""
        if self._reloading is not None:
            self._reloading.cancel()
        if self._releases or now:
            self._accepting.release()
        for each in tuple(self._all.values()):
            each.retired = True
            if each.ready.is_set():
                each.post(Drain(manner="now" if now else self._drain))
            else:
                each.terminate()  # it has no sessions, and may load its engines for a while yet
        ends = [self._spawn(self._ended(each)) for each in tuple(self._all.values())]
        try:
            if ends:
                await asyncio.wait(ends)
        except asyncio.CancelledError:
            for each in tuple(self._all.values()):
                each.terminate()
            await asyncio.wait(ends, timeout=_END_S)
            raise
        finally:
            for each in tuple(self._all.values()):
                each.kill()

    def _close(self) -> None:
        self._accepting.close()
        for task in tuple(self._tasks):
            task.cancel()
        if self._failed is not None and self._failed.done():
            self._failed.exception()  # noted: another fault or the end came first


async def _wait(event: asyncio.Event) -> None:
    await event.wait()
