"""The order of responses on the client: one at a time in the conversation, any number out of band.

    request · cancel                what the application wants
    receive · tick · lost           what happened
    take_events · take_resolutions  what the shell collects after each of these

A request in the conversation is sent when no response is active there (rule `error.response_active`); otherwise it
waits or raises. Responses that the server starts count like any other. Every request ends exactly once: with its
`response.done`, with the `error` that answers it, or with the connection.

An answer is matched by event id (errors), else by metadata, else by order. The server rejects a create that arrives
after a response of its own has started; with the policy "wait" it is sent again when that response is done.

An `error` that names no command, and whose code does not say which one it answers, rejects a request only if no
response follows at once: it may be about anything else. One that says that content is blocked rejects it immediately.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Final, TypeAlias

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
from duologue.protocol.client.error_kinds import ErrorKind, classify
from duologue.protocol.client.pending_commands import COMMAND_OF_CODE
from duologue.protocol.client.response_ids import response_id_of
from duologue.protocol.client.responses.attempts import Attempt, RequestTable
from duologue.protocol.client.responses.requests import (
    RequestPolicy,
    Resolution,
    ResponseRequest,
    tag_of,
    tagged,
    untagged,
)
from duologue.protocol.client.responses.response_events import RESPONSE_EVENTS, ResponseEvent
from duologue.protocol.states import SEQUENCE, ReportIllegal, SequenceInput, SequenceState, raise_illegal, step

__all__ = ["ANSWER_WITHIN_S", "ResponseSequencer"]

ANSWER_WITHIN_S: Final = 30.0
"""A server answers a create or a cancel at once. Users take a third of this time for a fault."""

_BUSY_RETRY_S: Final = 2.0
"""How long to wait for the end of a response that was never announced, before the create is sent again."""

_BUSY_CODE: Final = "conversation_already_has_active_response"
_NOT_ACTIVE_CODE: Final = "response_cancel_not_active"

_DOUBT_S: Final = 1.0
"""How long a response may still follow an error that names no command. A server that accepts a create says so within a
fraction of that, and a user waits that long for an error without asking why."""

_REFUSALS: Final = frozenset(
    {"content_filter", "content_policy_violation", "guardrail_violation", "moderation_blocked"}
)
"""Codes and types of errors that say that content is blocked: no response follows them."""

_OTHERS_PARAMS: Final = frozenset({"session", "item", "audio"})
"""First names of `error.param`, a path into the client's event, that a `response.create` does not have."""

_END_UNSEEN: Final = "it ended, and its end was not seen"

_Answer: TypeAlias = ResponseDoneEvent | ErrorEvent | None
"""What ends a request; None if nothing that the server sent does."""


class ResponseSequencer(Part):
    """The responses of one session. `new_id` makes ids of events ("event") and of requests ("request").

    Without `tag_requests` nothing is added to a request's metadata: answers are matched by the caller's metadata, else
    by order. `now` is any clock in seconds that does not go backwards.
    """

    def __init__(
        self,
        *,
        new_id: Callable[[str], str],
        tag_requests: bool = True,
        answer_within_s: float = ANSWER_WITHIN_S,
        report_illegal: ReportIllegal = raise_illegal,
    ) -> None:
        self.state: SequenceState = SequenceState.IDLE
        self.active_id: str | None = None
        """Id of the active response of the conversation; None also if that one was never announced."""
        self._new_id = new_id
        self._tag_requests = tag_requests
        self._answer_within_s = answer_within_s
        self._report_illegal = report_illegal
        self._requests = RequestTable()
        self._state_ends_by = inf
        self._guessed = False
        """Whether the active response was matched to its request by an event other than `response.created`."""
        self._events: list[ResponseCreateEvent | ResponseCancelEvent] = []
        self._resolutions: list[Resolution] = []

    # --- what the application wants

    def request(
        self, event: ResponseCreateEvent | None = None, *, policy: RequestPolicy = "wait", now: float
    ) -> ResponseRequest:
        """Ask for a response: sent now, or when its turn comes.

        Raises:
            LocalProtocolError: the policy is "refuse", and a response is active or requested in the conversation.
        """
        request = ResponseRequest(
            request_id=self._new_id("request"),
            event=event if event is not None else ResponseCreateEvent(),
            policy=policy,
            requested_at_s=now,
        )
        attempt = Attempt(request=request)
        if request.out_of_band or (self.state is SequenceState.IDLE and not self._requests.waiting):
            self._send(attempt, now)
        elif policy == "wait":
            self._requests.waiting.append(attempt)
        else:
            running = self.active_id or "one that is not answered yet"
            raise LocalProtocolError(
                f"cannot send response.create: the conversation has a response already ({running}); wait for its end, "
                "cancel it first, or ask with the policy 'wait'"
            )
        return request

    def cancel(self, request_id: str | None = None, *, now: float) -> bool:
        """Stop the response of a request, or the active one of the conversation. False if there is none.

        A request that still waits is withdrawn; a response that is not created yet is stopped when it is. Requests that
        wait behind it stay.
        """
        attempt = self._requests.find(request_id) if request_id is not None else None
        if attempt is None and request_id is not None:
            return False
        if attempt is not None and attempt in self._requests.waiting:
            self._requests.waiting.remove(attempt)
            self._resolve(attempt, reason="withdrawn before it was sent")
            return True
        for response_id, other in self._requests.detached.items():
            if other is attempt:
                self._cancel_detached(response_id, other, now)
                return True
        if attempt is not None and attempt.request.out_of_band:
            attempt.cancelled = True
            return True
        return self._cancel_in_conversation(attempt, now)

    @property
    def unsent(self) -> ResponseRequest | None:
        """The next request for the conversation that is still to be sent."""
        sent = self._requests.sent
        if sent is not None and any(event.event_id == sent.event_id for event in self._events):
            return sent.request
        return self._requests.waiting[0].request if self._requests.waiting else None

    @property
    def pending(self) -> tuple[ResponseRequest, ...]:
        """Requests that have not ended: running, sent, and waiting, in this order."""
        return tuple(attempt.request for attempt in self._requests)

    # --- what happened

    @property
    def awaits_beginning(self) -> bool:
        """Whether a request in the conversation was sent, and its response has not begun."""
        return self._requests.sent is not None

    @on(*RESPONSE_EVENTS)
    def begins_unannounced(self, event: ResponseEvent, context: EventContext) -> None:
        """An event of a response whose `response.created` is lost: it has begun all the same."""
        sent = self._requests.sent
        if sent is None or self.active_id is not None or self._requests.out_of_band_sent:
            return
        if self._requests.is_new(response_id := event.response_id):
            self._created_in_conversation(response_id, sent, context.now)
            context.unannounced = self._guessed = True

    @on(ResponseCreatedEvent)
    def _response_created(self, event: ResponseCreatedEvent, context: EventContext) -> None:
        self._created(event.response, context.now)
        self._send_next(context.now)
        context.out_of_band = self._requests.is_out_of_band(event.response, active_id=self.active_id)

    @on(ResponseDoneEvent)
    def _response_done(self, event: ResponseDoneEvent, context: EventContext) -> None:
        context.in_conversation = self._requests.is_in_conversation(event.response, active_id=self.active_id)
        self._done(event, context)
        self._send_next(context.now)

    @on(ErrorEvent)
    def _error(self, event: ErrorEvent, context: EventContext) -> None:
        named = event.error.event_id if is_set(event.error.event_id) else None
        if named is not None or event.error.code in (_BUSY_CODE, _NOT_ACTIVE_CODE):
            self._rejected(event, context.answers or named, context.now)
        else:
            self._anonymous(event, context)
        self._send_next(context.now)

    @property
    def next_tick_at(self) -> float:
        """When `tick` is due next, on the clock of `now`; infinity while nothing is waited for."""
        return min(self._state_ends_by, self._requests.next_deadline)

    def tick(self, now: float) -> None:
        """Time has passed: requests without an answer end."""
        reason = f"not answered within {self._answer_within_s:g} seconds"
        if now >= self._state_ends_by:
            self._end_active(SequenceInput.OVERDUE, reason=reason)
        if self._requests.sent is not None and now >= self._requests.sent.ends_by:
            attempt, self._requests.sent = self._requests.sent, None
            self._unanswered(attempt, reason)
            if self.state is SequenceState.REQUESTED or self._awaits_create():
                self._step(SequenceInput.OVERDUE)
        for attempt in self._requests.take_overdue(now):
            self._unanswered(attempt, reason)
        self._send_next(now)

    def lost(self, reason: str = "the connection is lost") -> None:
        """The connection is lost: every request that has not ended fails, sent or not."""
        for attempt in list(self._requests):
            self._resolve(attempt, reason=reason)
        self._requests.clear()
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
        with_tag = tagged(event, attempt.request.request_id) if self._tag_requests else None
        attempt.tagged = with_tag is not None
        self._events.append(msgspec.structs.replace(with_tag or event, event_id=attempt.event_id))
        if attempt.request.out_of_band:
            self._requests.out_of_band_sent[attempt.event_id] = attempt
        else:
            self._requests.sent = attempt
            self._step(SequenceInput.CREATE_SENT)

    def _send_cancel(self, response_id: str) -> None:
        if response_id in self._requests.cancels.values():
            return
        # With the response's id (rule `cancel.by_id`): without one a late cancel would stop the next response.
        event_id = self._new_id("event")
        self._requests.cancels[event_id] = response_id
        self._events.append(ResponseCancelEvent(event_id=event_id, response_id=response_id or UNSET))

    def _cancel_detached(self, response_id: str, attempt: Attempt, now: float) -> None:
        # A response has no time limit, but a cancelled one has: its `response.done` may be lost.
        attempt.ends_by = min(attempt.ends_by, now + self._answer_within_s)
        self._send_cancel(response_id)

    def _cancel_in_conversation(self, attempt: Attempt | None, now: float) -> bool:
        if self._requests.sent is not None and attempt in (None, self._requests.sent):
            self._requests.sent.cancelled = True
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

    def _send_next(self, now: float) -> None:
        if self.state is SequenceState.IDLE and self._requests.sent is None and self._requests.waiting:
            self._send(self._requests.waiting.popleft(), now)

    # --- responses that are created

    def _created(self, response: RealtimeResponse, now: float) -> None:
        response_id = response_id_of(response)
        if response_id == self.active_id:
            self._check_guess(response, now)
        if response_id == self.active_id or not self._requests.is_new(response_id):
            return
        attempt = self._requests.answered_by(response)
        names_one = isinstance(response.conversation_id, str)
        self._requests.names_conversations |= names_one
        if attempt is not None and attempt.request.out_of_band:
            del self._requests.out_of_band_sent[attempt.event_id]
            self._requests.detached[response_id] = attempt
            attempt.ends_by, attempt.doubt = inf, None
            if attempt.cancelled:
                self._cancel_detached(response_id, attempt, now)
        elif attempt is not None or names_one or not self._requests.names_conversations:
            self._created_in_conversation(response_id, attempt, now)

    def _created_in_conversation(self, response_id: str, attempt: Attempt | None, now: float) -> None:
        if self.active_id is not None or self.state is SequenceState.ACTIVE:
            self._supersede(now)
        if attempt is not None:
            self._requests.sent = None
            attempt.ends_by, attempt.doubt = inf, None
        self._guessed = False
        stopping = self.state is SequenceState.CANCELLING
        self._step(SequenceInput.CREATED)
        self.active_id, self._requests.active = response_id, attempt
        self._state_ends_by = inf
        if stopping or (attempt is not None and attempt.cancelled):
            if not stopping:
                self._step(SequenceInput.CANCEL)
            self._state_ends_by = now + self._answer_within_s
            self._send_cancel(response_id)

    def _check_guess(self, response: RealtimeResponse, now: float) -> None:
        """The active response was taken for the answer to a request when its first event came: is it?"""
        attempt = self._requests.active
        guessed, self._guessed = self._guessed, False
        if not guessed or attempt is None or not attempt.tagged or self._requests.sent is not None:
            return
        tag = tag_of(response)
        if tag != attempt.request.request_id and (tag is not None or self._requests.echoes_metadata):
            # It is the server's own, and the request has no answer yet.
            attempt.ends_by = now + self._answer_within_s
            self._requests.active, self._requests.sent = None, attempt

    def _supersede(self, now: float) -> None:
        """Another response is created although the active one has not ended: its end is lost, or late."""
        if self._requests.active is not None and self.active_id is not None:
            self._requests.active.ends_by = now + self._answer_within_s
            self._requests.detached[self.active_id] = self._requests.active
        self._requests.active = self.active_id = None
        self._ended_in_conversation(SequenceInput.DONE)

    # --- responses that end

    def _done(self, event: ResponseDoneEvent, context: EventContext) -> None:
        response_id = response_id_of(event.response)
        if response_id in self._requests.ended:
            return
        # Without its end, a response counts only if all that it began was told.
        by = event if context.all_told or not context.silence else None
        if response_id == self.active_id:
            if not context.silence:
                self._check_guess(event.response, context.now)
            self._end_active(SequenceInput.DONE, by, reason=context.silence)
        elif (attempt := self._requests.detached.pop(response_id, None)) is not None:
            self._resolve(attempt, by, reason=context.silence)
        else:
            self._done_unannounced(event, context.now)
        self._requests.end(response_id)

    def _done_unannounced(self, event: ResponseDoneEvent, now: float) -> None:
        attempt = self._requests.answered_by(event.response)
        if attempt is not None and attempt.request.out_of_band:
            del self._requests.out_of_band_sent[attempt.event_id]
            self._resolve(attempt, event)
        elif attempt is not None:
            self._created_in_conversation(response_id_of(event.response), attempt, now)
            self._end_active(SequenceInput.DONE, event)
        elif self.state is SequenceState.ACTIVE and self.active_id is None:
            self._end_active(SequenceInput.DONE)

    def _end_active(self, happened: SequenceInput, by: _Answer = None, *, reason: str = "") -> None:
        attempt, self._requests.active = self._requests.active, None
        if self.active_id is not None:
            self._requests.end(self.active_id)
        self.active_id = None
        if attempt is not None:
            self._resolve(attempt, by, reason=reason)
        self._ended_in_conversation(happened)

    def _ended_in_conversation(self, happened: SequenceInput) -> None:
        self._state_ends_by = inf
        self._step(happened)
        if self._requests.sent is not None:  # sent before the client knew of the response that has ended
            self._step(SequenceInput.CREATE_SENT)
            if self._requests.sent.cancelled:
                self._step(SequenceInput.CANCEL)

    # --- commands that the server rejects

    def _rejected(self, event: ErrorEvent, event_id: str | None, now: float) -> None:
        code = event.error.code
        if event_id is None and code == _BUSY_CODE and self._requests.sent is not None:
            event_id = self._requests.sent.event_id
        elif event_id is None and code == _NOT_ACTIVE_CODE and self._requests.cancels:
            event_id = next(iter(self._requests.cancels))
        if event_id is None:
            return
        if event_id in self._requests.cancels:
            self._cancel_rejected(event, self._requests.cancels.pop(event_id), now)
        elif event_id in self._requests.out_of_band_sent:
            self._resolve(self._requests.out_of_band_sent.pop(event_id), event, reason=event.error.message)
        elif self._requests.sent is not None and self._requests.sent.event_id == event_id:
            self._create_rejected(self._requests.sent, event, now)
        elif self._requests.active is not None and self._requests.active.event_id == event_id:
            # The active response was matched to this request by order, and is the server's own.
            attempt, self._requests.active = self._requests.active, None
            self._retry_or_fail(attempt, event)

    def _anonymous(self, event: ErrorEvent, context: EventContext) -> None:
        """An error that names no command: it answers a request, unless its code or what follows says otherwise."""
        kind = COMMAND_OF_CODE.get(event.error.code) if is_set(event.error.code) else None
        attempt = self._requests.sent or next(iter(self._requests.out_of_band_sent.values()), None)
        param = event.error.param.partition(".")[0] if is_set(event.error.param) else ""
        if attempt is None or kind not in (None, ResponseCreateEvent) or param in _OTHERS_PARAMS:
            return
        if _REFUSALS & {event.error.code, event.error.type} or classify(event) is ErrorKind.SESSION_ENDING:
            self._rejected(event, attempt.event_id, context.now)
        else:
            attempt.doubt = event
            attempt.ends_by = min(attempt.ends_by, context.now + _DOUBT_S)

    def _unanswered(self, attempt: Attempt, reason: str) -> None:
        """The wait for the answer to a request has ended."""
        doubt = attempt.doubt
        self._resolve(attempt, doubt, reason=reason if doubt is None else doubt.error.message)

    def _create_rejected(self, attempt: Attempt, event: ErrorEvent, now: float) -> None:
        self._requests.sent = None
        if self._awaits_create():
            self._step(SequenceInput.REJECTED)
        elif self.state is SequenceState.REQUESTED and event.error.code == _BUSY_CODE:
            self._step(SequenceInput.BUSY)
            self._state_ends_by = now + _BUSY_RETRY_S
        elif self.state is SequenceState.REQUESTED:
            self._step(SequenceInput.REJECTED)
        self._retry_or_fail(attempt, event)

    def _retry_or_fail(self, attempt: Attempt, event: ErrorEvent) -> None:
        if event.error.code == _BUSY_CODE and attempt.may_be_sent_again:
            self._requests.waiting.appendleft(attempt)
        else:
            self._resolve(attempt, event, reason=event.error.message)

    def _cancel_rejected(self, event: ErrorEvent, response_id: str, now: float) -> None:
        stopping = self.state is SequenceState.CANCELLING and response_id == self.active_id
        if event.error.code != _NOT_ACTIVE_CODE:
            if stopping:
                self._step(SequenceInput.CANCEL_REJECTED)
                self._state_ends_by = inf
            elif (running := self._requests.detached.get(response_id)) is not None and running.request.out_of_band:
                running.ends_by = inf
        elif stopping:
            self._end_active(SequenceInput.NOT_ACTIVE, event, reason=_END_UNSEEN)
        elif (attempt := self._requests.detached.pop(response_id, None)) is not None:
            self._resolve(attempt, event, reason=_END_UNSEEN)

    # --- what these share

    def _awaits_create(self) -> bool:
        """Whether the response that is to be cancelled is not created yet."""
        return self.state is SequenceState.CANCELLING and self.active_id is None

    def _resolve(self, attempt: Attempt, by: _Answer = None, *, reason: str = "") -> None:
        done = untagged(by) if isinstance(by, ResponseDoneEvent) else None
        error = by if isinstance(by, ErrorEvent) else None
        self._resolutions.append(Resolution(request=attempt.request, done=done, error=error, reason=reason))

    def _step(self, happened: SequenceInput) -> None:
        self.state = step(SEQUENCE, self.state, happened, report=self._report_illegal) or self.state
