"""From finished responses to what `respond` and `ask` return."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from duologue.errors import RequestRejected
from duologue.events import ConversationItem, ResponseDoneEvent, is_set
from duologue.protocol.client.core import ConversationCore
from duologue.protocol.client.history.item_builder import StoredItem
from duologue.protocol.client.history.item_merge import words_of_item
from duologue.protocol.client.notices import CallsAnswered, ConnectionLost, RequestEnded
from duologue.protocol.client.responses.requests import Resolution, response_id_of

__all__ = ["Answer", "AnswerCollector", "response_of"]


class Answer(str):
    """The text of an answer, as a string that also says how the answer ended: `status` is not always "completed".

    An answer may consist of several responses, when the model calls functions.
    """

    __slots__ = ("_is_truncated", "responses")

    responses: tuple[ResponseDoneEvent, ...]
    """The ends of its responses, in order."""
    _is_truncated: bool

    def __new__(cls, text: str, responses: Iterable[ResponseDoneEvent], *, truncated: bool = False) -> Answer:
        """`truncated` says that what was not played of it is cut already."""
        answer = super().__new__(cls, text)
        answer.responses = tuple(responses)
        answer._is_truncated = truncated
        return answer

    @property
    def text(self) -> str:
        """The text as an ordinary string."""
        return str(self)

    @property
    def response(self) -> ResponseDoneEvent:
        """The end of its last response."""
        return self.responses[-1]

    @property
    def status(self) -> str:
        """How its last response ended: "completed", "incomplete" or "cancelled". `ask` raises for "failed"."""
        status = self.response.response.status
        return status if is_set(status) else "completed"

    @property
    def interrupted(self) -> bool:
        """Whether it was stopped, by the user's speech or by `cancel` and `interrupt`; the text may be a part of it."""
        return self.status == "cancelled" or self._is_truncated

    @property
    def incomplete_reason(self) -> str | None:
        """Why it is incomplete: "max_output_tokens" or "content_filter"; None where the server names no reason."""
        details = self.response.response.status_details
        if self.status != "incomplete" or not is_set(details) or not is_set(details.reason):
            return None
        return details.reason

    def __repr__(self) -> str:
        text = super().__repr__()
        if self.status == "completed" and not self.interrupted:
            return text
        reason = f", incomplete_reason={self.incomplete_reason!r}" if self.incomplete_reason else ""
        interrupted = ", interrupted=True" if self.interrupted else ""
        return f"Answer({text}, status={self.status!r}{interrupted}{reason})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _answer, (str(self), self.responses, self._is_truncated)


def _answer(text: str, responses: Iterable[ResponseDoneEvent], truncated: bool) -> Answer:
    return Answer(text, responses, truncated=truncated)


def response_of(resolution: Resolution) -> ResponseDoneEvent:
    """The response that a request got.

    Raises:
        RequestRejected: it got none.
    """
    if resolution.done is None:
        raise RequestRejected(resolution.reason, error=resolution.error)
    return resolution.done


class AnswerCollector:
    """Collects what answers a question: the response to its request, and those to the requests that follow its calls.

    `first` is the end of its request. `add` takes the notices since before the question, in order: RequestEnded,
    CallsAnswered, ConnectionLost. Responses of other requests, and those that the server starts, are not its own.
    """

    def __init__(self, core: ConversationCore, first: RequestEnded) -> None:
        self._core = core
        self._first_id = first.resolution.request.request_id
        self._has_begun = False
        self._requests: set[str] = set()
        """Requests whose ends are part of the answer."""
        self._calling: set[str] = set()
        """Responses whose calls are not answered."""
        self._texts: list[str] = []
        self._responses: list[ResponseDoneEvent] = []
        self._is_truncated = False
        self._add_end(first)

    @property
    def is_complete(self) -> bool:
        """Whether no other response follows."""
        return not self._requests and not self._calling

    @property
    def answer(self) -> Answer:
        """What has come of it so far."""
        return Answer(" ".join(self._texts), self._responses, truncated=self._is_truncated)

    def add(self, notice: object) -> None:
        """Take a notice.

        Raises:
            RequestRejected: a response failed, there was none to a request, or the connection is lost.
        """
        match notice:
            case RequestEnded(resolution=resolution) if resolution.request.request_id == self._first_id:
                self._has_begun = True
            case RequestEnded(resolution=resolution) if resolution.request.request_id in self._requests:
                self._requests.discard(resolution.request.request_id)
                self._add_end(notice)
            case CallsAnswered(response_id=response_id) if response_id in self._calling:
                self._calling.discard(response_id)
                if notice.continued_by is not None:
                    self._requests.add(notice.continued_by)
            case ConnectionLost(reason=reason) if self._has_begun:
                raise RequestRejected(reason)
            case _:
                pass  # about other responses

    def _add_end(self, ended: RequestEnded) -> None:
        done = response_of(ended.resolution)
        response = done.response
        if response.status == "failed":
            error = response.status_details.error if is_set(response.status_details) else None
            message = error.message if is_set(error) else None
            raise RequestRejected("the response failed" + (f": {message}" if is_set(message) else ""))
        items = self._items_of(done)
        stored = [item for item in items if isinstance(item, StoredItem)]
        texts = [item.text if isinstance(item, StoredItem) else words_of_item(item) for item in items]
        self._texts += [text for text in texts if text]
        self._is_truncated = any(item.truncated_at_ms is not None for item in stored)
        self._responses.append(done)
        if ended.calls_follow:
            self._calling.add(response_id_of(response))

    def _items_of(self, done: ResponseDoneEvent) -> list[StoredItem | ConversationItem]:
        """The items of a response, kept ones as they are kept; without a list in its end, those that named it."""
        output = done.response.output
        if is_set(output) and output:
            return [self._core.store.get(str(item.id)) or item for item in output]
        response_id = response_id_of(done.response)
        return [item for item in self._core.store.items if response_id and item.response_id == response_id]
