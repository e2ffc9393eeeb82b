from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from duologue import blocking
from duologue.client.limits import MAX_QUEUED_EVENTS
from duologue.errors import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK, LocalProtocolError
from duologue.events import InputAudioBufferCommitEvent, ResponseCancelEvent
from duologue.transports import MemoryTransport
from duologue.transports.blocking import BlockingMemoryTransport, blocking_memory_pair
from tests.client._frames import INVALID_KEY, cleared, greeting
from tests.client._threads import no_thread_left

Ends = tuple[MemoryTransport, BlockingMemoryTransport]


@pytest.fixture
def ends() -> Ends:
    """The client's end, and the server's."""
    return blocking_memory_pair()


def test_leaving_the_block_sends_what_is_waiting_in_order_and_then_closes(ends: Ends) -> None:
    with no_thread_left(), blocking.connect(transport=ends[0]) as connection:
        for number in range(200):
            connection.send(ResponseCancelEvent(event_id=str(number)), timeout=5)
    received = [json.loads(ends[1].receive(timeout=5))["event_id"] for _ in range(200)]
    assert received == [str(number) for number in range(200)]
    with pytest.raises(ConnectionClosedOK):
        ends[1].receive(timeout=5)


def test_a_mapping_is_sent_as_the_event_that_it_describes(ends: Ends) -> None:
    with blocking.connect(transport=ends[0]) as connection:
        connection.send({"type": "conversation.item.delete", "event_id": "e1", "item_id": "item_1"}, timeout=5)
        sent = json.loads(ends[1].receive(timeout=5))
        assert sent == {"type": "conversation.item.delete", "event_id": "e1", "item_id": "item_1"}
        with pytest.raises(LocalProtocolError, match=r"^item_id: it is missing"):
            connection.send({"type": "conversation.item.delete"}, timeout=5)


def test_a_receive_that_waits_too_long_times_out_and_the_session_goes_on(ends: Ends) -> None:
    with blocking.connect(transport=ends[0]) as connection:
        for number in range(3):
            with pytest.raises(TimeoutError, match=r"0\.01 s"):
                connection.receive(timeout=0.01)
            ends[1].send(cleared(number))
            assert connection.receive(timeout=5).event_id == str(number)


def test_audio_goes_out_as_the_event_that_it_is(ends: Ends) -> None:
    with blocking.connect(transport=ends[0]) as connection:
        connection.append(b"\x01\x02", timeout=5)
        assert json.loads(ends[1].receive(timeout=5)) == {"type": "input_audio_buffer.append", "audio": "AQI="}


def test_iteration_ends_when_the_server_leaves_as_agreed(ends: Ends) -> None:
    with blocking.connect(transport=ends[0]) as connection:
        ends[1].send(cleared(1))
        ends[1].close(1000, "bye")
        assert [event.event_id for event in connection] == ["1"]


def test_every_call_after_the_end_learns_of_it(ends: Ends) -> None:
    with blocking.connect(transport=ends[0]) as connection:
        ends[1].close(4000, "why")
        for _ in range(3):
            with pytest.raises(ConnectionClosedError, match="4000"):
                connection.receive(timeout=5)
            with pytest.raises(ConnectionClosedError, match="4000"):
                connection.send(InputAudioBufferCommitEvent(), timeout=5)
            with pytest.raises(ConnectionClosedError, match="4000"):
                connection.append(b"\0\0", timeout=5)


def test_nothing_can_be_sent_once_the_client_has_closed(ends: Ends) -> None:
    with blocking.connect(transport=ends[0]) as connection:
        connection.close()
        connection.close()
        with pytest.raises(ConnectionClosed):
            connection.send(InputAudioBufferCommitEvent())


def test_a_server_that_does_not_read_makes_senders_wait_and_is_closed_in_time() -> None:
    one, _other = blocking_memory_pair(capacity=4)
    sent = 0
    # Those in the queue, the one on its way, and those in the pipe.
    most = MAX_QUEUED_EVENTS + 1 + 4
    with no_thread_left(), blocking.connect(transport=one) as connection:

        def send_until_it_waits() -> None:
            nonlocal sent
            while sent <= most:
                # The task that writes may take its time to fill the pipe; after that nothing can make room.
                connection.send(InputAudioBufferCommitEvent(), timeout=5 if sent < most else 0.1)
                sent += 1

        with pytest.raises(TimeoutError, match=r"0\.1 s"):
            send_until_it_waits()
        began = time.monotonic()
    assert sent == most
    assert time.monotonic() - began < 5


def test_a_sender_that_waits_is_released_when_the_session_ends() -> None:
    one, other = blocking_memory_pair(capacity=1)
    with no_thread_left(), ThreadPoolExecutor() as pool, blocking.connect(transport=one) as connection:

        def send_without_end() -> None:
            while True:
                connection.send(InputAudioBufferCommitEvent())

        sending = pool.submit(send_without_end)
        other.receive(timeout=5)
        other.close(1000)
        with pytest.raises(ConnectionClosed):
            sending.result(5)


@pytest.mark.parametrize("fault", [ZeroDivisionError("mine"), KeyboardInterrupt(), SystemExit(3)])
def test_what_the_block_raises_comes_out_as_it_is_and_no_thread_stays(ends: Ends, fault: BaseException) -> None:
    with no_thread_left(), pytest.raises(type(fault)) as caught, blocking.connect(transport=ends[0]):
        raise fault
    assert caught.value is fault


def test_the_session_the_last_error_and_the_dialect_are_at_hand(ends: Ends) -> None:
    with blocking.connect(transport=ends[0]) as connection:
        assert (connection.session, connection.last_error, connection.dialect) == (None, None, "openai")
        ends[1].send(json.dumps({"event_id": "e", **greeting("s")}))
        ends[1].send(json.dumps(INVALID_KEY))
        connection.receive(timeout=5)
        connection.receive(timeout=5)
        assert getattr(connection.session, "id", None) == "s"
        assert connection.last_error is not None
