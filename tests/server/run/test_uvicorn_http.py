"""HTTP on a real socket: what comes late, is too large or means two things is answered, and ends the connection."""

from __future__ import annotations

import asyncio

import pytest

from duologue.server import Limits, RealtimeApp
from duologue.server.run.uvicorn_http import _Flow, _Parser
from tests.server._listening import listening, scripted_app
from tests.server._raw_connections import GET, KEY, RIGHT, handshake, raw_connection
from tests.server._session_ends import SessionEnds
from tests.server.test_app import get

pytestmark = pytest.mark.timeout(30)

QUICK = Limits(headers_s=0.2, request_s=0.2)
POST = f"POST /v1/realtime/client_secrets HTTP/1.1\r\nHost: localhost\r\n{RIGHT}\r\n".encode()


def locked(limits: Limits | None = None, ends: SessionEnds | None = None) -> RealtimeApp:
    return scripted_app(api_key=KEY, limits=limits, ends=ends)


async def answer_to(url: str, sent: bytes) -> bytes:
    """All that the server answers to these bytes until it hangs up."""
    async with raw_connection(url) as connection:
        connection.writer.write(sent)
        return await connection.read_to_end()


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"", "headers_late"),
        (GET, "headers_late"),
        (GET + b"X-Slow: ", "headers_late"),
        (POST + b"Content-Length: 500\r\n\r\n{", "request_late"),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", "request_late"),
        (handshake()[:-2], "headers_late"),
    ],
    ids=["nothing", "half the headers", "half a header", "half a body", "half a chunk", "handshake"],
)
async def test_a_request_that_does_not_end_is_answered_408_and_counted(sent: bytes, reason: str) -> None:
    ends = SessionEnds()
    async with listening(locked(QUICK, ends)) as url:
        answer = await answer_to(url, sent)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"connection: close" in answer
        assert b'"code":"request_timeout"' in answer
        assert ends.reasons == [reason]
        assert (await get(url, "/healthz"))[0] == 200


async def test_bytes_that_trickle_do_not_move_a_deadline() -> None:
    async with listening(locked(QUICK)) as url, raw_connection(url) as connection:
        answered = False
        for byte in GET * 100:
            connection.writer.write(bytes([byte]))
            if answered := await connection.has_ended(within_s=0.02):
                break
        assert answered


async def test_a_second_request_has_the_same_deadline_as_the_first() -> None:
    async with listening(locked(QUICK)) as url, raw_connection(url) as connection:
        connection.writer.write(GET + b"\r\n")
        await connection.read_until(b'{"status":"ok"}')
        connection.writer.write(GET)
        assert (await connection.read_to_end()).startswith(b"HTTP/1.1 408 ")


async def test_a_connection_is_kept_for_the_next_request_only_so_long() -> None:
    async with listening(locked(Limits(keep_alive_s=0.2))) as url, raw_connection(url) as connection:
        for _ in range(3):
            connection.writer.write(GET + b"\r\n")
            await connection.read_until(b'{"status":"ok"}')
        assert await connection.read_to_end() == b""


async def test_a_client_that_reads_no_answers_is_cut() -> None:
    ends = SessionEnds()
    async with listening(locked(QUICK, ends)) as url, raw_connection(url) as connection:
        connection.reader._transport.pause_reading()  # type: ignore[attr-defined]
        connection.writer.write((f"GET /metrics HTTP/1.1\r\nHost: localhost\r\n{RIGHT}\r\n\r\n".encode()) * 5_000)
        await ends.reason()
        assert ends.reasons == ["request_late"]


_LONG = b"x" * 70_000


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (GET + b"X: " + _LONG + b"\r\n\r\n", 431),
        (GET + b"X: " + _LONG, 431),
        (GET + b"X: 1\r\n" * 12_000 + b"\r\n", 431),
        (b"GET /healthz?" + _LONG + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
        (b"GET /healthz?" + _LONG, 414),
        (handshake("/v1/realtime?x=" + "x" * 9_000), 414),
        (handshake("/v1/realtime", "X: " + "x" * 9_000), 431),
        (handshake("/v1/realtime", *["X: x"] * 200), 431),
        (POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}xx0\r\n\r\n", 400),
        (b"NO\r\n\r\n", 400),
    ],
    ids=[
        "a long header", "an endless header", "many headers", "a long query", "an endless query", "a handshake's query",
        "a handshake's header", "a handshake's headers", "two lengths", "no end of a chunk", "no HTTP",
    ],
)  # fmt: skip
async def test_what_is_not_served_is_answered_by_its_status(sent: bytes, status: int) -> None:
    ends = SessionEnds()
    async with listening(locked(ends=ends)) as url:
        assert (await answer_to(url, sent)).startswith(f"HTTP/1.1 {status} ".encode())
        assert len(ends.reasons) == 1


async def test_an_answer_arrives_although_more_was_sent_than_is_read() -> None:
    async with listening(locked()) as url:
        assert (await answer_to(url, GET + b"X: " + b"x" * 3_000_000)).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("headers", [["Authorization: Bearer no", RIGHT], [RIGHT, RIGHT]], ids=["two", "the same"])
async def test_two_authorization_headers_are_refused_on_every_way_in(headers: list[str]) -> None:
    ends = SessionEnds()
    async with listening(locked(ends=ends)) as url:
        page = "\r\n".join(("GET /v1/models HTTP/1.1", "Host: localhost", "Connection: close", *headers, "", ""))
        assert (await answer_to(url, page.encode())).startswith(b"HTTP/1.1 401 ")
        async with raw_connection(url) as connection:
            connection.writer.write(handshake("/v1/realtime", *headers))
            await connection.read_until(b"invalid_api_key")
        assert ends.reasons == ["two_keys", "two_keys"]


async def test_a_client_that_hangs_up_in_its_body_writes_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    app = locked(QUICK)
    async with listening(app) as url:
        await answer_to(url, POST + b"Content-Length: 500\r\n\r\n{")
    assert [record for record in caplog.records if record.exc_info] == []


@pytest.mark.parametrize("more", [b"x", b"\r\n\r\n", GET + b"\r\n"], ids=["a byte", "an end", "a request"])
async def test_what_comes_behind_a_rejected_request_is_dropped(caplog: pytest.LogCaptureFixture, more: bytes) -> None:
    # Behind a valid request, so that it is parsed when that has been answered.
    async with listening(locked()) as url, raw_connection(url) as connection:
        connection.writer.write(GET + b"\r\n" + b"nonsense\r\n\r\n")
        await connection.read_until(b"HTTP/1.1 400 ")
        connection.writer.write(more)
        await connection.read_to_end()
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


async def test_a_body_in_too_many_small_pieces_is_refused() -> None:
    async with listening(locked()) as url:
        head = POST + b"Transfer-Encoding: chunked\r\n\r\n"
        assert b" 400 " in (await answer_to(url, head + b"1\r\nx\r\n" * 20_000))[:20]


async def test_a_body_in_small_pieces_is_read_whole() -> None:
    async with listening(scripted_app()) as url:
        head = b"POST /v1/realtime/client_secrets HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
        body = b"".join(b"1\r\n%c\r\n" % byte for byte in b'{"session":{"type":"realtime"}}' + b" " * 2_000)
        sent = head + b"Transfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n"
        assert b" 200 " in (await answer_to(url, sent))[:20]


def test_reading_is_not_resumed_while_requests_wait_to_be_parsed() -> None:
    class ReadingTransport(asyncio.Transport):
        resumed = 0

        def pause_reading(self) -> None:
            pass

        def resume_reading(self) -> None:
            self.resumed += 1

    parser, transport = _Parser(Limits()), ReadingTransport()
    flow = _Flow(transport, parser)
    for request, resumed in ((GET + b"\r\n", 1), ((GET + b"\r\n") * 5_000, 1)):
        parser.receive_data(request)
        flow.pause_reading()
        flow.resume_reading()
        assert transport.resumed == resumed
    assert parser.unparsed_bytes == len(parser.trailing_data[0])
