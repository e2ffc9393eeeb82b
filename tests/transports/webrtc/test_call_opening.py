from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from duologue.errors import AuthenticationFailed, ConnectFailed, ModelNotFound
from duologue.transports.socket_options import SocketOptions
from duologue.transports.webrtc.call_opening import open_call
from duologue.transports.webrtc.memory import MemoryPeer, MemoryStack
from duologue.transports.webrtc.peer import PeerSettings

GREETING = '{"type": "session.created", "event_id": "event_1", "session": {}}'
QUICK = SocketOptions(open_timeout=0.3)


class Service:
    """A server's calls: what was posted, and what is answered."""

    def __init__(self) -> None:
        self.stack = MemoryStack()
        self.url = ""
        self.loop = asyncio.get_running_loop()
        self.status = 201
        self.location = "/v1/realtime/calls/rtc_1"
        self.answer: Callable[[str], str] = lambda answer: answer
        self.greets = True
        self.is_connected = asyncio.Event()
        self.peer: MemoryPeer | None = None
        self.seen: list[tuple[str, dict[str, str], bytes]] = []

    async def answered(self, body: str) -> str:
        self.peer = self.stack.new_peer(PeerSettings())
        offer = body[body.index("v=0") :]
        return await self.peer.answer(offer)

    async def greet(self) -> None:
        assert self.peer is not None
        if self.greets:
            await self.peer.send(GREETING)
        await self.peer.hear()
        self.is_connected.set()

    async def connected(self) -> None:
        async with asyncio.timeout(5):
            await self.is_connected.wait()

    def respond(self, body: bytes) -> bytes:
        if self.status >= 300:
            return self.answer("").encode()
        answer = asyncio.run_coroutine_threadsafe(self.answered(body.decode()), self.loop).result(5)
        asyncio.run_coroutine_threadsafe(self.greet(), self.loop)
        return self.answer(answer).encode()


@contextmanager
def service() -> Generator[Service, None, None]:
    """A server on this machine that answers offers."""
    state = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.seen.append((self.path, dict(self.headers.items()), body))
            content = state.respond(body)
            self.send_response(state.status)
            self.send_header("Location", state.location)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: the test's output is for the test."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        state.url = f"http://127.0.0.1:{server.server_port}/v1/realtime/calls"
        try:
            yield state
        finally:
            server.shutdown()
            thread.join(5)


async def test_an_offer_alone_is_posted_as_it_is() -> None:
    with service() as there:
        call = await open_call(there.url, headers={"Authorization": "Bearer ek_1"}, stack=there.stack)
        assert await call.receive() == GREETING
        assert call.call_id == "rtc_1"
        await call.close()
    [(path, headers, body)] = there.seen
    assert path == "/v1/realtime/calls"
    assert (headers["Content-Type"], headers["Authorization"]) == ("application/sdp", "Bearer ek_1")
    assert body.startswith(b"v=0\r\n")


async def test_a_session_is_posted_with_the_offer_as_a_form() -> None:
    with service() as there:
        call = await open_call(there.url, session={"type": "realtime", "model": "m"}, stack=there.stack)
        await call.close()
    [(_, headers, body)] = there.seen
    kind, _, boundary = headers["Content-Type"].partition("; boundary=")
    assert kind == "multipart/form-data"
    parts = {
        part.split(b'name="')[1].split(b'"')[0].decode(): part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
        for part in body.split(b"--" + boundary.encode())[1:-1]
    }
    assert json.loads(parts["session"]) == {"type": "realtime", "model": "m"}
    assert parts["sdp"].startswith(b"v=0\r\n")
    assert body.endswith(f"--{boundary}--\r\n".encode())


@pytest.mark.parametrize(
    ("status", "error", "kind", "words"),
    [
        (
            400,
            {"code": "invalid_offer", "message": "Not WHIP-compliant."},
            ConnectFailed,
            "it says: Not WHIP-compliant.",
        ),
        (401, {"message": "Incorrect API key."}, AuthenticationFailed, "does not accept the key"),
        (404, {"code": "model_not_found", "message": "No m."}, ModelNotFound, "it says: No m."),
        (404, {}, ConnectFailed, "WebSocket"),
        (501, {"message": "pip install 'duologue[webrtc]'"}, ConnectFailed, "takes no calls over WebRTC"),
        (503, {"message": "All ports are taken."}, ConnectFailed, "All ports are taken."),
    ],
)
async def test_a_refusal_is_told_in_the_server_s_words(
    status: int, error: dict[str, str], kind: type[ConnectFailed], words: str
) -> None:
    with service() as there:
        there.status, there.answer = status, lambda _: json.dumps({"error": error} if error else {})
        with pytest.raises(kind, match=words) as caught:
            await open_call(there.url, stack=there.stack)
        assert type(caught.value) is kind
        assert caught.value.retryable is (status == 503)
        assert there.stack.n_open == 0


@pytest.mark.parametrize("answer", ['{"sdp": "v=0"}', "v=0\r\nhello"])
async def test_an_answer_that_is_no_description_opens_nothing(answer: str) -> None:
    with service() as there:
        there.answer = lambda _: answer
        with pytest.raises(ConnectFailed, match=r"SDP|description") as caught:
            await open_call(there.url, stack=there.stack)
        assert not caught.value.retryable
        assert there.peer is not None
        await there.peer.close()
        assert there.stack.n_open == 0


async def test_a_call_on_which_nothing_comes_is_no_call() -> None:
    with service() as there:
        there.greets = False
        with pytest.raises(ConnectFailed, match="drop UDP") as caught:
            await open_call(there.url, options=QUICK, stack=there.stack)
        assert caught.value.retryable


async def test_a_call_that_ends_at_once_is_no_call() -> None:
    with service() as there:
        there.greets = False
        opening = asyncio.gather(open_call(there.url, stack=there.stack), return_exceptions=True)
        await there.connected()
        assert there.peer is not None
        await there.peer.close()
        [fault] = await opening
        assert isinstance(fault, ConnectFailed)
        assert "ended the call" in str(fault)


async def test_without_a_port_there_is_no_offer() -> None:
    with pytest.raises(ConnectFailed, match="ports are taken"):
        await open_call("http://127.0.0.1:9/v1/realtime/calls", stack=MemoryStack(n_ports=0))


async def test_a_server_that_is_not_there_is_told() -> None:
    stack = MemoryStack()
    with pytest.raises(ConnectFailed, match="refused"):
        await open_call("http://127.0.0.1:9/v1/realtime/calls", stack=stack)
    assert stack.n_open == 0


@pytest.mark.parametrize("location", ["", "http://[", "/calls/" + "x" * 500, "/calls/rtc_\x7f"])
async def test_a_call_without_a_usable_id_is_a_call(location: str) -> None:
    with service() as there:
        there.location = location
        call = await open_call(there.url, stack=there.stack)
        assert call.call_id is None
        await call.close()


async def test_opening_may_be_cancelled() -> None:
    with service() as there:
        there.greets = False
        opening = asyncio.gather(open_call(there.url, stack=there.stack))
        await there.connected()
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        assert there.stack.n_open == 1  # the server's
