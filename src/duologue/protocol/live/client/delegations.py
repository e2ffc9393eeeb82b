"""Work that the voice model handed over: what the application owes it.

A delegation to the client is answered by appends, any number of them. One to the Responses model makes function calls:
each gets its output, and when all have theirs, one `response.create` has the model go on
(https://platform.openai.com/docs/guides/live).
"""

from __future__ import annotations

from math import inf
from typing import Any, Final

from duologue.events.live import (
    LiveClientEvent,
    LiveDelegationRef,
    LiveFunctionCall,
    LiveResponseCreateEvent,
    LiveResponseEvent,
    LiveResponseItemCreateEvent,
)
from duologue.protocol.live.client.notices import RunFunction, StopFunction

__all__ = ["MAX_OUTPUT_BYTES", "Delegations"]

MAX_OUTPUT_BYTES: Final = 32_768
"""Of all outputs that the server keeps between two requests; with more it answers `response_input_buffer_full`."""

_MAX_OPEN: Final = 256
"""Delegations and calls that are remembered; older ones are not answered any more."""

_END_WITHIN_S: Final = 5.0
"""How long to wait, with all outputs sent, for the end of the response that made the calls: it may name more calls."""

_BEGINS: Final = frozenset({"response.created", "response.in_progress", "response.queued"})
_ENDS: Final = frozenset({"response.completed", "response.incomplete", "response.failed", "error"})
_FAILURES: Final = frozenset({"response.failed", "error"})


class Delegations:
    """The delegations of one session."""

    def __init__(self) -> None:
        self._targets: dict[str, str] = {}
        self._seen: dict[str, None] = {}
        """Calls that were run: the stream shows each more than once."""
        self._pending: dict[str, LiveFunctionCall] = {}
        self._is_responding = False
        self._owes_request = False
        self._waits_until = inf

    @property
    def pending_calls(self) -> tuple[LiveFunctionCall, ...]:
        """Calls that have no output yet."""
        return tuple(self._pending.values())

    @property
    def next_tick_at(self) -> float:
        """When to stop waiting for the end of a response."""
        return self._waits_until

    def target_of(self, delegation_id: str) -> str | None:
        """To whom a delegation went; None if it is unknown."""
        return self._targets.get(delegation_id)

    def started(self, delegation: LiveDelegationRef) -> None:
        """The model handed work over."""
        self._targets[delegation.id] = delegation.target
        _forget_oldest(self._targets)

    def received(self, event: LiveResponseEvent, *, now: float) -> list[RunFunction | StopFunction]:
        """An event of the Responses model: the functions to run, or to stop."""
        kind = event.event.get("type")
        if kind in _BEGINS:
            self._is_responding = True
        call = event.function_call
        if call is not None and call.call_id not in self._seen and call.call_id not in self._pending:
            self._seen[call.call_id] = None
            _forget_oldest(self._seen)
            self._pending[call.call_id] = call
            self._waits_until = inf  # until this one has its output
            stopped = [StopFunction(each) for each in [_forget_oldest(self._pending)] if each is not None]
            return [*stopped, RunFunction(call)]
        if kind in _ENDS:
            self._is_responding = False
            if kind in _FAILURES:
                return self.drop()
        return []

    def answered(self, call_id: str, output: str, *, now: float) -> list[LiveClientEvent]:
        """A function returned: its output as an event. Late reports, and those of unknown calls, give nothing."""
        if self._pending.pop(call_id, None) is None:
            return []
        self._owes_request = True
        if not self._pending:
            self._waits_until = now + _END_WITHIN_S
        item: dict[str, Any] = {"type": "function_call_output", "call_id": call_id, "output": _shortened(output)}
        return [LiveResponseItemCreateEvent(item=item)]

    def sent(self, event: LiveClientEvent) -> None:
        """The application sends a command itself: nothing is owed for a call that it answers, nor a second request."""
        if isinstance(event, LiveResponseItemCreateEvent) and event.item.get("type") == "function_call_output":
            self._pending.pop(str(event.item.get("call_id")), None)
        elif isinstance(event, LiveResponseCreateEvent) and not self._pending:
            self._owes_request, self._waits_until = False, inf

    def due(self, now: float) -> list[LiveClientEvent]:
        """The request that has the model go on, when all outputs are sent and no more calls can come."""
        if not self._owes_request or self._pending or (self._is_responding and now < self._waits_until):
            return []
        self._owes_request = self._is_responding = False
        self._waits_until = inf
        return [LiveResponseCreateEvent()]

    def drop(self) -> list[RunFunction | StopFunction]:
        """The response failed, or the session is over: its calls need no output."""
        stopped: list[RunFunction | StopFunction] = [StopFunction(call_id) for call_id in self._pending]
        self._pending.clear()
        self._owes_request = self._is_responding = False
        self._waits_until = inf
        return stopped


def _shortened(output: str) -> str:
    """The output, or its begin where the server would refuse it. The model is told."""
    encoded = output.encode("utf-8", "replace")
    if len(encoded) <= MAX_OUTPUT_BYTES - 1024:  # room for the item around it
        return output
    begin = encoded[: MAX_OUTPUT_BYTES - 2048].decode("utf-8", "ignore")
    return f"{begin}\n[cut: the output has {len(encoded)} bytes]"


def _forget_oldest(table: dict[str, Any]) -> str | None:
    """The key that was removed, if there were too many."""
    if len(table) <= _MAX_OPEN:
        return None
    oldest = next(iter(table))
    del table[oldest]
    return oldest
