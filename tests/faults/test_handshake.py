"""What a proxy does with a handshake."""

from __future__ import annotations

import json

import pytest

from duologue.errors import AuthenticationFailed, ConnectFailed
from duologue.faults import parse_fault
from duologue.faults.handshake import check_target, fault_answer, forwarded_headers, refused_in_memory, target_url


@pytest.mark.parametrize(
    ("to", "asked", "url"),
    [
        ("wss://h", "/v1/realtime?model=m", "wss://h/v1/realtime?model=m"),
        ("wss://h/", "/", "wss://h/"),
        ("wss://h/v1", "/v1/realtime", "wss://h/v1/realtime"),
        ("wss://h/openai/v1/", "/v1/realtime?model=m", "wss://h/openai/v1/realtime?model=m"),
        ("wss://h/openai/realtime?api-version=1&model=a", "/v1/realtime?model=b", "wss://h/openai/realtime?api-version=1&model=b"),
        ("ws://h:1/v1/live/sessions", "/v1/realtime", "ws://h:1/v1/live/sessions"),
    ],
)  # fmt: skip
def test_where_a_request_goes(to: str, asked: str, url: str) -> None:
    assert target_url(to, asked) == url


def test_an_address_may_be_one_for_http() -> None:
    assert check_target("https://h/v1") == "wss://h/v1"
    assert check_target("localhost:8000") == "ws://localhost:8000"
    assert check_target("api.example.com") == "wss://api.example.com"


def test_what_does_not_go_along() -> None:
    given = [
        ("Host", "a"), ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "x"),
        ("Proxy-Authorization", "secret"), ("Authorization", "Bearer sk-1"), ("X-Own", "1"), ("x-own", "2"),
    ]  # fmt: skip
    assert forwarded_headers(given) == [("Authorization", "Bearer sk-1"), ("X-Own", "1"), ("x-own", "2")]


def test_a_refusal_has_a_body_as_hosted_services_send_it() -> None:
    answer = fault_answer(parse_fault("refuse http=429 retry_after=7"))
    assert answer is not None
    assert (answer.status, answer.headers["retry-after"]) == (429, "7")
    assert json.loads(answer.body)["error"]["code"] == "rate_limit_exceeded"
    assert fault_answer(parse_fault("handshake_delay")) is None


def test_in_memory_it_is_the_exception_of_a_client() -> None:
    refused = fault_answer(parse_fault("refuse http=401"))
    redirected = fault_answer(parse_fault("redirect to=https://elsewhere.invalid/"))
    assert refused is not None
    assert redirected is not None
    assert isinstance(refused_in_memory(refused), AuthenticationFailed)
    assert "redirects to another origin" in str(refused_in_memory(redirected))
    assert isinstance(refused_in_memory(redirected), ConnectFailed)
