"""From finished responses to what `respond` and `ask` return."""

from __future__ import annotations

from duologue.errors import RequestRejected
from duologue.events import ConversationItem, FunctionCallItem, McpCallItem, ResponseDoneEvent, is_set
from duologue.protocol.client.core import ConversationCore
from duologue.protocol.client.history.item_merge import words_of_item
from duologue.protocol.client.notices import ConnectionLost, ResponseFinished
from duologue.protocol.client.responses.requests import Resolution
from duologue.protocol.states import SequenceState

__all__ = ["AnswerCollector", "response_of"]


def response_of(resolution: Resolution) -> ResponseDoneEvent:
    """The response that a request got.

    Raises:
        RequestRejected: it got none.
    """
    if resolution.done is None:
        raise RequestRejected(resolution.reason, error=resolution.error)
    return resolution.done


class AnswerCollector:
    """Collects the text that answers a question: of its first response, and of those that follow function calls.

    `done` is the end of the first response. `add` takes the notices since before the question, in order:
    ResponseFinished, ConnectionLost, and StopTool, after which no response may follow. When all have been added and
    `expects_more` is false, the answer is complete.
    """

    def __init__(self, core: ConversationCore, done: ResponseDoneEvent) -> None:
        self._core = core
        self._first_id = done.response.id
        self.has_begun = False
        """Whether the end of the first response was among the notices."""
        self.texts = self._texts_of(done)

    def add(self, notice: object) -> bool:
        """True if this notice completes the answer.

        Raises:
            RequestRejected: a response failed, or the connection is lost.
        """
        finished = notice if isinstance(notice, ResponseFinished) else None
        # Notices from before the end of the answer's first response belong to other responses.
        self.has_begun = self.has_begun or (finished is not None and finished.event.response.id == self._first_id)
        if self.has_begun and isinstance(notice, ConnectionLost):
            raise RequestRejected(notice.reason)
        # Rule response.out_of_band: it has no conversation, and is no part of the answer.
        if not self.has_begun or finished is None or finished.event.response.conversation_id is None:
            return False
        if finished.event.response.id != self._first_id:
            self.texts += self._texts_of(finished.event)
        output = _output(finished.event)
        # After an MCP call (rule mcp.call) the server has either spoken in this response, or is asked to respond again.
        ends_with_mcp_call = bool(output) and isinstance(output[-1], McpCallItem)
        return not ends_with_mcp_call and not any(isinstance(item, FunctionCallItem) for item in output)

    @property
    def expects_more(self) -> bool:
        """Whether another response comes without a new question: functions still run, or their results are sent."""
        sequencer = self._core.sequencer
        is_responding = bool(sequencer.pending) or sequencer.state is not SequenceState.IDLE
        return is_responding or not self._core.calls.all_answered

    def _texts_of(self, done: ResponseDoneEvent) -> list[str]:
        response = done.response
        if response.status == "failed":
            error = response.status_details.error if is_set(response.status_details) else None
            message = error.message if is_set(error) else None
            raise RequestRejected("the response failed" + (f": {message}" if is_set(message) else ""))
        texts = []
        for item in _output(done):
            stored = self._core.store.get(str(item.id))
            texts.append(words_of_item(item) if stored is None else stored.text)
        return [text for text in texts if text]


def _output(done: ResponseDoneEvent) -> list[ConversationItem]:
    output = done.response.output
    return list(output) if is_set(output) else []
