from __future__ import annotations

import asyncio
import socket
import sys

import pytest

from duologue.server.run.listening_socket import bind
from duologue.server.workers.accepting import Accepting
from duologue.server.workers.placement import Placement

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows passes no sockets")


class Worker:
    """Takes connections, or has a fault."""

    def __init__(self, fault: OSError | None = None) -> None:
        self.fault = fault
        self.asked = 0
        self.taken: asyncio.Queue[socket.socket] = asyncio.Queue()

    def hand_over(self, client: socket.socket) -> None:
        self.asked += 1
        if self.fault is not None:
            raise self.fault
        self.taken.put_nowait(client.dup())


def placed(*numbers: int) -> Placement:
    placement = Placement()
    for number in numbers:
        placement.add(number)
    return placement


async def test_a_client_that_sends_nothing_is_handed_over_all_the_same() -> None:
    worker, placement, listening = Worker(), placed(1), bind("127.0.0.1", 0)
    accepting = Accepting(listening, placement, {1: worker})
    accepting.start()
    clients = [socket.create_connection(listening.getsockname()) for _ in range(40)]
    for _ in clients:
        (await asyncio.wait_for(worker.taken.get(), 5)).close()
    for client in clients:
        client.close()
    accepting.close()


@pytest.mark.parametrize(
    ("fault", "stays"),
    [(BrokenPipeError(), False), (BlockingIOError(), True), (OSError(109, "too many references"), True)],
)
async def test_a_worker_that_has_died_is_asked_no_more_and_one_that_is_full_is(fault: OSError, stays: bool) -> None:
    bad, good, placement, listening = Worker(fault), Worker(), placed(1, 2), bind("127.0.0.1", 0)
    accepting = Accepting(listening, placement, {1: bad, 2: good})
    accepting.start()
    for _ in range(2):
        with socket.create_connection(listening.getsockname()):
            (await asyncio.wait_for(good.taken.get(), 5)).close()
    assert (bad.asked, len(placement)) == ((2, 2) if stays else (1, 1))
    accepting.close()


async def test_without_a_worker_that_answers_connections_wait_in_the_queue_of_the_system() -> None:
    worker, placement, listening = Worker(), placed(1), bind("127.0.0.1", 0)
    placement.pass_over(frozenset({1}))
    accepting = Accepting(listening, placement, {1: worker})
    accepting.start()
    with socket.create_connection(listening.getsockname()) as client:
        await asyncio.sleep(0)
        assert worker.asked == 0
        placement.pass_over(frozenset())
        taken = await asyncio.wait_for(worker.taken.get(), 5)
        assert taken.getpeername() == client.getsockname()
        taken.close()
    accepting.close()


async def test_what_is_queued_at_the_end_is_handed_over_before_the_socket_is_closed() -> None:
    worker, placement, listening = Worker(), placed(1), bind("127.0.0.1", 0)
    accepting = Accepting(listening, placement, {1: worker})
    accepting.start()
    with socket.create_connection(listening.getsockname()):
        accepting.release()
        assert worker.asked == 1
        worker.taken.get_nowait().close()
    assert listening.fileno() < 0
