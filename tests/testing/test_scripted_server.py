"""A server that plays a script: what it sends and receives, its faults, and its end."""

from __future__ import annotations

import pytest

from duologue.client import connect
from duologue.errors import ConnectFailed, ConnectionClosed, ConnectionClosedError, ConnectionClosedOK
from duologue.events import (
    InputAudioBufferClearEvent,
    ResponseCancelEvent,
    ResponseCreateEvent,
    SessionCreatedEvent,
    UnknownRealtimeEvent,
)
from duologue.testing import GREETING, Close, Drop, Expect, ScriptedServer, Send


async def test_it_says_what_the_script_says_with_ids_where_there_are_none() -> None:
    server = ScriptedServer([Send(GREETING, {"type": "news", "event_id": "mine"}, "no JSON")])
    async with server.connect() as connection:
        events = [await connection.receive(timeout=5) for _ in range(3)]
    assert [type(event) for event in events] == [SessionCreatedEvent, UnknownRealtimeEvent, UnknownRealtimeEvent]
    assert [event.to_json().get("event_id") for event in events[:2]] == ["event_1", "mine"]


async def test_it_answers_what_it_has_received() -> None:
    server = ScriptedServer([Expect("input_audio_buffer.clear"), Send(lambda sent: {"type": "echo", "of": [*sent]})])
    async with server.connect() as connection:
        await connection.append(bytes(480))
        await connection.send(InputAudioBufferClearEvent())
        answer = await connection.receive(timeout=5)
    assert isinstance(answer, UnknownRealtimeEvent)
    assert answer.json["of"] == ["input_audio_buffer.append", "input_audio_buffer.clear"]
    assert server.types() == ["input_audio_buffer.clear"]
    assert server.faults == []


async def test_what_the_script_does_not_have_is_a_fault() -> None:
    server = ScriptedServer([Expect("response.create")])
    async with server.connect() as connection:
        await connection.send(ResponseCancelEvent())
        await server.played()
    async with server.connect():
        pass
    assert server.faults == [
        "connection 0: response.create was expected, and response.cancel came",
        "there is no script for connection 1",
    ]


@pytest.mark.parametrize("over", ["memory", "socket"])
async def test_it_closes_with_a_code_or_breaks_off(over: str) -> None:
    server = ScriptedServer([Close(1000, "bye")], [Close(4000, "no")], [Drop()])
    ends: list[ConnectionClosed] = []
    async with server.listening() as url:
        for _ in range(3):
            try:
                async with server.connect() if over == "memory" else connect(url) as connection:
                    await connection.receive(timeout=5)
            except ConnectionClosed as closed:
                ends.append(closed)
    assert [(type(end), end.code) for end in ends] == [
        (ConnectionClosedOK, 1000),
        (ConnectionClosedError, 4000),
        (ConnectionClosedError, 1006),
    ]


async def test_it_reports_when_a_client_has_gone_and_how() -> None:
    server = ScriptedServer([Send(GREETING)])
    async with server.connect() as connection:
        await connection.close(1000)
        assert await server.closed() == 1000


async def test_what_was_not_played_is_told_with_what_passed() -> None:
    server = ScriptedServer([Send(GREETING), Expect("response.create"), Drop()], [Send(GREETING)])
    async with server.connect() as connection:
        await connection.receive()
    assert server.problems() == [
        "connection 0 came to step 2 of 3: it expected response.create",
        "connection 1 was never opened, and there is a script for it",
    ]
    with pytest.raises(AssertionError) as failed:
        server.assert_played()
    told = str(failed.value).splitlines()
    assert told[:3] == [*server.problems(), "what passed:"]
    assert [line[10:] for line in told[3:]] == ["0 ← session.created", "0   closed with 1000"]


async def test_a_script_that_was_played_has_no_problems() -> None:
    server = ScriptedServer([Send(GREETING), Drop()])
    async with server.connect() as connection:
        await connection.receive()
        with pytest.raises(ConnectionClosed):
            await connection.receive()
    server.assert_played()
    assert "dropped" in server.timeline()


async def test_faults_come_to_its_connections_in_memory() -> None:
    server = ScriptedServer([Send(GREETING), Expect("response.create")], faults=["duplicate", "drop from=client"])
    async with server.connect() as connection:
        assert [(await connection.receive()).type for _ in range(2)] == ["session.created"] * 2
        await connection.send(ResponseCreateEvent())
        await connection.send(ResponseCreateEvent())
        await server.played()
    assert len(server.received[0]) == 1
    assert [fired.fault.name for fired in server.plan.fired] == ["duplicate", "drop"]


async def test_a_handshake_of_its_is_refused_in_memory_and_over_a_socket() -> None:
    server = ScriptedServer([Send(GREETING)], faults="refuse http=503 times=2")
    with pytest.raises(ConnectFailed, match="HTTP 503"):
        async with server.connect():
            pass
    async with server.listening() as url:
        with pytest.raises(ConnectFailed, match="HTTP 503"):
            async with connect(url):
                pass
        async with connect(url) as connection:
            assert (await connection.receive()).type == "session.created"


async def test_faults_of_bytes_come_over_a_socket() -> None:
    server = ScriptedServer([Send(GREETING)], faults="slice bytes=3")
    async with server.listening() as url, connect(url) as connection:
        assert (await connection.receive()).type == "session.created"
    with pytest.raises(ValueError, match="only the bytes"):
        async with server.connect():
            pass
