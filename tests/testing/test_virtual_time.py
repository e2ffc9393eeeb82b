"""Time in a loop that need not wait, over real sockets."""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial

import pytest

from bench.virtual_hour import call
from duologue import blocking
from duologue.chance import random_bytes, random_number
from duologue.clock import local_date, unix_time, waiting_for_thread
from duologue.testing.virtual_time import (
    BEGAN_AT_UNIX_S,
    VirtualTimeError,
    run_in_virtual_time,
    running_clock,
)


async def ticks(seconds: float) -> None:
    """Has something due, for ever."""
    for _ in itertools.count():
        await asyncio.sleep(seconds)


def test_an_hour_passes_at_once_and_timers_keep_their_order() -> None:
    async def main() -> list[tuple[str, float]]:
        clock, seen = running_clock(), list[tuple[str, float]]()

        async def after(name: str, seconds: float) -> None:
            await asyncio.sleep(seconds)
            seen.append((name, clock.now))

        async with asyncio.TaskGroup() as tasks:
            for name, seconds in (("late", 3599.5), ("soon", 0.25), ("last", 3600.0)):
                tasks.create_task(after(name, seconds))
            await clock.advance(3600)
            seen.append(("advanced", clock.now))
        return seen

    assert run_in_virtual_time(main()) == [
        ("soon", 0.25),
        ("late", 3599.5),
        ("last", 3600.0),
        ("advanced", 3600.0),
    ]


def test_time_limits_are_kept_to_the_nanosecond() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await asyncio.Event().wait()
        for _ in range(1000):
            await asyncio.sleep(0.1)
        return running_clock().now

    assert run_in_virtual_time(main()) == 100.1


def test_who_is_woken_early_and_waits_for_the_rest_does_not_wait_for_ever() -> None:
    async def main() -> int:
        loop, woken = asyncio.get_running_loop(), 0
        due = math.nextafter(79.1, math.inf)
        await asyncio.sleep(79.1)
        while loop.time() < due:
            woken += 1
            await asyncio.sleep(due - loop.time())
        return woken

    assert run_in_virtual_time(main()) == 1


def test_the_clock_stands_still_while_sockets_are_busy() -> None:
    async def main() -> tuple[bytes, float]:
        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
            writer.close()

        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        message = bytes(range(256)) * 40_000  # more than the kernel keeps
        writer.write(message)
        writer.write_eof()
        came = await asyncio.wait_for(reader.read(-1), 0.001)
        now = running_clock().now
        writer.close()
        server.close()
        return came, now

    came, now = run_in_virtual_time(main())
    assert (len(came), now) == (256 * 40_000, 0.0)


def test_the_clock_stands_still_while_a_thread_works() -> None:
    async def main() -> tuple[str, str, str, float]:
        loop, begun, go = asyncio.get_running_loop(), threading.Event(), threading.Event()

        def work(name: str) -> str:
            begun.set()
            assert go.wait(5)
            return name

        def let_go() -> None:
            begun.wait(5)
            go.set()

        async def own_thread() -> str:
            answer: asyncio.Future[str] = loop.create_future()
            thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(answer.set_result, work("own")))
            with waiting_for_thread():
                thread.start()
                return await answer

        async def pool() -> str:
            with ThreadPoolExecutor(1) as executor, waiting_for_thread():
                return await asyncio.wrap_future(executor.submit(work, "pool"))

        ticking = asyncio.ensure_future(ticks(0.5))
        threading.Thread(target=let_go).start()
        results = await asyncio.gather(asyncio.to_thread(work, "default"), own_thread(), pool())
        ticking.cancel()
        return *results, running_clock().now

    assert run_in_virtual_time(main()) == ("default", "own", "pool", 0.0)


def test_what_a_thread_has_made_comes_when_nothing_else_is_to_do_at_its_moment() -> None:
    async def main() -> list[str]:
        loop, seen, done = asyncio.get_running_loop(), list[str](), threading.Event()
        answer: asyncio.Future[None] = loop.create_future()

        def work() -> None:
            loop.call_soon_threadsafe(seen.append, "never").cancel()
            loop.call_soon_threadsafe(answer.set_result, None)
            done.set()

        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(1):
                writer.write(data)
            writer.close()

        async def exchange(address: tuple[str, int]) -> None:
            reader, writer = await asyncio.open_connection(*address)
            for _ in range(20):
                writer.write(b"x")
                await reader.readexactly(1)
            writer.close()
            seen.append("sockets")

        async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
            with waiting_for_thread():
                threading.Thread(target=work).start()
                assert done.wait(5)  # it is done long before the sockets are
                exchanging = asyncio.ensure_future(exchange(server.sockets[0].getsockname()))
                await answer
                seen.append("thread")
            await exchanging
        assert running_clock().now == 0
        return seen

    assert run_in_virtual_time(main()) == ["sockets", "thread"]


def test_threads_that_are_given_up_are_not_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    go, ended = threading.Event(), threading.Event()

    def work() -> None:
        go.wait(5)
        ended.set()

    async def main() -> float:
        loop = asyncio.get_running_loop()
        for waiting in (asyncio.to_thread(work), loop.run_in_executor(None, work)):
            task = asyncio.ensure_future(waiting)
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
        await asyncio.sleep(5)
        go.set()
        return running_clock().now

    assert run_in_virtual_time(main()) == 5.0
    assert ended.wait(5)
    assert caplog.messages == []


def test_a_thread_of_which_the_loop_was_not_told_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    async def main(count: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(count):
            answer = loop.create_future()
            thread = threading.Thread(
                target=partial(loop.call_soon_threadsafe, answer.set_result, None), name="stranger\n"
            )
            thread.start()
            await answer

    with caplog.at_level(logging.WARNING):
        run_in_virtual_time(main(2))
        assert len(caplog.messages) == 1
        assert "thread stranger\\n" in caplog.messages[0]
        caplog.clear()
        run_in_virtual_time(main(1), grace_s=0.001)
        assert caplog.messages == []


def test_grace_waits_for_what_the_loop_cannot_see() -> None:
    async def main() -> float:
        ours, other = socket.socketpair()
        ours.setblocking(False)
        with ours, other:
            began = threading.Event()
            answering = threading.Thread(target=lambda: (began.wait(5), other.send(b"x")))
            answering.start()
            loop = asyncio.get_running_loop()
            loop.call_soon(began.set)
            async with asyncio.timeout(1):
                assert await loop.sock_recv(ours, 1) == b"x"
            answering.join(5)
        return running_clock().now

    assert run_in_virtual_time(main(), grace_s=5) == 0.0


def test_two_runs_have_the_same_dates_and_the_same_chance() -> None:
    async def main() -> tuple[float, datetime, bytes, float]:
        await asyncio.sleep(30)
        return unix_time(), local_date(), random_bytes(8), random_number()

    one, two, other = (run_in_virtual_time(main(), seed=seed) for seed in (1, 1, 2))
    assert one == two
    assert one[:2] == (BEGAN_AT_UNIX_S + 30, datetime(2026, 1, 1, 0, 0, 30, tzinfo=UTC))
    assert one[2:] != other[2:]


def test_a_wait_that_would_not_end_is_an_error() -> None:
    async def nothing_due() -> None:
        await asyncio.Event().wait()

    with pytest.raises(VirtualTimeError, match=r"nothing is due, and nothing has come for 0\.01 s"):
        run_in_virtual_time(nothing_due(), patience_s=0.01)
    with pytest.raises(VirtualTimeError, match="3600 s of virtual time have passed, which is the limit"):
        run_in_virtual_time(ticks(60), max_s=3600)


def test_a_thread_that_does_not_end_is_an_error() -> None:
    go = threading.Event()

    async def main() -> None:
        with waiting_for_thread():
            await asyncio.wrap_future(pool.submit(go.wait, 5))

    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(VirtualTimeError, match=r"a thread has worked for 0\.01 s"):
            run_in_virtual_time(main(), patience_s=0.01)
        go.set()


async def test_a_loop_in_real_time_has_no_such_clock() -> None:
    with pytest.raises(VirtualTimeError, match=r"asyncio.*keeps real time: begin with run_in_virtual_time"):
        running_clock()


def test_uvloop_has_no_such_clock() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def main() -> None:
        running_clock()

    with (
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        pytest.raises(VirtualTimeError, match=r"uvloop\.Loop, keeps real time \(uvloop's clock cannot be set\)"),
    ):
        runner.run(main())


def test_processes_and_blocking_clients_are_refused() -> None:
    async def main() -> None:
        with pytest.raises(VirtualTimeError, match="a process of its own keeps real time"):
            await asyncio.create_subprocess_exec("true")
        with pytest.raises(VirtualTimeError, match="a process of its own keeps real time"):
            await asyncio.create_subprocess_shell("true")
        with pytest.raises(RuntimeError, match="use the asyncio client"), blocking.connect("ws://127.0.0.1:1"):
            pass

    run_in_virtual_time(main())


def test_time_does_not_go_back() -> None:
    async def main() -> None:
        await running_clock().advance(-1)

    with pytest.raises(ValueError, match="time does not go back: -1 s"):
        run_in_virtual_time(main())


def test_a_fault_of_what_runs_passes_through() -> None:
    async def main() -> None:
        await asyncio.sleep(1)
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        run_in_virtual_time(main())


@pytest.mark.parametrize(("minutes", "piece_ms"), [(1.0, 100), (0.25, 20)])
def test_a_call_over_sockets_is_the_same_in_every_run(minutes: float, piece_ms: int) -> None:
    """To the byte of its recording, with a transcriber and functions in threads, interruptions and playback."""
    calls = [call(minutes=minutes, piece_ms=piece_ms) for _ in range(3)]
    assert len({each.digest for each in calls}) == 1
    assert calls[0].turns > 15 * minutes
