from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from duologue.client import ClientSecret, Endpoint
from duologue.errors import ConnectFailed
from duologue.transports.socket_options import SocketOptions

SECRETIVE = Endpoint(
    url="wss://user:sec-url@host.example/v1/realtime?key=sec-query",
    model="m",
    api_key="sec-key",
    headers={"X-Mine": "sec-header"},
    query={"token": "sec-token"},
    socket=SocketOptions(proxy="http://user:sec-proxy@proxy.example"),
)


@pytest.mark.parametrize(
    "holder", [SECRETIVE, SECRETIVE.socket, SECRETIVE.credentials(), ClientSecret(value="sec-eph", expires_at=1)]
)
def test_no_secret_is_in_a_repr(holder: Any) -> None:
    screen = Console(file=io.StringIO(), width=500)
    screen.print(holder)
    assert isinstance(screen.file, io.StringIO)
    for shown in (repr(holder), str(holder), f"{[holder]}", screen.file.getvalue()):
        assert "sec-" not in shown


def test_a_repr_shows_what_helps() -> None:
    shown = repr(SECRETIVE)
    for part in ("wss://host.example/v1/realtime", "model='m'", "X-Mine", "token", "dialect='auto'"):
        assert part in shown


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        (Endpoint(url="ws://h:8000"), "ws://h:8000/v1/realtime"),
        (Endpoint(url="ws://h:8000/", model="m"), "ws://h:8000/v1/realtime?model=m"),
        (Endpoint(url="https://h/v1/realtime", model="a b&c"), "wss://h/v1/realtime?model=a+b%26c"),
        (Endpoint(url="http://h/other"), "ws://h/other"),
        (Endpoint(url="wss://h/p?model=x&intent=y", model="m"), "wss://h/p?model=m&intent=y"),
        (Endpoint(url="wss://h/?empty="), "wss://h/v1/realtime?empty="),
        (Endpoint(url="wss://h", call_id="rtc_1"), "wss://h/v1/realtime?call_id=rtc_1"),
        (Endpoint(url="wss://h", intent="transcription"), "wss://h/v1/realtime?intent=transcription"),
        (Endpoint(url="wss://h/p?a=1", model="m", query={"b": "2 3"}), "wss://h/p?a=1&model=m&b=2+3"),
        (Endpoint(url="wss://h/p?model=x", model="m", query={"model": "y"}), "wss://h/p?model=y"),
    ],
)
def test_a_url_is_completed_and_says_what_session_is_asked_for(endpoint: Endpoint, url: str) -> None:
    assert endpoint.session_url() == url


CALLS = "https://h/v1/realtime/calls"


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        (Endpoint(url=CALLS), CALLS),
        (Endpoint(url=f"{CALLS}/"), CALLS),
        (Endpoint(url="wss://h", transport="webrtc"), CALLS),
        (Endpoint(url="h.example", transport="webrtc", model="m"), "https://h.example/v1/realtime/calls"),
        (Endpoint(url="localhost:8000", transport="webrtc"), "http://localhost:8000/v1/realtime/calls"),
        (Endpoint(url="https://h/openai/v1/realtime/calls", model="m"), "https://h/openai/v1/realtime/calls"),
        (Endpoint(url="https://h/own", transport="webrtc"), "https://h/own"),
        (Endpoint(url=CALLS, model="m", query={"a": "1"}), f"{CALLS}?a=1"),
        (Endpoint(url=CALLS, model="m", api_key="ek_1"), f"{CALLS}?model=m"),
        (Endpoint(url=CALLS, call_id="rtc_1"), "wss://h/v1/realtime?call_id=rtc_1"),
        (Endpoint(url=CALLS, transport="websocket"), "wss://h/v1/realtime/calls"),
    ],
)
def test_a_call_is_made_by_http_and_joined_by_a_websocket(endpoint: Endpoint, url: str) -> None:
    assert endpoint.session_url() == url
    assert endpoint.is_call == url.startswith("http")


@pytest.mark.parametrize(
    ("endpoint", "session"),
    [
        (Endpoint(url=CALLS), None),
        (Endpoint(url=CALLS, model="m"), {"type": "realtime", "model": "m"}),
        (Endpoint(url=CALLS, model="m", api_key="ek_1"), None),
        (Endpoint(url=CALLS, intent="transcription"), {"type": "transcription"}),
        (
            Endpoint(url=CALLS, intent="transcription", model="m"),
            {"type": "transcription", "audio": {"input": {"transcription": {"model": "m"}}}},
        ),
    ],
)
def test_a_call_s_session_goes_with_its_offer(endpoint: Endpoint, session: dict[str, Any] | None) -> None:
    assert endpoint.call_session == session
    assert endpoint.session_model == endpoint.model


def test_a_call_needs_a_transport_that_is_known_and_is_joined_by_no_other() -> None:
    with pytest.raises(ValueError, match="known"):
        Endpoint(url=CALLS, transport="sip").session_url()  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="exclude each other"):
        Endpoint(url=CALLS, transport="webrtc", call_id="rtc_1").session_url()
    assert Endpoint(url=CALLS, api_key="k", auth="subprotocol").credentials().headers == {"Authorization": "Bearer k"}


@pytest.mark.parametrize(
    ("endpoint", "url", "in_config"),
    [
        (Endpoint(url="wss://h", intent="transcription", model="m"), "wss://h/v1/realtime?intent=transcription", "m"),
        (
            Endpoint(url="wss://h", intent="transcription", model="m", dialect="openai-beta"),
            "wss://h/v1/realtime?intent=transcription",
            "m",
        ),
        (
            Endpoint(url="wss://h", intent="transcription", model="m", dialect="speaches"),
            "wss://h/v1/realtime?model=m&intent=transcription",
            None,
        ),
        (Endpoint(url="wss://h", intent="transcription"), "wss://h/v1/realtime?intent=transcription", None),
        (Endpoint(url="wss://h", intent="realtime", model="m"), "wss://h/v1/realtime?model=m&intent=realtime", None),
        (
            Endpoint(url="wss://h", intent="transcription", query={"model": "m"}),
            "wss://h/v1/realtime?intent=transcription&model=m",
            None,
        ),
    ],
)
def test_a_transcription_model_is_in_the_url_only_where_the_server_takes_it_there(
    endpoint: Endpoint, url: str, in_config: str | None
) -> None:
    assert endpoint.session_url() == url
    assert endpoint.transcription_model == in_config


def test_a_url_without_secrets_is_shown_of_an_address_without_a_scheme() -> None:
    assert repr(Endpoint(url="me:secret@localhost:8000/v1")).startswith("Endpoint(url='localhost:8000/v1'")


def test_a_key_for_the_query_is_only_in_the_url_that_is_opened() -> None:
    endpoint = Endpoint(url="ws://h", api_key="k", auth="query", dialect="speaches")
    assert endpoint.session_url() == "ws://h/v1/realtime"
    assert endpoint.session_url(endpoint.credentials()) == "ws://h/v1/realtime?api_key=k"


def test_a_header_of_the_application_goes_before_that_of_the_key() -> None:
    endpoint = Endpoint(url="wss://h", api_key="k", headers={"authorization": "Bearer mine"})
    assert endpoint.credentials().headers == {"authorization": "Bearer mine"}


def test_what_is_no_url_is_refused_without_showing_it() -> None:
    with pytest.raises(ConnectFailed, match="not a URL") as caught:
        Endpoint(url="wss://user:secret@[h").session_url()
    assert "secret" not in str(caught.value)
