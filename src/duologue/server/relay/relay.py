"""The relay between a client and an upstream realtime API, each in its own dialect.

One task for each direction relays a message at a time, without a buffer: backpressure passes to the other side, and a
side that takes no message for `stall_s` ends the session. If both sides have the same dialect, messages pass unchanged.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias

from duologue.clock import loop_time
from duologue.codec import EVENT_CLASSES, Translation
from duologue.codec.jsontext import write_text
from duologue.dialects import PROFILES
from duologue.errors import ConnectFailed, ConnectionClosed, ConnectionClosedError, DecodeError
from duologue.events import (
    UNSET,
    ErrorEvent,
    InputAudioBufferAppendEvent,
    RealtimeError,
    RealtimeEvent,
    UnknownRealtimeEvent,
)
from duologue.protocol import SessionDefaults
from duologue.protocol.server.errors import InvalidRequest
from duologue.protocol.server.frames import SHORT_CHARS, check_depth, check_frame
from duologue.server.dialect.adapter import DialectAdapter, LossLog
from duologue.server.limits import Limits
from duologue.server.rejections import Rejection
from duologue.server.relay.client_utterances import ClientUtterances
from duologue.server.relay.missing_answers import MissingAnswers
from duologue.server.relay.session_config import UpstreamConfiguration
from duologue.server.relay.upstream import Upstream, UpstreamSide
from duologue.server.session_start import SessionStart, upstream_session_start
from duologue.server.telemetry.log import log_event
from duologue.server.telemetry.observer import UNOBSERVED, Observer
from duologue.tracebacks import drop_traceback
from duologue.transports import Transport
from duologue.transports.wire_log import SERVER_WIRE, Direction, log_frame

__all__ = ["Relay"]

_NORMAL: Final = 1000
_GOING_AWAY: Final = 1001
_INTERNAL_ERROR: Final = 1011
_TRY_AGAIN_LATER: Final = 1013
_BAD_REQUEST: Final = 4000

_NO_STATUS: Final = 1005
_NEVER_SENT: Final = frozenset({1004, 1005, 1006, 1015})
"""Close codes that are never sent in a frame: https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1"""

_CLOSE_S: Final = 5.0
"""How long a side that takes no more messages may take to send its close: as long as `Transport.close`."""

_Translate: TypeAlias = Callable[[str | bytes], Iterable[str | bytes]]


class Relay:
    """Relays one session between a client and an upstream."""

    def __init__(
        self,
        client: Transport,
        upstream: Upstream,
        *,
        session_start: SessionStart | None = None,
        limits: Limits | None = None,
        defaults: SessionDefaults | None = None,
        observer: Observer | None = None,
        new_id: Callable[[str], str],
    ) -> None:
        """`session_start` has the client's dialect and what is requested from the upstream. Of `defaults`, only the
        limits of one event apply, and only where events are translated."""
        session_start = upstream_session_start(session_start or SessionStart(), PROFILES[upstream.dialect])
        dialect = session_start.dialect
        self.relay_id: str = new_id("relay")
        self._observer = observer.opened(self.relay_id, kind="relay") if observer is not None else UNOBSERVED
        self._client = client
        self._upstream = upstream
        self._session_start = session_start
        limits = limits or Limits()
        self._stall_s, self._idle_s = limits.stall_s, limits.idle_s
        self._last_message_at = loop_time()
        self._new_id = new_id
        self._defaults = defaults or SessionDefaults()
        self._adapter = DialectAdapter(dialect, new_id=new_id, origin=upstream.dialect, kind=session_start.kind)
        self._translates = dialect != upstream.dialect
        model = upstream.model or session_start.model
        self._side = UpstreamSide(upstream.dialect, client_dialect=dialect, new_id=new_id, model=model)
        self._missing = MissingAnswers(PROFILES[upstream.dialect], new_id=new_id)
        self._utterances = ClientUtterances(
            PROFILES[dialect], self._side.utterances, model=session_start.model, new_id=new_id
        )
        self._configuration: UpstreamConfiguration | None = None
        self._upstream_has_sent = False
        self._errors: list[str] = []
        self._to_client = asyncio.Lock()
        self._to_upstream = asyncio.Lock()
        self._losses = LossLog(session=self.relay_id)
        self._stopped = asyncio.Event()

    def drain(self) -> None:
        """Stop: only the upstream knows whether a response is under way."""
        self.stop()

    def stop(self) -> None:
        """Close both sides with 1001."""
        self._stopped.set()

    async def run(self) -> None:
        """Relay until one side closes; then close the other with the same code. Cancelling closes both with 1001."""
        with self._observer.work("session", self.relay_id):
            await self._run()

    async def _run(self) -> None:
        code = _GOING_AWAY
        try:
            async with self._opened() as upstream:
                for translation in self._side.first() if self._translates else ():
                    await self._send(upstream, write_text(translation.frame).decode("utf-8"))
                if self._session_start.message is not None:
                    self._configuration = UpstreamConfiguration(
                        self._session_start.message,
                        None if self._session_start.translates else self._side,
                        PROFILES[self._upstream.dialect],
                    )
                    self._losses.report("the first session.update to the upstream", self._configuration.lost)
                    await self._send(upstream, self._configuration.text)
                code = await self._relay(upstream)
        except ConnectFailed as fault:
            log_event(logging.WARNING, "no upstream", session=self.relay_id, reason=str(fault))
            code = _TRY_AGAIN_LATER if fault.retryable else _INTERNAL_ERROR
            # The client does not get the upstream's address, which is in the log.
            problem = "cannot be reached" if fault.status is None else f"refused the session (HTTP {fault.status})"
            await self._reject(f"The upstream of this relay {problem}.", code, "the upstream cannot be reached")
        except ConnectionClosed as closed:
            # The upstream closed before the configuration was sent and any task was started.
            code = await self._close_unopened(closed)
        except asyncio.CancelledError as end:
            await self._client.close(code, "the server is going away")
            drop_traceback(end)
            raise
        except Exception as fault:
            log_event(logging.ERROR, "relay broke", fault=fault, session=self.relay_id)
            drop_traceback(fault)
            code = _INTERNAL_ERROR
            await self._client.close(code, "internal error")
        finally:
            self._observer.closed(code)

    @asynccontextmanager
    async def _opened(self) -> AsyncGenerator[Transport]:
        upstream = await self._upstream.open(self._session_start)
        try:
            yield upstream
        finally:
            await upstream.close(_GOING_AWAY, "the relay is going away")  # a second close has no effect

    async def _relay(self, upstream: Transport) -> int:
        """Returns the close code of the session."""
        up = asyncio.ensure_future(self._pump(self._client, upstream, self._up))  # noqa: TID251 - ended below
        down = asyncio.ensure_future(self._pump(upstream, self._client, self._down))  # noqa: TID251 - ended below
        stopped = asyncio.ensure_future(self._stopped.wait())  # noqa: TID251 - ended below
        try:
            if not await self._until_any_ends(up, down, stopped):
                rejection = Rejection("idle", seconds=self._idle_s)
                await self._client.close(rejection.close_code, rejection.close_reason)
                return rejection.close_code
            if stopped.done():
                await self._client.close(_GOING_AWAY, "the server is going away")
                return _GOING_AWAY
            # A side that takes no more messages has closed; the messages before its close are still relayed.
            await asyncio.wait((up, down), timeout=0 if self._ended(up) or self._ended(down) else _CLOSE_S)
            if (closed := self._ended(down)) is not None:
                if not self._upstream_has_sent:
                    return await self._close_unopened(closed)
                code, reason = _close_for_other_side(closed, whose="upstream")
                await self._client.close(code, reason)
                return code
            elif (closed := self._ended(up)) is not None:
                code, reason = _close_for_other_side(closed, whose="client")
                await upstream.close(code, reason)
                await self._client.close(code, reason)  # has an effect only if the upstream stalled
                return code
            await self._client.close(_INTERNAL_ERROR, "the upstream is gone")
            return _INTERNAL_ERROR
        finally:
            for task in (up, down, stopped):
                task.cancel()
            await asyncio.gather(up, down, stopped, return_exceptions=True)

    async def _until_any_ends(self, *tasks: asyncio.Future[Any]) -> bool:
        """False if the client has sent nothing for `idle_s` before any of them has ended."""
        while True:
            left_s = None if self._idle_s is None else self._last_message_at + self._idle_s - loop_time()
            if left_s is not None and left_s <= 0:
                return False
            done, _ = await asyncio.wait(tasks, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
            if done:
                return True

    @staticmethod
    def _ended(pump: asyncio.Future[ConnectionClosed | None]) -> ConnectionClosed | None:
        """How the source of a pump has closed; None if it has not. Raises the pump's exception."""
        return pump.result() if pump.done() else None

    async def _pump(self, source: Transport, sink: Transport, translate: _Translate) -> ConnectionClosed | None:
        """Relay messages until one side closes. Returns how the source closed, or None if it was the sink.

        A sink that takes no message for `stall_s` counts as a close of the source.
        """
        while True:
            try:
                message = await source.receive()
            except ConnectionClosed as closed:
                return closed
            self._log("received", message, source)
            try:
                for translated in translate(message):
                    await self._send(sink, translated)
                while self._errors:
                    await self._send(self._client, self._errors.pop(0))
                if sink is self._client:
                    await self._release(source)
            except ConnectionClosed:
                return None
            except TimeoutError:
                return self._stalled(sink)
            if self._configuration is not None and self._configuration.rejected and sink is self._client:
                return ConnectionClosedError(_BAD_REQUEST, "the upstream refuses the configuration of the session")

    async def _send(self, sink: Transport, message: str | bytes) -> None:
        """Raises ConnectionClosed, and TimeoutError if the side takes no message for `stall_s`."""
        self._log("sent", message, sink)
        # Both directions send to both sides, and a transport allows one sender at a time.
        lock = self._to_client if sink is self._client else self._to_upstream
        async with lock, asyncio.timeout(self._stall_s):
            await sink.send(message)

    def _log(self, direction: Direction, message: str | bytes, side: Transport) -> None:
        if SERVER_WIRE.isEnabledFor(logging.DEBUG):
            name = "client" if side is self._client else "upstream"
            log_frame(direction, message, session=f"{self.relay_id}, {name}", wire=SERVER_WIRE)

    async def _release(self, upstream: Transport) -> None:
        """Send what has waited for the upstream's last message."""
        released, self._side.released = self._side.released, []
        for translation in released:
            if translation.frame is not None:
                await self._send(upstream, write_text(translation.frame).decode("utf-8"))

    def _stalled(self, sink: Transport) -> ConnectionClosed:
        """The close for both sides when one takes no more messages."""
        if sink is self._client:
            rejection = Rejection("stalled", seconds=self._stall_s)
            return ConnectionClosedError(rejection.close_code, rejection.close_reason)
        return ConnectionClosedError(_INTERNAL_ERROR, f"the upstream took nothing for {self._stall_s:g} seconds")

    # --- translation

    def _up(self, message: str | bytes) -> Iterable[str | bytes]:
        """A client's message as the upstream's. Binary messages and invalid frames pass: the upstream rejects them."""
        self._last_message_at = loop_time()
        if not self._translates or isinstance(message, bytes):
            return (message,)
        try:
            self._check(message)
        except InvalidRequest as invalid:
            self._errors += self._adapter.write(invalid.event(self._new_id("event"), answers=None))
            return ()
        try:
            event = self._adapter.read(message)
        except DecodeError:
            return (message,)
        commands = self._utterances.up(event, ends=self._adapter.ends_utterance)
        if commands is not None:
            self._errors += self._utterances.take_frames()
            return [text for command in commands for text in self._translated_up(command)]
        if self._is_foreign(event, self._adapter.dialect):
            return (message,)
        if isinstance(event, InputAudioBufferAppendEvent) and (text := self._side.append(event)) is not None:
            self._missing.to(event)
            return (text.decode("utf-8"),) if text else ()
        return self._translated_up(event)

    def _translated_up(self, event: RealtimeEvent) -> list[str]:
        for answer in self._missing.to(event):
            self._errors += self._adapter.write(answer)
        return [text for translation in self._side.write(event) for text in self._text_of(event, translation)]

    def _check(self, message: str) -> None:
        """Raise InvalidRequest for a message that would take too long to translate."""
        defaults = self._defaults
        if len(message) > SHORT_CHARS:
            check_frame(message, max_bytes=defaults.max_event_bytes, max_values=defaults.max_event_values)
        else:
            check_depth(message)

    def _text_of(self, event: RealtimeEvent, translation: Translation) -> Iterable[str]:
        if translation.frame is None:
            self._errors += self._adapter.write(self._lossy_error(event, translation.lost))
            return ()
        self._losses.report(f"{event.type} to the upstream", translation.lost)
        return (write_text(translation.frame).decode("utf-8"),)

    def _down(self, message: str | bytes) -> Iterable[str | bytes]:
        self._upstream_has_sent = True
        messages = (message,) if self._configuration is None else self._configuration.receive(message)
        return [text for each in messages for text in self._translate_down(each)]

    def _translate_down(self, message: str | bytes) -> Iterable[str | bytes]:
        """An upstream's message as the client's. Binary messages and invalid frames pass."""
        if not self._translates or isinstance(message, bytes):
            return (message,)
        try:
            events = [event for each in self._side.read(message) for event in self._missing.completed(each)]
        except DecodeError:
            return (message,)
        if any(self._is_foreign(event, self._upstream.dialect) for event in events):
            return (message,)
        told = [event for event in events if self._utterances.is_for_client(event)]
        return [*(text for event in told for text in self._adapter.write(event)), *self._utterances.take_frames()]

    @staticmethod
    def _is_foreign(event: RealtimeEvent, dialect: str) -> bool:
        """Whether the event is unknown, so that nothing in it can be translated."""
        if not isinstance(event, UnknownRealtimeEvent):
            return False
        return event.wire_type is None or PROFILES[dialect].canonical(event.wire_type) not in EVENT_CLASSES

    def _lossy_error(self, event: RealtimeEvent, lacking: tuple[str, ...]) -> ErrorEvent:
        """The error for an event without a counterpart upstream, so that the client does not wait for its effect."""
        assert not isinstance(event, UnknownRealtimeEvent), "unknown events pass"
        message = f"Invalid value: {event.type!r}. The upstream of this relay has no such event."
        if lacking != ("type",):
            message = f"Invalid value: {', '.join(lacking)!r}. The upstream of this relay cannot be asked for it."
        answers = event.event_id if isinstance(event.event_id, str) else None
        error = RealtimeError(
            type="invalid_request_error", code="invalid_value", message=message, param=lacking[0], event_id=answers
        )
        return ErrorEvent(event_id=self._new_id("event"), error=error)

    async def _close_unopened(self, closed: ConnectionClosed) -> int:
        """Close the client with the close of an upstream that has sent nothing. Returns the code."""
        code, reason = _close_for_other_side(closed, whose="upstream")
        code = _INTERNAL_ERROR if code in (_NORMAL, _GOING_AWAY) else code
        problem = " ".join(part for part in (str(closed.code), closed.reason) if part)
        log_event(logging.WARNING, "upstream closed before a session", session=self.relay_id, code=closed.code)
        await self._reject(f"The upstream closed the connection before a session began: {problem}", code, reason)
        return code

    async def _reject(self, message: str, code: int, reason: str) -> None:
        """Send the error that there is no upstream, and close."""
        error = RealtimeError(
            type="server_error", code="upstream_unavailable", message=message, param=None, event_id=UNSET
        )
        try:
            for text in self._adapter.write(ErrorEvent(event_id=self._new_id("event"), error=error)):
                await self._send(self._client, text)
        except (ConnectionClosed, TimeoutError):
            log_event(logging.INFO, "client gone before the upstream came", session=self.relay_id)
        await self._client.close(code, reason or "the upstream has no session")


def _close_for_other_side(closed: ConnectionClosed, *, whose: str) -> tuple[int, str]:
    """Code and reason for the other side. Codes that are never sent become 1000 or 1011."""
    if closed.code not in _NEVER_SENT:
        return closed.code, closed.reason
    return (_NORMAL, closed.reason) if closed.code == _NO_STATUS else (_INTERNAL_ERROR, f"the {whose} is gone")
