"""The model's function calls: what to run, what to answer, and when to let the model go on. Running is the shell's.

    receive                       what the server tells
    answered · failed · cancel    what became of a call
    take_runs · take_events       what the shell collects after each of these

A call runs once, however many events tell it. Its answer goes out after those of the calls before it, and after the
response that made them is done. When the last one is out, the model is asked to go on, once for all of them.

Tools of MCP servers are called and answered by the server itself, which then waits to be asked what the model makes of
that.
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

_CONTINUED: Final = frozenset({"completed", "incomplete"})
"""Ends of a response after which the model goes on by itself. After a cancelled one the user has the floor, and
after a failed one the same would fail again."""

_REMEMBERED: Final = 1024
"""Calls whose repetition is recognised; a call's events come together."""


class ToolCall(Struct, frozen=True, kw_only=True):
    """A call to run: `bound()`, off the path that reads events; then report with `answered` or `failed`."""

    call_id: str
    response_id: str
    name: str
    bound: BoundCall


class _Turn(Struct):
    """The calls of one response."""

    answers: dict[str, str | None] = msgspec.field(default_factory=dict[str, "str | None"])
    """By call id, in call order; None while the call runs."""
    of_servers: set[str] = msgspec.field(default_factory=set[str])
    """Items of calls that the server makes and has not finished."""
    status: str | None = None
    """Of the response; None while it goes on."""
    given_up: bool = False
    """The user interrupted: the model is not asked to go on."""


class ToolCalls(Part):
    """Calls of one session's model. Without a toolbox, functions are the application's own affair.

    `new_id` makes ids of events.
    """

    def __init__(
        self, toolbox: Toolbox | None, *, new_id: Callable[[str], str], limits: KeptLimits | None = None
    ) -> None:
        self.toolbox = toolbox
        self._limits = limits or KeptLimits()
        self.excess: str | None = None
        """What is too much to be kept, as a clause; None while it is not."""
        self._new_id = new_id
        self._turns: dict[str, _Turn] = {}
        self._seen: deque[str] = deque(maxlen=_REMEMBERED)
        self._beside: set[str] = set()
        self._runs: list[ToolCall] = []
        self._events: list[ConversationItemCreateEvent] = []
        self._follow_ups = 0

    # --- what the server tells

    @on(ResponseCreatedEvent)
    def _response_created(self, event: ResponseCreatedEvent, context: EventContext) -> None:
        if context.out_of_band and is_set(event.response.id):
            self._beside.add(event.response.id)
            self._check_count()

    @on(ResponseOutputItemAddedEvent)
    def _output_began(self, event: ResponseOutputItemAddedEvent, context: EventContext) -> None:
        if isinstance(event.item, McpCallItem):
            self._server_calls(event.response_id, event.item.id)

    @on(ResponseOutputItemDoneEvent)
    def _output_ended(self, event: ResponseOutputItemDoneEvent, context: EventContext) -> None:
        self._items(event.response_id, [event.item])

    @on(ConversationItemDoneEvent)
    def _item_done(self, event: ConversationItemDoneEvent, context: EventContext) -> None:
        if isinstance(event.item, McpCallItem):
            self._server_called(event.item.id)

    @on(ConversationItemDeletedEvent)
    def _item_deleted(self, event: ConversationItemDeletedEvent, context: EventContext) -> None:
        self._server_called(event.item_id)

    @on(ResponseDoneEvent)
    def _response_done(self, event: ResponseDoneEvent, context: EventContext) -> None:
        self._done(event.response)

    def _items(self, response_id: str, items: Iterable[ConversationItem]) -> None:
        if self.toolbox is None or response_id in self._beside:
            return  # one beside the conversation has nothing that an answer could be put behind
        for item in items:
            if isinstance(item, FunctionCallItem) and item.status not in ("incomplete", "in_progress"):
                self._call(self.toolbox, response_id, item)

    def _call(self, toolbox: Toolbox, response_id: str, item: FunctionCallItem) -> None:
        call_id = item.call_id if is_set(item.call_id) else ""
        if not call_id or call_id in self._seen:
            return
        self._seen.append(call_id)
        crowded = len(self.running) >= self._limits.running
        turn = self._turns.setdefault(response_id, _Turn())
        turn.answers[call_id] = None
        self._check_count()
        if crowded:
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
        waiting = sum(len(turn.answers) + len(turn.of_servers) for turn in self._turns.values())
        if max(waiting, len(self._turns), len(self._beside)) > self._limits.calls:
            self.excess = f"more than {self._limits.calls} calls without an end"

    def _server_calls(self, response_id: str, item_id: str) -> None:
        if response_id not in self._beside and item_id not in self._seen:
            self._seen.append(item_id)
            self._turns.setdefault(response_id, _Turn()).of_servers.add(item_id)
            self._check_count()

    def _server_called(self, item_id: str) -> None:
        for response_id, turn in list(self._turns.items()):
            if item_id in turn.of_servers:
                turn.of_servers.discard(item_id)
                self._answer(response_id)

    def _done(self, response: RealtimeResponse) -> None:
        response_id = response.id if is_set(response.id) else ""
        output = list(response.output) if is_set(response.output) else []
        self._items(response_id, output)
        self._beside.discard(response_id)
        turn = self._turns.get(response_id)
        if turn is None or turn.status is not None:
            return
        turn.status = response.status if is_set(response.status) else "completed"
        if turn.status not in _CONTINUED:
            turn.of_servers.clear()
        answered = {item.id for item in output if isinstance(item, McpCallItem) and (item.output or item.error)}
        turn.of_servers -= answered  # of items that are deleted no more is told
        gone_on = bool(output) and isinstance(output[-1], MessageItem)  # there are servers that do so by themselves
        elsewhere = self.toolbox is None and any(isinstance(item, FunctionCallItem) for item in output)
        turn.given_up = turn.given_up or elsewhere or (gone_on and not turn.answers)
        self._answer(response_id)

    # --- what became of a call

    def answered(self, call_id: str, result: object) -> None:
        """A call has returned: text, or anything that can be written as JSON."""
        try:
            self._report(call_id, answer_text(result))
        except TypeError as fault:
            self.failed(call_id, f"its result cannot be written as JSON: {fault}")

    def failed(self, call_id: str, reason: str) -> None:
        """A call has raised, or taken too long; the model is told the reason."""
        self._report(call_id, f"The call failed: {reason}")

    def cancel(self, call_id: str | None = None) -> list[str]:
        """Give up a call, or all that run. Returns the ids of those to stop.

        The model is told, and not asked to go on.
        """
        given_up: list[str] = []
        for turn in list(self._turns.values()):
            turn.given_up = turn.given_up or (call_id is None and bool(turn.of_servers))
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
        """Ids of calls that have no answer yet, in call order."""
        return tuple(key for turn in self._turns.values() for key, answer in turn.answers.items() if answer is None)

    @property
    def all_answered(self) -> bool:
        """Whether no call runs, here or at the server."""
        return not self.running and not any(turn.of_servers for turn in self._turns.values())

    def lost(self) -> None:
        """The connection is gone. Calls go on running, and their answers go to the session that comes after."""
        for response_id, turn in list(self._turns.items()):
            if turn.status is None:
                turn.status = "completed"  # its end will not come, and what it asked for is answered all the same
            turn.given_up = turn.given_up or bool(turn.of_servers)
            turn.of_servers.clear()
            self._answer(response_id)
        # The next session may count from one again: only what still waits for its answer is known there.
        self._seen = deque((key for turn in self._turns.values() for key in turn.answers), maxlen=_REMEMBERED)
        self._beside.clear()

    # --- what the shell collects

    def take_runs(self) -> list[ToolCall]:
        """Calls to run now, each told once."""
        runs, self._runs = self._runs, []
        return runs

    def take_events(self) -> list[ConversationItemCreateEvent]:
        """Answers to send, in order."""
        events, self._events = self._events, []
        return events

    def take_follow_ups(self) -> int:
        """How many responses have all their calls answered and the answers taken: ask the model to go on if any."""
        count, self._follow_ups = self._follow_ups, 0
        return count

    def _report(self, call_id: str, text: str) -> None:
        for response_id, turn in self._turns.items():
            if call_id in turn.answers and turn.answers[call_id] is None:
                turn.answers[call_id] = text
                self._answer(response_id)
                return

    def _answer(self, response_id: str) -> None:
        """Send the answers that are due."""
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
        if turn.of_servers:
            return
        del self._turns[response_id]
        self._follow_ups += turn.status in _CONTINUED and not turn.given_up
