"""The model's function calls: asked for, run, answered."""

from __future__ import annotations

from typing import Final

from duologue.inspection.rows import Rows, shortened
from duologue.inspection.view import CallTool
from duologue.recording import Step

__all__ = ["ToolLane"]

_REMEMBERED: Final = 1024
"""Calls, by id."""


class ToolLane:
    """Makes the rows of function calls."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._calls: dict[str, CallTool] = {}
        self._turn = 0
        """Of the last call: a note may come for one that the recording does not have."""

    def asked(self, call_id: str, name: str | None, arguments: str | None, turn: int, at_s: float) -> None:
        """The model's call is whole. Several events say so; the first counts."""
        self._turn = turn
        call = self._call(call_id)
        call.turn = turn
        call.name = call.name or name
        if call.arguments is None and arguments is not None:
            call.arguments = shortened(arguments)
        if call.asked_s is None:
            call.asked_s = at_s
        self._rows.touch(call)

    def noted(self, name: str, call_id: str, step: Step, at_s: float) -> None:
        """The client has begun to run it, or has ended."""
        call = self._call(call_id)
        call.name = call.name or name
        if step == "begin":
            call.began_s = at_s
        else:
            call.ended_s = at_s
        self._rows.touch(call)

    def answered(self, call_id: str, at_s: float) -> None:
        """Its output was sent. Again, after a reconnect, changes nothing."""
        call = self._calls.get(call_id)
        if call is not None and call.answered_s is None:
            call.answered_s = at_s
            self._rows.touch(call)

    def _call(self, call_id: str) -> CallTool:
        call = self._calls.get(call_id)
        if call is None:
            call = self._calls[call_id] = self._rows.add("tools", CallTool(call_id=call_id, turn=self._turn))
            if len(self._calls) > _REMEMBERED:
                del self._calls[next(iter(self._calls))]
        return call
