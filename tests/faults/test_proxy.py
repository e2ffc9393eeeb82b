"""The proxy, over sockets: what passes unchanged, and what comes of the faults that bytes and handshakes have."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect as websockets_connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

import duologue
from duologue.errors import ConnectFailed
from duologue.faults import KINDS, FaultPlan, parse_fault
from duologue.faults.proxy import chaos_proxy
from duologue.inspection import CallFold
from duologue.recording import ClosedLine, ConnectedLine, NoteLine, RecordingReader, RecordingWriter
from duologue.server import RealtimeApp
from duologue.testing import scripted_app_engines
from duologue.testing.served import AppInMemory
from duologue.testing.virtual_time import run_in_virtual_time
from tests._certificates import Authority
from tests.faults._outcomes import asked_twice, told_live

pytestmark = pytest.mark.timeout(30)

ANSWERED = ("completed", "completed")
RECONNECTED = ("restored", "rejected", "completed")

SOCKETS: dict[str, tuple[str, ...]] = {
    "latency ms=150 jitter=50": ANSWERED,
    "bandwidth kBps=16": ANSWERED,
    "slice bytes=100": ANSWERED,
    "slice bytes=1 from=client": ANSWERED,
    "reset on=response.created": RECONNECTED,
    "cut on=response.created": RECONNECTED,
    "half_open on=response.created": RECONNECTED,
    "half_open on=response.create": RECONNECTED,
    "half_open on=response.created s=3": ("rejected", "completed"),
    "slow_reader on=response.created": ("completed", "restored", "rejected"),
    "slow_reader on=response.created s=3": ANSWERED,
    "slow_reader kBps=1 s=3": ANSWERED,
    "corrupt on=response.created": RECONNECTED,
    "corrupt on=response.created from=client": ("completed", "restored", "rejected"),
    "refuse http=401": ("AuthenticationFailed 401",),
    "refuse http=404": ("ModelNotFound 404",),
    "refuse http=429 retry_after=3": ("ConnectFailed 429",),
    "refuse http=503": ("ConnectFailed 503",),
    "refuse http=499": ("ConnectFailed 499",),
    "redirect": ("ConnectFailed",),
    "redirect http=308 to=ws://elsewhere.invalid/": ("ConnectFailed",),
    "handshake_delay s=5": ANSWERED,
    "handshake_delay s=20": ("ConnectFailed",),
    "close code=1013 on=response.created": RECONNECTED,
    "expire on=response.created": RECONNECTED,
    "stall on=response.created": ("rejected", "rejected"),
    "oversize MB=20 on=response.created": ("closed 1009", "closed 1009"),
    "oversize MB=24 from=client on=response.create": ("closed 1009", "closed 1009"),
    "binary times=all": ANSWERED,
}
"""What comes of a fault over sockets, where `tests/faults/test_outcomes.py` cannot see it."""


LIVE: dict[str, str] = {
    "latency ms=150 jitter=50": "done",
    "bandwidth kBps=128": "done",
    "slice bytes=1000": "done",
    "reset after=1s": "lost 1006",
    "cut after=1s": "lost 1006",
    "half_open after=1s": "rejected, not finalised",
    "slow_reader after=1s": "rejected, not finalised",
    "corrupt after=1s": "lost 1002",
    "refuse http=503": "ConnectFailed 503",
    "redirect": "ConnectFailed",
    "handshake_delay s=5": "done",
    "close code=1012 after=1s": "lost 1012",
    "expire after=1s": "closed 1000",
    "oversize MB=20 after=1s": "lost 1009",
}
"""The same for a Live session. A command that waits when the connection is found dead is rejected."""


@asynccontextmanager
async def in_front_of_ours(plan: FaultPlan, **options: Any) -> AsyncGenerator[str, None]:
    """A proxy in front of our server; yields its URL. No task is left."""
    before = asyncio.all_tasks()
    memory = AppInMemory(RealtimeApp(engines=scripted_app_engines()))
    try:
        async with (
            memory.listening() as url,
            chaos_proxy(url.removesuffix("/v1/realtime"), plan, **options) as proxy_url,
        ):
            yield proxy_url
    finally:
        memory.tap.close()
    assert asyncio.all_tasks() == before


@asynccontextmanager
async def in_front_of(
    handle: Callable[[ServerConnection], Coroutine[Any, Any, None]], plan: FaultPlan | None = None, **options: Any
) -> AsyncGenerator[str, None]:
    """A proxy in front of a server of the test's; yields its URL."""
    async with serve(handle, "127.0.0.1", 0, **options) as server:
        to = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with chaos_proxy(to, plan or FaultPlan()) as url:
            yield url


async def echo(socket: ServerConnection) -> None:
    async for message in socket:
        await socket.send(message)


def test_every_fault_of_bytes_and_of_the_handshake_is_in_the_table() -> None:
    needed = {name for name, kind in KINDS.items() if kind.layer in ("bytes", "handshake")}
    assert needed - {parse_fault(fault).name for fault in SOCKETS} == set()


@pytest.mark.parametrize("fault", SOCKETS)
def test_a_conversation_answers_raises_what_it_promises_or_reconnects(fault: str) -> None:
    async def main() -> None:
        plan = FaultPlan(fault, seed=7)
        async with in_front_of_ours(plan) as url:
            assert await asked_twice(url=url) == SOCKETS[fault]
        assert plan.fired

    run_in_virtual_time(main())


@pytest.mark.parametrize("fault", LIVE)
def test_a_live_session_goes_on_or_raises_what_it_promises(fault: str) -> None:
    async def main() -> None:
        plan = FaultPlan(fault, seed=7)
        async with in_front_of_ours(plan) as url:
            assert await told_live(url=url.removesuffix("/v1/realtime")) == LIVE[fault]
        assert plan.fired

    run_in_virtual_time(main())


async def test_messages_of_both_kinds_and_the_close_pass_unchanged() -> None:
    sent: list[str | bytes] = ["", "grün", b"\x00\xff", "x" * 300_000, *map(str, range(50))]

    async def answer(socket: ServerConnection) -> None:
        for _ in sent:
            await socket.send(await socket.recv())
        await socket.close(4321, "that was it")

    async with in_front_of(answer) as url, websockets_connect(url, max_size=None) as client:
        for message in sent:
            await client.send(message)
        assert [await client.recv() for _ in sent] == sent
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4321, "that was it")


async def test_path_query_headers_and_subprotocol_go_along() -> None:
    asked: list[Request] = []

    def look(_: ServerConnection, request: Request) -> None:
        asked.append(request)

    offered = [Subprotocol("realtime"), Subprotocol("secret.ek_1")]
    async with (
        in_front_of(echo, process_request=look, subprotocols=[Subprotocol("realtime")]) as url,
        websockets_connect(
            f"{url}/v1/realtime?model=m", additional_headers={"Authorization": "Bearer sk-1"}, subprotocols=offered
        ) as client,
    ):
        assert client.subprotocol == "realtime"
    [request] = asked
    assert request.path == "/v1/realtime?model=m"
    assert request.headers["Authorization"] == "Bearer sk-1"
    assert request.headers["Sec-WebSocket-Protocol"] == "realtime, secret.ek_1"
    assert request.headers["Host"] not in url


async def test_a_refusal_of_the_server_is_passed_on() -> None:
    def refuse(socket: ServerConnection, _: Request) -> Response:
        response = socket.respond(429, '{"error":{"message":"slow down"}}')
        response.headers["Retry-After"] = "7"
        return response

    async with in_front_of(echo, process_request=refuse) as url:
        with pytest.raises(InvalidStatus) as refused:
            await websockets_connect(url)
    assert refused.value.response.status_code == 429
    assert refused.value.response.headers["Retry-After"] == "7"
    assert b"slow down" in (refused.value.response.body or b"")


async def test_a_redirect_of_the_server_is_passed_on_and_not_followed() -> None:
    def redirect(socket: ServerConnection, _: Request) -> Response:
        response = socket.respond(302, "")
        response.headers["Location"] = "https://elsewhere.invalid/"
        return response

    async with in_front_of(echo, process_request=redirect) as url:
        with pytest.raises(ConnectFailed, match="redirects to another origin"):
            async with duologue.connect(url, api_key="sk-1"):
                pass


async def test_a_server_that_cannot_be_reached_is_told_on_both_sides() -> None:
    told: list[ConnectFailed] = []
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # it does not listen
        to = f"ws://127.0.0.1:{taken.getsockname()[1]}"
        await _refused(to, told)
    assert len(told) == 1
    assert "sk-1" not in str(told[0])


async def _refused(to: str, told: list[ConnectFailed]) -> None:
    async with chaos_proxy(to, FaultPlan(), failed=told.append) as url:
        with pytest.raises(ConnectFailed, match="connection refused"):
            async with duologue.connect(url, api_key="sk-1"):
                pass


@pytest.mark.parametrize("to", ["", "ftp://example.com", "ws://", "ws://[", "ws://host:0", "ws://host:99999"])
async def test_what_is_no_address_is_refused(to: str) -> None:
    with pytest.raises(ConnectFailed, match="is not the address of a server"):
        async with chaos_proxy(to, FaultPlan()):
            pass


async def test_the_certificate_of_the_server_is_verified(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with serve(echo, "127.0.0.1", 0, ssl=authority.server_context("localhost")) as server:
        to = f"wss://localhost:{server.sockets[0].getsockname()[1]}"
        async with (
            chaos_proxy(to, FaultPlan(["slice bytes=100"]), ssl=authority.client_context) as url,
            websockets_connect(url) as client,
        ):
            await client.send("hello")
            assert await client.recv() == "hello"
        async with chaos_proxy(to, FaultPlan()) as url:
            with pytest.raises(InvalidStatus) as refused:
                await websockets_connect(url)
    assert refused.value.response.status_code == 502


async def test_what_the_client_sent_and_got_is_recorded_with_each_fault(tmp_path: Path) -> None:
    file = tmp_path / "call.jsonl"
    plan = FaultPlan(["close code=1012 on=response.created", "drop on=response.output_audio.delta"])
    with RecordingWriter(file, clock=asyncio.get_running_loop().time) as writer:
        async with in_front_of_ours(plan, record=writer) as url:
            assert await asked_twice(url=url) == RECONNECTED
    with RecordingReader(file) as recording:
        lines = list(recording.lines())
    fold = CallFold(recording.header)
    for line in lines:
        fold.push(line)
    marks = [mark.text for mark in fold.view.marks if mark.kind == "fault"]
    assert marks == [
        "close code=1012 on=response.created at response.created 1",
        "drop on=response.output_audio.delta at response.output_audio.delta 1",
    ]
    assert [line.note.name for line in lines if isinstance(line, NoteLine)] == ["close", "drop"]  # type: ignore[union-attr]
    closed = [(line.code, line.by, line.connection) for line in lines if isinstance(line, ClosedLine)]
    assert closed == [(1012, "server", 1), (1000, "client", 2)]
    assert [line.connection for line in lines if isinstance(line, ConnectedLine)] == [2]


def test_the_same_seed_has_the_same_faults_come() -> None:
    async def fired(seed: int) -> list[str]:
        plan = FaultPlan(["duplicate p=0.1", "drop on=response.output_audio.delta p=0.2"], seed=seed)
        async with in_front_of_ours(plan) as url:
            await asked_twice(url=url)
        return [str(each) for each in plan.fired]

    first, second, other = (run_in_virtual_time(fired(seed)) for seed in (7, 7, 8))
    assert first == second != other


async def test_a_client_that_gives_up_during_the_handshake_leaves_no_session() -> None:
    opened: list[ServerConnection] = []

    async def keep(socket: ServerConnection) -> None:
        opened.append(socket)

    async with in_front_of(keep, FaultPlan("handshake_delay s=60")) as url:
        with pytest.raises(TimeoutError):
            await websockets_connect(url, open_timeout=0.05)
    assert opened == []


async def test_the_proxy_that_ends_closes_both_sides() -> None:
    codes: list[int | None] = []

    async def keep(socket: ServerConnection) -> None:
        await socket.wait_closed()
        codes.append(socket.close_code)

    async with serve(keep, "127.0.0.1", 0) as server:
        to = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with chaos_proxy(to, FaultPlan()) as url:
            client = await websockets_connect(url)
        await client.wait_closed()
    assert (client.close_code, codes) == (1001, [1001])


def test_who_speaks_no_websocket_is_neither_logged_nor_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with chaos_proxy("ws://127.0.0.1:1", FaultPlan()) as url:
            port = int(url.rpartition(":")[2])
            _, silent = await asyncio.open_connection("127.0.0.1", port)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"hello\r\n\r\n")
            assert await reader.read() == b""
        for each in (silent, writer):
            each.close()

    run_in_virtual_time(main())
    assert caplog.records == []


@pytest.mark.parametrize(
    "fault",
    ["half_open", "slow_reader from=server", "cut", "reset", "corrupt from=client", "oversize MB=24 from=client"],
)
def test_the_server_ends_the_session_of_a_client_that_is_gone_or_reads_nothing(
    fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        memory = AppInMemory(RealtimeApp(engines=scripted_app_engines()))
        plan = FaultPlan(f"{fault} after=1s")
        async with memory.listening() as url, chaos_proxy(url, plan) as proxy_url:
            client = await websockets_connect(f"{proxy_url}/v1/realtime", ping_interval=None)
            for _ in range(12):
                with suppress(ConnectionClosed):
                    await client.send('{"type":"input_audio_buffer.clear"}')
                await asyncio.sleep(0.1)
            # Two pings' time: the server asks after 20 s, and waits for 20 s.
            await asyncio.sleep(45)
            assert memory.tap.calls[0].is_over
            client.transport.abort()
        assert plan.fired
        memory.tap.close()

    run_in_virtual_time(main())
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
