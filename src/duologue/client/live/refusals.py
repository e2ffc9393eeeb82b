"""Why a Live server starts no session, or refuses a command: from its `error` to the exception that a caller gets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from duologue.client.refusals import session_refusal, told_by
from duologue.errors import AuthenticationFailed, ConnectFailed, ModelNotFound, RequestRejected
from duologue.events import ErrorEvent, RealtimeError, is_set
from duologue.events.live import LiveErrorEvent
from duologue.printable import printable_message

__all__ = ["as_error_event", "command_refusal", "start_refusal"]

_BY_CODE: Final[Mapping[str, tuple[type[ConnectFailed], bool]]] = {
    "account_deactivated": (AuthenticationFailed, False),
    "billing_hard_limit_reached": (ConnectFailed, False),
    "credit_balance_exhausted": (ConnectFailed, False),
    "forbidden": (AuthenticationFailed, False),
    "insufficient_quota": (ConnectFailed, False),
    "invalid_api_key": (AuthenticationFailed, False),
    "invalid_model": (ModelNotFound, False),
    "rate_limit_exceeded": (ConnectFailed, True),
}
"""Codes that answer a start, with whether another try can help. The fatal ones are those that other clients do not
try again: https://docs.livekit.io/agents."""

_WHAT: Final[Mapping[type[ConnectFailed], str]] = {
    AuthenticationFailed: "the server does not accept the key",
    ModelNotFound: "the server has no such model, or this key may not use it",
    ConnectFailed: "the server starts no session",
}


def as_error_event(event: LiveErrorEvent) -> ErrorEvent:
    """The same error in the shape of Realtime, which exceptions hold: it names the command in `error.event_id`."""
    error = event.error
    named = error.client_event_id if is_set(error.client_event_id) else event.client_event_id
    return ErrorEvent(
        event_id=event.event_id,
        error=RealtimeError(
            type=error.type if is_set(error.type) else "",
            message=error.message if is_set(error.message) else "",
            code=error.code,
            param=error.param,
            event_id=named,
        ),
    )


def start_refusal(event: LiveErrorEvent) -> ConnectFailed | RequestRejected:
    """The exception for an `error` that came in place of `session.started`."""
    told = as_error_event(event)
    kind, retryable = _BY_CODE.get(told.error.code if is_set(told.error.code) else "", (None, False))
    if kind is not None:
        return kind(f"{_WHAT[kind]}: {told_by(told.error)}", retryable=retryable, error=told)
    if (refusal := session_refusal(told, greeted=False)) is not None:
        return refusal
    return RequestRejected(f"the server refused the session's configuration: {_said(told)}", error=told)


def command_refusal(command: str, event: LiveErrorEvent) -> RequestRejected:
    """The exception for an `error` that answers a command."""
    told = as_error_event(event)
    return RequestRejected(f"the server refused this {command}: {_said(told)}", error=told)


def _said(told: ErrorEvent) -> str:
    # `RequestRejected` adds the words of the error unless its reason ends in them.
    facts = [printable_message(fact) for fact in (told.error.code, told.error.param) if is_set(fact) and fact]
    said = told.error.message or "it gives no reason"
    return f"({', '.join(facts)}) {said}" if facts else said
