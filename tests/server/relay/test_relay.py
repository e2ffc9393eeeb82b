from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from duologue import connect
from duologue.client import Connection
from duologue.dialects import PROFILES
from duologue.errors import ConnectFailed, ConnectionClosedError
from duologue.events import (
    ErrorEvent,
)
from duologue.protocol import SessionDefaults
from duologue.server import Limits, Relay, ServerSession, Upstream
from duologue.server.ids import new_id
from duologue.server.session_start import SessionStart
from duologue.testing import scripted_engines
from duologue.transports import Transport, memory_pair
from tests.server._relays import close_seen, relayed, reported
from tests.server._talking import audio, counts, event, settle, speak, status, typed, until, update

pytestmark = pytest.mark.timeout(30)


@asynccontextmanager
async def session_behind(upstream_dialect: str, dialect: str) -> AsyncGenerator[Connection]:
    """A client in one dialect, and a session of ours in another, with a relay in between."""
    rates = PROFILES[upstream_dialect]
    defaults = SessionDefaults(input_rates_hz=rates.input_rates_hz, output_rates_hz=rates.output_rates_hz)
    async with relayed(upstream_dialect, dialect) as (client, upstream):
        engines = scripted_engines(responses=("Two words.",))
        serving = asyncio.ensure_future(
            ServerSession(upstream, engines, defaults, session_start=SessionStart(dialect=upstream_dialect)).run()
        )
        async with connect(transport=client, dialect=dialect) as connection:
            yield connection
        await asyncio.wait_for(serving, 5)


PAIRS = [
    ("openai-beta", "openai"),
    ("openai", "openai-beta"),
    ("openai", "openai"),
    ("qwen", "openai"),
    ("openai", "qwen"),
    ("xai", "openai-beta"),
    ("azure-preview", "xai"),
]


@pytest.mark.parametrize(("upstream_dialect", "dialect"), PAIRS)
async def test_typed_and_spoken_turns_run_through_a_relay_in_either_direction(
    upstream_dialect: str, dialect: str
) -> None:
    async with session_behind(upstream_dialect, dialect) as connection:
        await until(connection, "session.created")
        await connection.send(update(output_modalities=["text"], instructions="Be short."))
        [*_, updated] = await until(connection, "session.updated")
        assert updated.to_json()["session"]["instructions"] == "Be short."
        await connection.send(typed("hi"))
        await connection.send(event("response.create"))
        events = await until(connection, "response.done")
        assert status(events)["output"][0]["content"][0]["text"] == "Two words."
        await connection.send(update(output_modalities=["audio"]))
        await until(connection, "session.updated")
        await speak(connection)
        events = await until(connection, "response.done")
    assert audio(events)
    assert all(type(reported).__name__ != "UnknownRealtimeEvent" for reported in events)
    if "conversation.item.added" in PROFILES[dialect].lacks_events:
        assert counts(events)["conversation.item.created"] == 2
    else:
        assert counts(events)["conversation.item.added"] == counts(events)["conversation.item.done"] == 2


async def test_a_current_client_sees_the_order_of_a_current_server_although_the_upstream_is_a_beta_server() -> None:
    names: list[list[str]] = []
    for upstream_dialect in ("openai", "openai-beta"):
        async with session_behind(upstream_dialect, "openai") as connection:
            await until(connection, "session.created")
            await connection.send(typed("hi"))
            await connection.send(event("response.create", response={"output_modalities": ["text"]}))
            names.append([str(reported.type) for reported in await until(connection, "response.done")])
    current, through_beta = names
    # An item that is final when it enters the conversation, and one that the response makes.
    assert sorted(through_beta) == sorted(current)
    assert through_beta[:3] == current[:3]


async def test_a_beta_client_gets_conversation_created_although_the_upstream_does_not_send_it() -> None:
    async with session_behind("openai", "openai-beta") as connection:
        assert [reported.type for reported in await until(connection, "conversation.created")] == [
            "session.created",
            "conversation.created",
        ]


# --- errors, closes, and what does not fit


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (1000, "done", (1000, "done")),
        (1001, "Your session hit the maximum duration of 60 minutes.", None),
        (4000, "invalid_request_error.invalid_model", None),
        (1006, "", (1011, "the upstream is gone")),
        (1005, "", (1000, "")),
    ],
)
async def test_the_upstream_s_last_error_and_its_close_reach_the_client(
    code: int, reason: str, expected: tuple[int, str] | None
) -> None:
    async with relayed("openai-beta", "openai") as (client, upstream):
        fault = {"type": "invalid_request_error", "code": "c", "message": "m", "param": "session.voice"}
        await upstream.send(json.dumps({"type": "error", "event_id": "e1", "error": fault}))
        await upstream.close(code, reason)
        async with connect(transport=client, dialect="openai") as connection:
            reported = await connection.receive(timeout=5)
            assert isinstance(reported, ErrorEvent)
            assert (reported.error.code, reported.error.param) == ("c", "session.audio.output.voice")
            with pytest.raises(ConnectionClosedError) as closed:
                await connection.receive(timeout=5)
    assert (closed.value.code, closed.value.reason) == (expected or (code, reason))


async def test_the_client_s_close_reaches_the_upstream() -> None:
    async with relayed("openai-beta", "openai") as (client, upstream):
        await client.close(4123, "enough")
        with pytest.raises(ConnectionClosedError) as closed:
            await asyncio.wait_for(upstream.receive(), 5)
    assert (closed.value.code, closed.value.reason) == (4123, "enough")


async def test_an_event_that_the_upstream_does_not_have_is_answered_by_the_relay() -> None:
    async with relayed("qwen", "openai") as (client, upstream):
        await client.send('{"type":"conversation.item.retrieve","event_id":"ask","item_id":"item_1"}')
        await client.send('{"type":"response.cancel"}')
        refused = await reported(client)
        assert (await reported(upstream))["type"] == "response.cancel"
    assert refused["error"]["event_id"] == "ask"
    assert "no such event" in refused["error"]["message"]


@pytest.mark.parametrize(("upstream_dialect", "dialect"), [*PAIRS[:2], ("xai", "qwen"), ("openai", "azure-preview")])
@pytest.mark.parametrize(
    "message",
    [
        b"\x00\x01",
        "no json",
        "[]",
        '{"no":"type"}',
        '{"type":7}',
        '{ "type":"session.explode", "session":{"temperature":1.5,"audio":{"input":{"turn_detection":{}}}}, "x":1e1 }',
    ],
)
async def test_what_is_no_known_frame_is_carried_as_it_is_in_both_directions(
    message: str | bytes, upstream_dialect: str, dialect: str
) -> None:
    async with relayed(upstream_dialect, dialect) as (client, upstream):
        await client.send(message)
        assert await upstream.receive() == message
        await upstream.send(message)
        assert await client.receive() == message


async def test_between_equal_dialects_frames_pass_byte_for_byte() -> None:
    frame = '{ "type" : "session.update",  "session":{"warmth":1}, "session": {} }'
    async with relayed("openai-beta", "openai-beta") as (client, upstream):
        await client.send(frame)
        assert await upstream.receive() == frame
        await upstream.send(frame)
        assert await client.receive() == frame


async def test_what_is_lost_in_translation_is_logged_once_and_without_its_content(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="duologue.server")
    frame = json.dumps({"type": "session.update", "session": {"type": "realtime", "prompt": {"id": "secret-prompt"}}})
    async with relayed("qwen", "openai") as (client, upstream):
        for _ in range(3):
            await client.send(frame)
            assert "prompt" not in str(await upstream.receive())
    lines = [record.getMessage() for record in caplog.records if "no counterpart" in record.getMessage()]
    assert len(lines) == 1
    assert "session.prompt" in lines[0]
    assert "secret-prompt" not in caplog.text


async def test_what_a_client_makes_up_is_logged_a_hundred_times_at_most(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="duologue.server")
    async with relayed("qwen", "openai") as (client, upstream):
        for number in range(0, 300, 3):
            made_up = {f"field_{number + each}": "secret" for each in range(3)}
            await client.send(json.dumps({"type": "session.update", "session": {"type": "realtime", **made_up}}))
            await upstream.receive()
    reported = " ".join(record.getMessage() for record in caplog.records)
    assert 0 < reported.count("field_") <= 100


@pytest.mark.parametrize(("status", "said"), [(None, "cannot be reached"), (401, "refused the session (HTTP 401)")])
async def test_an_upstream_that_cannot_be_reached_is_an_error_without_its_address(
    status: int | None, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def open_upstream(session_start: SessionStart) -> Transport:
        raise ConnectFailed("cannot reach wss://inside.example:8443/v1: no route", retryable=True, status=status)

    client, front = memory_pair()
    relay = Relay(front, Upstream(open=open_upstream), session_start=SessionStart(dialect="openai-beta"), new_id=new_id)
    await asyncio.wait_for(relay.run(), 5)
    refused = await reported(client)
    assert refused["error"]["code"] == "upstream_unavailable"
    assert refused["error"]["message"] == f"The upstream of this relay {said}."
    assert "inside.example" in caplog.text
    with pytest.raises(ConnectionClosedError) as closed:
        await client.receive()
    assert closed.value.code == 1013
    assert "inside" not in closed.value.reason


@pytest.mark.parametrize("slow", ["client", "upstream"])
async def test_a_slow_side_slows_the_other_and_nothing_is_buffered_in_between(slow: str) -> None:
    async with relayed("openai-beta", "openai") as (client, upstream):
        receiver, sender = (client, upstream) if slow == "client" else (upstream, client)
        sent = 0

        async def flood() -> None:
            nonlocal sent
            while True:
                await sender.send('{"type":"x","event_id":"e"}')
                sent += 1

        flooding = asyncio.ensure_future(flood())
        await settle(200)
        # Eight on either side of the relay, and one in its hands.
        assert sent <= 8 + 8 + 2
        before = sent
        for _ in range(10):
            await receiver.receive()
        await settle()
        assert before < sent <= before + 11
        flooding.cancel()


async def test_a_client_that_takes_nothing_any_more_is_closed_and_so_is_the_upstream() -> None:
    async with relayed("openai-beta", "openai", limits=Limits(stall_s=0.05)) as (client, upstream):
        message = '{"type":"input_audio_buffer.cleared","event_id":"e"}'
        assert await close_seen(upstream, sending=message) == (1001, "the relay is going away")
        assert await close_seen(client) == (1008, "invalid_request_error.client_too_slow")


async def test_a_client_that_sends_nothing_any_more_is_closed_and_so_is_the_upstream() -> None:
    async with relayed("openai", "openai", limits=Limits(idle_s=0.05)) as (client, upstream):
        assert await close_seen(client) == (1001, "invalid_request_error.session_idle")
        assert await close_seen(upstream) == (1001, "the relay is going away")


async def test_an_upstream_that_takes_nothing_any_more_is_closed_and_so_is_the_client() -> None:
    async with relayed("openai-beta", "openai", limits=Limits(stall_s=0.05)) as (client, _):
        closed = await close_seen(client, sending='{"type":"response.cancel"}')
    assert closed == (1011, "the upstream took nothing for 0.05 seconds")


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (1000, "", (1011, "the upstream has no session")),
        (1006, "", (1011, "the upstream is gone")),
        (4000, "no quota", (4000, "no quota")),
    ],
)
async def test_an_upstream_that_closes_without_an_event_is_an_error_and_a_close(
    code: int, reason: str, expected: tuple[int, str]
) -> None:
    async with relayed("openai", "openai-beta") as (client, upstream):
        await upstream.close(code, reason)
        refused = await reported(client)
        assert refused["error"]["code"] == "upstream_unavailable"
        assert f"before a session began: {code} {reason}".strip() in refused["error"]["message"]
        with pytest.raises(ConnectionClosedError) as closed:
            await asyncio.wait_for(client.receive(), 5)
    assert (closed.value.code, closed.value.reason) == expected


async def test_cancelling_a_relay_closes_both_sides() -> None:
    client, front = memory_pair()
    back, upstream = memory_pair()

    async def open_upstream(session_start: SessionStart) -> Transport:
        return back

    running = asyncio.ensure_future(Relay(front, Upstream(open=open_upstream), new_id=new_id).run())
    await upstream.send("hello")
    assert await asyncio.wait_for(client.receive(), 5) == "hello"
    running.cancel()
    await asyncio.wait({running}, timeout=5)
    for end in (client, upstream):
        with pytest.raises(Exception, match="1001"):
            await asyncio.wait_for(end.receive(), 5)


async def test_what_takes_too_long_to_translate_is_refused_and_the_session_goes_on() -> None:
    async with relayed("openai", "openai-beta") as (client, upstream):
        wide = json.dumps({"type": "session.update", "session": {"tools": [[]] * 20_000}})
        deep = f'{{"type":"session.update","session":{"[" * 200}{"]" * 200}}}'
        for message, code in ((wide, "array_above_max_length"), (deep, "invalid_json")):
            await client.send(message)
            error = await reported(client)
            assert (error["type"], error["error"]["code"]) == ("error", code)
        await client.send('{"type":"response.cancel"}')
        assert (await reported(upstream))["type"] == "response.cancel"


@pytest.mark.usefixtures("idle_clock")
async def test_a_client_that_goes_on_sending_stays_although_the_upstream_says_nothing() -> None:
    async with relayed("openai", "openai", limits=Limits(idle_s=1)) as (client, upstream):
        for _ in range(4):
            await client.send('{"type":"response.cancel"}')
            await upstream.receive()
            await asyncio.sleep(0.7)
        await client.send('{"type":"response.cancel"}')
        assert await upstream.receive() == '{"type":"response.cancel"}'


async def test_the_frames_of_both_sides_are_on_the_wire_s_log_without_their_content(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "duologue.wire")
    async with relayed("openai", "openai") as (client, upstream):
        await client.send('{"type":"session.update","event_id":"mine","session":{"instructions":"sesame"}}')
        await upstream.receive()
        await upstream.send(b"sesame")
        await client.receive()
    assert [line.partition(", session ")[0] for line in caplog.messages] == [
        "received session.update mine (79 bytes)",
        "sent session.update mine (79 bytes)",
        "received a binary message (6 bytes)",
        "sent a binary message (6 bytes)",
    ]
    assert [line.rpartition(", ")[2] for line in caplog.messages] == ["client", "upstream", "upstream", "client"]
