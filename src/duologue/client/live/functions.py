"""Runs functions for a Live session: those that the Responses model calls, and the one that takes delegated work."""

from __future__ import annotations

import logging
import threading
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from duologue.client.asyncio.tool_runner import MAX_THREADS, ToolRunner
from duologue.client.tool_context import InjectedValues
from duologue.events.live import LiveFunctionCall
from duologue.printable import printable_name
from duologue.protocol.client.tools.calls import ToolCall
from duologue.protocol.client.tools.functions import BoundCall, ToolFunction
from duologue.protocol.client.tools.toolbox import Toolbox, ToolProblem, answer_text

__all__ = ["Delegate", "DelegatedWork", "LiveFunctions"]

_logger = logging.getLogger(__name__)

Delegate: TypeAlias = Callable[[Any], Awaitable[str | None] | str | None]
"""Takes work that the model handed over, as a `Delegation`; what it returns is what the model may say."""

_FAILED: Final = "This could not be done: it failed."
"""What the model may say of work that raised. The exception's words may hold what the user must not hear."""


class LiveFunctions:
    """The functions of one session. `answered` is called with a call's id and its output for the model."""

    def __init__(
        self,
        toolbox: Toolbox | None,
        *,
        timeout: float,
        injected: InjectedValues,
        answered: Callable[[str, str], None],
    ) -> None:
        self._toolbox = toolbox
        self._answered = answered
        self._running: set[str] = set()
        self._runner = ToolRunner(timeout=timeout, answered=self._returned, failed=self._failed, injected=injected.of)

    @property
    def threads(self) -> dict[threading.Thread, str]:
        """Threads of sync functions, given up or not, with the functions' names."""
        return self._runner.threads

    def run(self, call: LiveFunctionCall) -> None:
        """Run the function that the model calls; without a toolbox, or if its tool was only declared, do nothing."""
        if self._toolbox is None or self._toolbox.is_declared(call.name):
            return  # the application answers
        try:
            bound = self._toolbox.bind(call.name, call.arguments)
        except ToolProblem as problem:
            self._failed(call.call_id, str(problem))
            return
        if len(self._running) >= MAX_THREADS:
            self._failed(call.call_id, f"{MAX_THREADS} functions run already; call it again later.")
            return
        self._running.add(call.call_id)
        run = ToolCall(call_id=call.call_id, response_id="", name=call.name, bound=bound, arguments=call.arguments)
        self._runner.start(run)

    @property
    def is_running(self) -> bool:
        """Whether a function runs."""
        return bool(self._running)

    def stop(self, call_id: str) -> None:
        """Give a function up; what it returns is dropped."""
        self._running.discard(call_id)
        self._runner.stop(call_id)

    async def close(self) -> None:
        """Give all of them up, and wait a second at most for their ends."""
        await self._runner.close()

    def forget(self) -> None:
        """Let go of what refers back to this object. Behind `close`."""
        self._runner.forget()
        self._answered = _unheard

    def _returned(self, call_id: str, result: object) -> None:
        self._running.discard(call_id)
        try:
            output = answer_text(result)
        except TypeError as fault:
            self._failed(call_id, f"its result cannot be written as JSON: {fault}")
        else:
            self._answered(call_id, output)

    def _failed(self, call_id: str, reason: str) -> None:
        self._running.discard(call_id)
        self._answered(call_id, f"The call failed: {reason}")


class DelegatedWork:
    """The work that the model handed to the application, and the function that does it.

    `said` is called with the delegation's id and what the model may say of it.
    """

    def __init__(self, delegate: Delegate | None, *, timeout: float, said: Callable[[str, str], None]) -> None:
        self._said = said
        self._tool: ToolFunction | None = None
        if delegate is not None:
            if not callable(delegate):
                raise TypeError(f"on_delegation= is a function, not {type(delegate).__name__}")
            self._tool = ToolFunction(delegate, name="on_delegation", parameters={"type": "object", "properties": {}})
        self._running: set[str] = set()
        self._runner = ToolRunner(timeout=timeout, answered=self._returned, failed=self._failed)

    @property
    def is_taken(self) -> bool:
        """Whether there is a function that takes work."""
        return self._tool is not None

    @property
    def is_async(self) -> bool:
        """Whether that function is a coroutine function."""
        return self._tool is not None and self._tool.is_async

    @property
    def is_running(self) -> bool:
        """Whether work is being done."""
        return bool(self._running)

    @property
    def threads(self) -> dict[threading.Thread, str]:
        """Threads of a sync function, with its name."""
        return self._runner.threads

    def start(self, delegation_id: str, work: object) -> None:
        """Do a piece of work, if there is a function for it."""
        if self._tool is None or delegation_id in self._running:
            return
        if len(self._running) >= MAX_THREADS:
            self._failed(delegation_id, f"{MAX_THREADS} pieces of work are being done already")
        else:
            self._running.add(delegation_id)
            bound = BoundCall(self._tool, (work,), {})
            self._runner.start(ToolCall(call_id=delegation_id, response_id="", name=self._tool.name, bound=bound))

    async def close(self) -> None:
        """Give all of it up, and wait a second at most for its end."""
        await self._runner.close()

    def forget(self) -> None:
        """Let go of what refers back to this object. Behind `close`."""
        self._runner.forget()
        self._said = _unheard

    def _returned(self, delegation_id: str, result: object) -> None:
        self._running.discard(delegation_id)
        if result is None:
            return
        if not isinstance(result, str):
            _logger.error(
                "on_delegation returned a %s, not a str: it is dropped", printable_name(type(result).__name__)
            )
            self._said(delegation_id, _FAILED)
        elif result.strip():
            self._said(delegation_id, result)

    def _failed(self, delegation_id: str, reason: str) -> None:
        self._running.discard(delegation_id)
        # `ToolRunner` has logged what the function raised, but neither a time limit nor a problem that it named.
        _logger.warning("delegated work was not done: %s", printable_name(reason))
        self._said(delegation_id, _FAILED)


def _unheard(_: str, __: str) -> None:
    """What is reported after the end of the session."""
