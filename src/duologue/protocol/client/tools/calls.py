"""The model's function calls: what to run, what to answer, and when to let the model go on. The shell runs them.

    receive                       an event of the server
    answered · failed · cancel    how a call ended
    take_runs · take_events       what the shell collects after each of these

A call runs once, however many events contain it, and with the fullest arguments that any of them has told. It runs when
an event has said that it is whole, at the latest with the end of its response: then what was told so far counts. Calls
of a response that was cancelled or failed run only if they were whole before; those that the server has cut never run.

Its output is sent after those of the calls before it, and after the response that made them is done. After the last
output the client asks the model to go on, once for all of them (rules `call.waits`, `tool_loop`). A call that arrives
after the end of its response is run and answered like any other.

The server calls the tools of MCP servers itself. Afterwards it waits for a `response.create` all the same
(https://platform.openai.com/docs/guides/realtime-mcp).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from msgspec import Struct

from duologue.events import (
    ClientEvent,
    ConversationItemAddedEvent,
    ConversationItemCreatedEvent,
    ConversationItemCreateEvent,
    ConversationItemDeletedEvent,
    ConversationItemDoneEvent,
    FunctionCallItem,
    FunctionCallOutputItem,
    McpCallItem,
    RealtimeResponse,
    ResponseCreatedEvent,
    ResponseDoneEvent,
    ResponseFunctionCallArgumentsDeltaEvent,
    ResponseFunctionCallArgumentsDoneEvent,
    ResponseOutputItemAddedEvent,
    ResponseOutputItemDoneEvent,
    is_set,
)
from duologue.events.base import Maybe
from duologue.protocol.client.dispatch import EventContext, Part, on
from duologue.protocol.client.history.item_merge import is_object
from duologue.protocol.client.limits import KeptLimits
from duologue.protocol.client.response_ids import response_id_of
from duologue.protocol.client.tools.call_evidence import CallEvidence, CallTable
from duologue.protocol.client.tools.call_turns import CONTINUED_STATUSES, CallTurns
from duologue.protocol.client.tools.toolbox import BoundCall, Toolbox, ToolProblem, answer_text

__all__ = ["ToolCall", "ToolCalls"]

_REMEMBERED: Final = 1024
"""Calls whose repetition is recognised; the events of a call arrive together."""

_REMEMBERED_RESPONSES: Final = 64
"""Ended responses whose late calls are run; they follow in the same turn or never."""


class ToolCall(Struct, frozen=True, kw_only=True):
    """A call to run: `bound()`, without blocking the reader of events; then report with `answered` or `failed`."""

    call_id: str
    response_id: str
    name: str
    bound: BoundCall
    item_id: str = ""
    arguments: str = ""
    """As the model wrote them: JSON text."""


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
        self._turns = CallTurns(new_id=new_id)
        self._calls = CallTable(remembered=_REMEMBERED)
        self._ended: dict[str, str] = {}
        """Status of responses that have ended, by their ids: calls may arrive afterwards."""
        self._current: str | None = None
        """The latest response of the conversation, which made the calls that name none."""
        self._out_of_band: set[str] = set()
        self._runs: list[ToolCall] = []

    # --- events of the server

    @on(ResponseCreatedEvent)
    def _response_created(self, event: ResponseCreatedEvent, context: EventContext) -> None:
        response_id = response_id_of(event.response)
        self._ended.pop(response_id, None)
        self._calls.drop_orphans()
        if not context.out_of_band:
            self._current = response_id
        elif response_id:
            self._out_of_band.add(response_id)
            self._check_count()

    @on(ResponseFunctionCallArgumentsDeltaEvent)
    def _arguments_delta(self, event: ResponseFunctionCallArgumentsDeltaEvent, context: EventContext) -> None:
        if self._is_ours(event.response_id):
            call = self._call_of(event)
            call.piece(event.delta)
            if call.size > self._limits.item_characters:
                self.excess = f"more than {self._limits.item_characters} characters in a call's arguments"

    @on(ResponseFunctionCallArgumentsDoneEvent)
    def _arguments_done(self, event: ResponseFunctionCallArgumentsDoneEvent, context: EventContext) -> None:
        if self._is_ours(event.response_id):
            call = self._call_of(event)
            call.names(name=event.name)
            call.whole(event.arguments)
            self._run_if_whole(call)

    @on(ResponseOutputItemAddedEvent, ResponseOutputItemDoneEvent)
    def _output_item(
        self, event: ResponseOutputItemAddedEvent | ResponseOutputItemDoneEvent, context: EventContext
    ) -> None:
        if isinstance(event.item, McpCallItem) and isinstance(event, ResponseOutputItemAddedEvent):
            if event.response_id not in self._out_of_band:
                self._turns.server_call_started(event.response_id, event.item.id, now=context.now)
                self._check_count()
        elif isinstance(event.item, FunctionCallItem) and self._is_ours(event.response_id):
            ends = isinstance(event, ResponseOutputItemDoneEvent)
            self._told(event.response_id, event.item, ends=ends, output_index=event.output_index)

    @on(ConversationItemAddedEvent, ConversationItemCreatedEvent, ConversationItemDoneEvent)
    def _conversation_item(
        self,
        event: ConversationItemAddedEvent | ConversationItemCreatedEvent | ConversationItemDoneEvent,
        context: EventContext,
    ) -> None:
        ends = isinstance(event, ConversationItemDoneEvent)
        match event.item:
            case McpCallItem(id=item_id) if ends:
                self._turns.server_call_ended(item_id, now=context.now)
            case FunctionCallOutputItem(call_id=call_id):
                self._answered_elsewhere(call_id)
            case FunctionCallItem() as item if self.toolbox is not None:
                call = self._calls.known(call_id=_text(item.call_id), item_id=_text(item.id))
                if context.command is not None and call is None:
                    self._answered_elsewhere(_text(item.call_id), _text(item.id))
                else:
                    response_id = call.response_id if call is not None else self._current
                    orphan = response_id is None or (call is not None and call.orphan)
                    self._told(response_id or "", item, ends=ends, output_index=None, orphan=orphan)
            case _:
                pass  # no call

    @on(ConversationItemDeletedEvent)
    def _item_deleted(self, event: ConversationItemDeletedEvent, context: EventContext) -> None:
        self._turns.server_call_ended(event.item_id, now=context.now)

    @on(ResponseDoneEvent)
    def _response_done(self, event: ResponseDoneEvent, context: EventContext) -> None:
        self._done(event.response, context.now)

    def sent(self, event: ClientEvent) -> None:
        """The client sends an event: a call in it is part of the past, and is not to be run."""
        if isinstance(event, ConversationItemCreateEvent) and isinstance(event.item, FunctionCallItem):
            self._answered_elsewhere(_text(event.item.call_id), _text(event.item.id))

    def _is_ours(self, response_id: str) -> bool:
        """Whether calls of this response are run here; it is the latest response then."""
        if self.toolbox is None or response_id in self._out_of_band:
            return False  # the conversation has no call that an output of a response out of band could follow
        if response_id not in self._ended:
            self._current = response_id
        return True

    def _call_of(
        self, event: ResponseFunctionCallArgumentsDeltaEvent | ResponseFunctionCallArgumentsDoneEvent
    ) -> CallEvidence:
        arguments = event.arguments if isinstance(event, ResponseFunctionCallArgumentsDoneEvent) else ""
        return self._calls.find(
            response_id=event.response_id,
            call_id=event.call_id,
            item_id=event.item_id,
            output_index=event.output_index,
            arguments=arguments,
        )

    def _told(
        self, response_id: str, item: FunctionCallItem, *, ends: bool, output_index: int | None, orphan: bool = False
    ) -> None:
        call = self._calls.find(
            response_id=response_id,
            call_id=_text(item.call_id),
            item_id=_text(item.id),
            output_index=output_index,
            arguments=item.arguments,
        )
        call.orphan = orphan
        call.told(item, ends=ends)
        self._run_if_whole(call)

    def _answered_elsewhere(self, call_id: str, item_id: str = "") -> None:
        if call_id or item_id:
            self._calls.find(response_id="", call_id=call_id, item_id=item_id, output_index=-1).handled = True

    def _run_if_whole(self, call: CallEvidence) -> None:
        """Run a call that was told whole. What is missing may be told by a later event of its response."""
        status = self._ended.get(call.response_id)
        if call.handled or call.cut or self.toolbox is None or call.orphan or self.toolbox.is_declared(call.name):
            return
        if status is not None:
            if call.ended or is_object(call.arguments):
                self._conclude(call, status)
        elif call.ended and call.name and call.call_id and is_object(call.arguments):
            with suppress(ToolProblem):  # `_conclude` reports it, if no later event tells other arguments
                self._start(call, self.toolbox.bind(call.name, call.arguments))

    def _conclude(self, call: CallEvidence, status: str) -> None:
        """The response of a call has ended: run it as it was told, or tell the model why it was not run."""
        goes_on = status in CONTINUED_STATUSES
        if goes_on:
            call.call_id = call.call_id or call.item_id  # there is no other name to answer it by
        told = call.ended or (goes_on and is_object(call.arguments))
        damaged = status == "completed" and bool(call.name or call.arguments)
        if self.toolbox is None or call.cut or not call.call_id or not (told or damaged):
            return
        if self.toolbox.is_declared(call.name):
            return
        try:
            self._start(call, _bound(self.toolbox, call))
        except ToolProblem as problem:
            self._start(call, str(problem))

    def _start(self, call: CallEvidence, run: BoundCall | str) -> None:
        """Run a call, or answer it with a text without running it."""
        call.handled = True
        if len(self.running) >= self._limits.running:
            run = f"The call was not made: {self._limits.running} calls run already. Call it later."
        answer = run if isinstance(run, str) else None
        status = self._ended.get(call.response_id)
        self._turns.started(call.response_id, call.call_id, answer=answer, status=status)
        self._check_count()
        if not isinstance(run, str):
            self._runs.append(
                ToolCall(
                    call_id=call.call_id,
                    response_id=call.response_id,
                    name=call.name,
                    bound=run,
                    item_id=call.item_id,
                    arguments=call.arguments,
                )
            )

    def _check_count(self) -> None:
        if max(self._turns.waiting, len(self._turns), len(self._out_of_band)) > self._limits.calls:
            self.excess = f"more than {self._limits.calls} calls without an end"

    def _done(self, response: RealtimeResponse, now: float) -> None:
        response_id = response_id_of(response)
        output = list(response.output) if is_set(response.output) else []
        status = response.status if is_set(response.status) else "completed"
        if self._is_ours(response_id):
            for item in output:
                if isinstance(item, FunctionCallItem):
                    self._told(response_id, item, ends=True, output_index=None)
            for call in self._calls.adopted_by(response_id):
                self._conclude(call, status)
            self._turns.sort(response_id, [call.call_id for call in self._calls])
            if response_id:
                self._ended.setdefault(response_id, status)
                if len(self._ended) > _REMEMBERED_RESPONSES:
                    del self._ended[next(iter(self._ended))]
        self._out_of_band.discard(response_id)
        by_application = any(isinstance(item, FunctionCallItem) and self._is_applications(item) for item in output)
        self._turns.response_ended(response_id, status, output, by_application=by_application, now=now)

    def _is_applications(self, item: FunctionCallItem) -> bool:
        return self.toolbox is None or self.toolbox.is_declared(item.name)

    # --- how a call ended

    def answered(self, call_id: str, result: object) -> None:
        """A call has returned: text, or anything that can be written as JSON."""
        try:
            self._turns.report(call_id, answer_text(result))
        except TypeError as fault:
            self.failed(call_id, f"its result cannot be written as JSON: {fault}")

    def failed(self, call_id: str, reason: str) -> None:
        """A call has raised, or taken too long; its output for the model is the reason."""
        self._turns.report(call_id, f"The call failed: {reason}")

    def cancel(self, call_id: str | None = None) -> list[str]:
        """Cancel a call, or all that run. Returns the ids of those to stop.

        The outputs say that the call was cancelled; the model is not asked to go on.
        """
        given_up = self._turns.cancel(call_id)
        self._runs = [run for run in self._runs if run.call_id not in given_up]
        return given_up

    @property
    def silent_since(self) -> float:
        """Since when the server has said nothing of calls of its own whose response has ended; infinity without any."""
        return self._turns.silent_since

    def give_up_server_calls(self, *, limit_s: float, now: float) -> None:
        """The ends of the server's own calls are lost of which nothing was said for so long: the model goes on."""
        self._turns.give_up_server_calls(limit_s=limit_s, now=now)

    @property
    def running(self) -> tuple[str, ...]:
        """Ids of calls without an output, in call order."""
        return self._turns.running

    def has_calls(self, response_id: str) -> bool:
        """Whether a response has calls whose end `take_ended` has not reported."""
        return response_id in self._turns or any(response_id == ended for ended, _ in self._turns.ended)

    @property
    def all_answered(self) -> bool:
        """Whether no call runs, on the client or on the server."""
        return self._turns.all_answered

    def runs_in(self, response_id: str) -> bool:
        """Whether a call of this response runs on the client."""
        return self._turns.runs_in(response_id)

    def lost(self) -> None:
        """The connection is lost. Calls go on running, and their outputs are sent to the next session."""
        # The next session may use the same ids again: only the calls that still run are known there.
        self._calls.clear(keep=self._turns.lost())
        self._out_of_band.clear()
        self._ended.clear()
        self._current = None

    # --- what the shell collects

    def take_runs(self) -> list[ToolCall]:
        """Calls to run now, each returned once."""
        runs, self._runs = self._runs, []
        return runs

    def take_events(self) -> list[ConversationItemCreateEvent]:
        """Outputs to send, in order."""
        events, self._turns.events = self._turns.events, []
        return events

    def take_ended(self) -> list[tuple[str, bool]]:
        """Ids of the responses whose calls have all ended since the last call of this, each with whether the model is
        to go on."""
        ended, self._turns.ended = self._turns.ended, []
        return ended


def _text(value: Maybe[str]) -> str:
    return value if is_set(value) else ""


def _bound(toolbox: Toolbox, call: CallEvidence) -> BoundCall:
    """The call as it was told. No arguments at all are those of a function that needs none.

    Raises:
        ToolProblem: it does not fit.
    """
    try:
        return toolbox.bind(call.name, call.arguments)
    except ToolProblem:
        if not call.arguments.strip():
            with suppress(ToolProblem):  # the first one says more
                return toolbox.bind(call.name, "{}")
        raise
