"""How a client conducts a conversation: its time limits, and the decisions that need no event loop."""

from __future__ import annotations

import logging
import secrets
from typing import Final

import msgspec

from duologue.errors import ConnectionClosed, RequestRejected
from duologue.events import (
    ConversationItem,
    ConversationItemCreateEvent,
    FunctionCallItem,
    InputTextPart,
    McpCallItem,
    MessageItem,
    OutputTextPart,
    RealtimeSessionConfig,
    ResponseDoneEvent,
    is_set,
)
from duologue.protocol.client.core import ConversationCore
from duologue.protocol.client.error_kinds import ErrorKind, classify
from duologue.protocol.client.notices import ConnectionLost, ResponseFinished
from duologue.protocol.client.responses.requests import Resolution
from duologue.protocol.client.tools.toolbox import Toolbox, ToolProblem
from duologue.protocol.states import IllegalTransition, SequenceState

__all__ = [
    "TOO_MUCH",
    "Answer",
    "done_of",
    "failed_call",
    "first_config",
    "log_illegal",
    "may_come_back",
    "new_id",
    "overdue_call",
    "typed_message",
]

_logger = logging.getLogger(__name__)


def new_id(kind: str) -> str:
    """A random id such as `item_…`."""
    return f"{kind}_{secrets.token_hex(10)}"


def typed_message(text: str, *, role: str) -> ConversationItemCreateEvent:
    """What adds a typed message to the conversation."""
    part = OutputTextPart(text=text) if role == "assistant" else InputTextPart(text=text)
    return ConversationItemCreateEvent(item=MessageItem(role=role, content=[part]))


def first_config(session: RealtimeSessionConfig | None, toolbox: Toolbox) -> RealtimeSessionConfig | None:
    """What a session is told first: its configuration with the functions, if there is anything to tell."""
    if not len(toolbox):
        return session
    config = session if session is not None else RealtimeSessionConfig()
    return msgspec.structs.replace(config, tools=list(toolbox.tools))


def log_illegal(illegal: IllegalTransition) -> None:
    """A fault of this library: its log is the place where somebody sees it."""
    _logger.error("%s; please report this", illegal)


# --- ends -------------------------------------------------------------------------------------------------------------


TOO_MUCH: Final = 1009
"""The close code of a side that was sent more than it takes."""


def may_come_back(closed: ConnectionClosed) -> bool:
    """Whether another connection can succeed. An expired session is over, and its conversation is not."""
    if closed.code == TOO_MUCH:
        return False  # the same message would come again, or as many of them
    if closed.error is None:
        return True
    return closed.error.error.code == "session_expired" or classify(closed.error) is not ErrorKind.SESSION_ENDING


# --- answers ----------------------------------------------------------------------------------------------------------


def done_of(resolution: Resolution) -> ResponseDoneEvent:
    """The response that a request got.

    Raises:
        RequestRejected: it got none.
    """
    if resolution.done is None:
        raise RequestRejected(resolution.reason, error=resolution.error)
    return resolution.done


def overdue_call(name: str, *, timeout: float) -> str:
    """What the model is told of a function that took too long."""
    return f"{name} took longer than {timeout:g} s and was given up."


def failed_call(name: str, fault: BaseException) -> str:
    """What the model is told of a function that raised: that, and not how, which may not be its business.

    A ToolProblem is meant for the model.
    """
    return str(fault) if isinstance(fault, ToolProblem) else f"{name} failed with {type(fault).__name__}."


class Answer:
    """The words that answer a question: of one response, and of those that follow on the functions it calls.

    Begins with the response that was asked for. `hear` takes the notices since before the question, in order:
    ResponseFinished, ConnectionLost, and StopTool, after which nobody may go on. When all were heard and `goes_on` is
    false, no more words will come.
    """

    def __init__(self, core: ConversationCore, done: ResponseDoneEvent) -> None:
        self._core = core
        self._first_id = done.response.id
        self._begun = False
        self.words = self._words(done)

    def hear(self, notice: object) -> bool:
        """True if the answer is complete with this.

        Raises:
            RequestRejected: a response failed, or the connection is lost.
        """
        finished = notice if isinstance(notice, ResponseFinished) else None
        # What was told before the answer's first response ended is not of this answer.
        self._begun = self._begun or (finished is not None and finished.event.response.id == self._first_id)
        if self._begun and isinstance(notice, ConnectionLost):
            raise RequestRejected(notice.reason)
        if not self._begun or finished is None or finished.event.response.conversation_id is None:
            return False
        if finished.event.response.id != self._first_id:
            self.words += self._words(finished.event)
        output = _output(finished.event)
        # What follows a call of the server's own, it has said already, or is asked for.
        asked = bool(output) and isinstance(output[-1], McpCallItem)
        return not asked and not any(isinstance(item, FunctionCallItem) for item in output)

    @property
    def has_begun(self) -> bool:
        """Whether the end of the first response was heard."""
        return self._begun

    @property
    def goes_on(self) -> bool:
        """Whether the model will speak again without being asked: it waits for functions, or has their answers."""
        sequencer = self._core.sequencer
        waits = bool(sequencer.pending) or sequencer.state is not SequenceState.IDLE
        return waits or not self._core.calls.all_answered

    def _words(self, done: ResponseDoneEvent) -> list[str]:
        response = done.response
        if response.status == "failed":
            error = response.status_details.error if is_set(response.status_details) else None
            message = error.message if is_set(error) else None
            raise RequestRejected("the response failed" + (f": {message}" if is_set(message) else ""))
        stored = [self._core.store.get(str(item.id)) for item in _output(done)]
        return [item.text for item in stored if item is not None and item.text]


def _output(done: ResponseDoneEvent) -> list[ConversationItem]:
    output = done.response.output
    return list(output) if is_set(output) else []
