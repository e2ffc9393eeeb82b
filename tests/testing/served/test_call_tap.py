"""What a tap knows of calls."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

import duologue
from duologue.events import InputAudioBufferAppendEvent, InputAudioBufferClearedEvent, InputAudioBufferClearEvent
from duologue.recording import ClosedLine, RecordingReader
from duologue.server import RealtimeApp
from duologue.testing import read_call, scripted_app_engines
from duologue.testing.served import CallTap
from duologue.testing.served.app_in_memory import AppInMemory

SCOPE = {"type": "websocket", "path": "/v1/realtime", "query_string": b"model=m&key=sk-123", "server": ("h", 1)}


class Socket:
    """The ASGI server's side."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self._messages = [{"type": "websocket.connect"}, *messages]
        self.sent: list[Any] = []
        self.more = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        if not self._messages:
            await self.more.wait()
        return self._messages.pop(0)

    async def send(self, message: Any) -> None:
        self.sent.append(message)


async def _echo(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})


TEXT = {"type": "websocket.receive", "text": '{"type":"response.cancel"}'}
GONE = {"type": "websocket.disconnect", "code": 1000, "reason": "done"}


async def test_a_call_is_folded_and_recorded_as_the_server_saw_it(tmp_path: Path) -> None:
    tap = CallTap(_echo)
    socket = Socket(TEXT, {"type": "websocket.receive", "bytes": b"\x01"}, GONE)
    await tap(dict(SCOPE), socket.receive, socket.send)
    (call,) = tap.calls
    assert (call.view.side, call.view.model) == ("server", "m")
    assert [(event.by, event.type) for event in call.view.sequence] == [
        ("client", "response.cancel"),
        ("server", "response.cancel"),
    ]
    call.save(tmp_path / "call.jsonl")
    with RecordingReader(tmp_path / "call.jsonl") as recording:
        assert recording.header.url == "ws://h:1/v1/realtime?model=m"
        lines = list(recording.lines())
    assert isinstance(lines[-1], ClosedLine)
    assert (lines[-1].code, lines[-1].reason, lines[-1].by) == (1000, "done", "client")
    assert read_call(tmp_path / "call.jsonl").sequence == call.view.sequence
    tap.close()
    assert call.view.events == {"response.cancel": 2, "(unreadable)": 2}


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ({"type": "websocket.disconnect"}, (1005, "client")),
        ({"type": "websocket.disconnect", "code": 1006}, (1006, "network")),
    ],
)
async def test_how_a_call_ended_is_told(message: dict[str, Any], told: tuple[int, str]) -> None:
    tap, socket = CallTap(_echo), Socket(message)
    await tap(dict(SCOPE), socket.receive, socket.send)
    assert tap.calls[0].view.marks[-1].text.startswith(f"by the {told[1]}")
    assert str(told[0]) in tap.calls[0].view.marks[-1].text


async def test_a_close_by_the_server_counts_first() -> None:
    async def closes(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 4000})
        await receive()

    tap, socket = CallTap(closes), Socket()
    await tap(dict(SCOPE), socket.receive, socket.send)
    assert [mark.text for mark in tap.calls[0].view.marks] == ["by the server, code 4000"]


async def test_what_is_refused_and_what_is_no_websocket_is_no_call() -> None:
    async def refuses(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.close", "code": 1008})

    tap, socket = CallTap(refuses), Socket()
    await tap(dict(SCOPE), socket.receive, socket.send)
    await tap({"type": "http"}, socket.receive, socket.send)
    assert tap.calls == []


async def test_it_is_settled_when_all_that_came_is_read() -> None:
    tap, socket = CallTap(_echo), Socket(TEXT)
    serving = asyncio.ensure_future(tap(dict(SCOPE), socket.receive, socket.send))
    await asyncio.sleep(0)
    await tap.settled()
    (call,) = tap.calls
    assert (call.is_reading, call.is_over, len(call.view.sequence)) == (True, False, 2)
    assert call.view is not call.view  # a copy, as long as the call goes on
    socket._messages.append(GONE)
    socket.more.set()
    await tap.settled()
    assert call.is_over
    await serving


async def test_an_application_that_does_not_read_is_not_waited_for_for_long() -> None:
    async def sleeps(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        await asyncio.Event().wait()

    tap, socket = CallTap(sleeps), Socket()
    serving = asyncio.ensure_future(tap(dict(SCOPE), socket.receive, socket.send))
    await asyncio.sleep(0)
    await tap.settled(within_s=0.01)
    assert not tap.calls[0].is_over
    serving.cancel()


async def test_the_dialect_is_that_of_the_client() -> None:
    app = RealtimeApp(engines=scripted_app_engines())
    tap = CallTap.before(app)
    beta = {**SCOPE, "headers": [(b"openai-beta", b"realtime=v1")], "client": ("127.0.0.1", 1)}
    refusing = CallTap.before(RealtimeApp(engines=scripted_app_engines(), refuse_beta=True))
    assert (tap._dialect_of(beta), tap._dialect_of({**beta, "headers": []})) == ("openai-beta", "openai")
    assert refusing._dialect_of(beta) is None


async def test_no_message_passes_beside_a_tap() -> None:
    """Our server takes short appends, and writes short events, by what the application offers: not through a tap."""
    served = AppInMemory(RealtimeApp(engines=scripted_app_engines()))
    async with served.listening() as url:
        async with duologue.connect(url) as connection:
            await connection.receive()
            for _ in range(5):
                await connection.send(InputAudioBufferAppendEvent.from_audio(bytes(960)))
            await connection.send(InputAudioBufferClearEvent())
            assert isinstance(await connection.receive(), InputAudioBufferClearedEvent)
        await served.tap.settled()
    (call,) = served.tap.calls
    assert call.view.events == {
        "session.created": 1,
        "input_audio_buffer.append": 5,
        "input_audio_buffer.clear": 1,
        "input_audio_buffer.cleared": 1,
    }
