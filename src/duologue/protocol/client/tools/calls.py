"""The model's function calls: what to run, what to answer, and when to let the model go on. The shell runs them.

    receive                       an event of the server
    answered · failed · cancel    how a call ended
    take_runs · take_events       what the shell collects after each of these

A call runs once, however many events contain it. Its output is sent after those of the calls before it, and after the
response that made them is done. After the last output the client asks the model to go on, once for all of them (rules
`call.waits`, `tool_loop`).

The server calls the tools of MCP servers itself. Afterwards it waits for a `response.create` all the same
(https://platform.openai.com/docs/guides/realtime-mcp).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

import msgspec
from msgspec import Struct

from duologue.events import (
    ConversationItem,
    ConversationItemCreateEvent,
    ConversationItemDeletedEvent,
    ConversationItemDoneEvent,
    FunctionCallItem,
    FunctionCallOutputItem,
    McpCallItem,
    MessageItem,
    RealtimeResponse,
    ResponseCreatedEvent,
    ResponseDoneEvent,
    ResponseOutputItemAddedEvent,
    ResponseOutputItemDoneEvent,
    is_set,
)
from duologue.protocol.client.dispatch import EventContext, Part, on
from duologue.protocol.client.limits import KeptLimits
from duologue.protocol.client.tools.toolbox import BoundCall, Toolbox, ToolProblem, answer_text

__all__ = ["ToolCall", "ToolCalls"]

_CONTINUED_STATUSES: Final = frozenset({"completed", "incomplete"})
"""Statuses of a response after which the client asks the model to go on. A cancelled response was interrupted by the
user, and after a failed one the next would fail too."""

_REMEMBERED: Final = 1024
"""Calls whose repetition is recognised; the events of a call arrive together."""


class ToolCall(Struct, frozen=True, kw_only=True):
    """A call to run: `bound()`, without blocking the reader of events; then report with `answered` or `failed`."""

    call_id: str
    response_id: str
    name: str
    bound: BoundCall


class _Turn(Struct):
    """The calls of one response."""

    answers: dict[str, str | None] = msgspec.field(default_factory=dict[str, "str | None"])
    """By call id, in call order; None while the call runs."""
    server_calls: set[str] = msgspec.field(default_factory=set[str])
    """Items of the server's own calls that have not ended."""
    status: str | None = None
    """Of the response; None while it runs."""
    given_up: bool = False
    """Do not ask the model to go on: the user interrupted, or the application answers the calls."""


class ToolCalls(Part):
    """Calls of one session's model. Without a toolbox the application handles function calls itself.

    `new_id` makes ids of events.
    """

    def __init__(
        self, toolbox: Toolbox | None, *, new_id: Callable[[str], str], limits: KeptLimits | None = None
    ) -> None:
        self.toolbox = toolbox
        self._limits = limits or KeptLimits()
        self.excess: str | None = None
        """The limit that the server has exceeded, as a clause; None while it has not."""
        self._new_id = new_id
        self._turns: dict[str, _Turn] = {}
        self._seen: deque[str] = deque(maxlen=_REMEMBERED)
        self._out_of_band: set[str] = set()
        self._runs: list[ToolCall] = []
        self._events: list[ConversationItemCreateEvent] = []
        self._ended: list[tuple[str, bool]] = []

    # --- events of the server

    @on(ResponseCreatedEvent)
    def _response_created(self, event: ResponseCreatedEvent, context: EventContext) -> None:
        if context.out_of_band and is_set(event.response.id):
            self._out_of_band.add(event.response.id)
            self._check_count()

    @on(ResponseOutputItemAddedEvent)
    def _output_began(self, event: ResponseOutputItemAddedEvent, context: EventContext) -> None:
        if isinstance(event.item, McpCallItem):
            self._server_call_started(event.response_id, event.item.id)

    @on(ResponseOutputItemDoneEvent)
    def _output_ended(self, event: ResponseOutputItemDoneEvent, context: EventContext) -> None:
        self._items(event.response_id, [event.item])

    @on(ConversationItemDoneEvent)
    def _item_done(self, event: ConversationItemDoneEvent, context: EventContext) -> None:
        if isinstance(event.item, McpCallItem):
            self._server_call_ended(event.item.id)

    @on(ConversationItemDeletedEvent)
    def _item_deleted(self, event: ConversationItemDeletedEvent, context: EventContext) -> None:
        self._server_call_ended(event.item_id)

    @on(ResponseDoneEvent)
    def _response_done(self, event: ResponseDoneEvent, context: EventContext) -> None:
        self._done(event.response)

    def _items(self, response_id: str, items: Iterable[ConversationItem]) -> None:
        if self.toolbox is None or response_id in self._out_of_band:
            return  # the conversation has no call that an output of a response out of band could follow
        for item in items:
            if isinstance(item, FunctionCallItem) and item.status not in ("incomplete", "in_progress"):
                self._call(self.toolbox, response_id, item)

    def _call(self, toolbox: Toolbox, response_id: str, item: FunctionCallItem) -> None:
        call_id = item.call_id if is_set(item.call_id) else ""
        if not call_id or call_id in self._seen:
            return
        self._seen.append(call_id)
        too_many = len(self.running) >= self._limits.running
        turn = self._turns.setdefault(response_id, _Turn())
        turn.answers[call_id] = None
        self._check_count()
        if too_many:
            turn.answers[call_id] = f"The call was not made: {self._limits.running} calls run already. Call it later."
            self._answer(response_id)
            return
        try:
            bound = toolbox.bind(item.name, item.arguments)
        except ToolProblem as problem:
            turn.answers[call_id] = str(problem)
            self._answer(response_id)
        else:
            self._runs.append(ToolCall(call_id=call_id, response_id=response_id, name=item.name, bound=bound))

    def _check_count(self) -> None:
        waiting = sum(len(turn.answers) + len(turn.server_calls) for turn in self._turns.values())
        if max(waiting, len(self._turns), len(self._out_of_band)) > self._limits.calls:
            self.excess = f"more than {self._limits.calls} calls without an end"

    def _server_call_started(self, response_id: str, item_id: str) -> None:
        if response_id not in self._out_of_band and item_id not in self._seen:
            self._seen.append(item_id)
            self._turns.setdefault(response_id, _Turn()).server_calls.add(item_id)
            self._check_count()

    def _server_call_ended(self, item_id: str) -> None:
        for response_id, turn in list(self._turns.items()):
            if item_id in turn.server_calls:
                turn.server_calls.discard(item_id)
                self._answer(response_id)

    def _done(self, response: RealtimeResponse) -> None:
        response_id = response.id if is_set(response.id) else ""
        output = list(response.output) if is_set(response.output) else []
        self._items(response_id, output)
        self._out_of_band.discard(response_id)
        turn = self._turns.get(response_id)
        if turn is None or turn.status is not None:
            return
        turn.status = response.status if is_set(response.status) else "completed"
        if turn.status not in _CONTINUED_STATUSES:
            turn.server_calls.clear()
        answered = {item.id for item in output if isinstance(item, McpCallItem) and (item.output or item.error)}
        turn.server_calls -= answered  # no other event reports the end of a call whose item was deleted
        went_on = bool(output) and isinstance(output[-1], MessageItem)  # some servers let the model go on themselves
        by_application = self.toolbox is None and any(isinstance(item, FunctionCallItem) for item in output)
        turn.given_up = turn.given_up or by_application or (went_on and not turn.answers)
        self._answer(response_id)

    # --- how a call ended

    def answered(self, call_id: str, result: object) -> None:
        """A call has returned: text, or anything that can be written as JSON."""
        try:
            self._report(call_id, answer_text(result))
        except TypeError as fault:
            self.failed(call_id, f"its result cannot be written as JSON: {fault}")

    def failed(self, call_id: str, reason: str) -> None:
        """A call has raised, or taken too long; its output for the model is the reason."""
        self._report(call_id, f"The call failed: {reason}")

    def cancel(self, call_id: str | None = None) -> list[str]:
        """Cancel a call, or all that run. Returns the ids of those to stop.

        The outputs say that the call was cancelled; the model is not asked to go on.
        """
        given_up: list[str] = []
        for turn in list(self._turns.values()):
            turn.given_up = turn.given_up or (call_id is None and bool(turn.server_calls))
            for running in [key for key, answer in turn.answers.items() if answer is None and call_id in (None, key)]:
                turn.answers[running] = "The call was cancelled: the user interrupted."
                turn.given_up = True
                given_up.append(running)
        self._runs = [run for run in self._runs if run.call_id not in given_up]
        for response_id in list(self._turns):
            self._answer(response_id)
        return given_up

    @property
    def running(self) -> tuple[str, ...]:
        """Ids of calls without an output, in call order."""
        return tuple(key for turn in self._turns.values() for key, answer in turn.answers.items() if answer is None)

    def has_calls(self, response_id: str) -> bool:
        """Whether a response has calls whose end `take_ended` has not reported."""
        return response_id in self._turns or any(response_id == ended for ended, _ in self._ended)

    @property
    def all_answered(self) -> bool:
        """Whether no call runs, on the client or on the server."""
        return not self.running and not any(turn.server_calls for turn in self._turns.values())

    def lost(self) -> None:
        """The connection is lost. Calls go on running, and their outputs are sent to the next session."""
        for response_id, turn in list(self._turns.items()):
            if turn.status is None:
                turn.status = "completed"  # its end will not arrive, and its calls are answered all the same
            turn.given_up = turn.given_up or bool(turn.server_calls)
            turn.server_calls.clear()
            self._answer(response_id)
        # The next session may use the same ids again: only the calls that still run are known there.
        self._seen = deque((key for turn in self._turns.values() for key in turn.answers), maxlen=_REMEMBERED)
        self._out_of_band.clear()

    # --- what the shell collects

    def take_runs(self) -> list[ToolCall]:
        """Calls to run now, each returned once."""
        runs, self._runs = self._runs, []
        return runs

    def take_events(self) -> list[ConversationItemCreateEvent]:
        """Outputs to send, in order."""
        events, self._events = self._events, []
        return events

    def take_ended(self) -> list[tuple[str, bool]]:
        """Ids of the responses whose calls have all ended since the last call of this, each with whether the model is
        to go on."""
        ended, self._ended = self._ended, []
        return ended

    def _report(self, call_id: str, text: str) -> None:
        for response_id, turn in self._turns.items():
            if call_id in turn.answers and turn.answers[call_id] is None:
                turn.answers[call_id] = text
                self._answer(response_id)
                return

    def _answer(self, response_id: str) -> None:
        """Queue the outputs that are due."""
        turn = self._turns[response_id]
        if turn.status is None:
            return
        while turn.answers:
            call_id, text = next(iter(turn.answers.items()))
            if text is None:
                return
            del turn.answers[call_id]
            item = FunctionCallOutputItem(call_id=call_id, output=text)
            self._events.append(ConversationItemCreateEvent(event_id=self._new_id("event"), item=item))
        if turn.server_calls:
            return
        del self._turns[response_id]
        self._ended.append((response_id, turn.status in _CONTINUED_STATUSES and not turn.given_up))
