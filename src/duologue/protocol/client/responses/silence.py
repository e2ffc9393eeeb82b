"""When a response is over although the server has not said so: it has told nothing more of it for too long.

A `response.done` can be lost, or come in a form that cannot be read. Every response that began is watched here. Time
counts from its last event, or from the end of its speech if that takes longer to play, and not while one of its
functions runs: some servers send the end of a response only after that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from math import inf
from typing import Final

from msgspec import Struct, field

from duologue.events import (
    ConversationItemAddedEvent,
    ConversationItemCreatedEvent,
    ConversationItemDoneEvent,
    RealtimeResponse,
    ResponseAudioDeltaEvent,
    ResponseCreatedEvent,
    ResponseDoneEvent,
    ResponseMcpCallCompletedEvent,
    ResponseMcpCallFailedEvent,
    ResponseMcpCallInProgressEvent,
    ResponseOutputItemAddedEvent,
    ResponseOutputItemDoneEvent,
    is_set,
)
from duologue.protocol.client.dispatch import EventContext, Part, on
from duologue.protocol.client.response_ids import UNKNOWN_STATUS, response_id_of
from duologue.protocol.client.responses.response_events import ITEM_EVENTS, PART_EVENTS, PartEvent

__all__ = ["ResponseSilence", "SilenceLimits", "SilentEnd"]

_MAX_WATCHED: Final = 256
"""Responses that run at once; more than that only a server makes that ends none of them."""


class SilenceLimits(Struct, frozen=True, kw_only=True):
    """How long a server may be silent about a response before the client ends it, in seconds."""

    open_s: float = 60.0
    """While something of it is open: models think and servers call tools for half a minute, and rarely longer."""
    told_s: float = 10.0
    """When all its items have ended, or another response has begun in the conversation: only `response.done` is missing
    then, which comes within milliseconds; a slow model may begin another item."""


class SilentEnd(Struct, frozen=True):
    """The end of a response that the server has not told, as far as it is known."""

    event: ResponseDoneEvent
    reason: str
    all_told: bool
    """Whether all its items have ended, so that only the end of the response itself is missing."""


class _Watched(Struct):
    response: RealtimeResponse
    heard_at: float
    """When its last event came, or when its speech has been played; whichever is later."""
    open_items: set[str] = field(default_factory=set[str])
    n_ended: int = 0
    superseded: bool = False
    in_conversation: bool = True

    @property
    def all_told(self) -> bool:
        return self.n_ended > 0 and not self.open_items


class ResponseSilence(Part):
    """The responses that run. `now` is the clock of the contexts, in seconds.

    `call_runs` says whether a function of a response runs.
    """

    def __init__(self, limits: SilenceLimits, *, call_runs: Callable[[str], bool]) -> None:
        self._limits = limits
        self._call_runs = call_runs
        self._watched: dict[str, _Watched] = {}
        self._of_item: dict[str, str] = {}
        self.next_tick_at: float = inf
        """When `take_ends` is due next; no later than the first limit, and possibly earlier."""

    @property
    def running(self) -> Collection[str]:
        """Ids of the responses that run."""
        return self._watched.keys()

    @on(ResponseCreatedEvent)
    def _created(self, event: ResponseCreatedEvent, context: EventContext) -> None:
        response_id = response_id_of(event.response)
        in_conversation = not context.out_of_band
        for other_id, other in self._watched.items():
            if in_conversation and other.in_conversation and other_id != response_id:
                other.superseded = True
                self._due_by(other.heard_at + self._limits.told_s)
        watched = self._heard(response_id, context.now)
        watched.response, watched.in_conversation = event.response, in_conversation

    @on(ResponseDoneEvent)
    def _done(self, event: ResponseDoneEvent, context: EventContext) -> None:
        self._forget(response_id_of(event.response))

    @on(*ITEM_EVENTS)
    def _item(self, event: ResponseOutputItemAddedEvent | ResponseOutputItemDoneEvent, context: EventContext) -> None:
        watched = self._watched.get(event.response_id)
        if watched is None and not context.unannounced:
            return
        watched = self._heard(event.response_id, context.now)
        item_id = str(event.item.id) if is_set(event.item.id) else str(event.output_index)
        self._of_item[item_id] = event.response_id
        if isinstance(event, ResponseOutputItemDoneEvent):
            self._item_ended(watched, item_id)
        else:
            watched.open_items.add(item_id)
        self._heard(event.response_id, context.now)

    @on(*PART_EVENTS)
    def _named(self, event: PartEvent, context: EventContext) -> None:
        watched = self._watched.get(event.response_id)
        if watched is not None:
            # Its limit moves further away, which `take_ends` finds out.
            if watched.heard_at < context.now:
                watched.heard_at = context.now
        elif context.unannounced:
            self._heard(event.response_id, context.now)

    @on(ResponseAudioDeltaEvent)
    def _speech(self, event: ResponseAudioDeltaEvent, context: EventContext) -> None:
        if (watched := self._watched.get(event.response_id)) is None:
            if not context.unannounced:
                return
            watched = self._heard(event.response_id, context.now)
        length_s = 0.0
        if context.audio is not None and context.encoding is not None:
            length_s = context.encoding.duration_ms(len(context.audio)) / 1000
        watched.heard_at = max(watched.heard_at, context.now) + length_s

    @on(ConversationItemAddedEvent, ConversationItemCreatedEvent, ConversationItemDoneEvent)
    def _conversation_item(
        self,
        event: ConversationItemAddedEvent | ConversationItemCreatedEvent | ConversationItemDoneEvent,
        context: EventContext,
    ) -> None:
        self._heard_of_item(str(event.item.id), context.now, ends=isinstance(event, ConversationItemDoneEvent))

    @on(ResponseMcpCallCompletedEvent, ResponseMcpCallFailedEvent, ResponseMcpCallInProgressEvent)
    def _server_call(
        self,
        event: ResponseMcpCallCompletedEvent | ResponseMcpCallFailedEvent | ResponseMcpCallInProgressEvent,
        context: EventContext,
    ) -> None:
        self._heard_of_item(event.item_id, context.now, ends=False)

    def take_ends(self, now: float) -> list[SilentEnd]:
        """The responses whose limit is over; they are not watched any more."""
        ends = []
        self.next_tick_at = inf
        for response_id, watched in list(self._watched.items()):
            if self._call_runs(response_id):
                watched.heard_at = max(watched.heard_at, now)
            limit_s = self._limit_s(watched)
            if watched.heard_at + limit_s > now:
                self._due_by(watched.heard_at + limit_s)
                continue
            self._forget(response_id)
            ends.append(_end_of(watched, response_id, limit_s))
        return ends

    def clear(self) -> None:
        """The connection is lost, and every response with it."""
        self._watched.clear()
        self._of_item.clear()
        self.next_tick_at = inf

    def _heard(self, response_id: str, now: float) -> _Watched:
        """An event of a response: begin to watch it, or to count again."""
        watched = self._watched.get(response_id)
        if watched is None:
            watched = self._watched[response_id] = _Watched(response=RealtimeResponse(id=response_id), heard_at=now)
            if len(self._watched) > _MAX_WATCHED:
                self._forget(next(iter(self._watched)))
        watched.heard_at = max(watched.heard_at, now)
        self._due_by(watched.heard_at + self._limit_s(watched))
        return watched

    def _heard_of_item(self, item_id: str, now: float, *, ends: bool) -> None:
        """An event that names an item and no response."""
        response_id = self._of_item.get(item_id)
        if response_id is not None and (watched := self._watched.get(response_id)) is not None:
            if ends:
                self._item_ended(watched, item_id)
            self._heard(response_id, now)

    def _item_ended(self, watched: _Watched, item_id: str) -> None:
        watched.open_items.discard(item_id)
        watched.n_ended += 1

    def _limit_s(self, watched: _Watched) -> float:
        told = watched.all_told or watched.superseded
        return min(self._limits.told_s, self._limits.open_s) if told else self._limits.open_s

    def _due_by(self, at: float) -> None:
        # Later events only move a limit further away: `take_ends` finds that out, and each of them costs nothing here.
        self.next_tick_at = min(self.next_tick_at, at)

    def _forget(self, response_id: str) -> None:
        if self._watched.pop(response_id, None) is not None:
            self._of_item = {item_id: owner for item_id, owner in self._of_item.items() if owner != response_id}


def _end_of(watched: _Watched, response_id: str, limit_s: float) -> SilentEnd:
    began = watched.response
    response = RealtimeResponse(
        id=began.id, status=UNKNOWN_STATUS, conversation_id=began.conversation_id, metadata=began.metadata
    )
    name = f"response {response_id!r}" if response_id else "the response"
    reason = f"the server has told nothing more of {name} for {limit_s:g} seconds, and not how it ended"
    return SilentEnd(ResponseDoneEvent(event_id="", response=response), reason, watched.all_told)
