"""Requests for responses that have not ended: how far each has come, and which one a response answers."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from math import inf
from typing import Final

from msgspec import UNSET, Struct

from duologue.events import ErrorEvent, RealtimeResponse, is_set
from duologue.protocol.client.response_ids import response_id_of
from duologue.protocol.client.responses.requests import ResponseRequest, tag_of

__all__ = ["Attempt", "RequestTable"]

_MAX_TRIES: Final = 10
"""A create that is rejected this often for another response will not be accepted."""

_REMEMBERED: Final = 64
"""Ended responses whose late or repeated events are recognised; they arrive within the same turn or never."""


class Attempt(Struct, kw_only=True):
    """One request, over all the times that it is sent."""

    request: ResponseRequest
    event_id: str = ""
    """Of the last create that was sent."""
    tagged: bool = False
    tries: int = 0
    cancelled: bool = False
    """Cancel the response as soon as it is created."""
    ends_by: float = inf
    """When the wait for an answer ends."""
    doubt: ErrorEvent | None = None
    """An error that names no command, and that answers this request if no response does."""

    @property
    def may_be_sent_again(self) -> bool:
        """Whether to send it again after another response was in its way."""
        return self.request.policy == "wait" and not self.cancelled and self.tries < _MAX_TRIES

    def may_be(self, response: RealtimeResponse, *, out_of_band_sent: bool, echoes_metadata: bool) -> bool:
        """Whether a response without a tag may be the answer, by its conversation and by the metadata that was sent.

        `out_of_band_sent` says that requests out of band wait for an answer too, `echoes_metadata` that the server
        repeats metadata: then a request that was tagged has no answer without a tag.
        """
        if self.request.out_of_band:  # rule `oob.no_conversation`
            fits = not isinstance(response.conversation_id, str)
        else:
            fits = response.conversation_id is not None or not out_of_band_sent
        if self.tagged:
            return fits and not echoes_metadata
        params = self.request.event.response
        wanted = params.metadata if is_set(params) else UNSET
        return fits and not (is_set(wanted) and is_set(response.metadata) and wanted != response.metadata)


class RequestTable:
    """Every request that has not ended, and how this server identifies its answers."""

    def __init__(self) -> None:
        self.active: Attempt | None = None
        """Its response runs in the conversation."""
        self.detached: dict[str, Attempt] = {}
        """Their responses run out of band, or another response has superseded them; by the response's id."""
        self.sent: Attempt | None = None
        """In the conversation, and not answered."""
        self.out_of_band_sent: dict[str, Attempt] = {}
        """Out of band, and not answered; by the event's id."""
        self.waiting: deque[Attempt] = deque()
        """In the conversation, to be sent when their turn comes."""
        self.cancels: dict[str, str] = {}
        """Id of the response that each unanswered `response.cancel` stops, by the event's id."""
        self.ended: deque[str] = deque(maxlen=_REMEMBERED)
        """Ids of responses that have ended."""
        self.names_conversations = False
        """Whether the server says which responses belong to the conversation."""
        self.echoes_metadata: bool = False
        """Whether the server repeats metadata."""

    def __iter__(self) -> Iterator[Attempt]:
        """Running, sent, and waiting, in this order."""
        if self.active is not None:
            yield self.active
        yield from self.detached.values()
        if self.sent is not None:
            yield self.sent
        yield from self.out_of_band_sent.values()
        yield from self.waiting

    def find(self, request_id: str) -> Attempt | None:
        """The attempt of a request; None if it has ended."""
        return next((attempt for attempt in self if attempt.request.request_id == request_id), None)

    @property
    def next_deadline(self) -> float:
        """When the first wait for an answer ends; infinity if there is none."""
        attempts = (self.sent, *self.out_of_band_sent.values(), *self.detached.values())
        return min((attempt.ends_by for attempt in attempts if attempt is not None), default=inf)

    def take_overdue(self, now: float) -> list[Attempt]:
        """Removes the attempts, out of band or superseded, whose wait has ended, and returns them."""
        return [
            attempts.pop(key)
            for attempts in (self.out_of_band_sent, self.detached)
            for key in [key for key, attempt in attempts.items() if now >= attempt.ends_by]
        ]

    def end(self, response_id: str) -> None:
        """The response has ended: later events of it are late, and its cancel needs no answer any more."""
        self.cancels = {event_id: stopped for event_id, stopped in self.cancels.items() if stopped != response_id}
        if response_id and response_id not in self.ended:
            self.ended.append(response_id)

    def answered_by(self, response: RealtimeResponse) -> Attempt | None:
        """The unanswered attempt that a new response answers."""
        tag = tag_of(response)
        self.echoes_metadata |= tag is not None
        for attempt in (self.sent, *self.out_of_band_sent.values()):
            if attempt is None:
                continue
            if tag is not None:
                answered = attempt.request.request_id == tag
            else:
                answered = attempt.may_be(
                    response, out_of_band_sent=bool(self.out_of_band_sent), echoes_metadata=self.echoes_metadata
                )
            if answered:
                return attempt
        return None

    def is_out_of_band(self, response: RealtimeResponse, *, active_id: str | None) -> bool:
        """Whether a response that was created stays out of the conversation; `active_id` is the active one there."""
        attempt = self.detached.get(response.id) if is_set(response.id) else None
        if attempt is not None and attempt.request.out_of_band:
            return True
        # Rule `oob.no_conversation`: null says so only if the server names the conversation of other responses.
        return response.conversation_id is None and self.names_conversations and response.id != active_id

    def is_in_conversation(self, response: RealtimeResponse, *, active_id: str | None) -> bool:
        """Whether a response that ends is one of the conversation; `active_id` is the active one there."""
        if isinstance(response.conversation_id, str) or response_id_of(response) == active_id:
            return True
        if response.conversation_id is None and self.sent is None:
            return False
        return not self.is_out_of_band(response, active_id=active_id) and not self.out_of_band_sent

    def is_new(self, response_id: str) -> bool:
        """Whether no response with this id has begun."""
        return response_id not in self.ended and response_id not in self.detached

    def clear(self) -> None:
        """The connection is lost; what is known about its server stays."""
        self.active = self.sent = None
        self.detached.clear()
        self.out_of_band_sent.clear()
        self.waiting.clear()
        self.cancels.clear()
        self.ended.clear()
