"""Each way in which a handshake can fail has its own sentence, in both shells, and no secret in it."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from duologue import AuthenticationFailed, ConnectFailed, ModelNotFound, blocking, connect
from tests._certificates import Authority
from tests.transports._answering import answering, http_answer, plain_tls_server, unused_port

KEY = "sk-very-secret-1234"


async def failure(url: str, *, api_key: str | None = KEY, open_timeout: float = 3, **keywords: Any) -> ConnectFailed:
    """What `connect` raises; it has no cause that a traceback would print, and does not show the key."""
    with pytest.raises(ConnectFailed) as caught:
        async with asyncio.timeout(5), connect(url, api_key=api_key, open_timeout=open_timeout, **keywords):
            pass
    fault = caught.value
    assert fault.__cause__ is None
    assert fault.__suppress_context__ or fault.__context__ is None
    assert "\n" not in str(fault)
    if api_key:
        assert api_key not in str(fault)
    return fault


# --- the network


async def test_a_name_that_dns_does_not_know() -> None:
    fault = await failure("wss://nowhere.invalid")
    assert "the name nowhere.invalid is not known" in str(fault)
    assert fault.retryable  # a machine without a network knows no names either


async def test_a_server_that_does_not_run() -> None:
    port = unused_port()
    for host in ("127.0.0.1", "localhost"):  # localhost has two addresses, and asyncio reports both in one error
        fault = await failure(f"ws://{host}:{port}")
        assert f"connection refused: no server listens on port {port}" in str(fault)
        assert fault.retryable


async def test_a_server_that_takes_the_connection_and_is_silent() -> None:
    async with answering(b"", reads=False, stays=True) as port:
        plain = await failure(f"ws://127.0.0.1:{port}", open_timeout=0.1)
        encrypted = await failure(f"wss://127.0.0.1:{port}", open_timeout=0.1)
    assert "did not answer within 0.1 s: it took the connection, and then said nothing" in str(plain)
    assert "did not answer within 0.1 s: no TLS connection came about" in str(encrypted)
    assert "ws://" in str(encrypted)
    assert plain.retryable
    assert encrypted.retryable


async def test_a_server_that_closes_without_an_answer() -> None:
    async with answering(b"") as port:
        fault = await failure(f"ws://127.0.0.1:{port}")
    assert "closed the connection without an answer" in str(fault)
    assert "wss://" in str(fault)
    assert fault.retryable


# --- certificates


@pytest.mark.parametrize(
    ("names", "options", "trusts", "sentence"),
    [
        (
            ["127.0.0.1"],
            {"signed_by_itself": True},
            True,
            "it is signed by itself.*pass ssl=ssl.create_default_context",
        ),
        (["127.0.0.1"], {}, False, "its authority is not trusted here.*pass ssl=ssl.create_default_context"),
        (["127.0.0.1"], {"valid_days": (-5, -2)}, True, "it has expired"),
        (["127.0.0.1"], {"valid_days": (2, 5)}, True, "it is not valid yet"),
        (["other.example"], {}, True, "it was issued for other addresses than 127.0.0.1"),
    ],
)
async def test_a_certificate_that_is_not_accepted(
    tmp_path: Path, names: list[str], options: dict[str, Any], trusts: bool, sentence: str
) -> None:
    authority = Authority(tmp_path)
    context = authority.client_context if trusts else None
    async with answering(b"", tls=authority.server_context(*names, **options)) as port:
        url = f"wss://127.0.0.1:{port}"
        fault = await failure(url, ssl=context)
        with pytest.raises(ConnectFailed, match=sentence) as caught:
            await asyncio.to_thread(open_in_blocking_shell, url, context)
    assert str(caught.value) == str(fault)
    assert "its TLS certificate is not accepted" in str(fault)
    assert not fault.retryable


def open_in_blocking_shell(url: str, context: ssl.SSLContext | None) -> None:
    with blocking.connect(url, api_key=KEY, open_timeout=3, ssl=context):
        pass


async def test_a_certificate_for_another_name_than_that_of_the_url(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with answering(b"", tls=authority.server_context("other.example")) as port:
        fault = await failure(f"wss://localhost:{port}", ssl=authority.client_context)
    assert "it was issued for other names than localhost" in str(fault)


async def test_a_server_that_wants_a_certificate_of_the_client(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = authority.server_context("127.0.0.1")
    context.load_verify_locations(authority.file)
    context.verify_mode = ssl.CERT_REQUIRED
    with plain_tls_server(context) as port:
        fault = await failure(f"wss://127.0.0.1:{port}", ssl=authority.client_context)
    assert "it wants a certificate of yours" in str(fault)
    assert not fault.retryable


# --- the wrong scheme, or no WebSocket at all


async def test_a_server_without_tls_at_a_wss_url() -> None:
    async with answering(http_answer("400 Bad Request"), reads=False) as port:
        fault = await failure(f"wss://127.0.0.1:{port}")
    assert "speaks no TLS: write ws:// instead of wss://" in str(fault)


@pytest.mark.parametrize("answer", [b"\x15\x03\x03\x00\x02\x02\x50", b"\x16\x03\x01\x00\x01\x00"])
async def test_a_server_with_tls_at_a_ws_url(answer: bytes) -> None:
    async with answering(answer) as port:
        fault = await failure(f"ws://127.0.0.1:{port}")
    assert "speaks TLS: write wss:// instead of ws://" in str(fault)


async def test_a_tls_server_that_hangs_up_on_plain_text(tmp_path: Path) -> None:
    async with answering(b"", tls=Authority(tmp_path).server_context("localhost")) as port:
        fault = await failure(f"ws://127.0.0.1:{port}")
    assert "servers with TLS alone do so, and want wss://" in str(fault)


async def test_a_context_for_tls_that_is_not_used() -> None:
    fault = await failure("ws://127.0.0.1:1", ssl=ssl.create_default_context())
    assert "has no TLS, for which ssl= is: write wss://" in str(fault)


@pytest.mark.parametrize("stays", [False, True])
async def test_another_protocol_is_quoted_by_its_first_line(stays: bool) -> None:
    greeting = f"220 mail.example \x1b[2J {KEY}\r\nmore".encode()
    async with answering(greeting, stays=stays) as port:
        fault = await failure(f"ws://127.0.0.1:{port}", open_timeout=0.3 if stays else 3)
    assert r'does not speak WebSocket: it answered "220 mail.example \x1b[2J …"' in str(fault)
    assert not fault.retryable


# --- HTTP


WRONG_KEY = (
    f'{{"error": {{"message": "Incorrect API key provided: {KEY}.\\nSee x.example", "code": "invalid_api_key"}}}}'
)


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize(
    ("status", "body", "kind", "sentence"),
    [
        ("401 Unauthorized", WRONG_KEY, AuthenticationFailed, "does not accept the key .HTTP 401.; it says: Incorrect"),
        ("403 Forbidden", '{"detail": "Invalid token"}', AuthenticationFailed, "HTTP 403.; it says: Invalid token"),
        ("403 Forbidden", "", AuthenticationFailed, "does not accept the key .HTTP 403."),
        ("404 Not Found", '{"detail":"Not Found"}', ConnectFailed, "has nothing at the path /v1/realtime .HTTP 404.$"),
        ("404 No", '{"error":{"code":"DeploymentNotFound","message":"m"}}', ModelNotFound, "no model gpt-x, .*says: m"),
        ("400 Bad", "The model `gpt-x` does not exist", ModelNotFound, "has no model gpt-x.*HTTP 400"),
        (
            "400 Bad",
            "<html><title>Bad\nHost</title>",
            ConnectFailed,
            "rejects the request .HTTP 400.; it says: Bad Host",
        ),
        ("426 Upgrade", "", ConnectFailed, "asks for an upgrade.*HTTP 426.*dropped the Upgrade header"),
        ("200 OK", "<!doctype html><title>Hi</title>", ConnectFailed, "ordinary page instead of a WebSocket .HTTP 200"),
    ],
)
async def test_an_http_answer(version: str, status: str, body: str, kind: type[ConnectFailed], sentence: str) -> None:
    async with answering(http_answer(status, body, version=version)) as port:
        with pytest.raises(kind, match=sentence) as caught:
            async with connect(f"ws://127.0.0.1:{port}", api_key=KEY, model="gpt-x"):
                pass
    assert type(caught.value) is kind
    assert caught.value.status == int(status[:3])
    assert not caught.value.retryable
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
async def test_a_busy_server_says_when_to_come_again(status: str) -> None:
    async with answering(http_answer(status, headers="Retry-After: 12\r\n")) as port:
        fault = await failure(f"ws://127.0.0.1:{port}")
    assert "try again in 12 s" in str(fault)
    assert (fault.retryable, fault.retry_after) == (True, 12.0)


@pytest.mark.parametrize("api_key", [None, ""])
async def test_a_key_that_was_forgotten_is_asked_for(api_key: str | None) -> None:
    async with answering(http_answer("401 Unauthorized")) as port:
        fault = await failure(f"ws://127.0.0.1:{port}", api_key=api_key)
    assert isinstance(fault, AuthenticationFailed)
    assert "asks for a key, and none was sent (HTTP 401): pass api_key=" in str(fault)


@pytest.mark.parametrize(("status", "words"), [("403 Forbidden", "some servers say so"), ("404 Not Found", "/other")])
async def test_at_another_path_than_the_usual_one_that_is_named(status: str, words: str) -> None:
    async with answering(http_answer(status)) as port:
        fault = await failure(f"ws://127.0.0.1:{port}/other")
    assert type(fault) is ConnectFailed
    assert words in str(fault)
    assert "the Realtime API is usually at /v1/realtime" in str(fault)


async def test_an_answer_whose_body_never_ends_counts_by_its_status() -> None:
    async with answering(http_answer("401 Unauthorized", "Wrong key", length=100), stays=True) as port:
        fault = await failure(f"ws://127.0.0.1:{port}", open_timeout=0.2)
    assert isinstance(fault, AuthenticationFailed)
    assert "it says: Wrong key" in str(fault)


# --- proxies


@pytest.mark.parametrize(
    ("answer", "sentence", "retryable"),
    [
        (b"HTTP/1.1 407 Auth\r\n\r\n", "asks for a name and a password, or refuses them .HTTP 407.", False),
        (b"HTTP/1.1 403 No\r\n\r\n", r"does not lead to ws://voice.example/v1/realtime .HTTP 403.", False),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", r"does not lead to .*HTTP 502", True),
        (b"220 mail.example\r\n\r\n", "is no proxy", False),
    ],
)
async def test_a_proxy_that_does_not_lead_on(answer: bytes, sentence: str, retryable: bool) -> None:
    async with answering(answer) as port:
        with pytest.raises(ConnectFailed, match=sentence) as caught:
            async with connect("ws://voice.example", api_key=KEY, proxy=f"http://user:{KEY}@127.0.0.1:{port}"):
                pass
    assert f"http://127.0.0.1:{port}" in str(caught.value)
    assert KEY not in str(caught.value)
    assert caught.value.retryable is retryable


async def test_a_proxy_that_is_not_reached_is_named_instead_of_the_server() -> None:
    port = unused_port()
    fault = await failure("wss://voice.example", proxy=f"http://127.0.0.1:{port}")
    assert f"cannot reach the proxy http://127.0.0.1:{port}, which leads to wss://voice.example" in str(fault)
    unknown = await failure("wss://voice.example", proxy="http://proxy.invalid:3128")
    assert "the name proxy.invalid is not known" in str(unknown)


async def test_a_proxy_that_is_silent() -> None:
    async with answering(b"", stays=True) as port:
        fault = await failure("wss://voice.example", proxy=f"http://127.0.0.1:{port}", open_timeout=0.1)
    assert f"by way of the proxy http://127.0.0.1:{port}" in str(fault)


async def test_a_proxy_of_the_environment_is_named_too(monkeypatch: pytest.MonkeyPatch) -> None:
    port = unused_port()
    monkeypatch.setenv("https_proxy", f"http://user:{KEY}@127.0.0.1:{port}")
    fault = await failure("wss://voice.example")
    assert f"cannot reach the proxy http://127.0.0.1:{port}" in str(fault)


# --- what a user sees


@pytest.mark.parametrize("verb", ["connect", "converse"])
@pytest.mark.parametrize("shell", ["asyncio", "blocking"])
def test_a_server_that_does_not_run_is_a_short_traceback(tmp_path: Path, verb: str, shell: str) -> None:
    url = f"ws://127.0.0.1:{unused_port()}"
    async_lines = f"import asyncio, duologue\nasync def main():\n  async with duologue.{verb}({url!r}): pass\n"
    blocking_lines = f"from duologue import blocking\nwith blocking.{verb}({url!r}): pass\n"
    program = tmp_path / "program.py"
    program.write_text(
        blocking_lines if shell == "blocking" else f"{async_lines}asyncio.run(main())\n", encoding="utf-8"
    )
    run = subprocess.run(
        [sys.executable, program], capture_output=True, text=True, encoding="utf-8", timeout=30, check=False
    )
    assert run.stderr.count("Traceback") == 1
    assert run.stderr.splitlines()[-1].startswith("duologue.errors.ConnectFailed: cannot reach ws://127.0.0.1:")
    assert len(run.stderr.splitlines()) <= 30, run.stderr
