"""uvicorn's WebSocket: small frames until admission, a deadline for each message, a close that waits for no client."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame
from websockets.protocol import OPEN

from duologue.protocol.server.frames import text_of
from duologue.server.networks import network_of
from duologue.server.rejections import Rejection
from duologue.server.run.connections import CLOSE_S, LINGER_S, Connections, EdgeConfig, half_close
from duologue.server.run.uvicorn_http import answer_of
from duologue.transports.asgi import ADMISSION

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveEvent, ASGISendEvent

__all__ = ["Socket"]

_MAX_STRANGER_BYTES: Final = 4096
"""A frame of a client that is not admitted: a close is all that it has to say."""


_LARGE_BYTES: Final = 8 * 1024
"""A message that waits for its turn. Audio of 100 ms is smaller."""

_MUCH_BYTES: Final = 64 * 1024
"""After so much in one read, others read first."""

_FRAMES_IN_A_ROW: Final = 32
"""Frames that are parsed before others have their turn, 0.3 ms. One read can bring 40,000 empty ones."""

_MAX_FRAGMENTS: Final = 10_000
"""Of one message. 16 MiB in fragments of 4 kB are 4,096; each is an object until the last has come."""

_FRAGMENT_BYTES: Final = 64
"""What a fragment takes in memory beside its bytes, so that empty ones count as unread too."""


class _FrameEnds:
    """Where frames end in what comes, so that no more of them are parsed at a time than are wanted."""

    def __init__(self) -> None:
        self._head = b""
        """The beginning of a frame whose length has not come."""
        self._missing = 0
        """Bytes of the present frame that have not come."""

    def size_of(self, data: bytes | memoryview, frames: int) -> int:
        """How many of these bytes no more than so many frames take; these are passed over, the others come again."""
        at, size = 0, len(data)
        for _ in range(frames):
            if self._missing >= size - at:
                self._missing -= size - at
                return size
            at += self._missing
            head = self._head + bytes(data[at : at + 10 - len(self._head)])
            short = head[1] & 127 if len(head) > 1 else 0
            n_head = 2 + {126: 2, 127: 8}.get(short, 0)
            if len(head) < n_head:
                self._head, self._missing = head, 0
                return size
            at += n_head - len(self._head)
            length = short if n_head == 2 else int.from_bytes(head[2:n_head], "big")
            self._head, self._missing = b"", length + (4 if head[1] & 128 else 0)
        return at


def _forget_frames(fault: BaseException | None) -> None:
    """A kept exception holds the frames it came through, and they hold what keeps it."""
    while fault is not None:
        fault.__traceback__ = None
        fault = fault.__cause__ or fault.__context__


def _forget_data(frame: Frame) -> None:
    """The parser keeps its last frame until the next one comes: 16 MB for each idle session otherwise."""
    frame.data = b""


class Socket(WebSocketsSansIOProtocol):
    """One WebSocket connection.

    It reads nothing and takes no frame above 4 kB until the application admits the client by the ASGI extension
    `duologue.admission`.

    A client that reads nothing cannot keep its connection: the close frame goes behind what waits for it already, where
    it arrives if the client comes back to its senses, and the connection is aborted if it does not. uvicorn would wait
    for the buffer to drain before either.
    """

    def __init__(
        self,
        config: EdgeConfig,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._edge: Connections = config.edge
        self._limits = config.edge.limits
        self._max_event_bytes = config.max_event_bytes
        self.conn.max_message_size = _MAX_STRANGER_BYTES
        self.address = self.owner = ""
        self.unread = 0
        self._parsing = 0
        """Unread bytes that are part of a message which is not complete."""
        self._queued = 0
        """Unread bytes that are part of messages which the application has not taken."""
        self._began_at = 0.0
        """When the message that is not complete began."""
        self._parsing_at_ping = 0
        self._admitted = False
        self._lingers = False
        """Whether all is said, and what still comes is read away."""
        self._deadline: float | None = None
        self._ends = _FrameEnds()
        self._rest: bytes | memoryview = b""
        """What has been read and is parsed when others had their turn, or when the application took what was before."""

    # --- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.address = network_of(self.client[0] if self.client else None)
        self.owner = f"address {self.address}"
        self._deadline = self._in(self._limits.handshake_s)
        self._edge.take_over(self)

    def data_received(self, data: bytes) -> None:
        if self._lingers:
            return
        if not self.handshake_initiated:
            self._parse(data)
        elif self._rest:
            self._rest = bytes(self._rest) + data
            self._count()
        else:
            self._rest = data
            self.go_on()

    def go_on(self) -> None:
        """Parse what has been read, up to a message or so many frames; reading goes on when nothing is left."""
        if not self._rest:
            if self.read_paused and self._admitted and self.queue.empty():
                self._resume()
            return
        much = len(self._rest) >= _MUCH_BYTES
        size = self._ends.size_of(self._rest, _FRAMES_IN_A_ROW)
        if size == len(self._rest):
            piece, self._rest = self._rest, b""
        else:
            rest = memoryview(self._rest)
            piece, self._rest = rest[:size], rest[size:]
        self._parse(piece)
        if not self._rest or self._lingers:
            self._rest = b""
            if much and self._admitted and not self.read_paused:
                self.read_paused = True
                self.transport.pause_reading()
                self._edge.take_turn(self)
            elif self.read_paused and self._admitted and self.queue.empty():
                self._resume()
            return
        if not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()
        self._count()
        if self.queue.empty() or self.close_sent:
            self._edge.take_turn(self)

    def _parse(self, data: bytes | memoryview) -> None:
        conn, parsing_before = self.conn, self._parsing
        queued_before = self.queue.qsize() if parsing_before else 0
        conn.receive_data(data)  # type: ignore[arg-type]
        if conn.parser_exc is not None:
            self.handle_parser_exception()
            return
        self.handle_events()
        if not self.handshake_initiated:
            self._refuse_handshake()
            return
        if len(self.frames) > _MAX_FRAGMENTS:
            self._edge.cut(self, "fragments")
            return
        parsing = len(conn.reader.buffer) + (conn.current_size or 0) + _FRAGMENT_BYTES * len(self.frames)
        if parsing or parsing_before:
            # Small messages come whole, and do not get here.
            self._account(parsing, len(data), ended=not parsing_before or self.queue.qsize() > queued_before)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._edge.leave(self)
        # The parser and the connection hold each other, and all that was read: without this they would stay in memory
        # until the next full collection of garbage, which is seldom.
        self.conn.reader.buffer.clear()
        self.conn.parser.close()
        for fault in (self.conn.parser_exc, self.conn.handshake_exc):
            _forget_frames(fault)
        self.frames = []
        self._rest = b""

    # --- uvicorn's side

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if not self.handshake_complete:
            cast("dict[str, dict[str, object]]", self.scope)["extensions"][ADMISSION] = {}
            self.read_paused = True
            self.transport.pause_reading()

    def handle_text(self, event: Frame) -> None:
        super().handle_text(event)
        _forget_data(event)

    def handle_bytes(self, event: Frame) -> None:
        super().handle_bytes(event)
        _forget_data(event)

    def handle_cont(self, event: Frame) -> None:
        super().handle_cont(event)
        _forget_data(event)

    def send_receive_event_to_app(self) -> None:
        """As uvicorn does, but a text that is no UTF-8 is no error of this server, with a traceback in its log."""
        data = self.frames[0] if len(self.frames) == 1 else b"".join(self.frames)
        self.frames = []
        if self.close_sent:
            return
        if self.curr_msg_data_type == "text":
            try:
                self.queue.put_nowait(
                    {"type": "websocket.receive", "text": text_of(data, max_bytes=self._max_event_bytes)}
                )
            except UnicodeDecodeError:
                self.conn.send_close(1007, "the text is not UTF-8")
                self.handle_parser_exception()
                return
        else:
            self.queue.put_nowait({"type": "websocket.receive", "bytes": data})
        if not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()

    def handle_parser_exception(self) -> None:
        """Close, also where the handshake has not been answered."""
        if self._lingers:
            return
        sent = self.conn.close_sent
        code, reason = (1006, "") if sent is None else (sent.code, sent.reason)
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.close_sent = True
        self.stop_keepalive()
        if sent is None or self.transport.is_closing():
            self.transport.abort()
            return
        self.transport.write(b"".join(self.conn.data_to_send()))
        self._linger()

    def _linger(self) -> None:
        """Read on for a while: a socket that is closed with bytes in it is reset, and the reset overtakes the close."""
        self._lingers = True
        self._rest = b""
        if half_close(self.transport) and self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(LINGER_S, self.transport.abort)

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        super().on_task_complete(task)
        self._admitted = False
        self._deadline = self._in(CLOSE_S)
        if not self.disconnected:
            self._edge.wait(self)

    async def send(self, message: ASGISendEvent) -> None:
        """As uvicorn does, but a close at once."""
        extended = cast("Mapping[str, object]", message)
        if extended["type"] == ADMISSION:
            self._admit(str(extended["owner"]))
            return
        if message["type"] == "websocket.close":
            self.writable.set()
            if self._rest:
                # The client's own close is in it, or comes behind it.
                self._edge.take_turn(self)
        size = len(cast("str", extended.get("text") or ""))
        if size > _LARGE_BYTES:
            await self._edge.wait_for_turn(size, sending=True)
        await super().send(message)
        if size > _LARGE_BYTES:
            # Who sends it counts it until it is gone.
            await self.writable.wait()
        if self.close_timer is not None:
            self.close_timer.cancel()
            self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)

    async def receive(self) -> ASGIReceiveEvent:
        """The next message; reading goes on when the application has taken all that was read."""
        message = await self.queue.get()
        size = len(cast("Mapping[str, str | bytes]", message).get("text") or "")
        if size > _LARGE_BYTES:
            await self._edge.wait_for_turn(size, sending=False)
        if self.read_paused and self._admitted and self.queue.empty():
            self._resume()
        return message

    def keepalive_timeout(self) -> None:
        """The client has not answered a ping, which it cannot do before the end of a frame that it is sending."""
        if self.ping_timeout is not None and self._parsing > self._parsing_at_ping:
            self._parsing_at_ping = self._parsing
            self.pong_timer = self.loop.call_later(self.ping_timeout, self.keepalive_timeout)
        else:
            super().keepalive_timeout()

    def send_keepalive_ping(self) -> None:
        self._parsing_at_ping = self._parsing
        super().send_keepalive_ping()

    # --- admission

    def _admit(self, owner: str) -> None:
        self._admitted = True
        self._deadline = None
        self.conn.max_message_size = self._limits.frame_bytes
        self._edge.admit(self, owner)
        if self.read_paused and self.queue.empty():
            self._resume()

    def _refuse_handshake(self) -> None:
        """The library does not take the request, and has written its answer if it has one."""
        answer = b"".join(self.conn.data_to_send()) or answer_of(Rejection("malformed"))
        self.handshake_complete = self.close_sent = True
        self._edge.log_cut("malformed", self)
        self.transport.write(answer)
        self.transport.close()

    def _resume(self) -> None:
        if self._queued:
            self._queued = 0
            self._count()
        if self._rest:
            self.go_on()
        elif self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    # --- unread bytes and deadlines

    def _account(self, parsing: int, came: int, *, ended: bool) -> None:
        """Bytes came that are part of a message which is not complete; `ended` says that another one was before it."""
        if ended:
            self._queued += max(0, self._parsing + came - parsing)
            self._began_at = self.loop.time()
        self._parsing = parsing
        self._count()

    def _count(self) -> None:
        self._edge.hold(self, self._parsing + self._queued + len(self._rest))

    def _in(self, seconds: float | None) -> float | None:
        return None if seconds is None else self.loop.time() + seconds

    def check(self, now: float) -> None:
        """End the connection if a deadline has passed."""
        if self._admitted:
            self._check_message(now)
        elif self._deadline is not None and now >= self._deadline:
            if self.transport.is_closing() or self.close_sent:
                self.transport.abort()
            else:
                self._edge.cut(self, "handshake_late")

    def _check_message(self, now: float) -> None:
        limits = self._limits
        if not self._parsing or limits.message_s is None:
            return
        if self.read_paused:
            # It is this server that does not read.
            self._began_at = now
        elif now - self._began_at > limits.message_s + self._parsing / limits.message_bytes_per_s:
            self._edge.cut(self, "message_late")

    def cut(self, name: str) -> None:
        """Close now with a reason, and abort if the client does not take it."""
        rejection = Rejection(name)
        if self.conn.state is OPEN and not self.close_sent:
            self.conn.fail(rejection.close_code, rejection.close_reason)
            self.conn.current_size, self._parsing, self._queued, self.frames = None, 0, 0, []
            self._rest = b""
            self.handle_parser_exception()
            return
        if not self.handshake_complete:
            self.transport.write(answer_of(rejection))
        self.transport.abort()
