"""What makes the peers of calls over WebRTC, from options."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Final

from duologue.cli.errors import UsageError
from duologue.errors import LocalProtocolError, MissingExtra
from duologue.transports.webrtc.peer import PeerSettings, Stack
from duologue.transports.webrtc.stacks import load_stack

__all__ = ["webrtc_settings"]

_MAX_PORT: Final = 65_535


def webrtc_settings(
    udp_ports: str | None, public_address: str | None, stack: str | None
) -> tuple[Stack | None, PeerSettings]:
    """The implementation of this name, and the settings of its peers. None: none is installed, and no option asks.

    Raises:
        UsageError: an option cannot be what it is, or asks for what is not installed.
    """
    settings = PeerSettings(udp_ports=_ports(udp_ports), public_address=_address(public_address))
    try:
        # Not at the first call: a wrong name shows here, and the first caller need not wait.
        return load_stack(stack), settings
    except LocalProtocolError as fault:
        raise UsageError(f"--webrtc-stack: {fault}") from fault
    except MissingExtra as fault:
        if any(each is not None for each in (udp_ports, public_address, stack)):
            raise UsageError(f"no calls over WebRTC: {fault}") from fault
        return None, settings


def _ports(text: str | None) -> tuple[int, int] | None:
    """The first and the last port. Raises UsageError."""
    if text is None:
        return None
    found = re.fullmatch(r"([0-9]{1,5})-([0-9]{1,5})", text)
    first, last = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 0 < first <= last <= _MAX_PORT:
        raise UsageError(f"--udp-ports is the first and the last port, such as 40000-40100, not {text}")
    return first, last


def _address(text: str | None) -> str | None:
    """The address as it is. Raises UsageError."""
    try:
        return None if text is None else str(ip_address(text))
    except ValueError as fault:
        raise UsageError(f"--public-address is an address such as 203.0.113.7, not {text}") from fault
