"""Sends the events of one session to its client: at once while nothing waits, else through the send queue."""

from __future__ import annotations

import logging
from collections.abc import Callable

from duologue.codec import encode
from duologue.codec.audio_deltas import AudioDeltaWriter
from duologue.dialects import DEFAULT_DIALECT
from duologue.events import ResponseAudioDeltaEvent, ServerEvent, SessionCreatedEvent, SessionUpdatedEvent
from duologue.server.dialect.adapter import DialectAdapter
from duologue.server.session.send_queue import SendQueue
from duologue.server.session.unmet_wishes import UnmetWishes
from duologue.server.telemetry.observer import SessionObserver
from duologue.transports import Transport
from duologue.transports.wire_log import SERVER_WIRE

__all__ = ["EventSender"]


class EventSender:
    """Any task of the session calls `send`; one runs `write`."""

    def __init__(
        self,
        transport: Transport,
        adapter: DialectAdapter,
        queue: SendQueue,
        *,
        observer: SessionObserver,
        unmet_wishes: UnmetWishes,
        session_id: str,
    ) -> None:
        self._transport = transport
        self._adapter = adapter
        self._queue = queue
        self._observer = observer
        self._unmet_wishes = unmet_wishes
        self._session_id = session_id
        self._audio_deltas = AudioDeltaWriter()
        self._is_canonical = adapter.dialect == DEFAULT_DIALECT
        self.write_at_once: Callable[[bytes], bool] | None = None
        """Writes a short text, unless it would wait (False); None: the transport has no such method."""

    def send(self, event: ServerEvent) -> None:
        """Send an event. Never waits."""
        if isinstance(event, SessionCreatedEvent | SessionUpdatedEvent):
            event = self._unmet_wishes.noted(event, shown=self._is_canonical)
        if self._is_canonical:
            data = self._audio_deltas.write(event) if type(event) is ResponseAudioDeltaEvent else encode(event)
            n_bytes = len(data)
            if not self._written(data):
                self._queue.put(data.decode())
        else:
            n_bytes = 0
            for text in self._adapter.write(event):
                n_bytes += len(text)
                if not self._written(text.encode()):
                    self._queue.put(text)
        self._observer.sent(event, n_bytes)

    def _written(self, data: bytes) -> bool:
        """Write a text, if all before it is written and it need not wait."""
        return (
            self.write_at_once is not None
            and self._queue.is_idle
            and not SERVER_WIRE.isEnabledFor(logging.DEBUG)
            and self.write_at_once(data)
        )

    async def write(self) -> int:
        """Write what waits, until a close has been written or the client is gone. Returns the close code."""
        return await self._queue.write_to(self._transport, session_id=self._session_id)
