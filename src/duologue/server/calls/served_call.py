"""One call: from its offer to the end of its session."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import msgspec

from duologue.errors import ConnectFailed
from duologue.printable import printable_message
from duologue.protocol.server.account import Charge
from duologue.server.calls.incoming_call import IncomingCall
from duologue.server.http.authentication import Principal
from duologue.server.open_sessions import Served
from duologue.server.rejections import Rejection
from duologue.server.session.session import ServerSession
from duologue.server.telemetry.log import log_event
from duologue.tracebacks import drop_traceback
from duologue.transports import Transport
from duologue.transports.webrtc.call import CallLine, CallTransport
from duologue.transports.webrtc.peer import InvalidOffer, NoPortsLeft, Peer, PeerFigures

__all__ = ["MAX_SIDEBANDS", "OpenSession", "ServedCall"]

_CONNECT_S: Final = 30.0
"""From the answer to a connected peer. A browser that can connect does so in a second; one that cannot gives up after
15 to 30 s."""

MAX_SIDEBANDS: Final = 16
"""Of one call, as of one Live session. Applications open one."""

_FINISHED: Final = 1000
_GOING_AWAY: Final = 1001
_HUNG_UP: Final = "the call was hung up"
_SERVER_ENDS: Final = "the server is going away"

OpenSession: TypeAlias = Callable[[Transport], Awaitable[Served]]
"""Makes the session over a transport, after what may fail: the connection to an upstream."""


class ServedCall:
    """A peer, and the session that is served over it. Ends with the session."""

    def __init__(
        self,
        *,
        call_id: str,
        principal: Principal,
        offer: str,
        peer: Peer,
        open_session: OpenSession,
        new_id: Callable[[str], str],
        line: CallLine | None = None,
        charge: Charge | None = None,
        on_end: Callable[[PeerFigures | None], None] = lambda _: None,
        phone: IncomingCall | None = None,
    ) -> None:
        """`line` is for sessions other than Realtime's. `charge` counts the speech that waits to be played. `on_end` is
        told what the stack has measured, when an answered call is over; None: it never connected. `phone` is what
        was accepted; None: the call came by WebRTC."""
        self.call_id = call_id
        self.principal = principal
        self.phone = phone
        self.transport: CallTransport = CallTransport(peer, call_id=call_id, new_id=new_id, line=line, charge=charge)
        self.answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """The answer to the offer; or the `Rejection`, if there is no call."""
        self._offer = offer
        self._peer = peer
        self._open_session = open_session
        self._on_end = on_end
        self._task: asyncio.Task[object] | None = None
        self._session: Served | None = None
        self._is_stopped = False

    def belongs_to(self, principal: Principal) -> bool:
        """Whether this caller may see and end the call: with a real key, all of the owner; with a client secret, those
        that it has made."""
        same_owner = principal.owner == self.principal.owner
        return same_owner and principal.secret in (None, self.principal.secret)

    async def run(self) -> None:
        """Answer the offer, and serve the session. Cancelling ends the call."""
        self._task = asyncio.current_task()
        if self._is_stopped:
            await self._refuse(Rejection("draining"))
            return
        try:
            answer = await self._peer.answer(self._offer)
            self._session = await self._open_session(self.transport)
        except asyncio.CancelledError:
            await self._refuse(Rejection("draining"))
            raise
        except Exception as fault:
            await self._refuse(_rejection_of(fault, self.call_id))
            drop_traceback(fault)
            return
        if not self.answered.done():
            self.answered.set_result(answer)
        try:
            await self._serve(self._session)
        except Exception as fault:
            log_event(logging.ERROR, "call broke", fault=fault, call=self.call_id)
            drop_traceback(fault)
        finally:
            figures = await self._peer.figures()
            self._report_end(figures if self._is_connected(figures) else None)

    async def _serve(self, session: Served) -> None:
        if isinstance(session, ServerSession):
            self.transport.on_playback = session.playback_changed
            session.speech_room = self.transport.speech_room
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.transport.run())
            connecting = tasks.create_task(self._give_up_unconnected())
            try:
                await session.run()
            finally:
                connecting.cancel()
                await self.transport.close(_GOING_AWAY)

    def drain(self) -> None:
        """End as soon as nothing is under way."""
        if self._session is None:
            self.stop()
        else:
            self._session.drain()
            self.transport.end_unconnected(_GOING_AWAY, _SERVER_ENDS)

    def stop(self) -> None:
        """End now."""
        self._is_stopped = True
        if self._session is not None:
            self._session.stop()
            self.transport.end_unconnected(_GOING_AWAY, _SERVER_ENDS)
        elif self._task is not None:
            self._task.cancel()

    async def hang_up(self) -> None:
        """End as if the peer had left."""
        self.transport.end_unconnected(_FINISHED, _HUNG_UP)
        await self.transport.close(_FINISHED, _HUNG_UP)

    async def _give_up_unconnected(self) -> None:
        await asyncio.sleep(_CONNECT_S)
        # A silent session and a client that only speaks exchange no message.
        if not self.transport.is_connected and not self._is_connected(await self._peer.figures()):
            log_event(logging.INFO, "call never connected", call=self.call_id, seconds=_CONNECT_S)
            self.stop()

    def _is_connected(self, figures: PeerFigures) -> bool:
        return self.transport.is_connected or bool(figures.received_packets)

    def _report_end(self, figures: PeerFigures | None) -> None:
        measured = {} if figures is None else msgspec.structs.asdict(figures)
        facts = {name: figure for name, figure in measured.items() if figure is not None}
        log_event(logging.INFO, "call ended", call=self.call_id, connected=figures is not None, **facts)
        self._on_end(figures)

    async def _refuse(self, rejection: Rejection) -> None:
        if not self.answered.done():
            self.answered.set_exception(rejection)
        await self.transport.close(rejection.close_code)


def _rejection_of(fault: Exception, call_id: str) -> Rejection:
    match fault:
        case Rejection():
            return fault
        case InvalidOffer():
            return Rejection("invalid_offer", reason=printable_message(str(fault)).rstrip("."))
        case NoPortsLeft():
            return Rejection("no_ports")
        case ConnectFailed(status=status):
            log_event(logging.WARNING, "no upstream", call=call_id, reason=str(fault))
            # The client does not get the upstream's address, which is in the log.
            problem = "cannot be reached" if status is None else f"refused the session (HTTP {status})"
            return Rejection("upstream_busy" if fault.retryable else "no_upstream", problem=problem)
        case _:
            log_event(logging.ERROR, "call broke", fault=fault, call=call_id)
            return Rejection("broken")
