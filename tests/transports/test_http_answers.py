from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from duologue.errors import AuthenticationFailed, ConnectFailed, ModelNotFound
from duologue.transports.http_answers import HttpAnswer, refusal, server_words
from duologue.transports.secret_masks import SecretMask

URL = "wss://h/v1/realtime"


def refused(status: int, body: str = "", *, url: str = URL, has_key: bool = True, **headers: str) -> ConnectFailed:
    """The exception for an answer; underscores in names of headers stand for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = HttpAnswer(status=status, headers=named, body=body.encode())
    return refusal(url, answer, mask=SecretMask(["hedgehog"]), has_key=has_key)


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ('{"error": {"message": "No.", "type": "t", "code": "c"}}', "c", "No."),
        ('{"error": {"message": "No.", "type": "t", "code": null}}', "t", "No."),
        ('{"error": "No."}', "", "No."),
        ('{"error": {"code": "c"}}', "c", ""),
        ('{"code": "InvalidApiKey", "message": "No.", "request_id": "1"}', "InvalidApiKey", "No."),
        ('{"detail": "No."}', "", "No."),
        ('{"detail": [{"loc": ["query"], "msg": "Field required", "type": "missing"}]}', "missing", "Field required"),
        (
            '{"type": "error", "error": {"type": "authentication_error", "message": "No."}}',
            "authentication_error",
            "No.",
        ),
        ('{"error": "invalid_grant", "error_description": "No."}', "", "No."),
        ('["No."]', "", "No."),
        ("[]", "", ""),
        ("{}", "", ""),
        ("No.\n  Never.", "", "No. Never."),
        ("<html><head><title>No &amp; never</title><body>x", "", "No & never"),
        ("<!-- x --><body><script>x()</script><h1>No</h1>never", "", "No never"),
        ("<", "", ""),
        ("Not Found", "", ""),
        ("404 Not Found", "", ""),
        ("\ufeff No. \0", "", "No."),
        ("[" * 5000, "", "[" * 5000),
        ("", "", ""),
    ],
)
def test_what_a_server_says_is_found_in_json_html_and_text(body: str, code: str, words: str) -> None:
    assert server_words(HttpAnswer(status=404, body=body.encode())) == (code, words)


def test_a_compressed_body_says_nothing() -> None:
    assert server_words(HttpAnswer(status=500, body=bytes(range(128, 256)) * 4)) == ("", "")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, "", AuthenticationFailed),
        (400, '{"error": {"code": "invalid_api_key", "message": "m"}}', AuthenticationFailed),
        (403, '{"error": {"type": "authentication_error", "message": "m"}}', AuthenticationFailed),
        (403, "missing credentials", AuthenticationFailed),
        (403, "", AuthenticationFailed),
        (403, "<html><title>403 Forbidden</title>", AuthenticationFailed),
        (403, '{"error": {"code": "unsupported_country_region_territory", "message": "m"}}', ConnectFailed),
        (403, "You may not use the model gpt-5: it is not available to you.", ModelNotFound),
        (404, '{"error": {"code": "model_not_found", "message": "m"}}', ModelNotFound),
        (404, "unknown model", ModelNotFound),
        (404, "", ConnectFailed),
        (400, "model is required", ConnectFailed),
        (503, "model not found: it is loading", ConnectFailed),
        (429, "", ConnectFailed),
        (302, "", ConnectFailed),
        (200, "", ConnectFailed),
        (599, "", ConnectFailed),
        (499, "", ConnectFailed),
    ],
)
def test_the_kind_follows_from_status_code_and_words(status: int, body: str, kind: type[ConnectFailed]) -> None:
    fault = refused(status, body)
    assert type(fault) is kind
    assert fault.status == status
    assert f"(HTTP {status})" in str(fault)


def test_a_sentence_is_one_printable_line_of_bounded_length_without_the_key() -> None:
    fault = refused(500, "\x1b[2J hedgehog\r\n\u202e" + "x" * 100_000)
    assert len(str(fault)) < 500
    assert str(fault).isprintable()
    assert "hedgehog" not in str(fault)


@pytest.mark.parametrize("status", [404, 403, 405, 200])
def test_another_path_is_named_with_the_usual_one(status: int) -> None:
    assert "usually at /v1/realtime" in str(refused(status, url="wss://h/v1/other?key=x"))
    assert "may not speak Live" in str(refused(status, url="wss://h/v1/live/sessions"))
    assert "there may be no such session" in str(refused(status, url="wss://h/v1/live/sessions/live_1/attach"))
    assert "usually" not in str(refused(status, url="wss://h/openai/v1/realtime?model=x"))


def test_without_a_key_one_is_asked_for() -> None:
    assert "asks for a key, and none was sent" in str(refused(401, has_key=False))
    forbidden = refused(403, has_key=False)
    assert type(forbidden) is ConnectFailed
    assert "it may want a key" in str(forbidden)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("12", 12.0), ("0.5", 0.5), ("-3", None), ("soon", None), ("", None), ("999999999", None), ("nan", None)],
)
def test_a_number_of_seconds_to_wait_is_taken_if_it_makes_sense(value: str, seconds: float | None) -> None:
    assert refused(429, retry_after=value).retry_after == seconds


def test_a_date_to_wait_for_is_taken_too() -> None:
    fault = refused(503, retry_after=format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True))
    assert fault.retry_after is not None
    assert 50 <= fault.retry_after <= 61
    assert fault.retryable


def test_a_quota_that_is_used_up_does_not_come_back_by_waiting() -> None:
    fault = refused(429, '{"error": {"code": "insufficient_quota", "message": "Pay."}}', retry_after="3")
    assert (fault.retryable, fault.retry_after) == (False, None)
    assert "it says: Pay." in str(fault)
