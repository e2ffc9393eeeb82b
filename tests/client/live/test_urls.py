from __future__ import annotations

import pytest

from duologue.client.live.urls import attach_url, fork_url, live_dialect, primary_url
from duologue.errors import ConnectFailed

QWEN = "wss://w.ap-southeast-1.maas.aliyuncs.com/api-ws/v1/realtime"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("api.openai.com", "wss://api.openai.com/v1/live/sessions"),
        ("https://api.openai.com/v1", "wss://api.openai.com/v1/live/sessions"),
        ("https://api.openai.com/v1/", "wss://api.openai.com/v1/live/sessions"),
        ("wss://api.openai.com/v1/live", "wss://api.openai.com/v1/live/sessions"),
        ("wss://api.openai.com/v1/live/sessions", "wss://api.openai.com/v1/live/sessions"),
        ("wss://api.openai.com/v1/live/sessions/", "wss://api.openai.com/v1/live/sessions"),
        ("wss://api.openai.com/v1/live/sessions/live_1/attach", "wss://api.openai.com/v1/live/sessions"),
        ("wss://api.openai.com/v1/live/sessions/live_1/fork/", "wss://api.openai.com/v1/live/sessions"),
        ("localhost:8000", "ws://localhost:8000/v1/live/sessions"),
        ("http://127.0.0.1:8000/v1", "ws://127.0.0.1:8000/v1/live/sessions"),
        ("[::1]:8000", "ws://[::1]:8000/v1/live/sessions"),
        ("wss://relay.example/api/v1?team=7", "wss://relay.example/api/v1/live/sessions?team=7"),
        ("wss://relay.example/voice", "wss://relay.example/voice"),
        # Azure
        ("https://r.openai.azure.com", "wss://r.openai.azure.com/openai/v1/live/sessions"),
        ("https://r.openai.azure.com/openai", "wss://r.openai.azure.com/openai/v1/live/sessions"),
        ("https://r.openai.azure.com/openai/v1/", "wss://r.openai.azure.com/openai/v1/live/sessions"),
        ("https://r.openai.azure.com/openai/v1/live", "wss://r.openai.azure.com/openai/v1/live/sessions"),
        ("r.services.ai.azure.com", "wss://r.services.ai.azure.com/openai/v1/live/sessions"),
        ("localhost:8000/openai/v1", "ws://localhost:8000/openai/v1/live/sessions"),
        # KugelAudio
        ("api.eu.kugelaudio.com", "wss://api.eu.kugelaudio.com/v1/live/sessions"),
        # Alibaba
        ("w.ap-southeast-1.maas.aliyuncs.com", QWEN),
        ("https://w.ap-southeast-1.maas.aliyuncs.com/api-ws/v1", QWEN),
        (QWEN, QWEN),
    ],
)
def test_the_address_of_a_live_server_is_understood_and_completed(text: str, url: str) -> None:
    assert primary_url(text) == url


def test_the_model_is_in_the_url_only_where_the_vendor_wants_it_there() -> None:
    assert primary_url("api.openai.com", model="gpt-live-1") == "wss://api.openai.com/v1/live/sessions"
    assert primary_url(QWEN, model="qwen-audio-3.1-live") == f"{QWEN}?model=qwen-audio-3.1-live"
    assert primary_url(f"{QWEN}?model=mine", model="qwen-audio-3.1-live") == f"{QWEN}?model=mine"


def test_a_dialect_that_is_named_decides_what_a_host_stands_for() -> None:
    assert primary_url("gateway.example", dialect="azure-live") == "wss://gateway.example/openai/v1/live/sessions"
    assert primary_url("wss://gateway.example/realtime", dialect="qwen-audio-live") == "wss://gateway.example/realtime"


def test_a_context_for_tls_decides_where_the_scheme_is_left_out() -> None:
    assert primary_url("localhost:8000", secure=True) == "wss://localhost:8000/v1/live/sessions"


@pytest.mark.parametrize(
    "text",
    [
        "wss://api.openai.com/v1/realtime",
        "wss://r.openai.azure.com/openai/realtime?a=b",
        "wss://api.openai.com/v1/realtime/translations",
    ],
)
def test_an_address_of_realtime_is_refused_because_it_is_another_protocol(text: str) -> None:
    with pytest.raises(ConnectFailed, match=r"URL of Realtime.*/live/sessions") as caught:
        primary_url(text)
    assert not caught.value.retryable


def test_what_is_no_address_is_said_with_an_example_of_live() -> None:
    with pytest.raises(ConnectFailed, match=r"wss://api\.example\.com/v1/live/sessions"):
        primary_url("")


@pytest.mark.parametrize("text", ["api.openai.com", "wss://api.openai.com/v1/live/sessions/other/attach"])
def test_a_sideband_and_a_fork_are_below_the_sessions(text: str) -> None:
    sessions = "wss://api.openai.com/v1/live/sessions"
    assert attach_url(text, "live_1") == f"{sessions}/live_1/attach"
    assert attach_url(text, "live_1", graceful_close=True) == f"{sessions}/live_1/attach?graceful_close=true"
    assert fork_url(text, "live_1") == f"{sessions}/live_1/fork"


def test_a_query_of_the_user_stays_beside_the_graceful_close() -> None:
    url = attach_url("wss://relay.example/v1?team=7", "live_1", graceful_close=True)
    assert url == "wss://relay.example/v1/live/sessions/live_1/attach?team=7&graceful_close=true"


def test_an_id_is_escaped_where_a_url_needs_that() -> None:
    assert fork_url("localhost", "a:b=é") == "ws://localhost/v1/live/sessions/a%3Ab%3D%C3%A9/fork"


@pytest.mark.parametrize(
    "session_id", ["", ".", "..", "a/b", "../x", "a\\b", "a?b", "a#b", "a%2fb", "a b", "a\n", "x" * 257]
)
def test_an_id_that_would_change_the_path_is_refused_and_not_quoted(session_id: str) -> None:
    for make in (attach_url, fork_url):
        with pytest.raises(ConnectFailed, match="not the id of a session") as caught:
            make("localhost", session_id)
        assert len(session_id) < 3 or session_id not in str(caught.value)


def test_what_a_vendor_does_not_have_is_refused_before_anything_is_opened() -> None:
    with pytest.raises(ConnectFailed, match="has no sidebands"):
        attach_url(QWEN, "s")
    with pytest.raises(ConnectFailed, match="has no forks"):
        fork_url(QWEN, "s")


@pytest.mark.parametrize(
    ("url", "dialect"),
    [
        ("wss://api.openai.com/v1/live/sessions", "openai-live"),
        ("localhost:8000", "openai-live"),
        ("https://r.openai.azure.com", "azure-live"),
        ("wss://gateway.example/openai/v1/live/sessions", "azure-live"),
        ("api.kugelaudio.com", "kugel"),
        (QWEN, "qwen-audio-live"),
        ("azure.com.example", "openai-live"),
    ],
)
def test_the_dialect_is_that_of_the_vendor_at_the_address(url: str, dialect: str) -> None:
    assert live_dialect(url) == dialect
