"""All calls of a server, by their ids."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import Final

from duologue.errors import MissingExtra
from duologue.server.calls.incoming_call import IncomingCall
from duologue.server.calls.served_call import ServedCall
from duologue.server.http.authentication import Principal
from duologue.server.ids import kind_in_worker
from duologue.server.isolation import isolated
from duologue.server.rejections import Rejection
from duologue.server.telemetry.log import log_event
from duologue.tracebacks import drop_traceback
from duologue.transports.webrtc.peer import Peer, PeerSettings, Stack

__all__ = ["ServedCalls", "closed_on_fault"]

_ID_BYTES: Final = 16
"""As at the hosted service. On a server without keys the id is all that keeps two users of one address apart."""

_UNAVAILABLE: Final = 503
"""Service Unavailable (RFC 3261, section 21.5.4): the server ends."""


class ServedCalls:
    """Makes peers, and runs calls while the server runs."""

    def __init__(
        self, *, stack: Stack | None, settings: PeerSettings | None, webrtc: bool, worker: int | None = None
    ) -> None:
        """Without a `stack`, the one that is installed is loaded at the first call. Ids name the `worker`, if there are
        several."""
        self._stack = stack
        self.settings: PeerSettings = settings or PeerSettings()
        self._webrtc = webrtc
        self._kind = "rtc" if worker is None else kind_in_worker("rtc", worker)
        self._calls: dict[str, ServedCall] = {}
        self._incoming: dict[str, IncomingCall] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_running = False

    def __len__(self) -> int:
        return len(self._calls)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None, None]:
        """Calls can be made during the block; at its end those that are left are ended."""
        self._is_running = True
        try:
            yield
        finally:
            self._is_running = False
            for ringing in tuple(self._incoming.values()):
                await ringing.decline(_UNAVAILABLE)
            for call in tuple(self._calls.values()):
                isolated(call.stop, doing="stop")
            if self._tasks:
                await asyncio.wait(self._tasks)

    @property
    def loaded(self) -> bool:
        """Whether there is what makes the peers of calls, without looking for it."""
        return self._stack is not None

    async def loaded_stack(self, *, websocket: str) -> Stack:
        """What makes peers. Raises Rejection: there is no WebRTC; `websocket` is the path of what there is."""
        if not self._webrtc:
            raise Rejection("webrtc_off", websocket=websocket)
        if self._stack is None:
            from duologue.transports.webrtc.stacks import load_stack

            try:
                # In a thread: the library has 24 MB, and other calls go on.
                self._stack = await asyncio.to_thread(load_stack)
            except MissingExtra:
                raise Rejection("no_webrtc_package") from None
        return self._stack

    def new_id(self) -> str:
        """An id that cannot be guessed."""
        return f"{self._kind}_{secrets.token_hex(_ID_BYTES)}"

    async def start(self, call: ServedCall, held: ExitStack) -> str:
        """Run a call; returns the answer to its offer. What is `held` for the call is closed at its end.

        Cancelling leaves the call to itself: without a peer that connects, it ends in time.

        Raises:
            Rejection: there is no call.
        """
        if not self._is_running:
            call.stop()
        self._calls[call.call_id] = call
        held.callback(self._calls.pop, call.call_id, None)
        task = asyncio.ensure_future(call.run())  # noqa: TID251 - `running` waits for it
        self._tasks.add(task)
        # Not in the task itself: a task that is cancelled before its start runs no code.
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda task: _end(call, held, task))
        return await asyncio.shield(call.answered)

    def ring(self, offer: str, peer: Peer, *, owner: str | None = None) -> IncomingCall:
        """A telephone call that rings from now on, until it is accepted or declined."""
        ringing = IncomingCall(call_id=self.new_id(), offer=offer, peer=peer, owner=owner)
        self._incoming[ringing.call_id] = ringing
        ringing.answered.add_done_callback(lambda _: self._incoming.pop(ringing.call_id, None))
        return ringing

    def incoming(self, call_id: str, principal: Principal) -> IncomingCall | None:
        """The call of this id that waits for a decision, if the caller may decide on it."""
        ringing = self._incoming.get(call_id)
        if ringing is None or ringing.answered.done():  # what forgets it may not have run yet
            return None
        return ringing if ringing.owner in (None, principal.owner) else None

    def find(self, call_id: str, principal: Principal) -> ServedCall | None:
        """The open call of this id, if the caller may use it."""
        call = self._calls.get(call_id)
        return call if call is not None and call.belongs_to(principal) else None

    async def hang_up(self, call: ServedCall) -> None:
        """End a call, which from now on is not found any more."""
        self._calls.pop(call.call_id, None)
        await call.hang_up()


@contextmanager
def closed_on_fault(held: ExitStack) -> Generator[None, None, None]:
    """Closes what is held for a call that could not be made in the block."""
    try:
        yield
    except BaseException:
        held.close()
        raise


def _end(call: ServedCall, held: ExitStack, task: asyncio.Task[None]) -> None:
    held.close()
    call.answered.cancel()
    if not task.cancelled() and (fault := task.exception()) is not None:
        log_event(logging.ERROR, "call broke", fault=fault, call=call.call_id)
        drop_traceback(fault)
