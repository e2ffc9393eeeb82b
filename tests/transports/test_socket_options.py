"""Options of a client's WebSocket."""

from __future__ import annotations

import pytest

from duologue import SocketOptions


@pytest.mark.parametrize(
    ("proxy", "shown"),
    [
        (None, "proxy=None"),
        ("environment", "proxy='environment'"),
        ("http://user:secret@proxy.example:3128", "proxy='http://proxy.example:3128'"),
    ],
)
def test_a_repr_shows_the_proxy_without_its_password(proxy: str | None, shown: str) -> None:
    assert shown in repr(SocketOptions(proxy=proxy))
    assert "secret" not in repr(SocketOptions(proxy=proxy))
