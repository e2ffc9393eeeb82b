from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as websockets_connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from duologue import connect
from duologue.client.client_secrets import client_secret
from duologue.codec import known
from duologue.engines.base import ResponderRequest
from duologue.errors import ConnectFailed, ConnectionClosedError, DuologueError
from duologue.events import RealtimeSessionConfig, TranscriptionSessionConfig
from duologue.server import Limits, RealtimeApp, serve
from duologue.server.run.listening_socket import bind
from duologue.testing import scripted_engines
from duologue.transports.asgi import ASGIReceive, ASGISend, Scope
from tests._uvicorn import under_uvicorn
from tests.server._listening import listening, scripted_app
from tests.server._session_ends import SessionEnds
from tests.server._talking import audio, counts, event, status, typed, until, update

pytestmark = pytest.mark.timeout(30)


async def first(socket: ClientConnection) -> dict[str, Any]:
    """The first event of a connection, as JSON."""
    async with asyncio.timeout(5):
        decoded: dict[str, Any] = json.loads(await socket.recv())
    return decoded


async def test_decoders_are_built_before_clients_are_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "decode", known._first_decode)
    known.forgiving_reader.cache_clear()
    async with scripted_app().running():
        assert known.decode is not known._first_decode
        assert known.forgiving_reader.cache_info().currsize


async def refused(url: str, **presented: Any) -> tuple[str | None, int | None]:
    """The code of the error and of the close that follows."""
    async with websockets_connect(url, **presented) as socket:
        event = await first(socket)
        assert event["type"] == "error", event
        await asyncio.wait_for(socket.wait_closed(), 5)
        return event["error"]["code"], socket.close_code


async def test_what_is_mounted_serves_its_paths_without_the_server_s_keys() -> None:
    async def teapot(scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        await send({"type": "http.response.start", "status": 418, "headers": []})
        await send({"type": "http.response.body", "body": scope["path"].encode()})

    app = scripted_app(api_key="k")
    app.mount("tea", teapot)
    async with listening(app) as url:
        place = url.replace("ws://", "http://").removesuffix("/v1/realtime")
        async with httpx.AsyncClient(trust_env=False) as http:
            assert (await http.get(f"{place}/tea/pot")).status_code == 418
            assert (await http.get(f"{place}/teapot")).status_code == 404


# --- keys

GOOD = [
    ({"additional_headers": {"Authorization": "Bearer open"}}, None),
    ({"subprotocols": ["realtime", "openai-insecure-api-key.open"]}, "realtime"),
    ({"subprotocols": ["realtime", "openai-insecure-api-key.open", "openai-beta.realtime-v1"]}, "realtime"),
]


@pytest.mark.parametrize(("presented", "subprotocol"), GOOD, ids=["bearer", "browser", "beta"])
async def test_the_right_key_opens_in_every_way_that_clients_present_it(
    presented: dict[str, Any], subprotocol: str | None
) -> None:
    async with listening(scripted_app(api_key="open")) as url, websockets_connect(url, **presented) as socket:
        assert (await first(socket))["type"] == "session.created"
        assert socket.subprotocol == (Subprotocol(subprotocol) if subprotocol else None)


BAD = [
    ({}, None),
    ({"additional_headers": {"Authorization": "Bearer opens"}}, "invalid_api_key"),
    ({"subprotocols": ["realtime", "openai-insecure-api-key.nope"]}, "invalid_api_key"),
]


@pytest.mark.parametrize(("presented", "code"), BAD, ids=[str(number) for number in range(len(BAD))])
async def test_no_key_or_a_wrong_one_gets_an_error_and_a_close_with_3000(
    presented: dict[str, Any], code: str | None
) -> None:
    async with listening(scripted_app(api_key="open")) as url:
        assert await refused(url, **presented) == (code, 3000)


async def test_our_client_learns_that_its_key_is_wrong_and_why() -> None:
    async with listening(scripted_app(api_key="open")) as url, connect(url, api_key="nope") as connection:
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


# --- the end


async def test_an_address_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DuologueError, match=f"cannot listen on 127.0.0.1:{port}"):
            await serve(scripted_app(), port=port, on_listening=lambda url: None)


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

    async with await asyncio.start_server(look, sock=bind("127.0.0.1", 0)) as server:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        async with asyncio.timeout(5):
            assert await accepted
        writer.close()
        await writer.wait_closed()


# --- who is let in, and to what


async def test_a_client_secret_opens_a_session_that_begins_as_it_was_configured() -> None:
    async with listening(scripted_app(api_key="sesame")) as url:
        secret = await client_secret(
            url,
            api_key="sesame",
            session=RealtimeSessionConfig(model="m-1", instructions="Be brief.", output_modalities=["text"]),
        )
        async with connect(url, api_key=secret.value, model="other") as connection:
            [created] = await until(connection, "session.created")
            session = created.to_json()["session"]
            assert (session["model"], session["instructions"], session["output_modalities"]) == (
                "m-1",
                "Be brief.",
                ["text"],
            )
            await connection.send(event("response.create"))
            events = await until(connection, "response.done")
            assert counts(events)["response.output_text.done"] == 1
            assert counts(events)["session.updated"] == 0
        assert await refused(f"{url}?api_key={secret.value}x") == ("invalid_api_key", 3000)


async def test_a_client_secret_may_change_the_settings_of_its_session() -> None:
    async with listening(scripted_app(api_key="sesame")) as url:
        secret = await client_secret(
            url, api_key="sesame", session=RealtimeSessionConfig(model="m-1", instructions="Be brief.")
        )
        tool = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}
        async with connect(url, api_key=secret.value) as connection:
            await connection.send(update(instructions="Be long.", tools=[tool], model="other"))
            *_, updated = await until(connection, "session.updated")
        session = updated.to_json()["session"]
        assert session["instructions"] == "Be long."
        assert [each["name"] for each in session["tools"]] == ["look"]
        assert session["model"] == "m-1", "but it stays with the model that it was made for"


async def test_a_session_that_only_transcribes_is_asked_for_by_intent_or_by_a_client_secret() -> None:
    async with listening(scripted_app(api_key="sesame")) as url:
        secret = await client_secret(url, api_key="sesame", session=TranscriptionSessionConfig())
        for opened in (f"{url}?intent=transcription&api_key=sesame", f"{url}?api_key={secret.value}"):
            async with websockets_connect(opened) as socket:
                session = (await first(socket))["session"]
                assert (session["type"], session["object"]) == ("transcription", "realtime.transcription_session")
                await socket.send('{"type":"response.create"}')
                assert (await first(socket))["type"] == "error"
        assert await refused(f"{url}?intent=sing&api_key=sesame") == ("invalid_intent", 4000)
        assert await refused(f"{url}?intent=&api_key=sesame") == ("invalid_intent", 4000)
        assert await refused(f"{url}?intent=transcription&model=m&api_key=sesame") == ("invalid_model", 4000)
        assert await refused(f"{url}?model=gpt-4o-transcribe&api_key=sesame") == ("invalid_model", 4000)


async def test_only_named_models_are_served_if_any_are_named() -> None:
    async with listening(scripted_app(models=["a", "b"])) as url:
        async with connect(url, model="b") as connection:
            [created] = await until(connection, "session.created")
            assert created.to_json()["session"]["model"] == "b"
        assert await refused(f"{url}?model=c") == ("invalid_model", 4000)
        assert await refused(url) == ("missing_model", 4000)


async def test_a_page_of_another_origin_gets_no_handshake_where_no_key_is_asked_for() -> None:
    async with listening(scripted_app()) as url:
        with pytest.raises(InvalidStatus, match="403"):
            await websockets_connect(url, origin=Origin("https://evil.example"))
        async with websockets_connect(url, origin=Origin("http://localhost:3000")) as socket:
            assert (await first(socket))["type"] == "session.created"


async def test_more_sessions_than_there_may_be_are_asked_to_come_again_and_one_that_ends_makes_room() -> None:
    ends = SessionEnds()
    async with listening(scripted_app(limits=Limits(sessions=1), ends=ends)) as url:
        async with websockets_connect(url) as socket:
            await first(socket)
            assert await refused(url) == ("server_overloaded", 1013)
        await asyncio.wait_for(ends.codes.get(), 5)
        async with websockets_connect(url) as socket:
            assert (await first(socket))["type"] == "session.created"
    assert ends.reasons == ["full"]


async def test_a_client_at_a_wrong_path_learns_the_right_one(caplog: pytest.LogCaptureFixture) -> None:
    async with listening(scripted_app()) as url:
        wrong = url.replace("/v1/realtime", "/v2/elsewhere")
        with pytest.raises(ConnectFailed, match=r"/v2/elsewhere.*HTTP 404.*the WebSocket is at /v1/realtime"):
            async with connect(wrong):
                pass
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


# --- inside other applications


@pytest.mark.parametrize("root_path", ["", "/behind/a/proxy"])
async def test_it_can_be_mounted_in_starlette_under_any_path(root_path: str) -> None:
    voice = scripted_app(api_key="sesame")

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None, None]:
        async with voice.running():
            yield

    outer = Starlette(routes=[Mount("/voice", app=voice)], lifespan=lifespan)

    async def proxied(scope: Any, receive: Any, send: Any) -> None:
        await outer({**scope, "root_path": root_path, "path": root_path + scope.get("path", "")}, receive, send)

    async with under_uvicorn(proxied) as port:
        url = f"ws://127.0.0.1:{port}/voice/v1/realtime"
        secret = await client_secret(url, api_key="sesame", session=RealtimeSessionConfig(instructions="Mounted."))
        async with connect(url, api_key=secret.value) as connection:
            [created] = await until(connection, "session.created")
            assert created.to_json()["session"]["instructions"] == "Mounted."
        assert (await get(url, "/voice/readyz"))[0] == 200
        status_code, body = await get(url, "/voice/elsewhere")
        assert (status_code, f"{root_path}/voice/v1/realtime" in body.decode()) == (404, True)
        with pytest.raises(ConnectFailed, match="HTTP 403"):
            async with connect(f"ws://127.0.0.1:{port}/voice/v2"):
                pass


async def test_mounted_without_being_run_it_says_that_it_is_not_ready() -> None:
    async with under_uvicorn(Starlette(routes=[Mount("/voice", app=scripted_app())])) as port:
        assert await refused(f"ws://127.0.0.1:{port}/voice/v1/realtime") == ("server_not_ready", 1013)
        assert await get(f"ws://127.0.0.1:{port}/", "/voice/readyz") == (503, b'{"status":"loading"}')


async def test_its_own_lifespan_loads_the_engines() -> None:
    async with (
        under_uvicorn(scripted_app()) as port,
        websockets_connect(f"ws://127.0.0.1:{port}/v1/realtime") as socket,
    ):
        assert (await first(socket))["type"] == "session.created"


# --- no state crosses sessions


async def test_two_sessions_interleaved_each_keep_their_own_settings_words_and_voice() -> None:
    class Mirror:
        """Answers with its instructions and the last thing that was said."""

        name = "mirror"

        async def respond(self, request: ResponderRequest, /) -> AsyncGenerator[str, None]:
            yield f"{request.instructions}:"
            await asyncio.sleep(0)
            yield f"{request.messages[-1].text} ({len(request.messages)}) {request.voice}"

    engines = replace(scripted_engines(), responder=Mirror())
    names = ("tone", "high", "low")
    async with listening(scripted_app(engines)) as url, AsyncExitStack() as stack:
        talks = {name: await stack.enter_async_context(connect(url)) for name in names}

        async def converse(name: str) -> tuple[list[str], set[bytes]]:
            said: list[str] = []
            heard: set[bytes] = set()
            await talks[name].send(update(instructions=f"I am {name}", audio={"output": {"voice": name}}))
            for turn in range(3):
                await talks[name].send(typed(f"{name} {turn}"))
                await talks[name].send(event("response.create"))
                events = await until(talks[name], "response.done")
                said.append(status(events)["output"][0]["content"][0]["transcript"])
                heard.add(audio(events)[:4800])
            return said, heard

        results = dict(zip(names, await asyncio.gather(*map(converse, names)), strict=True))
    for name, (said, heard) in results.items():
        assert said == [f"I am {name}:{name} {turn} ({2 * turn + 1}) {name}" for turn in range(3)]
        assert len(heard) == 1
    assert len(set.union(*(heard for _, heard in results.values()))) == 3
