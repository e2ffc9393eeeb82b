"""How many connections there may be, what they may hold unread, and who is cut where they are too many."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from contextlib import AsyncExitStack

import pytest
from websockets.asyncio.client import connect as websockets_connect

from duologue.server import Limits, open_sessions
from duologue.server.http.auth import Keys
from duologue.server.run import connections
from tests.server._listening import listening, scripted_app
from tests.server._raw_connections import GET, KEY, RIGHT, RawConnection, handshake, masked, raw_connection
from tests.server._session_ends import SessionEnds
from tests.server.run.test_uvicorn_websocket import closed
from tests.server.test_app import first, get

pytestmark = pytest.mark.timeout(30)


async def half_requests(url: str, n: int, stack: AsyncExitStack) -> list[RawConnection]:
    """So many connections that never finish their request."""
    lines = [await stack.enter_async_context(raw_connection(url)) for _ in range(n)]
    for each in lines:
        each.writer.write(GET)
    return lines


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(max_connections=20), "connections"),
        (Limits(max_connections_per_address=20), "address_full"),
    ],
    ids=["in all", "of one address"],
)
async def test_more_connections_than_there_may_be_cut_those_that_waited_longest(
    limits: Limits, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    ends = SessionEnds()
    async with (
        listening(scripted_app(limits=limits, ends=ends)) as url,
        websockets_connect(url) as session,
        AsyncExitStack() as stack,
    ):
        await first(session)
        lines = await half_requests(url, 50, stack)
        assert (await get(url, "/healthz"))[0] == 200
        assert b"503" in (answer := await lines[0].read_to_end()) or b"429" in answer
        assert not await lines[-1].has_ended(within_s=0.05)
        assert ends.reasons == [reason] * len(ends.reasons)
        assert len(ends.reasons) >= 30
        reported = [record for record in caplog.records if record.getMessage().startswith("connections cut")]
        assert len(reported) == 1, "one line, not one for each"
        assert "address=127.0.0.1" in reported[0].getMessage()
        await session.send('{"type":"input_audio_buffer.clear"}')
        assert (await first(session))["type"] == "input_audio_buffer.cleared"


async def test_a_full_table_of_descriptors_leaves_room_for_pages_and_turns_sessions_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ends = SessionEnds()
    async with listening(scripted_app(ends=ends)) as url:
        monkeypatch.setattr(open_sessions, "descriptors_left", lambda: 128)
        async with websockets_connect(url) as socket:
            assert (await first(socket))["error"]["code"] == "server_overloaded"
        assert (await get(url, "/healthz"))[0] == 200
        async with raw_connection(url) as oldest:
            oldest.writer.write(GET)
            assert not await oldest.has_ended(within_s=0.05)
            monkeypatch.setattr(connections, "descriptors_left", lambda: 0)
            monkeypatch.setattr(connections, "reserved_descriptors", lambda: 2)
            async with raw_connection(url):
                await oldest.read_to_end()
        assert ends.reasons == ["full", "connections"]


class Line:
    """A connection for the table that does nothing."""

    address, owner = "192.0.2.1", "address 192.0.2.1"
    unread = received = 0
    is_cut = False

    def check(self, now: float) -> None:
        """Nothing is late."""

    def cut(self, name: str) -> None:
        """Closes nothing."""
        self.is_cut = True

    def abort(self) -> None:
        """Closes nothing."""


async def test_free_descriptors_below_those_in_use_are_not_taken_for_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a burst of connections that were cut, the lowest free descriptor is far below the highest in use."""
    monkeypatch.setattr(connections, "descriptor_limit", lambda: 100)
    monkeypatch.setattr(connections, "reserved_descriptors", lambda: 12)
    monkeypatch.setattr(connections, "descriptors_left", lambda: 90)
    monkeypatch.setattr(connections, "descriptors_open", lambda: 20)
    table = connections.Connections(Limits(), turned_away=lambda name: None)
    lines = [Line() for _ in range(80)]
    for each in lines:
        table.arrive(each)
    assert [each.is_cut for each in lines] == [True] * 25 + [False] * 55, (
        "twice the reserved ones and 20 others are left"
    )
    monkeypatch.setattr(connections, "descriptors_open", lambda: 85)
    table.count_other_descriptors()
    table.arrive(late := Line())
    assert [each.is_cut for each in (*lines[24:27], late)] == [True, True, False, False]


UNFINISHED = masked(1, b"x" * 50_000, length=15_000_000)


async def admitted(url: str, stack: AsyncExitStack) -> RawConnection:
    connection = await stack.enter_async_context(raw_connection(url))
    connection.writer.write(handshake("/v1/realtime", RIGHT))
    await connection.read_until(b"session.created")
    await connection.read_until(b"}")
    return connection


@pytest.mark.parametrize("limit", ["max_unread_bytes", "max_unread_bytes_per_owner"])
async def test_unread_bytes_of_all_connections_are_bounded_and_the_largest_is_cut(limit: str) -> None:
    ends = SessionEnds()
    app = scripted_app(limits=Limits(**{limit: 250_000}), ends=ends, api_key=KEY)
    async with listening(app) as url, AsyncExitStack() as stack:
        lines = [await admitted(url, stack) for _ in range(4)]
        for each in lines:
            each.writer.write(UNFINISHED)
        lines[2].writer.write(b"x" * 150_000)
        await asyncio.wait_for(ends.codes.get(), 5)
        assert b"server_error.server_overloaded" in await lines[2].read_to_end()
        assert ends.reasons == ["unread"]
        assert not any([await each.has_ended(within_s=0.05) for each in (lines[0], lines[1], lines[3])])


async def test_what_is_read_counts_no_more() -> None:
    app = scripted_app(limits=Limits(max_unread_bytes=250_000), api_key=KEY)
    async with listening(app) as url, websockets_connect(url, additional_headers={"api-key": KEY}) as socket:
        await first(socket)
        for _ in range(20):
            await socket.send('{"type":"input_audio_buffer.clear","pad":"' + "x" * 200_000 + '"}')
            assert (await first(socket))["type"] in ("error", "input_audio_buffer.cleared")


async def test_bodies_count_too() -> None:
    ends = SessionEnds()
    app = scripted_app(limits=Limits(max_unread_bytes_per_owner=100_000), ends=ends)
    async with listening(app) as url, raw_connection(url) as connection:
        connection.writer.write(
            b"POST /v1/realtime/client_secrets HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n" + b" " * 200_000
        )
        assert await ends.reason() == "unread"


async def test_an_owner_that_has_its_sessions_is_turned_away_and_others_are_served() -> None:
    ends = SessionEnds()
    limits = Limits(max_sessions_per_owner=2)
    app = scripted_app(api_key=["one", "two"], limits=limits, ends=ends)
    async with listening(app) as url, AsyncExitStack() as stack:

        async def come(key: str) -> tuple[str, str]:
            socket = await stack.enter_async_context(websockets_connect(url, additional_headers={"api-key": key}))
            event = await first(socket)
            return event["type"], event.get("error", {}).get("code", "")

        for _ in range(2):
            assert await come("one") == ("session.created", "")
        assert await come("one") == ("error", "rate_limit_exceeded")
        assert await come("two") == ("session.created", "")
        assert ends.reasons == ["owner_sessions"]
        await stack.aclose()
        for _ in range(2):
            await asyncio.wait_for(ends.codes.get(), 5)
        assert await come("one") == ("session.created", "")


async def test_the_log_names_address_and_key_number_of_each_client(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "duologue.server")
    app = scripted_app(api_key=["one", KEY], limits=Limits(max_sessions_per_owner=1))
    async with listening(app) as url:
        async with websockets_connect(url, additional_headers={"api-key": KEY}) as socket:
            await first(socket)
            async with websockets_connect(url, additional_headers={"api-key": KEY}) as more:
                await closed(more)
        async with websockets_connect(url, additional_headers={"api-key": "no"}) as stranger:
            await closed(stranger)
        with contextlib.suppress(OSError):
            await get(url, "/v1/models")
    log = "\n".join(record.getMessage() for record in caplog.records)
    owner = Keys([KEY]).owner_of(KEY)
    assert f'kind=realtime address=127.0.0.1 owner="{owner}"' in log
    assert f'client turned away reason=owner_sessions address=127.0.0.1 owner="{owner}"' in log
    assert "client turned away reason=wrong_key address=127.0.0.1\n" in log
    assert "client turned away reason=no_key address=127.0.0.1" in log
    assert KEY not in log


async def test_wrong_keys_are_slowed_and_right_ones_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    gate = asyncio.Event()

    async def wait(seconds: float) -> None:
        waits.append(seconds)
        await gate.wait()

    app = scripted_app(limits=Limits(wrong_keys_per_minute=2), api_key=KEY)
    async with listening(app) as url, AsyncExitStack() as stack:
        monkeypatch.setattr(app, "_wait", wait)

        async def come(key: str) -> str:
            socket = await stack.enter_async_context(websockets_connect(url, additional_headers={"api-key": key}))
            return str((await first(socket))["type"])

        assert [await come("no"), await come("no")] == ["error", "error"]
        third = asyncio.ensure_future(come("no"))
        assert await come(KEY) == "session.created"
        assert not third.done()
        gate.set()
        assert await asyncio.wait_for(third, 5) == "error"
        assert waits == [1.0]


class ResetTransport(asyncio.Transport):
    """Of a connection that its peer has reset."""

    aborted = False

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        raise OSError(107, "Transport endpoint is not connected")

    def abort(self) -> None:
        self.aborted = True


def test_a_connection_that_its_peer_has_reset_is_aborted_in_place_of_a_half_close() -> None:
    transport = ResetTransport()
    assert not connections.half_close(transport)
    assert transport.aborted


class BrokenConnection(Line):
    """A connection with a fault of ours in all that the table calls."""

    def __init__(self) -> None:
        self.aborted = asyncio.Event()

    def check(self, now: float) -> None:
        raise RuntimeError("a fault of ours")

    def cut(self, name: str) -> None:
        raise AssertionError("another one")

    def resume_parsing(self) -> None:
        raise RuntimeError("a fault of ours")

    def abort(self) -> None:
        self.aborted.set()


class HealthyConnection(Line):
    """Notes that it was called."""

    def __init__(self) -> None:
        self.checked, self.resumed = asyncio.Event(), asyncio.Event()

    def check(self, now: float) -> None:
        self.checked.set()

    def resume_parsing(self) -> None:
        self.resumed.set()


async def test_a_fault_in_one_connection_s_deadline_ends_it_and_no_other_s(caplog: pytest.LogCaptureFixture) -> None:
    table = connections.Connections(Limits(headers_s=0.04), turned_away=lambda _: None)
    broken, other = BrokenConnection(), HealthyConnection()
    table.take_over(broken)
    table.take_over(other)
    async with asyncio.timeout(5):
        await broken.aborted.wait()
        await other.checked.wait()
        other.checked.clear()
        await other.checked.wait()
    table.leave(other)
    assert len(table) == 0, "the broken one has left the table"
    assert [record.levelname for record in caplog.records] == ["ERROR"], "it was called once"
    assert "a fault of ours" in caplog.text


async def test_a_fault_in_one_connection_s_turn_ends_it_and_takes_no_other_s_turn() -> None:
    table = connections.Connections(Limits(), turned_away=lambda _: None)
    broken, other = BrokenConnection(), HealthyConnection()
    table.take_turn(broken)
    table.take_turn(other)
    async with asyncio.timeout(5):
        await table.wait_for_turn(1, sending=True)
        await other.resumed.wait()
    assert broken.aborted.is_set()


async def test_a_connection_that_cannot_be_cut_in_order_is_aborted_and_the_one_that_came_stays() -> None:
    table = connections.Connections(Limits(max_connections=1), turned_away=lambda _: None)
    broken, other = BrokenConnection(), HealthyConnection()
    table.arrive(broken)
    table.arrive(other)
    assert broken.aborted.is_set()
    assert len(table) == 1
    table.leave(other)
