"""Reports one reply of a Live session to the protocol, piece by piece, not much faster than it is heard."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from duologue.clock import loop_time
from duologue.engines.base import FunctionCall
from duologue.protocol.live.server import LiveReply, LiveServerProtocol
from duologue.server.telemetry.observer import SessionObserver

__all__ = ["MAX_AHEAD_MS", "ReplyReporter"]

MAX_AHEAD_MS: Final = 4_000
"""Speech that may wait to be heard: enough for a slow engine to make the next clause, and little to throw away when the
user talks over it."""


class ReplyReporter:
    """Takes a reply from the engines (`duologue.server.session.response_pipeline.ResponseSink`)."""

    def __init__(
        self,
        reply: LiveReply,
        protocol: LiveServerProtocol,
        observer: SessionObserver,
        *,
        flush: Callable[[], Awaitable[None]],
        progress: Callable[[], Awaitable[None]],
    ) -> None:
        """`flush` sends the protocol's events; `progress` waits until anything happened in the session."""
        self._reply_id = reply.reply_id
        self._bytes_per_s = reply.encoding.bytes_per_s
        self._protocol = protocol
        self._observer = observer
        self._flush = flush
        self._progress = progress

    async def text(self, piece: str, /) -> bool:
        """The next piece of text. Always more is wanted: a reply that is not is cancelled."""
        self._protocol.reply_text(self._reply_id, piece, now=loop_time())
        await self._flush()
        return True

    async def clause(self, clause: str, /) -> None:
        """The text that the next audio speaks."""
        self._protocol.reply_clause(self._reply_id, clause, now=loop_time())

    async def audio(self, audio: bytes, /) -> None:
        """The next piece of speech, in the session's encoding. Waits while enough is ahead of what is heard."""
        self._protocol.reply_audio(self._reply_id, audio, now=loop_time())
        self._observer.spoke(len(audio) / self._bytes_per_s)
        await self._flush()
        while self._protocol.voice_ahead_ms > MAX_AHEAD_MS:
            await self._progress()

    async def call(self, call: FunctionCall, /) -> None:
        """The responder calls a function; all text and audio before it has been reported."""
        self._protocol.reply_call(self._reply_id, call.name, call.arguments, now=loop_time())
        await self._flush()
