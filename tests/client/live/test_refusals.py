"""From an `error` of a Live server to the exception that a caller gets."""

from __future__ import annotations

from duologue.client.live.refusals import as_error_event, command_refusal, start_refusal
from duologue.errors import ConnectFailed, RequestRejected
from duologue.events import is_set
from duologue.events.live import LiveError, LiveErrorEvent


def test_the_error_of_an_exception_names_the_command_wherever_the_server_named_it() -> None:
    inside = LiveErrorEvent(error=LiveError(code="x", message="No.", client_event_id="event_1"))
    outside = LiveErrorEvent(error=LiveError(code="x", message="No."), client_event_id="event_1", event_id="e1")
    assert as_error_event(inside).error.event_id == "event_1"
    assert as_error_event(outside).error.event_id == "event_1"
    assert as_error_event(outside).event_id == "e1"
    assert not is_set(as_error_event(LiveErrorEvent(error=LiveError(message="No."))).error.event_id)


def test_a_refused_command_is_told_with_its_code_and_its_parameter() -> None:
    event = LiveErrorEvent(
        error=LiveError(code="immutable_field_update", param="session.model", message="It is fixed.")
    )
    refused = command_refusal("session.update", event)
    assert (
        str(refused) == "the server refused this session.update: (immutable_field_update, session.model) It is fixed."
    )


def test_an_error_without_a_code_refuses_the_configuration() -> None:
    refused = start_refusal(LiveErrorEvent(error=LiveError()))
    assert isinstance(refused, RequestRejected)
    assert not isinstance(refused, ConnectFailed)
    assert "refused the session's configuration" in str(refused)
