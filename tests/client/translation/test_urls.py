"""From what a user writes to the path of translations."""

from __future__ import annotations

import pytest

from duologue.client.endpoint import Endpoint
from duologue.client.translation.urls import translation_endpoint
from duologue.errors import ConnectFailed


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("wss://api.example.com", "wss://api.example.com/v1/realtime/translations"),
        ("https://api.example.com/v1", "wss://api.example.com/v1/realtime/translations"),
        ("wss://api.example.com/v1/realtime", "wss://api.example.com/v1/realtime/translations"),
        ("wss://x.example.com/openai/v1", "wss://x.example.com/openai/v1/realtime/translations"),
        ("wss://api.example.com/v1/realtime/translations", "wss://api.example.com/v1/realtime/translations"),
        ("wss://api.example.com/v1/realtime?a=b", "wss://api.example.com/v1/realtime/translations?a=b"),
        ("localhost:8000", "ws://localhost:8000/v1/realtime/translations"),
        ("wss://proxy.example.com/my/own", "wss://proxy.example.com/my/own"),
    ],
)
def test_the_path_is_completed(written: str, url: str) -> None:
    assert translation_endpoint(Endpoint(url=written)).url == url


def test_without_a_url_nothing_is_changed() -> None:
    assert translation_endpoint(Endpoint()) == Endpoint()


def test_what_is_no_url_is_a_failed_connection() -> None:
    with pytest.raises(ConnectFailed):
        translation_endpoint(Endpoint(url="ftp://example.com"))


@pytest.mark.parametrize("path", ["/v1/live/sessions", "/v1/live/sessions/live_1/attach"])
def test_a_url_of_live_is_refused_because_it_is_another_protocol(path: str) -> None:
    with pytest.raises(ConnectFailed, match=r"URL of Live.*duologue\.live\(") as caught:
        translation_endpoint(Endpoint(url=f"wss://api.example.com{path}"))
    assert not caught.value.retryable
