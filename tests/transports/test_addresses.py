from __future__ import annotations

import pytest

from duologue.transports.addresses import is_loopback, origin_of, without_secrets


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("wss://host/v1/realtime?api_key=secret#secret", "wss://host/v1/realtime"),
        ("wss://user:secret@host:8443/p", "wss://host:8443/p"),
        ("ws://[::1]:80/p?secret", "ws://[::1]:80/p"),
        ("ws://user:secret/@host/", "ws://user"),
        ("ws://user:secret@[host/", "the given address"),
        ("host", "host"),
    ],
)
def test_an_address_is_shown_without_what_may_be_a_key(url: str, shown: str) -> None:
    assert without_secrets(url) == shown


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("ws://host/a", "http://HOST:80/b", True),
        ("wss://host", "https://host:443", True),
        ("ws://host", "wss://host", False),
        ("ws://host:80", "ws://host:81", False),
        ("ws://host", "ws://host.example", False),
    ],
)
def test_an_origin_is_encryption_host_and_port(one: str, other: str, same: bool) -> None:
    assert (origin_of(one) == origin_of(other)) is same


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("ws://127.0.0.1:8000", True),
        ("ws://localhost", True),
        ("ws://[::1]:1/", True),
        ("ws://127.0.0.1.example", False),
        ("ws://example", False),
        ("ws://[::1", False),
    ],
)
def test_loopback_addresses_lead_to_this_machine(url: str, here: bool) -> None:
    assert is_loopback(url) is here
