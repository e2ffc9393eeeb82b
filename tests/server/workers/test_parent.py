"""Real processes: what one worker does not know, the parent does."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack

import pytest

from duologue import Conversation, attach_live, connect, converse, fork_live, live
from duologue.errors import ConnectionClosed, DuologueError, NotConnected, RequestRejected
from duologue.server.run.listening_socket import bind
from duologue.server.workers.parent import Parent
from duologue.server.workers.worker_process import WorkerProcess
from tests.server.workers._serving import KEY, Served, serving

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="/proc tells which process is a worker"),
    pytest.mark.timeout(120),
]


def falls(before: dict[str, float], after: dict[str, float]) -> list[str]:
    """Counters that are less than they were."""
    return [
        name
        for name, value in before.items()
        if name.partition("{")[0].endswith(("_total", "_count", "_sum", "_bucket")) and after.get(name, -1) < value
    ]


async def eventually(holds: Callable[[], Awaitable[bool]], *, within_s: float = 10) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(within_s):
        while not await holds():  # noqa: ASYNC110 - other processes set no events
            await asyncio.sleep(0.05)


async def test_calls_are_spread_a_killed_worker_s_clients_come_back_and_no_counter_falls() -> None:
    async with serving() as server, AsyncExitStack() as stack:
        opening = (stack.enter_async_context(converse(server.url, api_key=KEY)) for _ in range(20))
        calls = await asyncio.gather(*opening)
        for call in calls:
            await call.ask("My name is Ann.")
        idle = [stack.enter_async_context(connect(server.url, api_key=KEY)) for _ in range(40)]
        await asyncio.gather(*idle)
        before, workers = await server.figures(), server.workers()
        assert before["duologue_sessions_open"] == 60
        os.kill(workers[0], signal.SIGKILL)
        async with asyncio.timeout(10):
            answers = await asyncio.gather(*(asked_again(call) for call in calls))
        assert all(answers)

        async def restarted() -> bool:
            return (await server.figures())["duologue_worker_restarts_total"] == 1

        await eventually(restarted)
        after = await server.figures()
        assert falls(before, after) == []
        assert 28 <= after['duologue_sessions_closed_total{code="1006"}'] <= 32
        for call in calls:
            assert any("Ann" in str(item) for item in call.items)

        made = [await server.post("/v1/realtime/client_secrets", json={}) for _ in range(40)]
        for each in made:
            async with connect(server.url, api_key=each.json()["value"]):
                pass

        async with live(server.http, model="gpt-live-1", session={"store": True}, api_key=KEY) as session:
            assert session.session is not None
            session_id = session.session.id
            for _ in range(4):  # some come to the worker that has it, some to the other one
                async with attach_live(server.http, session_id, api_key=KEY):
                    pass
        for _ in range(4):
            async with fork_live(server.http, session_id, api_key=KEY):
                pass

        workers = server.workers()
        server.signal(signal.SIGKILL)
        await server.gone(workers)  # they have noticed it by themselves


async def asked_again(call: Conversation) -> str:
    """The answer to a question of a client whose connection may be lost."""
    while True:
        try:
            return str(await call.ask("And now?"))
        except (NotConnected, RequestRejected):
            await asyncio.sleep(0.05)


async def test_rates_and_limits_are_for_all_workers_and_a_client_with_a_key_may_end_them() -> None:
    async with serving("--limit", "sessions_per_minute=30", "--limit", "sessions=25") as server:
        assert await let_in(server, 60) == 25
        assert await let_in(server, 60) <= 6, "5 of 30 are left, and half a second passes"
        drained = await server.post("/v1/admin/drain")
        assert (drained.status_code, await server.ended()) == (202, 0)


async def let_in(server: Served, count: int) -> int:
    """How many of these stay at the same time."""

    async def come(stack: AsyncExitStack) -> bool:
        try:
            connection = await stack.enter_async_context(connect(server.url, api_key=KEY))
            return (await connection.receive()).type == "session.created"
        except ConnectionClosed:
            return False

    async with AsyncExitStack() as stack:
        return sum(await asyncio.gather(*(come(stack) for _ in range(count))))


async def test_a_reload_loses_no_call_that_ends_by_itself_and_so_does_the_end() -> None:
    async with serving("--drain", "end", "--limit", "drain_s=60") as server, AsyncExitStack() as stack:
        opening = (stack.enter_async_context(connect(server.url, api_key=KEY)) for _ in range(20))
        calls = await asyncio.gather(*opening)
        server.signal(signal.SIGHUP)

        async def replaced() -> bool:
            return len(server.workers()) == 4 and (await server.figures())["duologue_workers"] == 2

        await eventually(replaced, within_s=40)
        assert (await server.figures())["duologue_sessions_open"] == 20
        for call in calls:
            await call.send({"type": "session.update", "session": {"type": "realtime", "instructions": "Still here?"}})
            async with asyncio.timeout(5):
                while (await call.receive()).type != "session.updated":
                    pass
        for _ in range(4):  # in the new workers, whose drain has not begun
            await stack.enter_async_context(connect(server.url, api_key=KEY))
        server.signal(signal.SIGTERM)

        async def turned_away() -> bool:
            async with connect(server.url, api_key=KEY) as late:
                return "server_shutting_down" in str(await late.receive())

        await eventually(turned_away)
        await stack.aclose()
        assert await server.ended() == 0


async def test_a_server_whose_workers_cannot_start_says_so_and_ends_with_1() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "duologue", "serve", "--workers", "1", "--port", "0", "--no-webrtc"),
        *("--detector", "scripted", "--transcriber", "no-such-engine"),
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(100):
        _, log = await process.communicate()
    assert process.returncode == 1
    assert b"no-such-engine" in log
    assert b"3 workers have ended before they were ready" in log
    assert b"Traceback" not in log


async def test_a_system_that_starts_no_process_is_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_start(number: int, command: Sequence[str], *, workers: int) -> WorkerProcess:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(WorkerProcess, "start", no_start)
    listening = bind("127.0.0.1", 0)
    parent = Parent(command=["no"], workers=2, listening=listening, releases=False, on_listening=print)
    with pytest.raises(DuologueError, match="cannot start a worker: Too many open files"):
        async with asyncio.timeout(10):
            await parent.run()
    assert listening.fileno() < 0
