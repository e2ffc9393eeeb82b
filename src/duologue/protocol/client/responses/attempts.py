"""Requests for responses on their way to the server and back: how far each has come, and which answer is whose."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from math import inf

from msgspec import UNSET, Struct

from duologue.events import RealtimeResponse, is_set
from duologue.protocol.client.responses.requests import ResponseRequest, tag_of

__all__ = ["Attempt", "RequestTable"]


class Attempt(Struct, kw_only=True):
    """One request, over all the times that it is sent."""

    request: ResponseRequest
    event_id: str = ""
    """Of the create that was sent last."""
    tagged: bool = False
    tries: int = 0
    cancelled: bool = False
    """Stop the response as soon as there is one."""
    ends_by: float = inf
    """When the wait for an answer is given up."""

    def may_be(self, response: RealtimeResponse, *, crowded: bool, echoes: bool) -> bool:
        """Whether a response without a tag may be the answer, by the metadata that was sent and by its conversation.

        `crowded` says that requests out of band wait for an answer too, `echoes` that the server repeats metadata.
        """
        if self.request.out_of_band:
            fits = not isinstance(response.conversation_id, str)
        else:
            fits = response.conversation_id is not None or not crowded
        if self.tagged:
            return fits and not echoes
        params = self.request.event.response
        wanted = params.metadata if is_set(params) else UNSET
        return fits and not (is_set(wanted) and is_set(response.metadata) and wanted != response.metadata)


class RequestTable:
    """Every request that has not ended, and what is known of how the server tells its answers apart."""

    def __init__(self) -> None:
        self.active: Attempt | None = None
        """Its response runs in the conversation."""
        self.beside: dict[str, Attempt] = {}
        """Their responses run outside of it, or have lost their place in it; by the response's id."""
        self.sent: Attempt | None = None
        """For the conversation, and not answered."""
        self.beside_sent: dict[str, Attempt] = {}
        """For outside of it, and not answered; by the event's id."""
        self.waiting: deque[Attempt] = deque()
        """For the conversation, when their turn comes."""
        self.names_conversations = False
        """Whether the server says which responses belong to the conversation."""
        self._echoes_metadata = False

    def __iter__(self) -> Iterator[Attempt]:
        """Running, sent, and waiting, in this order."""
        if self.active is not None:
            yield self.active
        yield from self.beside.values()
        if self.sent is not None:
            yield self.sent
        yield from self.beside_sent.values()
        yield from self.waiting

    def find(self, request_id: str) -> Attempt | None:
        """The attempt of a request; None if it has ended."""
        return next((attempt for attempt in self if attempt.request.request_id == request_id), None)

    def answered_by(self, response: RealtimeResponse) -> Attempt | None:
        """The attempt that a response answers which was not known before."""
        tag = tag_of(response)
        self._echoes_metadata |= tag is not None
        candidates = [attempt for attempt in (self.sent, *self.beside_sent.values()) if attempt is not None]
        if tag is not None:
            return next((attempt for attempt in candidates if attempt.request.request_id == tag), None)
        crowded, echoes = bool(self.beside_sent), self._echoes_metadata
        return next((each for each in candidates if each.may_be(response, crowded=crowded, echoes=echoes)), None)

    def clear(self) -> None:
        """The connection is gone; what its server is like stays known."""
        self.active = self.sent = None
        self.beside.clear()
        self.beside_sent.clear()
        self.waiting.clear()
