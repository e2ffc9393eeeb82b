"""Recording of cassettes from another server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Request, Response

from duologue.client.client_secrets import client_secret
from duologue.errors import ConnectFailed
from duologue.recording import ClosedLine, ConnectedLine, ExchangeLine, Frame, RecordingLine, RecordingReader
from duologue.testing.cassettes import cassette_server, open_cassette
from duologue.testing.cassettes.recorder import CassetteRecorder
from tests.compat._talkative import scripted
from tests.server._listening import listening
from tests.testing.cassettes._tape import GREETING, Tape, text

KEY = "sk-1234567890abcdef"


@asynccontextmanager
async def upstream(
    *, refuses: int | None = None, code: int | None = None
) -> AsyncGenerator[tuple[str, list[Request]], None]:
    """A server that greets, echoes, and closes with the code when it is told to."""
    seen: list[Request] = []

    async def request(_: ServerConnection, request: Request) -> Response | None:
        seen.append(request)
        if refuses is None:
            return None
        return Response(refuses, "No", Headers({"Content-Type": "application/json"}), b'{"error":{"message":"no"}}')

    async def talk(socket: ServerConnection) -> None:
        await socket.send(text(GREETING))
        async for message in socket:
            if message == "close":
                await socket.close(code or 1000, "told to")
                return
            if message == "break":
                socket.transport.abort()
                return
            await socket.send(message)

    async with serve(talk, "127.0.0.1", 0, process_request=request) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/realtime", seen


@asynccontextmanager
async def recording(path: Path, **upstream_is: Any) -> AsyncGenerator[str, None]:
    async with upstream(**upstream_is) as (server, _), cassette_server(path, record="once", upstream=server) as url:
        yield url


def list_of(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def lines(path: Path) -> list[RecordingLine]:
    with RecordingReader(path) as recording:
        return list(recording.lines())


def messages(path: Path) -> list[tuple[str, str | bytes]]:
    return [(line.direction, line.message) for line in lines(path) if isinstance(line, Frame)]


async def test_both_directions_are_written_down_unchanged_and_passed_on(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "call.jsonl"
    async with upstream() as (server, seen), cassette_server(path, record="once", upstream=server) as url:
        headers = {"Authorization": f"Bearer {KEY}", "OpenAI-Beta": "realtime=v1"}
        async with connect(f"{url}?model=m", additional_headers=headers, subprotocols=["realtime"]) as client:  # type: ignore[list-item]  # a name
            assert json.loads(await client.recv()) == GREETING
            for message in (json.dumps({"type": "a", "key": KEY}), b"\x01\x02"):
                await client.send(message)
                assert await client.recv() == message
    assert seen[0].headers["Authorization"] == f"Bearer {KEY}"
    assert seen[0].headers["OpenAI-Beta"] == "realtime=v1"
    assert seen[0].path == "/v1/realtime?model=m"
    [_, one, two, *rest] = messages(path)
    assert one == ("sent", '{"type":"a","key":"(secret, 19 characters)"}')
    assert two == ("received", one[1])
    assert rest == [("sent", b"\x01\x02"), ("received", b"\x01\x02")]
    with RecordingReader(path) as recording:
        header = recording.header
    assert (header.side, header.model, header.family) == ("client", "m", "realtime")
    assert header.url == f"{server}?model=m"
    assert KEY not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("word", "code", "expected"),
    [
        ("close", 1012, (1012, "told to", "server")),
        ("close", 4000, (4000, "told to", "server")),
        ("break", None, (1006, "", "network")),
    ],
)
async def test_the_end_of_a_connection_is_passed_on_and_written_down(
    tmp_path: Path, word: str, code: int | None, expected: tuple[int, str, str]
) -> None:
    path = tmp_path / "call.jsonl"
    async with recording(path, code=code) as url, connect(url) as client:
        await client.recv()
        await client.send(word)
        with pytest.raises(ConnectionClosed):
            await client.recv()
    assert client.close_code == expected[0]
    [closed] = [line for line in lines(path) if isinstance(line, ClosedLine)]
    assert (closed.code, closed.reason, closed.by) == expected


async def test_a_close_of_the_client_is_the_client_s(tmp_path: Path) -> None:
    path = tmp_path / "call.jsonl"
    async with recording(path) as url, connect(url) as client:
        await client.recv()
        await client.close(4001, "mine")
    [closed] = [line for line in lines(path) if isinstance(line, ClosedLine)]
    assert (closed.code, closed.reason, closed.by) == (4001, "mine", "client")


async def test_a_refusal_is_passed_on_and_written_down(tmp_path: Path) -> None:
    path = tmp_path / "call.jsonl"
    async with upstream(refuses=429) as (server, _), cassette_server(path, record="once", upstream=server) as url:
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"{url}?model=m&api_key={KEY}")
    assert (refused.value.response.status_code, refused.value.response.body) == (429, b'{"error":{"message":"no"}}')
    [line] = lines(path)
    assert isinstance(line, ExchangeLine)
    assert (line.path, line.status, line.asks_for_socket) == ("/v1/realtime?model=m", 429, True)
    assert line.answer == {"error": {"message": "no"}}


async def test_redirects_are_not_followed_with_the_key(tmp_path: Path) -> None:
    path = tmp_path / "call.jsonl"
    async with upstream(refuses=302) as (server, seen), cassette_server(path, record="once", upstream=server) as url:
        with pytest.raises(InvalidStatus) as refused:
            await connect(url)
    assert (refused.value.response.status_code, len(seen)) == (302, 1)


async def test_connections_are_numbered(tmp_path: Path) -> None:
    path = tmp_path / "call.jsonl"
    async with recording(path) as url, connect(f"{url}?model=a") as one, connect(f"{url}?model=b") as two:
        await one.recv()
        await two.recv()
        await two.send("2")
        await two.recv()
    [second] = [line for line in lines(path) if isinstance(line, ConnectedLine)]
    assert (second.connection, second.model) == (2, "b")
    assert {line.connection for line in lines(path) if isinstance(line, Frame) and line.message == "2"} == {2}


async def test_requests_over_http_are_recorded_without_their_secrets(tmp_path: Path) -> None:
    path = tmp_path / "call.jsonl"
    async with listening(scripted()) as server, cassette_server(path, record="once", upstream=server) as url:
        secret = await client_secret(url, api_key="open", expires_after=60)
        async with connect(f"{url}?model=m", additional_headers={"Authorization": f"Bearer {secret.value}"}) as client:
            await client.recv()
        with pytest.raises(ConnectFailed):
            await client_secret(url, api_key="wrong")
    made, refused = [line for line in lines(path) if isinstance(line, ExchangeLine)]
    assert (made.method, made.path, made.status) == ("POST", "/v1/realtime/client_secrets", 200)
    assert made.request == {"expires_after": {"anchor": "created_at", "seconds": 60}}
    assert made.answer["value"] == f"(secret, {len(secret.value)} characters)"
    assert refused.status == 401
    assert secret.value not in path.read_text(encoding="utf-8")


async def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    path = tmp_path / "call.jsonl"
    async with upstream() as (server, _):
        pass
    recorder = open_cassette(path, record="once", upstream=server)
    async with recorder.listening():
        with pytest.raises(InvalidStatus, match="502"):
            await connect(recorder.url)
        with pytest.raises(ConnectFailed):
            await client_secret(recorder.url, api_key="open")
    assert [fault.partition(": ")[2].partition(": ")[0] for fault in recorder.finish()] == [
        f"{server} cannot be reached"
    ] * 2
    assert not list_of(tmp_path)


async def test_without_a_connection_there_is_no_cassette_and_that_is_told(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="there was nothing to record"):
        async with cassette_server(tmp_path / "call.jsonl", record="once", upstream="ws://127.0.0.1:1"):
            pass
    assert not list_of(tmp_path)


async def test_a_test_that_fails_changes_no_cassette(tmp_path: Path) -> None:
    path = Tape(tmp_path / "call.jsonl").server(GREETING).done()
    before = path.read_bytes()
    async with upstream() as (server, _):
        with pytest.raises(KeyError) as failed:
            await _failing(path, server)
    assert path.read_bytes() == before
    assert failed.value.__notes__ == [f"{path} is not changed by a test that fails: {path}.part has what passed"]
    assert messages(Path(f"{path}.part")) == [("received", text(GREETING))]


async def _failing(path: Path, server: str) -> None:
    async with cassette_server(path, record="all", upstream=server) as url, connect(url) as client:
        await client.recv()
        raise KeyError


async def test_further_connections_are_added(tmp_path: Path) -> None:
    path = Tape(tmp_path / "call.jsonl", side="server").server(GREETING).client("a").done()
    before = lines(path)
    async with upstream() as (server, _), cassette_server(path, record="new", upstream=server) as url:
        async with connect(f"{url}?model=m") as old:
            await old.recv()
            await old.send(text("a"))
        async with connect(f"{url}?model=other") as new:
            await new.recv()
            await new.send("b")
            await new.recv()
    after = lines(path)
    assert after[: len(before)] == before
    added = [line for line in after[len(before) :] if isinstance(line, Frame)]
    assert [(line.connection, line.direction, line.message) for line in added] == [
        (2, "sent", text(GREETING)),
        (2, "received", "b"),
        (2, "sent", "b"),
    ]
    assert all(getattr(line, "at_s") >= getattr(before[-1], "at_s") for line in added)  # noqa: B009


async def test_with_nothing_new_the_file_stays(tmp_path: Path) -> None:
    path = Tape(tmp_path / "call.jsonl").server(GREETING).done()
    before = path.read_bytes()
    options: Any = {"record": "new", "upstream": "ws://127.0.0.1:1"}
    async with cassette_server(path, **options) as url, connect(f"{url}?model=m") as client:
        await client.recv()
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("path", "family"),
    [("/v1/realtime", "realtime"), ("/v1/live/sessions", "live"), ("/v1/realtime/translations", "translation")],
)
async def test_the_path_says_the_family(tmp_path: Path, path: str, family: str) -> None:
    file: Any = tmp_path / "call.jsonl"
    async with upstream() as (server, _):
        recorder = CassetteRecorder(file, server)
        opened: Any = await recorder.open(path, {})
        opened._socket.transport.abort()
        await asyncio.sleep(0)
        recorder.close()
    with RecordingReader(file) as recording:
        assert recording.header.family == family


def test_an_upstream_that_is_no_url_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConnectFailed):
        CassetteRecorder(tmp_path / "a.jsonl", "ftp://x")
