from __future__ import annotations

import json
import socket
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

import pytest

from duologue import blocking
from duologue.client import Endpoint
from duologue.client.limits import MAX_QUEUED_EVENTS
from duologue.errors import (
    ConnectFailed,
    ConnectionClosed,
    ConnectionClosedError,
    ConnectionClosedOK,
    LocalProtocolError,
)
from duologue.events import (
    InputAudioBufferClearedEvent,
    InputAudioBufferCommitEvent,
    RealtimeEvent,
    ResponseCancelEvent,
)
from duologue.server import RealtimeApp
from duologue.testing import scripted_app_engines, scripted_engines
from duologue.transports import MemoryTransport
from duologue.transports.blocking import BlockingMemoryTransport, blocking_memory_pair
from tests.client._threads import aside, no_thread_left
from tests.server._listening import listening

ERROR = {
    "type": "error",
    "event_id": "e",
    "error": {"type": "invalid_request_error", "code": "invalid_api_key", "message": "Incorrect API key provided."},
}
SESSION = '{"type":"session.created","event_id":"e","session":{"type":"realtime","id":"s","object":"o"}}'

Ends = tuple[MemoryTransport, BlockingMemoryTransport]


def cleared(number: int) -> str:
    """A small server event with a number as its id."""
    return f'{{"type":"input_audio_buffer.cleared","event_id":"{number}"}}'


@pytest.fixture
def ends() -> Ends:
    """The client's end, and the server's."""
    return blocking_memory_pair()


def test_events_come_in_the_order_in_which_they_were_sent(ends: Ends) -> None:
    with blocking.connect(transport=ends[0]) as connection:
        for number in range(100):
            ends[1].send(cleared(number))
        assert [connection.receive(timeout=5).event_id for _ in range(100)] == [str(n) for n in range(100)]


def test_leaving_the_block_sends_what_is_waiting_in_order_and_then_closes(ends: Ends) -> None:
    with no_thread_left(), blocking.connect(transport=ends[0]) as connection:
        for number in range(200):
            connection.send(ResponseCancelEvent(event_id=str(number)), timeout=5)
    received = [json.loads(ends[1].receive(timeout=5))["event_id"] for _ in range(200)]
    assert received == [str(number) for number in range(200)]
    with pytest.raises(ConnectionClosedOK):
        ends[1].receive(timeout=5)


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


def test_iteration_raises_when_the_server_hangs_up_and_brings_its_last_error(ends: Ends) -> None:
    with blocking.connect(transport=ends[0]) as connection:
        ends[1].send(json.dumps(ERROR))
        ends[1].close(3000, "invalid_request_error.invalid_api_key")
        events = iter(connection)
        assert next(events).type == "error"
        with pytest.raises(ConnectionClosedError) as caught:
            next(events)
        assert caught.value.code == 3000
        assert caught.value.error is not None
        assert caught.value.error.error.code == "invalid_api_key"


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


def test_what_only_servers_send_is_refused_and_the_session_goes_on(ends: Ends) -> None:
    with blocking.connect(transport=ends[0]) as connection:
        with pytest.raises(LocalProtocolError):
            connection.send(InputAudioBufferClearedEvent(event_id="x"))
        connection.send(InputAudioBufferCommitEvent(), timeout=5)
        assert json.loads(ends[1].receive(timeout=5))["type"] == "input_audio_buffer.commit"


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


def test_a_sender_that_waits_is_let_go_when_the_session_ends() -> None:
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


def test_a_receiver_that_waits_is_let_go_when_another_thread_closes(ends: Ends) -> None:
    with no_thread_left(), ThreadPoolExecutor() as pool, blocking.connect(transport=ends[0]) as connection:
        receiving = pool.submit(connection.receive)
        with pytest.raises(LocalProtocolError, match="another thread"):
            until_refused(connection)
        connection.close()
        with pytest.raises(ConnectionClosedOK):
            receiving.result(5)


def test_a_receiver_that_waits_is_let_go_when_the_block_is_left_by_an_exception(ends: Ends) -> None:
    with no_thread_left(), ThreadPoolExecutor() as pool:
        waiting: list[Future[RealtimeEvent]] = []
        with suppress(BodyError), blocking.connect(transport=ends[0]) as connection:
            waiting.append(pool.submit(connection.receive))
            raise BodyError
        with pytest.raises(ConnectionClosedOK):
            waiting[0].result(5)


def until_refused(connection: blocking.BlockingConnection) -> None:
    """Receive for a moment at a time until another thread does; five seconds at most."""
    ends_at = time.monotonic() + 5
    while time.monotonic() < ends_at:
        with pytest.raises(TimeoutError):
            connection.receive(timeout=0.001)


class BodyError(Exception):
    """What an application raises."""


@pytest.mark.parametrize("fault", [BodyError("mine"), KeyboardInterrupt(), SystemExit(3)])
def test_what_the_block_raises_comes_out_as_it_is_and_no_thread_stays(ends: Ends, fault: BaseException) -> None:
    with no_thread_left(), pytest.raises(type(fault)) as caught, blocking.connect(transport=ends[0]):
        raise fault
    assert caught.value is fault


def test_the_session_the_last_error_and_the_dialect_are_at_hand(ends: Ends) -> None:
    with blocking.connect(transport=ends[0]) as connection:
        assert (connection.session, connection.last_error, connection.dialect) == (None, None, "openai")
        ends[1].send(SESSION)
        ends[1].send(json.dumps(ERROR))
        connection.receive(timeout=5)
        connection.receive(timeout=5)
        assert getattr(connection.session, "id", None) == "s"
        assert connection.last_error is not None


def test_an_endpoint_takes_the_place_of_its_parts_and_not_both_are_taken(ends: Ends) -> None:
    with blocking.connect(Endpoint(dialect="openai-beta"), transport=ends[0]) as connection:
        assert connection.dialect == "openai-beta"
    with pytest.raises(TypeError, match="not both"), blocking.connect(Endpoint(), model="m", transport=ends[0]):
        pass
    with pytest.raises(ValueError, match="no dialect 'klingon'"):
        blocking.connect(dialect="klingon", transport=ends[0]).__enter__()


def test_a_part_that_there_is_not_is_refused() -> None:
    with pytest.raises(TypeError, match="nonsense"):
        blocking.connect("ws://127.0.0.1:9", nonsense="m").__enter__()  # type: ignore[call-arg]  # what is tested


def test_a_server_that_is_not_there_is_a_sentence_and_leaves_no_thread() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        url = f"ws://127.0.0.1:{unused.getsockname()[1]}"
    with no_thread_left(), pytest.raises(ConnectFailed, match="cannot reach ws://127") as caught, blocking.connect(url):
        pass
    assert caught.value.retryable


def test_a_session_with_our_server_is_greeted_and_closed_without_a_trace() -> None:
    app = RealtimeApp(engines=scripted_app_engines(scripted_engines()))
    with no_thread_left(), aside(lambda: listening(app)) as url, no_thread_left(), blocking.connect(url) as connection:
        assert connection.receive(timeout=5).type == "session.created"
        assert connection.session is not None
        with pytest.raises(TimeoutError):
            connection.receive(timeout=0.05)
