"""One telephone call of a server: its leg, a conversation, and the session in this process that it is with."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from typing import Final

from duologue.client import Connection, connect, converse
from duologue.client.mappings import SessionInput
from duologue.errors import ConnectionClosed, DuologueError
from duologue.protocol.client.recovery.reconnect import ReconnectPolicy
from duologue.recording import RecordingLine
from duologue.server.app import RealtimeApp
from duologue.server.calls.upstreams import opened
from duologue.server.realtime_sessions import RealtimeSession
from duologue.server.session_start import SessionStart
from duologue.server.tap.tapped_session import TappedSession
from duologue.server.telemetry.log import log_event
from duologue.telephony.codecs.leg_codec import LegCodec
from duologue.telephony.joining import PhoneCall
from duologue.tracebacks import drop_traceback
from duologue.transports import Transport, memory_pair

__all__ = ["ServedPhoneCall"]

_RECONNECT: Final = ReconnectPolicy(max_delay_s=1.0, max_attempts=20)
"""More often than by default, for 10 to 18 s: after ten seconds without a session that it had the bridge hangs up."""

_OPEN_S: Final = 10.0
"""So long a caller waits in silence for a session, as for one that is lost."""

_BROKEN: Final = 1011
"""As a server closes a socket after an error of its own: RFC 6455, section 7.4.1."""

_END_S: Final = 6.0
"""How long a session may take to end when its call has: engines have five seconds."""


class ServedPhoneCall:
    """A call, counted as one session whichever sessions it had. A lost session is replaced by another, with the history
    of the conversation, while the caller waits."""

    def __init__(
        self,
        app: RealtimeApp,
        transport: Transport,
        codec: LegCodec,
        *,
        network: str,
        owner: str,
        address: str,
        session: SessionInput | None = None,
        model: str | None = None,
        hang_up: bool = False,
    ) -> None:
        self._app = app
        self._call = PhoneCall(transport, codec)
        self._network = network
        self._owner = owner
        self._address = address
        self._config = session
        self._session_start = SessionStart(model=model)
        self._hang_up = hang_up
        self._tapped: TappedSession | None = None
        """The present session, if it has taps."""
        self._task: asyncio.Task[None] | None = None
        self._is_stopped = False

    async def run(self) -> None:
        """Serve until the call is over. Cancelling ends it."""
        if self._is_stopped:
            await self._call.close()
            return
        task = self._task = asyncio.ensure_future(self._serve())  # noqa: TID251 - awaited here
        try:
            await asyncio.wait([task])
        finally:
            task.cancel()
            await asyncio.wait([task])
            self._task = None  # its exception refers to this object
        if not task.cancelled() and (fault := task.exception()) is not None:
            log_event(logging.ERROR, "call broke", fault=fault, owner=self._owner)
            drop_traceback(fault)

    def drain(self) -> None:
        """End when the caller has heard the answer under way."""
        self._call.finish()

    def stop(self) -> None:
        """End now."""
        self._is_stopped = True
        if self._task is not None:
            self._task.cancel()

    async def _serve(self) -> None:
        call = self._call
        try:
            await call.start()
            talking = converse(
                open_connection=self._connect,
                session=self._config,
                tools=[call.hang_up] if self._hang_up else (),
                reconnect=_RECONNECT,
            )
            async with AsyncExitStack() as held:
                async with asyncio.timeout(_OPEN_S):
                    conversation = await held.enter_async_context(talking)
                call.leg_log = self if self._tapped is not None else None
                await call.join(conversation)
        except ConnectionClosed as fault:  # no call was started, or its session is over before it began
            log_event(logging.INFO, "no call", owner=self._owner, reason=str(fault))
        except TimeoutError:
            log_event(logging.WARNING, "no session for a call", owner=self._owner, reason=f"none within {_OPEN_S:g} s")
        except DuologueError as fault:  # the upstream is down or refuses; an extra is missing
            log_event(logging.WARNING, "no session for a call", owner=self._owner, reason=str(fault))
        finally:
            await call.close()

    @property
    def now_s(self) -> float:
        """Seconds since the present session began."""
        return self._tapped.at_s if self._tapped is not None else 0.0

    def write_line(self, line: RecordingLine) -> None:
        """A frame of the leg has passed: the taps of the present session are told."""
        if self._tapped is not None:
            self._tapped.write_line(line)

    @asynccontextmanager
    async def _connect(self) -> AsyncGenerator[Connection, None]:
        """A session in this process, for the length of a block. Raises ConnectFailed: there is no upstream."""
        ours, theirs = memory_pair()
        with closing(self._app.tapped_session(f"/phone/{self._network}")) as tapped:
            self._tapped = tapped if tapped.has_taps else None
            session = await self._new_session(theirs, tapped)
            serving = asyncio.ensure_future(session.run())  # noqa: TID251 - ended below
            # One that breaks has closed nothing, and the caller would wait for it.
            serving.add_done_callback(lambda _: theirs.close_both(_BROKEN, "the session broke"))
            try:
                async with connect(transport=ours) as connection:
                    yield connection
            finally:
                await ours.close()
                await self._end(serving)

    async def _new_session(self, transport: Transport, tapped: TappedSession) -> RealtimeSession:
        app, session_start = self._app, self._session_start
        tapped.about(
            family="realtime",
            subject=self._owner,
            model=session_start.model or app.realtime.default_model,
            dialect=session_start.dialect,
            medium="phone",
        )
        observer = app.observer(tapped, address=self._address, owner=self._owner)
        around = tapped.around(transport)
        if app.upstream is None:
            return app.realtime.serve(around, session_start, owner=self._owner, observer=observer)
        async with opened(app.upstream, session_start) as upstream:
            return app.realtime.serve(around, session_start, owner=self._owner, observer=observer, upstream=upstream)

    async def _end(self, serving: asyncio.Future[None]) -> None:
        try:
            await asyncio.wait([serving], timeout=_END_S)
        finally:
            serving.cancel()
        await asyncio.wait([serving])
        if not serving.cancelled() and (fault := serving.exception()) is not None:
            log_event(logging.ERROR, "session of a call broke", fault=fault, owner=self._owner)
            drop_traceback(fault)
