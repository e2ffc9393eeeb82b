"""Events on their way to the thread that receives them."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

import pytest

from duologue import blocking
from duologue.client.limits import MAX_QUEUED_EVENTS
from duologue.errors import ConnectionClosed, ConnectionClosedOK, LocalProtocolError
from duologue.events import RealtimeEvent
from duologue.transports.blocking import blocking_memory_pair
from tests.client._frames import cleared
from tests.client._threads import no_thread_left


def test_an_application_that_does_not_read_stops_the_server_from_sending() -> None:
    one, other = blocking_memory_pair(capacity=4)
    sent = 0
    with ThreadPoolExecutor() as pool, blocking.connect(transport=one) as connection:

        def send_without_end() -> None:
            nonlocal sent
            while True:
                other.send(cleared(sent))
                sent += 1

        sending = pool.submit(send_without_end)
        assert connection.receive(timeout=5).event_id == "0"
        with pytest.raises(TimeoutError):
            sending.result(0.3)
        # The one received, those in the queue, the one on its way, and those in the pipe.
        assert (count := sent - 1) == MAX_QUEUED_EVENTS + 1 + 4
        assert [connection.receive(timeout=5).event_id for _ in range(count)] == [str(n + 1) for n in range(count)]
        connection.close()
        with pytest.raises(ConnectionClosed):
            sending.result(5)


def test_a_receiver_that_waits_is_released_when_another_thread_closes() -> None:
    with (
        no_thread_left(),
        ThreadPoolExecutor() as pool,
        blocking.connect(transport=blocking_memory_pair()[0]) as connection,
    ):
        receiving = pool.submit(connection.receive)
        with pytest.raises(LocalProtocolError, match="another thread"):
            until_refused(connection)
        connection.close()
        with pytest.raises(ConnectionClosedOK):
            receiving.result(5)


def test_a_receiver_that_waits_is_released_when_the_block_is_left_by_an_exception() -> None:
    with no_thread_left(), ThreadPoolExecutor() as pool:
        waiting: list[Future[RealtimeEvent]] = []
        with suppress(ZeroDivisionError), blocking.connect(transport=blocking_memory_pair()[0]) as connection:
            waiting.append(pool.submit(connection.receive))
            raise ZeroDivisionError
        with pytest.raises(ConnectionClosedOK):
            waiting[0].result(5)


def until_refused(connection: blocking.BlockingConnection) -> None:
    """Receive for a moment at a time until another thread does; five seconds at most."""
    ends_at = time.monotonic() + 5
    while time.monotonic() < ends_at:
        with pytest.raises(TimeoutError):
            connection.receive(timeout=0.001)
