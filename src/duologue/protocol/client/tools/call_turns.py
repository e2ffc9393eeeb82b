"""The calls of each response until all are answered: their outputs in order, and when to let the model go on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Struct

from duologue.events import (
    ConversationItem,
    ConversationItemCreateEvent,
    FunctionCallOutputItem,
    McpCallItem,
    MessageItem,
)
from duologue.protocol.client.responses.requests import UNKNOWN_STATUS

__all__ = ["CONTINUED_STATUSES", "CallTurns"]

CONTINUED_STATUSES: Final = frozenset({"completed", "incomplete", UNKNOWN_STATUS})
"""Statuses of a response after which the client asks the model to go on. A cancelled response was interrupted by the
user, and after a failed one the next would fail too."""

_REMEMBERED: Final = 1024
"""Server calls whose repetition is recognised; the events of a call arrive together."""


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


class CallTurns:
    """Calls by the response that made them. `new_id` makes ids of events."""

    def __init__(self, *, new_id: Callable[[str], str]) -> None:
        self._new_id = new_id
        self._turns: dict[str, _Turn] = {}
        self._server_items: deque[str] = deque(maxlen=_REMEMBERED)
        self.events: list[ConversationItemCreateEvent] = []
        """Outputs to send, in order."""
        self.ended: list[tuple[str, bool]] = []
        """Ids of responses whose calls are all answered, each with whether the model is to go on."""

    def __len__(self) -> int:
        return len(self._turns)

    def __contains__(self, response_id: str) -> bool:
        return response_id in self._turns

    @property
    def waiting(self) -> int:
        """Number of calls of either side without an answer."""
        return sum(len(turn.answers) + len(turn.server_calls) for turn in self._turns.values())

    @property
    def running(self) -> tuple[str, ...]:
        """Ids of calls without an output, in call order."""
        return tuple(key for turn in self._turns.values() for key, answer in turn.answers.items() if answer is None)

    @property
    def all_answered(self) -> bool:
        """Whether no call runs, on the client or on the server."""
        return not self.running and not any(turn.server_calls for turn in self._turns.values())

    def runs_in(self, response_id: str) -> bool:
        """Whether a call of this response runs on the client."""
        turn = self._turns.get(response_id)
        return turn is not None and None in turn.answers.values()

    def started(self, response_id: str, call_id: str, *, answer: str | None, status: str | None) -> None:
        """A call starts, or has its answer already; `status` is that of its response, if that has ended."""
        turn = self._turns.setdefault(response_id, _Turn(status=status))
        turn.answers[call_id] = answer
        if answer is not None:
            self._answer(response_id)

    def sort(self, response_id: str, call_ids: list[str]) -> None:
        """The order of a response's calls, which may have started in another one."""
        if (turn := self._turns.get(response_id)) is not None and len(turn.answers) > 1:
            turn.answers = {call_id: turn.answers[call_id] for call_id in call_ids if call_id in turn.answers}

    def report(self, call_id: str, text: str) -> None:
        """The output of a call that runs; others are ignored."""
        for response_id, turn in self._turns.items():
            if call_id in turn.answers and turn.answers[call_id] is None:
                turn.answers[call_id] = text
                self._answer(response_id)
                return

    def server_call_started(self, response_id: str, item_id: str) -> None:
        """The server begins a call of its own; a repetition changes nothing."""
        if item_id not in self._server_items:
            self._server_items.append(item_id)
            self._turns.setdefault(response_id, _Turn()).server_calls.add(item_id)

    def server_call_ended(self, item_id: str) -> None:
        """The server's own call has ended."""
        for response_id, turn in list(self._turns.items()):
            if item_id in turn.server_calls:
                turn.server_calls.discard(item_id)
                self._answer(response_id)

    def response_ended(
        self, response_id: str, status: str, output: list[ConversationItem], *, by_application: bool
    ) -> None:
        """A response has ended; `by_application` says that the application answers its calls itself."""
        turn = self._turns.get(response_id)
        if turn is None or turn.status is not None:
            return
        turn.status = status
        if turn.status not in CONTINUED_STATUSES:
            turn.server_calls.clear()
        answered = {item.id for item in output if isinstance(item, McpCallItem) and (item.output or item.error)}
        turn.server_calls -= answered  # no other event reports the end of a call whose item was deleted
        went_on = bool(output) and isinstance(output[-1], MessageItem)  # some servers let the model go on themselves
        turn.given_up = turn.given_up or by_application or (went_on and not turn.answers)
        self._answer(response_id)

    def cancel(self, call_id: str | None = None) -> list[str]:
        """Answer a call, or all that run, as cancelled. Returns their ids; the model is not asked to go on."""
        given_up: list[str] = []
        for turn in list(self._turns.values()):
            turn.given_up = turn.given_up or (call_id is None and bool(turn.server_calls))
            for running in [key for key, answer in turn.answers.items() if answer is None and call_id in (None, key)]:
                turn.answers[running] = "The call was cancelled: the user interrupted."
                turn.given_up = True
                given_up.append(running)
        for response_id in list(self._turns):
            self._answer(response_id)
        return given_up

    def lost(self) -> list[str]:
        """The connection is lost; calls go on running. Returns the ids of those that are not answered."""
        for response_id, turn in list(self._turns.items()):
            if turn.status is None:
                turn.status = "completed"  # its end will not arrive, and its calls are answered all the same
            turn.given_up = turn.given_up or bool(turn.server_calls)
            turn.server_calls.clear()
            self._answer(response_id)
        self._server_items.clear()
        return [key for turn in self._turns.values() for key in turn.answers]

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
            self.events.append(ConversationItemCreateEvent(event_id=self._new_id("event"), item=item))
        if turn.server_calls:
            return
        del self._turns[response_id]
        self.ended.append((response_id, turn.status in CONTINUED_STATUSES and not turn.given_up))
