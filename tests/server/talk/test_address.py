"""The printed address of the page."""

from __future__ import annotations

import pytest

from duologue.server.talk.address import talk_address


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("ws://127.0.0.1:8000/v1/realtime", "http://127.0.0.1:8000/talk"),
        ("wss://192.0.2.7:8443/v1/realtime", "https://192.0.2.7:8443/talk"),
        ("ws://0.0.0.0:8000/v1/realtime", "http://127.0.0.1:8000/talk"),
        ("ws://[::]:8000/v1/realtime", "http://[::1]:8000/talk"),
        ("ws://[2001:db8::1]:8000/v1/realtime", "http://[2001:db8::1]:8000/talk"),
    ],
)
def test_it_is_one_that_a_browser_can_open(url: str, address: str) -> None:
    assert talk_address(url) == address


def test_the_inspector_s_address_is_in_the_part_that_no_server_is_told() -> None:
    address = talk_address("ws://127.0.0.1:8000/v1/realtime", inspector="http://127.0.0.1:9/token/")
    assert address == "http://127.0.0.1:8000/talk#calls=http://127.0.0.1:9/token/"
