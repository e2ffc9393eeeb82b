"""Whether the addresses in an SDP answer can be reached from here."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from duologue.transports.webrtc.candidates import Candidate, usable

__all__ = ["AddressVerdict", "judged_addresses"]

_MAX_LISTED: Final = 4

_PORTS: Final = "--udp-ports 40000-40100"
_PUBLISHED: Final = "in Docker publish the ports: -p 40000-40100:40000-40100/udp"


class AddressVerdict(Struct, frozen=True):
    """What is to be said of the addresses; `remedy` is empty if they are right."""

    happened: str
    remedy: str = ""


def judged_addresses(candidates: Sequence[Candidate], *, reached: str | None) -> AddressVerdict:
    """What these candidates mean for a client that has reached the server over TCP at the address `reached`."""
    open_to_us = usable(candidates)
    if not open_to_us:
        remedy = "look at the server's log: all ports of its range may be taken, or it has no network"
        return AddressVerdict("the answer names no address: no client can connect", remedy)
    addresses = list(dict.fromkeys(each.address for each in open_to_us))
    listed = ", ".join(
        f"{each.address} ({each.protocol.upper()} {each.port}, {each.place})" for each in open_to_us[:_MAX_LISTED]
    )
    more = f" and {len(open_to_us) - _MAX_LISTED} more" if len(open_to_us) > _MAX_LISTED else ""
    told = f"{listed}{more}"
    if reached is None or reached in addresses or _is_loopback(reached):
        return AddressVerdict(told)
    places = {each.place for each in open_to_us}
    told += f"; and the server was reached at {reached}"
    if "the internet" in places or "a name" in places:
        return AddressVerdict(told)
    docker = f"; {_PUBLISHED}" if "a bridge of Docker" in places else ""
    remedy = f"name the address that clients reach, at the server: --public-address {reached} {_PORTS}{docker}"
    return AddressVerdict(told, remedy)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
