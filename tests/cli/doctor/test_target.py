"""What a URL leads to."""

from __future__ import annotations

import pytest

from duologue.cli.doctor.target import target_of_url
from duologue.cli.errors import UsageError


@pytest.mark.parametrize(
    ("url", "named", "session", "calls", "live"),
    [
        ("localhost:8000", "websocket", "ws://localhost:8000/v1/realtime", "/v1/realtime/calls", "/v1/live/sessions"),
        ("https://a.example/v1", "websocket", "wss://a.example/v1/realtime", "/v1/realtime/calls", "/v1/live/sessions"),
        (
            "https://r.openai.azure.com/openai/v1/realtime/calls/",
            "webrtc",
            "wss://r.openai.azure.com/openai/v1/realtime",
            "/openai/v1/realtime/calls",
            "/openai/v1/live/sessions",
        ),
        (
            "ws://a.example/v1/live/sessions",
            "live",
            "ws://a.example/v1/live/sessions",
            "/v1/realtime/calls",
            "/v1/live/sessions",
        ),
        ("ws://a.example/mine", "websocket", "ws://a.example/mine", "/v1/realtime/calls", "/v1/live/sessions"),
    ],
)  # fmt: skip
def test_each_way_has_its_address(url: str, named: str, session: str, calls: str, live: str) -> None:
    target = target_of_url(url, dialect="auto")
    assert target.named == named
    assert target.session_url == session
    scheme = "https://" if target.is_secure else "http://"
    authority = session.partition("://")[2].partition("/")[0]
    assert target.calls_url == f"{scheme}{authority}{calls}"
    assert target.live_url.partition("://")[2] == f"{authority}{live}"


def test_what_is_no_url_is_told_without_its_password() -> None:
    with pytest.raises(UsageError) as caught:
        target_of_url("wss://user:secret@:x/", dialect="auto")
    assert "secret" not in str(caught.value)


def test_keys_of_the_query_and_of_the_option_are_masked() -> None:
    target = target_of_url("wss://a.example/v1/realtime?token=abcdef", api_key="sk-123456", dialect="auto")
    assert target.mask.applied("abcdef sk-123456 a.example") == "… … a.example"
    assert "abcdef" not in target.title + target.shown


@pytest.mark.parametrize("proxy", ["http://", "http://127.0.0.1:99999", "gopher://user:secret@x:1"])
def test_a_proxy_that_is_no_address_is_told(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    with pytest.raises(UsageError, match="HTTPS_PROXY") as caught:
        target_of_url("wss://voice.example", dialect="auto")
    assert "secret" not in str(caught.value)
