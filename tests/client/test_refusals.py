"""Why a session is refused, in the words of many servers: as errors that callers treat differently."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.client.refusals import close_refusal, config_refusal, session_refusal
from duologue.errors import AuthenticationFailed, ConnectFailed, ConnectionClosedError, ModelNotFound
from duologue.events import ErrorEvent
from tests.protocol._wire import server_event


def refused(message: str = "no", **fields: Any) -> ErrorEvent:
    event = server_event("error", error={"type": "invalid_request_error", **fields, "message": message})
    assert isinstance(event, ErrorEvent)
    return event


def told(event: ErrorEvent) -> tuple[Any, ...]:
    return event.error.type, event.error.code, event.error.message


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (refused("Incorrect API key provided.", code="invalid_api_key"), AuthenticationFailed),
        (refused(code="InvalidApiKey"), AuthenticationFailed),
        (refused(type="authentication_error"), AuthenticationFailed),
        (refused("Unauthorized"), AuthenticationFailed),
        (refused("Missing API key in the header"), AuthenticationFailed),
        (refused("Missing bearer or basic authentication in header"), AuthenticationFailed),
        (refused("The API key is not valid"), AuthenticationFailed),
        (refused(code="model_not_found"), ModelNotFound),
        (refused(code="invalid_model"), ModelNotFound),
        (refused(code="DeploymentNotFound"), ModelNotFound),
        (refused("The model `x` does not exist or you do not have access to it."), ModelNotFound),
        (refused("No such model: x"), ModelNotFound),
        (refused(code="insufficient_quota"), ConnectFailed),
    ],
    ids=lambda value: "-".join(map(str, told(value))) if isinstance(value, ErrorEvent) else value.__name__,
)
def test_an_error_refuses_the_session(event: ErrorEvent, kind: type[ConnectFailed]) -> None:
    for greeted in (False, True):
        refusal = session_refusal(event, greeted=greeted)
        assert refusal is not None
        assert type(refusal) is kind
        assert (refusal.error, refusal.retryable) == (event, False)


@pytest.mark.parametrize(
    "event",
    [
        refused("Invalid value: 'loud'.", code="invalid_value", param="session.audio.output.voice"),
        refused("Invalid number of tokens."),
        refused("max_output_tokens is not supported with this model", code="invalid_value"),
    ],
    ids=lambda event: event.error.message,
)
def test_an_error_about_one_command_refuses_no_session(event: ErrorEvent) -> None:
    assert session_refusal(event, greeted=False) is None


def test_a_server_that_is_busy_refuses_the_session_before_its_greeting_alone_and_may_be_asked_again() -> None:
    busy = refused("Try again.", code="server_overloaded")
    refusal = session_refusal(busy, greeted=False)
    assert refusal is not None
    assert refusal.retryable
    assert session_refusal(busy, greeted=True) is None


def test_a_refused_configuration_is_one_sentence_with_param_and_code() -> None:
    event = refused("Threshold is too high.", code="decimal_above_max_value", param="session.threshold")
    rejected = config_refusal(event)
    assert str(rejected) == (
        "the server refused the session's configuration (session.threshold, decimal_above_max_value): "
        "Threshold is too high."
    )
    assert rejected.error is event
    assert "()" not in str(config_refusal(refused("no", code=None)))


@pytest.mark.parametrize(
    ("closed", "kind", "retryable"),
    [
        (ConnectionClosedError(3000, "invalid_request_error.invalid_api_key"), AuthenticationFailed, False),
        (ConnectionClosedError(3000), AuthenticationFailed, False),
        (ConnectionClosedError(1008, "Invalid API key"), AuthenticationFailed, False),
        (ConnectionClosedError(4000, "invalid_request_error.invalid_model"), ModelNotFound, False),
        (ConnectionClosedError(4404), ModelNotFound, False),
        (ConnectionClosedError(1008, "policy"), ConnectFailed, False),
        (ConnectionClosedError(1000), ConnectFailed, False),
        (ConnectionClosedError(1006), ConnectFailed, True),
        (ConnectionClosedError(1013, "try again later"), ConnectFailed, True),
        (ConnectionClosedError(1011, error=refused("Broken configuration.", code="x")), ConnectFailed, False),
        (ConnectionClosedError(1011, error=refused(code="invalid_api_key")), AuthenticationFailed, False),
    ],
    ids=str,
)
def test_a_close_refuses_the_session(closed: ConnectionClosedError, kind: type[ConnectFailed], retryable: bool) -> None:
    refusal = close_refusal(closed, greeted=False)
    assert (type(refusal), refusal.retryable) == (kind, retryable)


def test_a_close_without_a_known_reason_is_told_as_it_came() -> None:
    closed = ConnectionClosedError(1011, "engine", error=refused("Broken configuration.", code="x"))
    assert str(close_refusal(closed, greeted=False)) == (
        "the server closed the connection before it opened a session: code 1011, engine: Broken configuration. (x)"
    )
    assert "before it answered the session's configuration" in str(close_refusal(closed, greeted=True))


def test_no_message_repeats_a_key() -> None:
    event = refused("Incorrect API key provided: sk-proj-abcdef123456.", code="invalid_api_key")
    refusal = session_refusal(event, greeted=False)
    assert str(refusal) == ("the server does not accept the key: Incorrect API key provided: … (invalid_api_key)")
