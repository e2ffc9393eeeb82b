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
        self.write_at_once: Callable[..., bool] | None = None
        """Writes short texts, unless they would wait (False); None: the transport has no such method."""

    def send(self, *events: ServerEvent) -> None:
        """Send events, in one write if nothing waits and all are short. Never waits."""
        texts: list[bytes] = []
        for event in events:
            before = len(texts)
            self._add(event, texts)
            self._observer.sent(event, sum(map(len, texts[before:])))
        if texts and not self._written(texts):
            for text in texts:
                self._queue.put(text.decode())

    def _add(self, event: ServerEvent, texts: list[bytes]) -> None:
        if type(event) is SessionCreatedEvent or type(event) is SessionUpdatedEvent:
            event = self._unmet_wishes.noted(event, shown=self._is_canonical)
        if not self._is_canonical:
            texts += map(str.encode, self._adapter.write(event))
        elif type(event) is ResponseAudioDeltaEvent:
            texts.append(self._audio_deltas.write(event))
        else:
            texts.append(encode(event))

    def _written(self, texts: list[bytes]) -> bool:
        """Write texts, if all before them are written and they need not wait."""
        return (
            self.write_at_once is not None
            and self._queue.is_idle
            and not SERVER_WIRE.isEnabledFor(logging.DEBUG)
            and self.write_at_once(*texts)
        )

    async def write(self) -> int:
        """Write what waits, until a close has been written or the client is gone. Returns the close code."""
        return await self._queue.write_to(self._transport, session_id=self._session_id)
