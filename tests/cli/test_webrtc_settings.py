from __future__ import annotations

import pytest

from duologue.cli import webrtc_settings as module
from duologue.cli.errors import UsageError
from duologue.cli.webrtc_settings import webrtc_settings
from duologue.errors import MissingExtra
from duologue.transports.webrtc.memory import MemoryStack
from duologue.transports.webrtc.peer import PeerSettings, Stack


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> MemoryStack:
    stack = MemoryStack()
    monkeypatch.setattr(module, "load_stack", lambda name: stack)
    return stack


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str | None) -> Stack:
        raise MissingExtra("wrtc", extra="webrtc")

    monkeypatch.setattr(module, "load_stack", load)


def test_options_become_settings(installed: MemoryStack) -> None:
    assert webrtc_settings(None, None, None) == (installed, PeerSettings())
    expected = PeerSettings(udp_ports=(40000, 40100), public_address="203.0.113.7")
    assert webrtc_settings("40000-40100", "203.0.113.7", "wrtc") == (installed, expected)
    assert webrtc_settings("1-65535", "2001:DB8::1", None)[1].public_address == "2001:db8::1"


@pytest.mark.parametrize("ports", ["", "40000", "0-9", "9-8", "1-65536", "a-b", "-1-5", "1-2-3", "\u0661-\u0662"])
@pytest.mark.usefixtures("installed")
def test_ports_that_cannot_be_are_refused(ports: str) -> None:
    with pytest.raises(UsageError, match="--udp-ports is the first and the last port"):
        webrtc_settings(ports, None, None)


@pytest.mark.parametrize("address", ["", "example.com", "203.0.113.7:80", "203.0.113"])
@pytest.mark.usefixtures("installed")
def test_an_address_is_not_a_name(address: str) -> None:
    with pytest.raises(UsageError, match="--public-address is an address"):
        webrtc_settings(None, address, None)


def test_an_unknown_stack_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"--webrtc-stack: .*wrtc"):
        webrtc_settings(None, None, "other")


@pytest.mark.usefixtures("missing")
def test_what_is_not_installed_matters_to_those_alone_who_ask_for_it() -> None:
    assert webrtc_settings(None, None, None) == (None, PeerSettings())
    with pytest.raises(UsageError, match=r"pip install 'duologue\[webrtc\]'"):
        webrtc_settings("40000-40100", None, None)
