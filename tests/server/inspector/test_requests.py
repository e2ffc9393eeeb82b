from __future__ import annotations

import pytest

from duologue.server.inspector.requests import Refused, read_request, rest_of_path


def head(*lines: str) -> bytes:
    return "\r\n".join((*lines, "", "")).encode("latin-1")


@pytest.mark.parametrize("host", ["127.0.0.1:8001", "127.0.0.1", "localhost:9", "LOCALHOST", "[::1]:8001"])
def test_a_request_by_a_name_of_this_machine_is_read(host: str) -> None:
    request = read_request(head("GET /token/calls/x/?after=1-2 HTTP/1.1", f"Host: {host}", "Accept: a", "Accept: b"))
    assert (request.path, request.query) == ("/token/calls/x/", "after=1-2")
    assert request.headers["host"] == host
    assert rest_of_path(request, "token") == "calls/x/"


@pytest.mark.parametrize(
    "host",
    [
        "Host: evil.example",
        "Host: evil.example:8001",
        "Host: 127.0.0.1.evil.example",
        "Host: localhost.evil",
        "Host:",
        "X: y",
    ],
)
def test_a_request_by_another_name_is_refused_as_dns_rebinding_makes_it(host: str) -> None:
    with pytest.raises(Refused, match=r"127\.0\.0\.1") as refused:
        read_request(head("GET /token/ HTTP/1.1", host))
    assert refused.value.status == 421


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (("POST /token/ HTTP/1.1", "Host: localhost"), 405),
        (("GET /token/ HTTP/1.1", "Host: localhost", "host: evil"), 400),
        (("GET http://localhost/ HTTP/1.1", "Host: localhost"), 400),
        (("GET /a b HTTP/1.1", "Host: localhost"), 400),
        (("GET /é HTTP/1.1", "Host: localhost"), 400),
        (("nonsense",), 400),
        (("GET /" + "a" * 3000 + " HTTP/1.1", "Host: localhost"), 400),
    ],
)
def test_what_is_no_request_for_a_page_is_refused(lines: tuple[str, ...], status: int) -> None:
    with pytest.raises(Refused) as refused:
        read_request(head(*lines))
    assert refused.value.status == status


@pytest.mark.parametrize("path", ["/", "/token", "/tokem/", "//token/", "/TOKEN/", "/t%C3%B6ken/", "/%00/"])
def test_without_the_token_there_is_nothing(path: str) -> None:
    request = read_request(head(f"GET {path} HTTP/1.1", "Host: localhost"))
    with pytest.raises(Refused) as refused:
        rest_of_path(request, "token")
    assert refused.value.status == 404
