"""The Responses model of a session with `responses` delegation, as its client sees it.

One chain of responses runs at a time. A response that calls functions waits for the output of each, and for one
`response.create`; nothing is cancelled, and the calls of a response that fails are dropped, as was measured at the
hosted service (https://platform.openai.com/docs/guides/live).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from duologue.events.live import (
    LiveDelegationCreatedEvent,
    LiveDelegationRef,
    LiveFunctionCall,
    LiveResponsesBackend,
)
from duologue.protocol.live.server.defaults import LiveDefaults
from duologue.protocol.live.server.delegation.response_events import ResponseStream
from duologue.protocol.live.server.delegation.response_items import CallOutput, ItemBuffer, TypedMessage, read_item
from duologue.protocol.live.server.errors import RefusedCommand
from duologue.protocol.live.server.history import History
from duologue.protocol.live.server.outgoing import LiveOutbox
from duologue.protocol.server.account import MemoryAccount
from duologue.protocol.states import BACKEND, BackendInput, BackendState, ReportIllegal, step

__all__ = ["Backend"]


class _Request(Struct, frozen=True):
    """A `response.create`, and the connection that sent it."""

    event_id: str | None
    source: str


class Backend:
    """The responses of one session, and the calls that wait for their outputs."""

    def __init__(
        self,
        out: LiveOutbox,
        history: History,
        account: MemoryAccount,
        limits: LiveDefaults,
        *,
        unix_time: Callable[[], int],
        report_illegal: ReportIllegal,
    ) -> None:
        self.state: BackendState = BackendState.IDLE
        self._out = out
        self._history = history
        self._limits = limits
        self._unix_time = unix_time
        self._report_illegal = report_illegal
        self._items = ItemBuffer(account, limits)
        self._pending: dict[str, bool] = {}
        """Calls of this chain; true once its output has come."""
        self._requests: deque[_Request] = deque()
        self._stream: ResponseStream | None = None
        self._delegation_id: str | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs, is pending, or is asked for."""
        return self.state is BackendState.IDLE and not self._requests

    @property
    def is_pending(self) -> bool:
        """Whether calls wait for their outputs: what the user says is answered after them."""
        return self.state is BackendState.PENDING

    @property
    def is_asked(self) -> bool:
        """Whether a response is asked for and can begin."""
        return bool(self._requests) and self.state is not BackendState.RESPONDING

    def add_item(self, wire: dict[str, Any]) -> None:
        """A `response.item.create`. Raises RefusedCommand."""
        item = read_item(wire)
        if isinstance(item, CallOutput):
            answered = self._pending.get(item.call_id)
            if answered is None:
                raise RefusedCommand("call_unknown", param="item.call_id", value=item.call_id[:64])
            if answered:
                raise RefusedCommand("call_answered", param="item.call_id", value=item.call_id[:64])
        self._items.add(item, wire)
        if isinstance(item, CallOutput):
            self._pending[item.call_id] = True

    def ask(self, event_id: str | None, source: str) -> None:
        """A `response.create`. Raises RefusedCommand if outputs are missing, or too many wait."""
        if self.state is BackendState.PENDING:
            self._check_outputs()
        if len(self._requests) >= self._limits.max_response_requests:
            raise RefusedCommand("too_many_requests", max=self._limits.max_response_requests)
        self._requests.append(_Request(event_id, source))

    def begin_asked(self, settings: LiveResponsesBackend, *, offset_ms: int) -> frozenset[str]:
        """Begin the response that is asked for. Returns the calls whose outputs it reads."""
        self._requests.popleft()
        returned = frozenset(self._pending)
        for item in self._items.take():
            match item:
                case CallOutput(call_id=call_id, output=output):
                    self._history.add_output(call_id, output)
                case TypedMessage(role=role, text=text):
                    self._history.add(role, text)
        self._pending.clear()
        self.begin(settings, offset_ms=offset_ms)
        return returned

    def begin(self, settings: LiveResponsesBackend, *, offset_ms: int) -> None:
        """A response begins; one that does not go on with a chain opens a delegation."""
        response_id = self._out.new_id("resp")
        if self.state is BackendState.IDLE or self._delegation_id is None:
            self._delegation_id = self._out.new_id("item")
            self._out.send(
                LiveDelegationCreatedEvent(
                    event_id=self._out.event_id(),
                    offset_ms=offset_ms,
                    delegation=LiveDelegationRef(
                        id=self._delegation_id, type="delegation", target="responses", response_id=response_id
                    ),
                )
            )
        self._step(BackendInput.BEGUN)
        self._stream = ResponseStream(
            self._out,
            response_id=response_id,
            delegation_id=self._delegation_id,
            settings=settings,
            created_at=self._unix_time(),
        )
        self._stream.begin()

    def text(self, piece: str) -> None:
        """The response writes."""
        if self._stream is not None:
            self._stream.text(piece)

    def call(self, call: LiveFunctionCall) -> None:
        """The response calls a function."""
        if self._stream is not None:
            self._pending[call.call_id] = False
            self._stream.call(call)

    def finished(self) -> None:
        """The response is complete. Requests that came before all outputs are refused now."""
        if self._stream is None:
            return
        self._stream.complete()
        self._stream = None
        self._step(BackendInput.CALLED if self._pending else BackendInput.FINISHED)
        while self._requests and self.state is BackendState.PENDING:
            try:
                self._check_outputs()
            except RefusedCommand as early:
                request = self._requests.popleft()
                self._out.send(early.event(self._out.event_id(), answers=request.event_id), request.source)
            else:
                return

    def failed(self, fault: str) -> None:
        """The response failed: its calls are dropped."""
        if self._stream is None:
            return
        self._stream.fail(fault)
        self._stream = None
        self._history.drop_calls(self._pending)
        self._items.drop_outputs()
        self._pending.clear()
        self._step(BackendInput.FAILED)

    def release(self) -> None:
        """The session is over."""
        self._items.take()
        self._requests.clear()

    def _check_outputs(self) -> None:
        if missing := sum(not answered for answered in self._pending.values()):
            raise RefusedCommand("outputs_missing", count=missing)

    def _step(self, happened: BackendInput) -> None:
        self.state = step(BACKEND, self.state, happened, report=self._report_illegal) or self.state
