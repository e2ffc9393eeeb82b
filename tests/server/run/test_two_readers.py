"""Frames that are read without the WebSocket library have the effects of those that are read with it."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode

from duologue.server import Limits
from duologue.server.run import uvicorn_websocket
from duologue.server.run.edge import edge_config
from duologue.server.run.text_frames import text_at
from duologue.server.run.uvicorn_websocket import Socket
from duologue.transports.asgi import ADMISSION, OFFER
from tests.server._listening import scripted_app
from tests.server._raw_connections import handshake

MAX_BYTES = 5_000
"""Of a message of these connections: less than what is read without the library."""


class _Line(asyncio.Transport):
    """A TCP connection of which the test is the other end."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.written = b""
        self.paused = self.closing = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = True

    def can_write_eof(self) -> bool:
        return False


async def _effects(pieces: list[bytes], *, takes: bool) -> tuple[list[Any], bytes]:
    """What the application gets of a client that sends this, and what the client gets. `takes`: the application takes
    messages at once while it waits for one."""
    messages: list[Any] = []
    over = asyncio.Event()

    def take(text: bytes) -> bool:
        if not text.isascii():
            return False
        messages.append({"type": "websocket.receive", "text": text.decode()})
        return True

    async def application(scope: object, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": ADMISSION, "owner": "key 1"})
        if takes:
            await send({"type": OFFER, "take": take})
        while True:
            message = dict(cast("MutableMapping[str, Any]", await receive()))
            messages.append(message)
            if message["type"] == "websocket.disconnect":
                over.set()
                return

    config = edge_config(scripted_app(limits=Limits(frame_bytes=MAX_BYTES, ping_s=3600)), handler=application)
    config.load()
    socket, line = Socket(config, ServerState(), {}), _Line()
    socket.connection_made(line)
    socket.data_received(handshake())
    await _settled(line)
    for piece in pieces:
        if line.closing or over.is_set():
            break
        socket.data_received(piece)
        await _settled(line)
    socket.connection_lost(None)
    async with asyncio.timeout(5):
        await over.wait()
    return messages, line.written


async def _settled(line: _Line) -> None:
    """The application has taken what it can: what it does in a turn of the loop is done in the next ones."""
    for _ in range(200):
        await asyncio.sleep(0)
        if not line.paused or line.closing:
            break
    for _ in range(8):
        await asyncio.sleep(0)


_TEXTS = st.one_of(
    st.text(max_size=8).map(str.encode),
    st.binary(max_size=8),
    st.sampled_from([125, 126, 127, 128, 133, MAX_BYTES - 1, MAX_BYTES, MAX_BYTES + 1, 0x10000]).map(
        lambda n: b"a" * n
    ),
)

_FRAMES = st.builds(
    lambda opcode, text, fin, mask: Frame(opcode, text, fin).serialize(mask=mask),
    st.sampled_from([Opcode.TEXT] * 4 + [Opcode.BINARY, Opcode.CONT, Opcode.CONT]),
    _TEXTS,
    st.sampled_from([True, True, True, False]),
    st.sampled_from([True] * 9 + [False]),
) | st.builds(
    lambda opcode, text: Frame(opcode, text).serialize(mask=True),
    st.sampled_from([Opcode.PING, Opcode.PONG, Opcode.CLOSE]),
    st.sampled_from([b"", b"\x03\xe8", b"\x03\xe8why", b"x" * 125]),
)


@st.composite
def _streams(draw: st.DrawFn) -> list[bytes]:
    """Frames, a few of them damaged, cut at their ends or anywhere."""
    pieces: list[bytes] = []
    for frame in draw(st.lists(_FRAMES, max_size=6)):
        if draw(st.integers(0, 9)) == 0:
            at = draw(st.integers(0, min(len(frame), 10) - 1))
            frame = frame[:at] + draw(st.binary(min_size=1, max_size=1)) + frame[at + 1 :]
        cuts = sorted({min(cut, len(frame)) for cut in draw(st.lists(_CUTS, max_size=2))} | {0, len(frame)})
        parts = [frame[begin:end] for begin, end in pairwise(cuts)]
        if pieces and draw(st.integers(0, 3)) == 0:
            pieces[-1] += parts.pop(0)
        pieces += parts
    return pieces


_CUTS = st.sampled_from([1, 2, 6, 7, 8, 9, 14, 133]) | st.integers(1, MAX_BYTES)


_LONG = Frame(Opcode.TEXT, b"a" * 0x10000).serialize(mask=True)


_MANY = b"".join(Frame(Opcode.TEXT, str(number).encode()).serialize(mask=True) for number in range(1000))


@given(_streams(), st.booleans())
@example([Frame(Opcode.TEXT, b"a" * (MAX_BYTES + 1)).serialize(mask=True)], False)
@example([_LONG[:133], _LONG[133:]], True)
@example([_MANY[:5000], _MANY[5000:]], True)
@example([_MANY], False)
def test_any_stream_cut_anywhere_has_the_same_effects(pieces: list[bytes], takes: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        found = asyncio.run(_effects(pieces, takes=takes))
        patch.setattr(uvicorn_websocket, "text_at", lambda data, at: None)
        assert found == asyncio.run(_effects(pieces, takes=False))


async def test_messages_that_have_piled_up_are_taken_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Socket, "resume_parsing", lambda socket: pytest.fail("left to the library"))
    many = b"".join(Frame(Opcode.TEXT, str(number).encode()).serialize(mask=True) for number in range(60))
    messages, _ = await _effects([many, many], takes=True)
    assert [message["text"] for message in messages[:-1]] == [*map(str, range(60))] * 2


@pytest.mark.parametrize("size", [0xFFFF, 0x10000, 0x20000])
def test_the_beginning_of_a_long_frame_is_no_short_one(size: int) -> None:
    """Cut anywhere, also where its first bytes are as many as those of a short frame that is whole."""
    frame = Frame(Opcode.TEXT, b"a" * size).serialize(mask=True)
    assert [cut for cut in range(1_000) if text_at(frame[:cut]) is not None] == []
