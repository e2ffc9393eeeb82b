from __future__ import annotations

import asyncio
import json
import socket
from dataclasses import replace
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as websockets_connect
from websockets.typing import Subprotocol

from duologue import connect
from duologue.errors import ConnectFailed, ConnectionClosedError, DuologueError
from duologue.server import RealtimeApp, serve
from duologue.server.running import _bind
from duologue.testing import scripted_app_engines, scripted_engines
from tests.server._engines import EndlessResponder, EndlessSynthesizer
from tests.server._listening import listening
from tests.server._talking import audio, counts, event, speak, status, typed, until

pytestmark = pytest.mark.timeout(30)


def scripted(**settings: Any) -> RealtimeApp:
    """An application with scripted engines."""
    return RealtimeApp(engines=scripted_app_engines(), **settings)


async def first(socket: ClientConnection) -> dict[str, Any]:
    """The first event of a connection, as JSON."""
    async with asyncio.timeout(5):
        decoded: dict[str, Any] = json.loads(await socket.recv())
    return decoded


async def test_a_turn_runs_from_speech_to_speech_over_a_socket() -> None:
    async with listening(scripted()) as url, connect(url) as connection:
        await until(connection, "session.created")
        await speak(connection)
        events = await until(connection, "response.done")
    assert counts(events)["input_audio_buffer.speech_stopped"] == 1
    assert status(events)["status"] == "completed"
    assert audio(events)


async def test_the_model_of_the_query_is_the_session_s() -> None:
    async with listening(scripted()) as url:
        async with connect(url, model="gpt-realtime & co") as connection:
            [created] = await until(connection, "session.created")
            assert created.to_json()["session"]["model"] == "gpt-realtime & co"
        async with connect(url) as connection:
            [created] = await until(connection, "session.created")
            assert created.to_json()["session"]["model"] == "duologue"


async def test_two_sessions_at_once_do_not_mix() -> None:
    async with listening(scripted()) as url, connect(url) as one, connect(url) as other:
        for connection, text in ((one, "one"), (other, "other")):
            await connection.send(typed(text))
        await asyncio.gather(speak(one), speak(other))
        ids: list[set[str]] = []
        for connection in (one, other):
            events = await until(connection, "response.done")
            assert counts(events)["response.created"] == 1
            assert counts(events)["conversation.item.added"] == 3
            ids.append({str(e.to_json()["item"]["id"]) for e in events if e.type == "conversation.item.added"})
        assert ids[0].isdisjoint(ids[1])


# --- keys

GOOD = [
    ({"additional_headers": {"Authorization": "Bearer open"}}, None),
    ({"additional_headers": {"Authorization": "bearer  open "}}, None),
    ({"additional_headers": {"api-key": "open"}}, None),
    ({"subprotocols": ["realtime", "openai-insecure-api-key.open"]}, "realtime"),
    ({"subprotocols": ["realtime", "openai-insecure-api-key.open", "openai-beta.realtime-v1"]}, "realtime"),
]


@pytest.mark.parametrize(("presented", "subprotocol"), GOOD, ids=["bearer", "spaces", "api-key", "browser", "beta"])
async def test_the_right_key_opens_in_every_way_that_clients_present_it(
    presented: dict[str, Any], subprotocol: str | None
) -> None:
    async with (
        listening(scripted(api_key="open")) as url,
        websockets_connect(url, **presented) as socket,
    ):
        assert (await first(socket))["type"] == "session.created"
        assert socket.subprotocol == (Subprotocol(subprotocol) if subprotocol else None)


BAD = [
    ({}, None),
    ({"additional_headers": {"Authorization": "Basic open"}}, None),
    ({"subprotocols": ["realtime"]}, None),
    ({"additional_headers": {"Authorization": "Bearer opens"}}, "invalid_api_key"),
    ({"additional_headers": {"Authorization": "Bearer "}}, "invalid_api_key"),
    ({"additional_headers": {"api-key": ""}}, "invalid_api_key"),
    ({"subprotocols": ["realtime", "openai-insecure-api-key.nope"]}, "invalid_api_key"),
]


@pytest.mark.parametrize(("presented", "code"), BAD, ids=[str(number) for number in range(len(BAD))])
async def test_no_key_or_a_wrong_one_is_told_in_an_error_and_closed_with_3000(
    presented: dict[str, Any], code: str | None
) -> None:
    async with listening(scripted(api_key="open")) as url, websockets_connect(url, **presented) as socket:
        refused = await first(socket)
        assert (refused["type"], refused["error"]["code"]) == ("error", code)
        assert refused["error"]["type"] == "invalid_request_error"
        await asyncio.wait_for(socket.wait_closed(), 5)
        assert socket.close_code == 3000
        assert socket.close_reason == ".".join(filter(None, ("invalid_request_error", code)))


async def test_our_client_learns_that_its_key_is_wrong_and_why() -> None:
    async with listening(scripted(api_key="open")) as url, connect(url, api_key="nope") as connection:
        with pytest.raises(ConnectionClosedError, match="Incorrect API key provided") as caught:
            async for _ in connection:
                pass
        assert caught.value.error is not None
        assert "nope" not in str(caught.value)


# --- the rest of HTTP


async def get(url: str, path: str) -> tuple[int, bytes]:
    """Status and body of an HTTP request to the server of this URL."""
    host, port = url.split("/")[2].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n".encode())
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


async def test_the_health_page_says_ok_and_other_pages_where_the_websocket_is() -> None:
    async with listening(scripted()) as url:
        assert await get(url, "/healthz") == (200, b'{"status":"ok"}')
        answer, body = await get(url, "/elsewhere")
        assert (answer, b"/v1/realtime" in body) == (404, True)


async def test_a_websocket_elsewhere_is_refused() -> None:
    async with listening(scripted()) as url:
        with pytest.raises(ConnectFailed, match="HTTP 403"):
            async with connect(url.replace("/v1/realtime", "/v2")):
                pass


# --- bad frames over a real socket


async def test_bad_messages_over_a_socket_are_refused_and_the_session_goes_on() -> None:
    async with listening(scripted()) as url, websockets_connect(url) as socket:
        await first(socket)
        for message, code in (("{", "invalid_json"), (b"\0", "invalid_event"), ('{"type":"x"}', "invalid_value")):
            await socket.send(message)
            assert (await first(socket))["error"]["code"] == code
        await socket.send('{"type":"input_audio_buffer.clear"}')
        assert (await first(socket))["type"] == "input_audio_buffer.cleared"


# --- the end


async def test_a_server_that_is_cancelled_while_sessions_are_open_stops_in_time_and_says_goodbye() -> None:
    before = asyncio.all_tasks()
    responder = EndlessResponder()
    engines = replace(scripted_engines(), responder=responder, synthesizer=EndlessSynthesizer())
    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    application = RealtimeApp(engines=scripted_app_engines(engines))
    serving = asyncio.ensure_future(serve(application, port=0, on_listening=url.set_result))
    async with asyncio.timeout(10), connect(await url) as idle, connect(await url) as busy:
        await busy.send(event("response.create"))
        await until(busy, "response.output_audio_transcript.delta")
        serving.cancel()
        with pytest.raises(ConnectionClosedError, match="1012"):
            async for _ in idle:
                pass
    await asyncio.wait({serving}, timeout=10)
    assert serving.cancelled()
    assert responder.running == 0
    assert asyncio.all_tasks() == before


async def test_a_client_that_vanishes_from_its_socket_leaves_no_engine_at_work() -> None:
    responder = EndlessResponder()
    engines = replace(scripted_engines(), responder=responder)
    async with listening(RealtimeApp(engines=scripted_app_engines(engines))) as url:
        socket = await websockets_connect(url)
        await socket.send('{"type":"response.create","response":{"output_modalities":["text"]}}')
        while "delta" not in str(await socket.recv()):
            pass
        socket.transport.abort()
        async with asyncio.timeout(5):
            await responder.stopped.wait()
    assert responder.running == 0


async def test_an_address_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DuologueError, match=f"cannot listen on 127.0.0.1:{port}"):
            await serve(scripted(), port=port, on_listening=lambda url: None)


async def test_an_engine_that_does_not_load_stops_the_server() -> None:
    def fail() -> Any:
        raise DuologueError("no engine")

    with pytest.raises(DuologueError):
        await asyncio.wait_for(serve(RealtimeApp(engines=fail), port=0, on_listening=lambda url: None), 10)


async def test_small_messages_are_not_held_back_until_the_client_speaks_again() -> None:
    """Nagle's algorithm is off in what the server's socket accepts, as asyncio sees to for sockets that are TCP."""
    accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def look(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    async with await asyncio.start_server(look, sock=_bind("127.0.0.1", 0)) as server:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        async with asyncio.timeout(5):
            assert await accepted
        writer.close()
        await writer.wait_closed()
