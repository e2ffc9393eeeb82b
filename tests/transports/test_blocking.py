from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from http import HTTPStatus
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection as BlockingServerConnection
from websockets.sync.server import serve as serve_blocking

from duologue.errors import ConnectFailed, ConnectionClosed, ConnectionClosedError, ConnectionClosedOK
from duologue.transports import blocking_websocket
from duologue.transports.blocking import BlockingTransport, blocking_memory_pair
from duologue.transports.blocking_websocket import BlockingWebSocketTransport, open_blocking_websocket
from duologue.transports.socket_options import SocketOptions
from tests.client._threads import aside, no_thread_left

STANDARD = SocketOptions()

Pair = Callable[[], AbstractContextManager[tuple[BlockingTransport, BlockingTransport]]]


@contextmanager
def in_memory() -> Generator[tuple[BlockingTransport, BlockingTransport], None, None]:
    yield blocking_memory_pair(capacity=8)


@contextmanager
def over_a_socket(
    options: SocketOptions = STANDARD,
) -> Generator[tuple[BlockingTransport, BlockingTransport], None, None]:
    """Both ends of one WebSocket, the server's in our transport too."""
    accepted: Future[BlockingServerConnection] = Future()
    over = threading.Event()

    def handle(connection: BlockingServerConnection) -> None:
        accepted.set_result(connection)
        over.wait(30)

    server = serve_blocking(handle, "127.0.0.1", 0, max_size=None, close_timeout=0.1)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    port = server.socket.getsockname()[1]
    try:
        client = open_blocking_websocket(f"ws://127.0.0.1:{port}/", options=options)
        far: Any = accepted.result(5)
        try:
            yield client, BlockingWebSocketTransport(far)
        finally:
            client.close()
    finally:
        over.set()
        server.shutdown()
        thread.join(10)


def send_all(to: BlockingTransport, messages: Sequence[str | bytes]) -> None:
    """Send one message after another."""
    for message in messages:
        to.send(message)


PAIRS = pytest.mark.parametrize("make_pair", [in_memory, over_a_socket])


@PAIRS
def test_messages_of_both_types_arrive_whole_and_in_order_both_ways(make_pair: Pair) -> None:
    sent: list[str | bytes] = ["", b"", "grüß dich \N{WAVING HAND SIGN}", b"\x00\xff", "x" * 256 * 1024]
    sent += [str(number) for number in range(100)]
    with make_pair() as ends, ThreadPoolExecutor() as pool:
        for one, other in (ends, ends[::-1]):
            sending = pool.submit(send_all, one, sent)
            assert [other.receive(timeout_s=5) for _ in sent] == sent
            sending.result(5)


@PAIRS
def test_a_receive_that_times_out_loses_nothing(make_pair: Pair) -> None:
    with make_pair() as (one, other):
        for number in range(3):
            with pytest.raises(TimeoutError):
                one.receive(timeout_s=0.01)
            with pytest.raises(TimeoutError):
                one.receive(timeout_s=0)
            other.send(str(number))
            assert one.receive(timeout_s=5) == str(number)


@PAIRS
def test_what_was_sent_before_a_close_is_received_and_then_everybody_learns_of_it(make_pair: Pair) -> None:
    with make_pair() as (one, other), ThreadPoolExecutor() as pool:
        one.send("last words")
        closing = pool.submit(one.close, 4000, "that was it")
        assert other.receive(timeout_s=5) == "last words"
        for _ in range(2):
            with pytest.raises(ConnectionClosedError, match="that was it") as caught:
                other.receive(timeout_s=5)
            assert caught.value.code == 4000
            with pytest.raises(ConnectionClosed):
                other.send("too late")
        closing.result(5)
        one.close()
        other.close()


@PAIRS
def test_a_close_lets_a_receiver_go_that_waits(make_pair: Pair) -> None:
    with make_pair() as (one, other), ThreadPoolExecutor() as pool:
        receiving, theirs = pool.submit(one.receive), pool.submit(other.receive)
        one.send("now they wait")
        assert theirs.result(5) == "now they wait"
        theirs = pool.submit(other.receive)
        one.close()
        for waiting in (receiving, theirs):
            with pytest.raises(ConnectionClosedOK):
                waiting.result(5)


@PAIRS
def test_a_sender_waits_for_a_peer_that_does_not_read_and_a_close_lets_it_go_in_time(
    make_pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert blocking_websocket._CLOSE_TIMEOUT_S + 2 <= 5
    monkeypatch.setattr(blocking_websocket, "_CLOSE_TIMEOUT_S", 0.1)
    with make_pair() as (one, _), ThreadPoolExecutor() as pool:

        def send_without_end() -> None:
            while True:
                one.send("x" * 1024 * 1024)

        sending = pool.submit(send_without_end)
        with pytest.raises(TimeoutError):
            sending.result(0.5)
        began = time.monotonic()
        one.close()
        assert time.monotonic() - began < 5
        with pytest.raises(ConnectionClosed):
            sending.result(5)


def test_unread_messages_do_not_hold_up_a_close(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocking_websocket, "_CLOSE_TIMEOUT_S", 20)
    with over_a_socket() as (one, other), ThreadPoolExecutor() as pool:
        pool.submit(send_all, other, list(map(str, range(1000))))
        assert one.receive(timeout_s=5) == "0"
        pool.submit(other.receive)
        began = time.monotonic()
        one.close()
        assert time.monotonic() - began < 10


# --- opening ----------------------------------------------------------------------------------------------------------


Answer = Callable[[Request], Response | None]


@contextmanager
def answering(answer: Answer) -> Generator[str, None, None]:
    """A server that looks at each handshake first; yields its URL."""
    with aside(lambda: _answering(answer)) as url:
        yield url


@asynccontextmanager
async def _answering(answer: Answer) -> AsyncGenerator[str, None]:
    from websockets.asyncio.server import serve

    async def greet(connection: ServerConnection) -> None:
        assert connection.request is not None
        await connection.send(connection.request.path)
        await connection.wait_closed()

    async with serve(
        greet, "127.0.0.1", 0, process_request=lambda _, request: answer(request), close_timeout=0.2
    ) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


def told(status: HTTPStatus, **headers: str) -> Response:
    """An answer that opens nothing."""
    from websockets.datastructures import Headers

    return Response(status.value, status.phrase, Headers(headers), b"")


@pytest.mark.parametrize(
    ("status", "retryable"),
    [(HTTPStatus.UNAUTHORIZED, False), (HTTPStatus.NOT_FOUND, False), (HTTPStatus.SERVICE_UNAVAILABLE, True)],
)
def test_a_refused_handshake_says_how_and_whether_to_come_back(status: HTTPStatus, retryable: bool) -> None:
    with (
        answering(lambda _: told(status)) as url,
        no_thread_left(),
        pytest.raises(ConnectFailed, match=str(status.value)) as caught,
    ):
        open_blocking_websocket(f"{url}/?key=secret", headers={"api-key": "secret"})
    assert caught.value.retryable is retryable
    assert "secret" not in str(caught.value)


def test_redirects_are_followed_within_the_origin_only() -> None:
    def answer(request: Request) -> Response | None:
        match request.path:
            case "/moved":
                return told(HTTPStatus.PERMANENT_REDIRECT, Location="/here?x=1")
            case "/away":
                return told(HTTPStatus.FOUND, Location="wss://elsewhere.example/")
            case "/round":
                return told(HTTPStatus.FOUND, Location="/round")
            case "/nowhere":
                return told(HTTPStatus.FOUND)
            case _:
                return None

    with answering(answer) as url, no_thread_left():
        transport = open_blocking_websocket(f"{url}/moved")
        assert transport.receive(timeout_s=5) == "/here?x=1"
        transport.close()
        for path, sentence in (("away", "another origin"), ("round", "more than 3 times"), ("nowhere", "HTTP 302")):
            with pytest.raises(ConnectFailed, match=sentence) as caught:
                open_blocking_websocket(f"{url}/{path}", headers={"api-key": "k"})
            assert not caught.value.retryable


@pytest.mark.parametrize(
    ("url", "sentence"),
    [("mailto:x", "not a WebSocket URL"), ("ws://127.0.0.1:port/", "not a WebSocket URL")],
)
def test_what_is_no_address_is_a_sentence(url: str, sentence: str) -> None:
    with pytest.raises(ConnectFailed, match=sentence):
        open_blocking_websocket(url)


def test_a_server_that_says_nothing_at_all_costs_the_time_limit_and_no_more() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, no_thread_left():
        url = f"ws://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ConnectFailed, match=r"did not answer within 0\.2 s") as caught:
            open_blocking_websocket(url, options=SocketOptions(open_timeout_s=0.2))
    assert caught.value.retryable


def test_headers_and_subprotocols_that_http_does_not_allow_are_refused_without_being_quoted() -> None:
    refused: list[tuple[dict[str, str], list[str]]] = [({"X-Key": "se\ncret"}, []), ({}, ["se cret"])]
    for headers, subprotocols in refused:
        with pytest.raises(ConnectFailed) as caught:
            open_blocking_websocket("ws://127.0.0.1:9/", headers=headers, subprotocols=subprotocols)
        assert "cret" not in str(caught.value)


# --- silence ----------------------------------------------------------------------------------------------------------

QUICK = SocketOptions(ping_interval_s=0.05, ping_timeout_s=0.1)


@asynccontextmanager
async def _deaf() -> AsyncGenerator[str, None]:
    """A server that stops reading once somebody is there."""
    from websockets.asyncio.server import serve

    over = asyncio.Event()

    async def ignore(connection: ServerConnection) -> None:
        connection.transport.pause_reading()
        await over.wait()
        connection.transport.abort()

    async with serve(ignore, "127.0.0.1", 0, ping_interval=None) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        over.set()


def test_a_connection_that_is_dead_although_it_looks_open_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    with aside(_deaf) as url, caplog.at_level(logging.WARNING), no_thread_left():
        transport = open_blocking_websocket(url, options=QUICK)
        began = time.monotonic()
        with pytest.raises(ConnectionClosedError, match="did not answer a ping"):
            transport.receive(timeout_s=5)
        assert time.monotonic() - began < 3
        transport.close()


def test_a_dead_connection_is_found_by_short_receives_and_behind_a_send_that_is_stuck() -> None:
    with aside(_deaf) as url, no_thread_left(), ThreadPoolExecutor() as pool:
        transport = open_blocking_websocket(url, options=QUICK)
        sending = pool.submit(send_all, transport, ["x" * 1024 * 1024] * 1000)

        def receive_for_ever() -> None:
            ends_at = time.monotonic() + 5
            while time.monotonic() < ends_at:
                try:
                    transport.receive(timeout_s=0.01)
                except TimeoutError:
                    continue

        with pytest.raises(ConnectionClosedError, match="did not answer a ping"):
            receive_for_ever()
        with pytest.raises(ConnectionClosedError):
            sending.result(5)
        transport.close()


def test_a_server_that_is_only_silent_is_left_alone_as_long_as_it_answers_pings() -> None:
    with answering(lambda _: None) as url, no_thread_left():
        transport = open_blocking_websocket(url, options=SocketOptions(ping_interval_s=0.02, ping_timeout_s=2))
        transport.receive(timeout_s=5)
        with pytest.raises(TimeoutError):
            transport.receive(timeout_s=0.5)
        transport.close()


def test_an_application_that_does_not_read_is_not_taken_for_a_dead_server() -> None:
    with over_a_socket(SocketOptions(ping_interval_s=0.02, ping_timeout_s=0.02)) as (near, far):
        threading.Event().wait(0.2)  # somebody else's work
        far.send("still here")
        assert near.receive(timeout_s=5) == "still here"


def test_a_message_that_is_too_large_says_which_limit_it_broke() -> None:
    with over_a_socket(SocketOptions(max_message_bytes=10)) as (near, far), ThreadPoolExecutor() as pool:
        pool.submit(far.receive)
        far.send("x" * 100)
        with pytest.raises(ConnectionClosedError, match="max_message_bytes") as caught:
            near.receive(timeout_s=5)
        assert caught.value.code == 1009
