"""Which errors end the session, and which do not."""

from __future__ import annotations

import pytest

from duologue.events import ErrorEvent, RealtimeError
from duologue.protocol.client.error_kinds import ERROR_KINDS, ErrorKind, classify
from duologue.protocol.server.errors import INVALID_REQUESTS, InvalidRequest


def error(code: str | None = None, message: str = "", type: str = "invalid_request_error") -> RealtimeError:
    return RealtimeError(type=type, message=message, code=code)


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        (ErrorKind.BENIGN, ["response_cancel_not_active", "item_truncate_invalid_audio_end_ms"]),
        (ErrorKind.RETRYABLE, ["conversation_already_has_active_response"]),
        (ErrorKind.ANSWERABLE, ["brand_new", None]),
        (
            ErrorKind.SESSION_ENDING,
            [
                *("session_expired", "invalid_api_key", "invalid_model", "missing_model", "beta_api_shape_disabled"),
                *("insufficient_quota", "billing_hard_limit_reached", "account_deactivated"),
            ],
        ),
    ],
)
def test_pain_01_09_an_error_is_classified_by_its_code(kind: ErrorKind, codes: list[str | None]) -> None:
    for code in codes:
        assert classify(error(code)) is classify(ErrorEvent(event_id="e", error=error(code))) is kind


def test_an_unknown_code_is_classified_by_its_type() -> None:
    assert classify(error("brand_new", type="server_error")) is ErrorKind.RETRYABLE
    assert classify(error("brand_new", type="authentication_error")) is ErrorKind.SESSION_ENDING


@pytest.mark.parametrize(
    "invalid",
    [InvalidRequest("truncate_too_late", held_ms=2700, audio_end_ms=3207), InvalidRequest("truncate_not_audio")],
    ids=["too late", "no audio"],
)
def test_pain_04_a_truncate_with_nothing_left_to_cut_is_benign(invalid: InvalidRequest) -> None:
    assert classify(invalid.event("e", answers=None)) is ErrorKind.BENIGN


def test_every_code_of_our_own_server_has_a_kind() -> None:
    assert {code for code, _ in INVALID_REQUESTS.values() if code is not None} <= ERROR_KINDS.keys()
