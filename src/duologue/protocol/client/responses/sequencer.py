"""The order of responses, as their client keeps it: one at a time in the conversation, any number beside it.

    request · cancel                what the application wants
    receive · tick · lost           what happened
    take_events · take_resolutions  what the shell collects after each of these

A request for the conversation is sent when nothing runs there, and waits or is refused otherwise. Responses that the
server starts count like any other. Every request ends exactly once: with its `response.done`, with the `error` that
answered it, or with the connection.

An answer is matched by event id (errors), else by metadata, else by order. A create that loses the race against a
response of the server's own is refused by the server; with the policy "wait" it is sent again when that one is done.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import inf
from typing import Final

import msgspec
from msgspec import UNSET

from duologue.errors import LocalProtocolError
from duologue.events import (
    ErrorEvent,
    RealtimeResponse,
    ResponseCancelEvent,
    ResponseCreatedEvent,
    ResponseCreateEvent,
    ResponseDoneEvent,
    is_set,
)
from duologue.protocol.client.dispatch import EventContext, Part, on
from duologue.protocol.client.responses.attempts import Attempt, RequestTable
from duologue.protocol.client.responses.requests import RequestPolicy, Resolution, ResponseRequest, tagged, untagged
from duologue.protocol.states import SEQUENCE, ReportIllegal, SequenceInput, SequenceState, raise_illegal, step

__all__ = ["ANSWER_WITHIN_S", "ResponseSequencer"]

ANSWER_WITHIN_S: Final = 30.0
"""A server answers a create or a cancel at once; this long is three times what people call broken."""

_BUSY_RETRY_S: Final = 2.0
"""How long to wait for the end of a response that was never announced, before asking again."""

_MAX_TRIES: Final = 10
"""A create that is refused this often for another response is not going to be taken."""

_REMEMBERED: Final = 64
"""Ended responses whose late or repeated events are recognised; they come within the same turn or never."""

_BUSY_CODE: Final = "conversation_already_has_active_response"
_NOT_ACTIVE_CODE: Final = "response_cancel_not_active"


class ResponseSequencer(Part):
    """The responses of one session. `new_id` makes ids of events ("event") and of requests ("request").

    Without `tag_requests` nothing is added to a request's metadata, and answers are matched by the metadata that the
    caller gave, else by order. `now` is any clock in seconds that does not go backwards.
    """

    def __init__(
        self,
        *,
        new_id: Callable[[str], str],
        tag_requests: bool = True,
        answer_within_s: float = ANSWER_WITHIN_S,
        report_illegal: ReportIllegal = raise_illegal,
    ) -> None:
        self.state = SequenceState.IDLE
        self.active_id: str | None = None
        """Id of the response that runs in the conversation; None also when one runs that was never announced."""
        self._new_id = new_id
        self._tag_requests = tag_requests
        self._answer_within_s = answer_within_s
        self._report_illegal = report_illegal
        self._roster = RequestTable()
        self._state_ends_by = inf
        self._cancels: dict[str, str] = {}
        self._ended: deque[str] = deque(maxlen=_REMEMBERED)
        self._events: list[ResponseCreateEvent | ResponseCancelEvent] = []
        self._resolutions: list[Resolution] = []

    # --- what the application wants

    def request(
        self, event: ResponseCreateEvent | None = None, *, policy: RequestPolicy = "wait", now: float
    ) -> ResponseRequest:
        """Ask for a response: sent now, or when its turn comes.

        Raises:
            LocalProtocolError: the policy is "refuse", and a response runs or is asked for in the conversation.
        """
        request = ResponseRequest(
            request_id=self._new_id("request"),
            event=event if event is not None else ResponseCreateEvent(),
            policy=policy,
            requested_at_s=now,
        )
        attempt = Attempt(request=request)
        if request.out_of_band or (self.state is SequenceState.IDLE and not self._roster.waiting):
            self._send(attempt, now)
        elif policy == "wait":
            self._roster.waiting.append(attempt)
        else:
            running = self.active_id or "one that is not answered yet"
            raise LocalProtocolError(
                f"cannot send response.create: the conversation has a response already ({running}); wait for its end, "
                "cancel it first, or ask with the policy 'wait'"
            )
        return request

    def cancel(self, request_id: str | None = None, *, now: float) -> bool:
        """Stop the response of a request, or the one that runs in the conversation. False if there is nothing to stop.

        A request that is still waiting is withdrawn; a response that is not there yet is stopped when it comes.
        Requests that wait behind the one that is stopped go on.
        """
        attempt = self._roster.find(request_id) if request_id is not None else None
        if attempt is None and request_id is not None:
            return False
        if attempt is not None and attempt in self._roster.waiting:
            self._roster.waiting.remove(attempt)
            self._resolve(attempt, reason="withdrawn before it was sent")
            return True
        for response_id, other in self._roster.beside.items():
            if other is attempt:
                self._cancel_beside(response_id, other, now)
                return True
        if attempt is not None and attempt.request.out_of_band:
            attempt.cancelled = True
            return True
        return self._cancel_in_conversation(attempt, now)

    def is_waiting(self, request_id: str) -> bool:
        """Whether the request has not been sent, or must be sent again."""
        return any(attempt.request.request_id == request_id for attempt in self._roster.waiting)

    def is_pending(self, request_id: str) -> bool:
        """Whether the request has not ended."""
        return self._roster.find(request_id) is not None

    def is_out_of_band(self, response: RealtimeResponse) -> bool:
        """Whether a response that was created stays out of the conversation.

        Null as its conversation says so only where the server names one for the others.
        """
        attempt = self._roster.beside.get(response.id) if is_set(response.id) else None
        if attempt is not None and attempt.request.out_of_band:
            return True
        return response.conversation_id is None and self._roster.names_conversations and response.id != self.active_id

    @property
    def will_send(self) -> bool:
        """Whether a create for the conversation is still to go out."""
        return bool(self._roster.waiting) or any(
            self._roster.sent is not None and event.event_id == self._roster.sent.event_id for event in self._events
        )

    @property
    def pending(self) -> tuple[ResponseRequest, ...]:
        """Requests that have not ended: running, sent, and waiting, in this order."""
        return tuple(attempt.request for attempt in self._roster)

    # --- what happened

    @on(ResponseCreatedEvent)
    def _response_created(self, event: ResponseCreatedEvent, context: EventContext) -> None:
        self._created(event.response, context.now)
        self._go_on(context.now)
        context.out_of_band = self.is_out_of_band(event.response)

    @on(ResponseDoneEvent)
    def _response_done(self, event: ResponseDoneEvent, context: EventContext) -> None:
        self._done(event, context.now)
        self._go_on(context.now)

    @on(ErrorEvent)
    def _error(self, event: ErrorEvent, context: EventContext) -> None:
        named = event.error.event_id if is_set(event.error.event_id) else None
        self._refused(event, context.answers or named, context.now)
        self._go_on(context.now)

    @property
    def next_tick_at(self) -> float:
        """When `tick` is due next, on the clock of `now`; infinity while nothing is waited for."""
        attempts = [self._roster.sent, *self._roster.beside_sent.values(), *self._roster.beside.values()]
        return min([self._state_ends_by, *(attempt.ends_by for attempt in attempts if attempt is not None)])

    def tick(self, now: float) -> None:
        """Time has passed: what was never answered ends."""
        reason = f"not answered within {self._answer_within_s:g} seconds"
        if now >= self._state_ends_by:
            self._end_active(SequenceInput.OVERDUE, reason=reason)
        if self._roster.sent is not None and now >= self._roster.sent.ends_by:
            attempt, self._roster.sent = self._roster.sent, None
            self._resolve(attempt, reason=reason)
            if self.state is SequenceState.REQUESTED or self._awaits_create():
                self._step(SequenceInput.OVERDUE)
        for attempts in (self._roster.beside_sent, self._roster.beside):
            for key in [key for key, attempt in attempts.items() if now >= attempt.ends_by]:
                self._resolve(attempts.pop(key), reason=reason)
        self._go_on(now)

    def lost(self, reason: str = "the connection is lost") -> None:
        """The connection is gone: every request that has not ended fails, sent or not."""
        for attempt in list(self._roster):
            self._resolve(attempt, reason=reason)
        self._roster.clear()
        self._cancels.clear()
        self._ended.clear()
        self.active_id = None
        self._state_ends_by = inf
        self._events.clear()
        self._step(SequenceInput.LOST)

    # --- what the shell collects

    def take_events(self) -> list[ResponseCreateEvent | ResponseCancelEvent]:
        """Events to send, in order."""
        events, self._events = self._events, []
        return events

    def take_resolutions(self) -> list[Resolution]:
        """Requests that have ended."""
        resolutions, self._resolutions = self._resolutions, []
        return resolutions

    # --- sending

    def _send(self, attempt: Attempt, now: float) -> None:
        event = attempt.request.event
        first = attempt.tries == 0 and is_set(event.event_id)
        attempt.event_id = str(event.event_id) if first else self._new_id("event")
        attempt.tries += 1
        attempt.ends_by = now + self._answer_within_s
        marked = tagged(event, attempt.request.request_id) if self._tag_requests else None
        attempt.tagged = marked is not None
        self._events.append(msgspec.structs.replace(marked or event, event_id=attempt.event_id))
        if attempt.request.out_of_band:
            self._roster.beside_sent[attempt.event_id] = attempt
        else:
            self._roster.sent = attempt
            self._step(SequenceInput.CREATE_SENT)

    def _send_cancel(self, response_id: str) -> None:
        if response_id in self._cancels.values():
            return
        # By its id: without one a cancel that comes late would stop the next response.
        event_id = self._new_id("event")
        self._cancels[event_id] = response_id
        self._events.append(ResponseCancelEvent(event_id=event_id, response_id=response_id or UNSET))

    def _cancel_beside(self, response_id: str, attempt: Attempt, now: float) -> None:
        # A response may take as long as it likes, but not to stop: its end may be lost.
        attempt.ends_by = min(attempt.ends_by, now + self._answer_within_s)
        self._send_cancel(response_id)

    def _cancel_in_conversation(self, attempt: Attempt | None, now: float) -> bool:
        if self._roster.sent is not None and attempt in (None, self._roster.sent):
            self._roster.sent.cancelled = True
            if self.state is SequenceState.REQUESTED:
                self._step(SequenceInput.CANCEL)
                return True
            if attempt is not None:
                return True
        if self.state is not SequenceState.ACTIVE or self.active_id is None:
            return False
        self._step(SequenceInput.CANCEL)
        self._state_ends_by = now + self._answer_within_s
        self._send_cancel(self.active_id)
        return True

    def _go_on(self, now: float) -> None:
        if self.state is SequenceState.IDLE and self._roster.sent is None and self._roster.waiting:
            self._send(self._roster.waiting.popleft(), now)

    # --- beginnings

    def _created(self, response: RealtimeResponse, now: float) -> None:
        response_id = _id_of(response)
        if response_id in self._ended or response_id == self.active_id or response_id in self._roster.beside:
            return
        attempt = self._roster.answered_by(response)
        names_one = isinstance(response.conversation_id, str)
        self._roster.names_conversations |= names_one
        if attempt is not None and attempt.request.out_of_band:
            del self._roster.beside_sent[attempt.event_id]
            self._roster.beside[response_id] = attempt
            attempt.ends_by = inf
            if attempt.cancelled:
                self._cancel_beside(response_id, attempt, now)
        elif attempt is not None or names_one or not self._roster.names_conversations:
            self._created_in_conversation(response_id, attempt, now)

    def _created_in_conversation(self, response_id: str, attempt: Attempt | None, now: float) -> None:
        if self.active_id is not None or self.state is SequenceState.ACTIVE:
            self._supersede(now)
        if attempt is not None:
            self._roster.sent = None
            attempt.ends_by = inf
        stopping = self.state is SequenceState.CANCELLING
        self._step(SequenceInput.CREATED)
        self.active_id, self._roster.active = response_id, attempt
        self._state_ends_by = inf
        if stopping or (attempt is not None and attempt.cancelled):
            if not stopping:
                self._step(SequenceInput.CANCEL)
            self._state_ends_by = now + self._answer_within_s
            self._send_cancel(response_id)

    def _supersede(self, now: float) -> None:
        """Another response begins although this one has not ended: its end is lost, or still to come."""
        if self._roster.active is not None and self.active_id is not None:
            self._roster.active.ends_by = now + self._answer_within_s
            self._roster.beside[self.active_id] = self._roster.active
        self._roster.active = self.active_id = None
        self._ended_in_conversation(SequenceInput.DONE)

    # --- ends

    def _done(self, event: ResponseDoneEvent, now: float) -> None:
        response = event.response
        response_id = _id_of(response)
        if response_id in self._ended:
            return
        if response_id == self.active_id:
            self._end_active(SequenceInput.DONE, done=event)
        elif (beside := self._roster.beside.pop(response_id, None)) is not None:
            self._resolve(beside, done=event)
        else:
            self._done_unannounced(event, now)
        self._remember(response_id)

    def _done_unannounced(self, event: ResponseDoneEvent, now: float) -> None:
        attempt = self._roster.answered_by(event.response)
        if attempt is not None and attempt.request.out_of_band:
            del self._roster.beside_sent[attempt.event_id]
            self._resolve(attempt, done=event)
        elif attempt is not None:
            self._created_in_conversation(_id_of(event.response), attempt, now)
            self._end_active(SequenceInput.DONE, done=event)
        elif self.state is SequenceState.ACTIVE and self.active_id is None:
            self._end_active(SequenceInput.DONE)

    def _end_active(
        self,
        happened: SequenceInput,
        *,
        done: ResponseDoneEvent | None = None,
        error: ErrorEvent | None = None,
        reason: str = "",
    ) -> None:
        attempt, self._roster.active = self._roster.active, None
        if self.active_id is not None:
            self._remember(self.active_id)
        self.active_id = None
        if attempt is not None:
            self._resolve(attempt, done=done, error=error, reason=reason)
        self._ended_in_conversation(happened)

    def _remember(self, response_id: str) -> None:
        """What is still said of this response is late, and its cancel needs no answer any more."""
        self._cancels = {event_id: stopped for event_id, stopped in self._cancels.items() if stopped != response_id}
        if response_id and response_id not in self._ended:
            self._ended.append(response_id)

    def _ended_in_conversation(self, happened: SequenceInput) -> None:
        self._state_ends_by = inf
        self._step(happened)
        if self._roster.sent is not None:  # crossed the wire while the other one ran
            self._step(SequenceInput.CREATE_SENT)
            if self._roster.sent.cancelled:
                self._step(SequenceInput.CANCEL)

    # --- refusals

    def _refused(self, event: ErrorEvent, event_id: str | None, now: float) -> None:
        code = event.error.code
        if event_id is None and code == _BUSY_CODE and self._roster.sent is not None:
            event_id = self._roster.sent.event_id
        elif event_id is None and code == _NOT_ACTIVE_CODE and self._cancels:
            event_id = next(iter(self._cancels))
        if event_id is None:
            return
        if event_id in self._cancels:
            self._cancel_refused(event, self._cancels.pop(event_id), now)
        elif event_id in self._roster.beside_sent:
            self._resolve(self._roster.beside_sent.pop(event_id), error=event, reason=event.error.message)
        elif self._roster.sent is not None and self._roster.sent.event_id == event_id:
            self._create_refused(self._roster.sent, event, now)
        elif self._roster.active is not None and self._roster.active.event_id == event_id:
            # It was taken for the answer by its place in the order, and is the server's own.
            attempt, self._roster.active = self._roster.active, None
            self._again_or_failed(attempt, event)

    def _create_refused(self, attempt: Attempt, event: ErrorEvent, now: float) -> None:
        self._roster.sent = None
        if self._awaits_create():
            self._step(SequenceInput.REFUSED)
        elif self.state is SequenceState.REQUESTED and event.error.code == _BUSY_CODE:
            self._step(SequenceInput.BUSY)
            self._state_ends_by = now + _BUSY_RETRY_S
        elif self.state is SequenceState.REQUESTED:
            self._step(SequenceInput.REFUSED)
        self._again_or_failed(attempt, event)

    def _again_or_failed(self, attempt: Attempt, event: ErrorEvent) -> None:
        wanted = attempt.request.policy == "wait" and not attempt.cancelled and attempt.tries < _MAX_TRIES
        if event.error.code == _BUSY_CODE and wanted:
            self._roster.waiting.appendleft(attempt)
        else:
            self._resolve(attempt, error=event, reason=event.error.message)

    def _cancel_refused(self, event: ErrorEvent, response_id: str, now: float) -> None:
        stopping = self.state is SequenceState.CANCELLING and response_id == self.active_id
        if event.error.code != _NOT_ACTIVE_CODE:
            if stopping:
                self._step(SequenceInput.CANCEL_REFUSED)
                self._state_ends_by = inf
            elif (running := self._roster.beside.get(response_id)) is not None and running.request.out_of_band:
                running.ends_by = inf
        elif stopping:
            self._end_active(SequenceInput.NOT_ACTIVE, error=event, reason="it ended, and its end was not seen")
        elif (beside := self._roster.beside.pop(response_id, None)) is not None:
            self._resolve(beside, error=event, reason="it ended, and its end was not seen")

    # --- states and ends

    def _awaits_create(self) -> bool:
        """Whether the response that is to be cancelled is not there yet."""
        return self.state is SequenceState.CANCELLING and self.active_id is None

    def _resolve(
        self,
        attempt: Attempt,
        *,
        done: ResponseDoneEvent | None = None,
        error: ErrorEvent | None = None,
        reason: str = "",
    ) -> None:
        told = untagged(done) if done is not None else None
        self._resolutions.append(Resolution(request=attempt.request, done=told, error=error, reason=reason))

    def _step(self, happened: SequenceInput) -> None:
        self.state = step(SEQUENCE, self.state, happened, report=self._report_illegal) or self.state


def _id_of(response: RealtimeResponse) -> str:
    """The response's id; empty for a server that gives none."""
    return response.id if is_set(response.id) else ""
