"""Virtual time over real sockets: an event loop whose clock jumps to the next timer when there is nothing else to do.

    run_in_virtual_time(main())                           in place of asyncio.run
    with asyncio.Runner(loop_factory=VirtualTimeLoop)     where a loop factory is taken: pytest-asyncio, anyio
    await running_clock().advance(3600)                   an hour, with everything that is due in it

Server and client run on the one loop and talk over 127.0.0.1 as ever. The clock stands still while a callback runs,
while a socket of the loop can be read or written, and while the loop waits for a thread; so two runs of a program that
leaves nothing to chance do the same things at the same times. What the loop cannot see keeps real time: other
processes, other machines, and threads of which it was not told. `grace_s` waits for those.
"""

from __future__ import annotations

import asyncio
import logging
import selectors
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from contextvars import Context, copy_context
from functools import partial
from random import Random
from typing import Any, Final, NoReturn, TypeVar, TypeVarTuple

from duologue.chance import loop_has_own
from duologue.printable import printable
from duologue.testing.socket_traffic import SocketTraffic

__all__ = [
    "BEGAN_AT_UNIX_S",
    "VirtualClock",
    "VirtualTimeError",
    "VirtualTimeLoop",
    "run_in_virtual_time",
    "running_clock",
]

BEGAN_AT_UNIX_S: Final = 1_767_225_600.0
"""The date at which virtual time begins: 2026-01-01, 00:00 UTC. Any fixed one makes dates equal in all runs."""

_PATIENCE_S: Final = 10.0
"""Of real time. The longest wait is for a speech engine in a thread, a second or two on a slow machine."""

_MAX_S: Final = 7 * 24 * 3600.0
"""Of virtual time. A server without clients gets there within minutes, so that a wait for what never comes ends."""

_RESOLUTION_S: Final = 1e-9
"""asyncio runs a timer that is due within the resolution of the system's clock, on Windows 16 ms."""

_MIN_DELAY_S: Final = 1e-8
"""Of a timer that is not due yet. Code that a rounding wakes too early waits for the rest: for ever, if its timers ran
before the clock has moved."""

_LOOK_S: Final = 0.001
"""Between two looks at sockets whose bytes are under way. epoll cannot wait for less."""

_QUICK_LOOKS: Final = 20
"""First ones, without waiting in between: most bytes come within microseconds."""

_LOOKS: Final = 300
"""Until what is under way counts as held back by an end that does not read. Acknowledgements are late by 40 ms at most,
and what was lost is sent again after 200 ms."""

_logger = logging.getLogger(__name__)

R = TypeVar("R")
Ts = TypeVarTuple("Ts")


class VirtualTimeError(RuntimeError):
    """What virtual time cannot do, or a wait that would never end. The message says what to do."""


class VirtualClock:
    """The clock of a `VirtualTimeLoop`."""

    def __init__(self, *, max_s: float = _MAX_S) -> None:
        self._now = 0.0
        self._max_s = max_s
        self.jumps: int = 0
        """How often it has moved."""

    @property
    def now(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now

    async def advance(self, seconds: float) -> None:
        """Wait so many virtual seconds, in which everything happens that is due, up to their last moment.

        Any other wait moves the clock as well. Cancelled: it stays where it is.

        Raises:
            ValueError: less than 0 seconds.
        """
        if seconds < 0:
            raise ValueError(f"time does not go back: {seconds} s")
        await asyncio.sleep(seconds)
        await asyncio.sleep(0)  # for others that are due at this moment

    def _jump(self, seconds: float) -> None:
        # To the nanosecond: sums of delays would drift from the decimal numbers that people write.
        self._now = round(self._now + seconds, 9)
        self.jumps += 1
        if self._now > self._max_s:
            raise VirtualTimeError(
                f"{self._max_s:g} s of virtual time have passed, which is the limit (max_s). Does a task wait for what"
                " never comes, while timers of others go on?"
            )


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time; `clock` is its clock.

    Raises `VirtualTimeError` out of what runs it when a wait would not end: nothing is due and no socket has anything
    for `patience_s` of real time, or a thread works for longer than that.
    """

    def __init__(
        self, *, seed: int = 0, grace_s: float = 0.0, patience_s: float = _PATIENCE_S, max_s: float = _MAX_S
    ) -> None:
        """`grace_s`: how long to wait in real time, before each jump, for what the loop cannot see. It is 0 where
        everything runs on the loop, and costs its length for each jump. `max_s` is the limit of virtual time. What is
        random in duologue, its ids and its delays before reconnecting, follows the `seed`."""
        self.clock: VirtualClock = VirtualClock(max_s=max_s)
        self.in_threads: int = 0
        """How many waits there are for threads."""
        self._random = Random(seed)
        self._grace_s = grace_s
        self._runs_in: int | None = None
        self._from_threads: deque[tuple[asyncio.Handle, Callable[[], object]]] = deque()
        self._abandoned = 0
        """Threads that still work, though nothing waits for their results."""
        self._reported: set[str] = set()
        super().__init__(_Selector(self, grace_s=grace_s, patience_s=patience_s))
        self._clock_resolution = _RESOLUTION_S
        loop_has_own(self)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self.clock._now

    def unix_time(self) -> float:
        """The date: `BEGAN_AT_UNIX_S` and the virtual time since then. `duologue.clock` asks for it."""
        return BEGAN_AT_UNIX_S + self.clock._now

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As every loop does."""
        if when > self.clock._now:
            when = max(when, self.clock._now + _MIN_DELAY_S)
        return super().call_at(when, callback, *args, context=context)

    def random_bytes(self, n: int) -> bytes:
        """The next bytes by the seed. `duologue.chance` asks for them."""
        return self._random.randbytes(n)

    def random_number(self) -> float:
        """The next number from 0 to 1 by the seed. `duologue.chance` asks for it."""
        return self._random.random()

    def run_forever(self) -> None:
        """Run until stopped."""
        self._runs_in = threading.get_ident()
        super().run_forever()

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], R], *args: *Ts) -> asyncio.Future[R]:
        """As every loop does; the clock stands still until there is a result. `asyncio.to_thread` goes through here."""
        self.in_threads += 1  # first: the thread may be done at once
        try:
            result = super().run_in_executor(executor, func, *args)
        except BaseException:
            self.in_threads -= 1
            raise
        result.add_done_callback(self._waited)
        return result

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """As every loop does; but what another thread wants called waits until nothing else is to do at this moment: it
        would come now before, now after other things. Logs a warning when the clock may have moved meanwhile."""
        if threading.get_ident() == self._runs_in:
            return super().call_soon_threadsafe(callback, *args, context=context)
        if not self.in_threads:
            self._report(threading.current_thread().name)
        context = context if context is not None else copy_context()
        handle = asyncio.Handle(callback, args, self, context)
        self._from_threads.append((handle, partial(self.call_soon, callback, *args, context=context)))
        super().call_soon_threadsafe(_nothing)  # wakes the loop
        return handle

    def take_from_threads(self) -> bool:
        """Call next what threads want called; False if that is nothing. For the loop alone."""
        took = False
        while self._from_threads:
            handle, schedule = self._from_threads.popleft()
            if not handle.cancelled():
                schedule()
                took = True
        return took

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Wait for the threads of `asyncio.to_thread`, in real time."""
        del timeout  # 300 s by default, which would be over at once
        with self.waiting_for_thread():
            await super().shutdown_default_executor()

    @contextmanager
    def waiting_for_thread(self) -> Generator[None, None, None]:
        """Keep the clock still for a block that gives a thread work, and waits for its result.

        `asyncio.to_thread` and `run_in_executor` need none, nor do duologue's own threads. `asyncio.wrap_future` does,
        and what waits for a thread that calls `call_soon_threadsafe`.
        """
        self.in_threads += 1
        try:
            yield
        except asyncio.CancelledError:
            self._abandoned += 1
            raise
        finally:
            self.in_threads -= 1

    def _waited(self, result: asyncio.Future[Any]) -> None:
        self.in_threads -= 1
        self._abandoned += result.cancelled()

    def _report(self, thread: str) -> None:
        if self._abandoned:
            self._abandoned -= 1
            return
        if self._grace_s or thread in self._reported:
            return
        self._reported.add(thread)
        _logger.warning(
            "virtual time did not wait for the thread %s, which has called now, so runs may differ: await it with"
            " asyncio.to_thread, wait in a block of duologue.clock.waiting_for_thread, or set grace_s",
            printable(thread),
        )

    async def subprocess_exec(self, *_: Any, **__: Any) -> NoReturn:
        """Refused: a process has real time."""
        _refuse_process()

    async def subprocess_shell(self, *_: Any, **__: Any) -> NoReturn:
        """Refused: a process has real time."""
        _refuse_process()


def _nothing() -> None:
    """Has the loop look around."""


def _refuse_process() -> NoReturn:
    raise VirtualTimeError(
        "a process of its own keeps real time, and the clock would jump while it works: run the server on this loop"
        " (duologue.server.serve), or this program without virtual time"
    )


def run_in_virtual_time(
    main: Coroutine[Any, Any, R],
    *,
    seed: int = 0,
    grace_s: float = 0.0,
    patience_s: float = _PATIENCE_S,
    max_s: float = _MAX_S,
) -> R:
    """Run a coroutine as `asyncio.run` does, on a `VirtualTimeLoop`, which says what the keywords are.

    Raises:
        VirtualTimeError: a wait would never end. What the coroutine raises passes through.
    """
    make = partial(VirtualTimeLoop, seed=seed, grace_s=grace_s, patience_s=patience_s, max_s=max_s)
    with asyncio.Runner(loop_factory=make) as runner:
        return runner.run(main)


def running_clock() -> VirtualClock:
    """The clock of the loop that runs in this thread.

    Raises:
        VirtualTimeError: that loop keeps real time.
        RuntimeError: no loop runs.
    """
    loop = asyncio.get_running_loop()
    if isinstance(loop, VirtualTimeLoop):
        return loop.clock
    kind = f"{type(loop).__module__}.{type(loop).__qualname__}"
    why = " (uvloop's clock cannot be set)" if kind.startswith("uvloop") else ""
    raise VirtualTimeError(
        f"the running event loop, {kind}, keeps real time{why}: begin with run_in_virtual_time(main()), or"
        " asyncio.Runner(loop_factory=VirtualTimeLoop)"
    )


class _Selector(selectors.BaseSelector):
    """Waits by moving the clock, once nothing else can happen."""

    def __init__(self, loop: VirtualTimeLoop, *, grace_s: float, patience_s: float) -> None:
        self._loop = loop
        self._grace_s = grace_s
        self._patience_s = patience_s
        self._real = selectors.DefaultSelector()
        self._traffic = SocketTraffic()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What can be read and written; without any of it, the clock has jumped by the timeout."""
        if timeout is not None and timeout <= 0:
            return self._real.select(0)
        if ready := self._look():
            return ready
        if self._loop.take_from_threads():
            return []
        if self._loop.in_threads or timeout is None:
            return self._wait()
        if self._grace_s and (ready := self._real.select(self._grace_s)):
            return ready
        self._loop.clock._jump(timeout)
        return []

    def _look(self) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready once no bytes are under way between the loop's sockets."""
        for number in range(_LOOKS):
            if ready := self._real.select(0 if number < _QUICK_LOOKS else _LOOK_S):
                return ready
            if not self._traffic.is_under_way():
                return self._real.select(0)  # it may have come between the two
        self._traffic.give_up()
        return []

    def _wait(self) -> list[tuple[selectors.SelectorKey, int]]:
        if ready := self._real.select(self._patience_s):
            return ready
        if self._loop.in_threads:
            raise VirtualTimeError(
                f"a thread has worked for {self._patience_s:g} s, and virtual time waits for it (patience_s). Does it"
                " sleep, wait for what this loop is to do later, or run a blocking client? Time passes on the loop only"
            )
        raise VirtualTimeError(
            f"nothing is due, and nothing has come for {self._patience_s:g} s: all tasks wait for each other, or for"
            " what is outside of this loop (patience_s)"
        )

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """As the system's selector does."""
        key = self._real.register(fileobj, events, data)
        self._traffic.add(key.fd)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """As the system's selector does."""
        key = self._real.unregister(fileobj)
        self._traffic.remove(key.fd)
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """As the system's selector does."""
        return self._real.modify(fileobj, events, data)

    def close(self) -> None:
        """As the system's selector does."""
        self._traffic.close()
        self._real.close()

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """As the system's selector does."""
        return self._real.get_map()
