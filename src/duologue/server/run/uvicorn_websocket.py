"""uvicorn's WebSocket, with small frames until admission, a deadline for messages, and closes that never block."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, Final, cast

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame
from websockets.protocol import CLOSED, CLOSING, OPEN

from duologue.protocol.server.frames import text_of
from duologue.server.isolation import isolated
from duologue.server.networks import network_of
from duologue.server.rejections import Rejection
from duologue.server.run.connections import CLOSE_S, LINGER_S, Connections, EdgeConfig, half_close
from duologue.server.run.frame_ends import FrameEnds
from duologue.server.run.message_queue import MessageQueue
from duologue.server.run.text_frames import frame_of, text_at
from duologue.server.run.uvicorn_http import response_of
from duologue.tracebacks import drop_traceback
from duologue.transports.asgi import ADMISSION, OFFER
from duologue.transports.library.names import forget_fragments, fragment_bytes, limit_messages

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveEvent, ASGISendEvent

__all__ = ["Socket"]

_MAX_UNADMITTED_BYTES: Final = 4096
"""A message of a client that is not admitted, which has nothing to send but a close."""

_LARGE_BYTES: Final = 8 * 1024
"""Larger messages wait for a turn. 100 ms of audio are smaller."""

_MAX_AT_ONCE: Final = 8
"""Messages that are written in one system call: 64 kB at most, which is what a transport buffers before it pauses the
writer. A response begins with seven."""

_LARGE_READ_BYTES: Final = 64 * 1024
"""After a read of this size, other connections read first."""

_FRAMES_PER_TURN: Final = 32
"""Frames that are parsed in one turn, in 0.3 ms. One read can bring 40,000 empty ones."""

_TEXTS_PER_TURN: Final = 64
"""Short messages that are taken in one turn, in 0.5 ms: those of a second, if they have piled up."""

_MAX_WAITING: Final = 2
"""Short messages that may wait for the application while reading goes on. To stop and start reading costs four system
calls, and most messages are taken before the next one comes."""

_MAX_FRAGMENTS: Final = 10_000
"""Of one message. 16 MiB are 4,096 fragments of 4 kB; each is an object until the last has come."""

_FRAGMENT_BYTES: Final = 64
"""Memory of a fragment in addition to its bytes, so that empty ones count as unread too."""


def _forget_data(frame: Frame) -> None:
    """The parser keeps its last frame until the next one comes: 16 MB for each idle session otherwise."""
    frame.data = b""


class Socket(WebSocketsSansIOProtocol):
    """One WebSocket connection.

    Until the application admits the client by the ASGI extension `duologue.admission`, it reads nothing, and a message
    may have 4 kB at most.

    A client that reads nothing cannot keep its connection: the close frame is written behind the waiting data, and the
    connection is aborted after a timeout. uvicorn would first wait for the buffer to drain.
    """

    # Of the base class, where not all are annotated.
    handshake_complete: bool
    close_sent: bool
    read_paused: bool
    frames: list[bytes]
    close_timer: asyncio.TimerHandle | None
    pong_timer: asyncio.TimerHandle | None

    def __init__(
        self,
        config: EdgeConfig,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        # Narrower than the attribute of the base class.
        self.queue: MessageQueue = MessageQueue(self.loop)  # pyright: ignore[reportIncompatibleVariableOverride]
        self._edge: Connections = config.edge
        self._limits = config.edge.limits
        self._max_event_bytes = config.max_event_bytes
        limit_messages(self.conn, _MAX_UNADMITTED_BYTES)
        self.address: str = ""
        self.owner: str = ""
        self.unread: int = 0
        self.received: int = 0
        self._parsing = 0
        """Unread bytes of the message that is not complete."""
        self._queued = 0
        """Unread bytes of messages that the application has not taken."""
        self._began_at = 0.0
        """When the incomplete message began."""
        self._parsing_at_ping = 0
        self._admitted = False
        self._take: Callable[[bytes], bool] | None = None
        self._lingers = False
        """Whether the connection is closing, and incoming data is dropped."""
        self._deadline: float | None = None
        self._ends = FrameEnds()
        self._rest: bytes | memoryview = b""
        """Data to be parsed in a later turn, or when the application has taken the messages before it."""

    # --- called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.address = network_of(self.client[0] if self.client else None)
        self.owner = f"address {self.address}"
        self._deadline = self._in(self._limits.handshake_s)
        self._edge.take_over(self)

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        if self._lingers:
            return
        # Before whole frames nothing may be open, neither here nor in the parser.
        if self._admitted and not self._rest and not self.frames and self._ends.between:
            taken = self._take_texts(data)
            if taken == len(data):
                return
            data = data[taken:]
        if not self.handshake_initiated:
            self._parse(data)
        elif self._rest:
            self._rest = bytes(self._rest) + data
            self._count()
        else:
            self._rest = data
            self.resume_parsing()

    def _take_texts(self, data: bytes) -> int:
        """Take short messages from the head of the data, while the application takes them at once. Returns the number
        of bytes that are done with: a client whose messages have piled up costs no more than others."""
        at = 0
        for _ in range(_TEXTS_PER_TURN):
            if self.close_sent or self.conn.state is not OPEN or (found := text_at(data, at)) is None:
                break
            text, end = found
            if len(text) > self._limits.frame_bytes:
                break
            taken = self._take is not None and len(text) <= _LARGE_BYTES and self.queue.has_reader and self._take(text)
            if not taken and not self._queue_text(text):
                break
            at = end
            if not taken or at == len(data):
                break
        return at

    def _queue_text(self, text: bytes) -> bool:
        """Have the application take it later. False: it is not UTF-8."""
        try:
            decoded = text_of(text, max_bytes=self._max_event_bytes)
        except UnicodeDecodeError:
            return False
        self.queue.put_nowait({"type": "websocket.receive", "text": decoded})
        if not self.read_paused and self.queue.qsize() >= _MAX_WAITING:
            self.read_paused = True
            self.transport.pause_reading()
        return True

    def resume_parsing(self) -> None:
        """Parse the unread data for one turn; resume reading when nothing is left."""
        if not self._rest:
            self._resume_if_taken()
            return
        is_large_read = len(self._rest) >= _LARGE_READ_BYTES
        size = self._ends.size_of(self._rest, _FRAMES_PER_TURN)
        if size == len(self._rest):
            piece, self._rest = self._rest, b""
        else:
            rest = memoryview(self._rest)
            piece, self._rest = rest[:size], rest[size:]
        self._parse(piece)
        if not self._rest or self._lingers:
            self._rest = b""
            if is_large_read and self._admitted and not self.read_paused:
                self.read_paused = True
                self.transport.pause_reading()
                self._edge.take_turn(self)
            else:
                self._resume_if_taken()
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
            self._reject_handshake()
            return
        if len(self.frames) > _MAX_FRAGMENTS:
            self._edge.cut(self, "fragments")
            return
        parsing = len(conn.reader.buffer) + fragment_bytes(conn) + _FRAGMENT_BYTES * len(self.frames)
        if parsing or parsing_before:
            # Small messages arrive whole and are not counted.
            self._account(parsing, len(data), ended=not parsing_before or self.queue.qsize() > queued_before)

    def connection_lost(self, exc: Exception | None) -> None:
        # uvicorn calls a connection that broke 1005, a close without a code; before a handshake it says 1006, as it is.
        self.handshake_complete = False
        super().connection_lost(exc)
        self._edge.leave(self)
        # The parser and the connection refer to each other and to the data: this cycle would keep them in memory until
        # the next full garbage collection, and those are rare.
        self.conn.reader.buffer.clear()
        self.conn.parser.close()
        for fault in (self.conn.parser_exc, self.conn.handshake_exc):
            if fault is not None:
                drop_traceback(fault)
        self.frames = []
        self._rest = b""

    # --- called by uvicorn

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

    def handle_ping(self) -> None:
        # Frames of the same read are handled after a close, when nothing can be written any more.
        if not self._lingers:
            super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        if not self._lingers:
            super().handle_pong(event)

    def send_receive_event_to_app(self) -> None:
        """As uvicorn does, but invalid UTF-8 closes with 1007 (RFC 6455, section 8.1) and leaves no traceback."""
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
                if self.conn.state is OPEN:  # the client's own close may have come in the same read
                    self.conn.send_close(1007, "the text is not UTF-8")
                self.handle_parser_exception()
                return
        else:
            self.queue.put_nowait({"type": "websocket.receive", "bytes": data})
        if not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()

    def handle_parser_exception(self) -> None:
        """Close after a protocol error, also before the handshake is complete."""
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
        """Keep reading for `LINGER_S`: closing a socket with unread bytes resets it, which may lose the close frame."""
        self._lingers = True
        self._rest = b""
        if half_close(self.transport) and self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(LINGER_S, self.transport.abort)

    def shutdown(self) -> None:
        """As uvicorn does, but a fault must not keep it from the other connections."""
        if self.conn.state in (CLOSING, CLOSED):
            # The client's own close was answered, and is not written yet: another one is not allowed.
            self.close_sent = True
        if not isolated(super().shutdown, doing="shut down"):
            self.abort()

    def send_500_response(self) -> None:
        """Answer in place of a handshake, once: uvicorn does so at its end, and again when the application fails."""
        if not (self.close_sent or self.handshake_complete or self.initial_response):
            super().send_500_response()
            self.close_sent = True

    def abort(self) -> None:
        """End the connection now, without a word."""
        self.transport.abort()

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        super().on_task_complete(task)
        self._admitted = False
        self._take = None
        self._deadline = self._in(CLOSE_S)
        if not self.disconnected:
            self._edge.wait(self)

    async def send(self, message: ASGISendEvent) -> None:
        """As uvicorn does, but closes at once, and sends large messages in turns."""
        extended = cast("Mapping[str, object]", message)
        text = extended.get("text")
        if type(text) is str and len(text) <= _LARGE_BYTES and self._may_send():
            self.transport.write(frame_of(text.encode()))
            return
        if extended["type"] == ADMISSION:
            self._admit(str(extended["owner"]))
            return
        if extended["type"] == OFFER:
            self._take = cast("Callable[[bytes], bool]", extended["take"])
            cast("MutableMapping[str, object]", message)["write"] = self._write_at_once
            return
        if message["type"] == "websocket.close":
            self.writable.set()
            if self._rest:
                # The client's own close frame may be in the unread data.
                self._edge.take_turn(self)
        size = len(cast("str", extended.get("text") or ""))
        if size > _LARGE_BYTES:
            await self._edge.wait_for_turn(size, sending=True)
        if self.close_sent and not self.handshake_complete:
            raise ClientDisconnected  # it has an answer, see `send_500_response`
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            # An HTTP answer in place of the handshake was sent; uvicorn would log that there was none.
            self.handshake_complete = True
        if size > _LARGE_BYTES:
            # The sender counts the message in memory until this returns.
            await self.writable.wait()
        if self.close_timer is not None:
            self.close_timer.cancel()
            self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)

    def _write_at_once(self, *texts: bytes) -> bool:
        """Write all of these in one system call, or none."""
        if any(len(text) > _LARGE_BYTES for text in texts) or len(texts) > _MAX_AT_ONCE or not self._may_send():
            return False
        self.transport.write(frame_of(texts[0]) if len(texts) == 1 else b"".join(map(frame_of, texts)))
        return True

    def _may_send(self) -> bool:
        """Whether a message may be written at once, and nothing is open before or behind it."""
        return (
            self._admitted
            and self.writable.is_set()
            and not self.close_sent
            and not self.disconnected
            and self.close_timer is None
            and self.conn.state is OPEN
            and not self.transport.is_closing()
        )

    async def receive(self) -> ASGIReceiveEvent:
        """The next message; resumes reading when the application has taken all messages."""
        message = await self.queue.get()
        size = len(cast("Mapping[str, str | bytes]", message).get("text") or "")
        if size > _LARGE_BYTES:
            await self._edge.wait_for_turn(size, sending=False)
        if self.read_paused and self._admitted and self.queue.empty():
            self._resume()
        return message

    def keepalive_timeout(self) -> None:
        """A ping has no answer. Within a frame a client cannot send one (RFC 6455, section 5.4): progress counts."""
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
        limit_messages(self.conn, self._limits.frame_bytes)
        self._edge.admit(self, owner)
        if self.read_paused and self.queue.empty():
            self._resume()

    def _reject_handshake(self) -> None:
        """Answer a handshake that the library has rejected, with its response if it has written one."""
        answer = b"".join(self.conn.data_to_send()) or response_of(Rejection("malformed"))
        self.handshake_complete = self.close_sent = True
        self._edge.log_cut("malformed", self)
        self.transport.write(answer)
        self.transport.close()

    def _resume_if_taken(self) -> None:
        # Behind a close nothing is taken any more, but the client's answer to it must be read.
        if self.read_paused and (self.close_sent or (self._admitted and self.queue.empty())):
            self._resume()

    def _resume(self) -> None:
        if self._queued:
            self._queued = 0
            self._count()
        if self._rest:
            self.resume_parsing()
        elif self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    # --- unread bytes and deadlines

    def _account(self, parsing: int, came: int, *, ended: bool) -> None:
        """Count data of an incomplete message; `ended`: the data ended another message before."""
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
            # The server does not read: the client is not late.
            self._began_at = now
        elif now - self._began_at > limits.message_s + self._parsing / limits.message_bytes_per_s:
            self._edge.cut(self, "message_late")

    def cut(self, name: str) -> None:
        """Close with the rejection's code and reason; abort if the client does not answer the close."""
        rejection = Rejection(name)
        if self.conn.state is OPEN and not self.close_sent:
            self.conn.fail(rejection.close_code, rejection.close_reason)
            forget_fragments(self.conn)
            self._parsing, self._queued, self.frames = 0, 0, []
            self._rest = b""
            self.handle_parser_exception()
            return
        if not self.handshake_complete:
            self.transport.write(response_of(rejection))
        self.transport.abort()
