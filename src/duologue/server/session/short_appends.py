"""Takes the short appends of one session where they come, from the socket to the detector, without a task."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from typing import Any, Final

from duologue.clock import loop_clock
from duologue.codec.append_frames import HEADS, audio_in
from duologue.protocol import ServerProtocol
from duologue.server.session.detection import Detection, raised
from duologue.server.session.send_queue import SendQueue
from duologue.server.telemetry.observer import SessionObserver
from duologue.transports.wire_log import SERVER_WIRE

__all__ = ["ShortAppends"]

_REPORT_S: Final = 1.0
"""How far figures may be behind while audio comes. To count each append costs a tenth of what it costs in all."""


class ShortAppends:
    """Nine in ten messages of a call. While the session's reading task waits, these need not wake it."""

    def __init__(
        self,
        protocol: ServerProtocol,
        detection: Detection,
        send_queue: SendQueue,
        *,
        observer: SessionObserver,
        reads_frames: bool,
        allows: Callable[[float], bool] | None,
        receive: Callable[[str], object],
        carry_out: Callable[[], None],
        start: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        """`reads_frames`: an append with audio alone is the canonical one in the client's dialect. `allows` says
        whether a message may come now, and tells the client if not; None: always. `receive` takes any other append,
        `carry_out` does what the protocol says, and `start` makes a task of the session."""
        self._protocol = protocol
        self._detection = detection
        self._send_queue = send_queue
        self._observer = observer
        self._reads_frames = reads_frames
        self._allows = allows
        self._receive = receive
        self._carry_out = carry_out
        self._start = start
        self._time = loop_clock()
        self.context: Context = copy_context()
        """That of the reading task."""
        self.reader_waits: bool = False
        """Whether the reading task waits for a message. Else all messages are for that task."""
        self.last_message_at: float = self._time()
        """When the last message came, short or not."""
        self._unreported_bytes = 0
        self._report_at = 0.0

    def take_frame(self, frame: bytes) -> bool:
        """Take an append without waking the reading task, which waits. False: the message is for that task."""
        if not frame.startswith(HEADS) or not self._takes:
            return False
        audio = audio_in(frame) if self._reads_frames and not SERVER_WIRE.isEnabledFor(logging.DEBUG) else None
        if audio is not None:
            self.context.run(self._hear, audio, len(frame))
        elif frame.isascii():
            self.context.run(self._append, frame.decode())
        else:
            return False
        return True

    def take_audio(self, audio: bytes) -> bool:
        """Take audio in the session's format, as an append. False: it is for the reading task."""
        if SERVER_WIRE.isEnabledFor(logging.DEBUG) or not self._takes:
            return False
        self.context.run(self._hear, audio, len(audio))
        return True

    def close(self) -> None:
        """The session is over: forget it, which refers to this."""
        self.reader_waits = False
        self.report()
        del self._receive, self._carry_out, self._start, self._allows

    def report(self) -> None:
        """Tell the observer of what has come since it was told."""
        if self._unreported_bytes:
            self._observer.received(self._unreported_bytes, self._protocol.input_ms)
            self._unreported_bytes = 0

    @property
    def _takes(self) -> bool:
        return self.reader_waits and self._detection.takes_more and not self._send_queue.is_full

    def _hear(self, audio: bytes, n_bytes: int) -> None:
        try:
            self.reader_waits = False
            self.last_message_at = now = self._time()
            heard = self._protocol.hear(audio, now=now) if self._allows is None or self._allows(now) else None
            self._unreported_bytes += n_bytes
            if now >= self._report_at:
                self._report_at = now + _REPORT_S
                self.report()
            if heard is not None:
                self._detection.hear(heard, self.context, now)
            else:
                self._carry_out()
            self.reader_waits = True
        except Exception as fault:
            self._start(raised(fault))  # as if the reading task had raised it

    def _append(self, message: str) -> None:
        try:
            self.reader_waits = False
            self._receive(message)
            self._carry_out()
            self._detection.begin(self.context)
            self.reader_waits = True
        except Exception as fault:
            self._start(raised(fault))
