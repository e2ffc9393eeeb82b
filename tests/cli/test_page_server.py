"""One page, for a browser of this machine."""

from __future__ import annotations

import http.client
import io
import threading
from collections.abc import Iterator

import pytest

from duologue.cli.page_server import PageServer


@pytest.fixture
def server() -> Iterator[PageServer]:
    with PageServer(io.BytesIO(b"<html>" + b"x" * 1_000_000), token="secret") as started:
        thread = threading.Thread(target=started.run, daemon=True)
        thread.start()
        yield started
        started.stop()
        thread.join(5)
        assert not thread.is_alive()


def answer(server: PageServer, path: str, *, host: str | None = None, method: str = "GET") -> tuple[int, bytes, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    try:
        connection.request(method, path, headers={} if host is None else {"Host": host})
        response = connection.getresponse()
        return response.status, response.read(), response.headers.get("Cache-Control", "")
    finally:
        connection.close()


def test_the_page_is_served_at_its_address_alone(server: PageServer) -> None:
    assert server.url == f"http://127.0.0.1:{server.port}/secret/"
    status, body, cached = answer(server, "/secret/")
    assert (status, len(body), cached) == (200, 1_000_006, "no-store")
    assert answer(server, "/secret/", method="HEAD")[:2] == (200, b"")
    assert answer(server, "/secret/?q=1")[0] == 200
    for path in ("/", "/secret", "/Secret/", "/secret/../call.html", "/call.html"):
        assert answer(server, path)[:2] == (404, b""), path
    assert answer(server, "/secret/", method="POST")[0] == 501


def test_a_name_of_another_site_that_points_here_is_refused(server: PageServer) -> None:
    assert answer(server, "/secret/", host=f"localhost:{server.port}")[0] == 200
    for host in ("evil.example", f"evil.example:{server.port}", "127.0.0.1", ""):
        assert answer(server, "/secret/", host=host)[:2] == (421, b""), host
