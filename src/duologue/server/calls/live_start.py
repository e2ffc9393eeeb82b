"""The start of a Live session that an HTTP request has asked for: the request says `session.start`, and is answered by
what the session says first."""

from __future__ import annotations

import asyncio
from typing import Any

from duologue.codec import decode_live
from duologue.codec.jsontext import write_text
from duologue.events import RealtimeError, is_set
from duologue.events.live import LiveErrorEvent, LiveSessionStartedEvent
from duologue.protocol.server.errors import InvalidRequest
from duologue.server.http.session_bodies import wrong_value
from duologue.server.rejections import Rejection
from duologue.server.session_start import ConfigRejected
from duologue.transports import Transport

__all__ = ["LiveStart", "live_offer"]


def live_offer(body: dict[str, Any], *, is_fork: bool) -> tuple[str, dict[str, Any]]:
    """The offer and the session in a request's body; the session itself says what is wrong with its settings.

    Raises:
        ConfigRejected: the body has another shape.
    """
    transport, session = body.get("transport"), body.get("session", {} if is_fork else None)
    if transport is None or session is None:
        raise _missing("transport" if transport is None else "session")
    if not isinstance(transport, dict) or not isinstance(session, dict):
        raise wrong_value("transport" if not isinstance(transport, dict) else "session", "expected an object")
    if transport.get("type") != "webrtc":
        raise wrong_value("transport.type", "expected 'webrtc'")
    if not isinstance(sdp := transport.get("sdp"), str):
        raise wrong_value("transport.sdp", "expected an SDP offer") if "sdp" in transport else _missing("transport.sdp")
    audio = session.get("audio")
    if isinstance(audio, dict) and "format" in audio:
        raise wrong_value("session.audio.format", "the sound of a call has no format of its own")
    return sdp, session


class LiveStart:
    """The session's transport, with `session.start` before the messages of the client."""

    def __init__(self, transport: Transport, session: dict[str, Any]) -> None:
        self.first: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """The first message of the session."""
        self._transport = transport
        self._start: str | None = write_text({"type": "session.start", "session": session}).decode("utf-8")

    async def send(self, message: str | bytes, /) -> None:
        """As `Transport.send`."""
        if not self.first.done() and isinstance(message, str):
            self.first.set_result(message)
        await self._transport.send(message)

    async def receive(self) -> str | bytes:
        """As `Transport.receive`."""
        start, self._start = self._start, None
        return start if start is not None else await self._transport.receive()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """As `Transport.close`."""
        self.first.cancel()
        await self._transport.close(code, reason)

    async def session_id(self) -> str:
        """The id of the session, once it has started.

        Raises:
            ConfigRejected: the session refuses its settings.
            Rejection: it has ended before it began.
        """
        try:
            event = decode_live(await asyncio.shield(self.first))
        except asyncio.CancelledError:
            if not self.first.cancelled():
                raise
            raise Rejection("draining") from None
        if isinstance(event, LiveSessionStartedEvent):
            return event.session.id
        error = event.error if isinstance(event, LiveErrorEvent) else None
        if error is None:
            raise Rejection("broken")
        if error.code == "upstream_unavailable":
            raise Rejection("no_upstream", problem="has not started the session")
        raise ConfigRejected(
            RealtimeError(
                type=error.type if is_set(error.type) else "invalid_request_error",
                code=error.code if is_set(error.code) else None,
                message=error.message if is_set(error.message) else "The session has not started.",
                param=error.param if is_set(error.param) else None,
            )
        )


def _missing(param: str) -> ConfigRejected:
    return ConfigRejected(InvalidRequest("missing", param=param).event("", answers=None).error)
