from __future__ import annotations

import pytest

from duologue.client.session_urls import call_path, names_calls, session_path, split_session_url
from duologue.errors import ConnectFailed


@pytest.mark.parametrize(
    ("text", "url"),
    [
        # a base URL gets the rest of the path
        ("wss://api.openai.com", "wss://api.openai.com/v1/realtime"),
        ("wss://api.openai.com/v1", "wss://api.openai.com/v1/realtime"),
        ("wss://api.openai.com/v1/", "wss://api.openai.com/v1/realtime"),
        ("https://r.openai.azure.com/openai/v1", "wss://r.openai.azure.com/openai/v1/realtime"),
        ("wss://open.bigmodel.cn/api/paas/v4", "wss://open.bigmodel.cn/api/paas/v4/realtime"),
        ("wss://h.example/v1/realtime/", "wss://h.example/v1/realtime"),
        ("wss://h.example/mine/", "wss://h.example/mine/"),
        ("wss://h.example/v1.5", "wss://h.example/v1.5"),
        ("wss://h.example//", "wss://h.example/v1/realtime"),
        ("ws://h.example?model=m#top", "ws://h.example/v1/realtime?model=m"),
        # without a scheme
        ("localhost:8000", "ws://localhost:8000/v1/realtime"),
        ("127.0.0.1:8000/v1", "ws://127.0.0.1:8000/v1/realtime"),
        ("[::1]:8000", "ws://[::1]:8000/v1/realtime"),
        ("::1", "ws://[::1]/v1/realtime"),
        ("192.168.1.5", "ws://192.168.1.5/v1/realtime"),
        ("169.254.1.1", "ws://169.254.1.1/v1/realtime"),
        ("voice:8000", "ws://voice:8000/v1/realtime"),
        ("pi.local", "ws://pi.local/v1/realtime"),
        ("host.docker.internal:8000", "ws://host.docker.internal:8000/v1/realtime"),
        ("voice.example", "wss://voice.example/v1/realtime"),
        ("//voice.example", "wss://voice.example/v1/realtime"),
        ("voice.example:80", "ws://voice.example:80/v1/realtime"),
        ("10.0.0.1:443", "wss://10.0.0.1:443/v1/realtime"),
        ("8.8.8.8:8000", "wss://8.8.8.8:8000/v1/realtime"),
        ("me:secret@voice.example/v1", "wss://me:secret@voice.example/v1/realtime"),
        ("voice.example?next=https://x", "wss://voice.example/v1/realtime?next=https://x"),
        # as people paste it
        ("  wss://h.example/v1/realtime\n", "wss://h.example/v1/realtime"),
        ("HTTPS://H.Example", "wss://H.Example/v1/realtime"),
        ("bücher.example", "wss://bücher.example/v1/realtime"),
        ("my_service:8000", "ws://my_service:8000/v1/realtime"),
    ],
)
def test_an_address_is_understood_and_completed(text: str, url: str) -> None:
    assert split_session_url(text).geturl() == url


def test_a_context_for_tls_decides_where_the_scheme_is_left_out() -> None:
    assert split_session_url("localhost:8000", secure=True).scheme == "wss"
    assert split_session_url("ws://localhost:8000", secure=True).scheme == "ws"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the URL is empty"),
        (" \n", "the URL is empty"),
        ("ws://a b.example", "a space or a control character"),
        ("ws://a\tb", "a space or a control character"),
        ("/run/voice.sock", "the path of a file or a socket"),
        ("./voice.sock", "the path of a file or a socket"),
        ("~/voice.sock", "the path of a file or a socket"),
        ("unix:/run/voice.sock", "the path of a file or a socket"),
        ("ws+unix:///run/voice.sock", "the path of a file or a socket"),
        ("C:\\voice", "the path of a file or a socket"),
        ("ws:/h.example", "write ws:// with a colon and two slashes"),
        ("wss:h.example", "write wss:// with a colon and two slashes"),
        ("HTTPS//h.example", "write https:// with a colon and two slashes"),
        ("ftp://h.example", "begins with wss:// or ws://, not with ftp://"),
        ("ws://", "names no host"),
        ("wss:///v1/realtime", "names no host"),
        ("ws://:8000", "names no host"),
        ("ws://::1:8000", "an IPv6 address in brackets"),
        ("ws://[::1", "brackets around its host do not match"),
        ("ws://[zz]:1", "brackets around its host do not match, or hold no address"),
        ("h.example:0", "port is not a number from 1 to 65535"),
        ("h.example:65536", "port is not a number from 1 to 65535"),
        ("h.example:http", "port is not a number from 1 to 65535"),
        ("a..example", "neither an address nor a name"),
        (f"{'x' * 64}.example", "neither an address nor a name"),
        ("h!.example", "neither an address nor a name"),
    ],
)
def test_what_is_no_address_of_a_session_is_said_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ConnectFailed, match=sentence) as caught:
        split_session_url(text)
    assert not caught.value.retryable
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "text", ["ws://me:secret@h:port", "ws://me:secret/x@[h", "wss://me:secret@[h", "x://me:secret@h"]
)
def test_what_is_not_understood_is_not_quoted(text: str) -> None:
    with pytest.raises(ConnectFailed) as caught:
        split_session_url(text)
    assert "secret" not in str(caught.value)


def test_the_path_of_calls_lies_below_that_of_sessions() -> None:
    for path in ("/v1/realtime", "/openai/v1/realtime"):
        assert not names_calls(path)
        assert names_calls(call_path(path))
        assert call_path(call_path(path)) == call_path(path) == call_path(f"{path}/calls/")
        assert session_path(call_path(path)) == path
    assert call_path("/own") == session_path("/own") == "/own"
