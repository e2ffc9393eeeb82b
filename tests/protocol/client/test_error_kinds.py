"""Which errors end the session, and which do not."""

from __future__ import annotations

import pytest

from duologue.events import ErrorEvent, RealtimeError
from duologue.protocol.client.error_kinds import ERROR_KINDS, ErrorKind, classify
from duologue.protocol.server.errors import INVALID_REQUESTS, InvalidRequest


def error(code: str | None = None, message: str = "", type: str = "invalid_request_error") -> RealtimeError:
    return RealtimeError(type=type, message=message, code=code)


@pytest.mark.parametrize("code", ["response_cancel_not_active", "item_truncate_invalid_audio_end_ms"])
def test_pain_09_a_command_that_asks_for_what_is_already_the_case_is_benign(code: str) -> None:
    assert classify(error(code)) is ErrorKind.BENIGN


@pytest.mark.parametrize(
    "invalid",
    [InvalidRequest("truncate_too_late", held_ms=2700, audio_end_ms=3207), InvalidRequest("truncate_not_audio")],
    ids=["too late", "no audio"],
)
def test_pain_04_a_truncate_with_nothing_left_to_cut_is_benign(invalid: InvalidRequest) -> None:
    assert classify(invalid.event("e", answers=None)) is ErrorKind.BENIGN


@pytest.mark.parametrize(
    "code",
    [
        *("session_expired", "invalid_api_key", "invalid_model", "missing_model", "beta_api_shape_disabled"),
        *("insufficient_quota", "billing_hard_limit_reached", "account_deactivated"),
    ],
)
def test_errors_that_servers_close_on_end_the_session(code: str) -> None:
    assert classify(error(code)) is ErrorKind.SESSION_ENDING


def test_pain_01_a_busy_conversation_is_worth_another_try() -> None:
    assert classify(error("conversation_already_has_active_response")) is ErrorKind.RETRYABLE


def test_an_unknown_code_is_classified_by_its_type_and_is_answerable_otherwise() -> None:
    assert classify(error("brand_new")) is ErrorKind.ANSWERABLE
    assert classify(error()) is ErrorKind.ANSWERABLE
    assert classify(error("brand_new", type="server_error")) is ErrorKind.RETRYABLE
    assert classify(error("brand_new", type="authentication_error")) is ErrorKind.SESSION_ENDING


def test_every_code_of_our_own_server_has_a_kind() -> None:
    assert {code for code, _ in INVALID_REQUESTS.values() if code is not None} <= ERROR_KINDS.keys()


def test_an_event_is_classified_like_the_error_in_it() -> None:
    event = ErrorEvent(event_id="e", error=error("session_expired"))
    assert classify(event) is classify(event.error)
