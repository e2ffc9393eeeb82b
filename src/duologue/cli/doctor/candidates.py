"""The addresses in an SDP answer, and whether they can be reached from here."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

__all__ = ["AddressVerdict", "Candidate", "candidates_in", "has_stream", "judged_addresses", "usable"]

_CANDIDATE: Final = re.compile(
    r"^a=candidate:\S{1,64} \d{1,5} (udp|tcp) \d{1,10} (\S{1,255}) (\d{1,5}) typ (\w{1,10})"
    r"(?: .{0,200}?tcptype (\w+))?",
    re.IGNORECASE | re.MULTILINE,
)
"""RFC 8839, section 5.1, and RFC 6544, section 4.5."""

_STREAM: Final = re.compile(r"^a=msid:(?!-[ \r\n]|-$)\S", re.MULTILINE)
"""RFC 8830: a stream's id; `-` is none."""

_MAX_CANDIDATES: Final = 64
"""Of one answer: two for each address of a machine are usual."""

_MAX_LISTED: Final = 4

_DOCKER: Final = ipaddress.ip_network("172.17.0.0/16")
"""Docker's bridge, unless it is configured: https://docs.docker.com/engine/network/drivers/bridge/"""

_PORTS: Final = "--udp-ports 40000-40100"
_PUBLISHED: Final = "in Docker publish the ports: -p 40000-40100:40000-40100/udp"


class Candidate(Struct, frozen=True):
    """An address at which the server waits for this call."""

    protocol: str
    address: str
    """An address, or a name ending in .local."""
    port: int
    kind: str
    """host, srflx, relay."""
    tcp_type: str = ""

    @property
    def place(self) -> str:
        """Where it is: this machine, Docker, a private network, a link, a name, the internet."""
        try:
            address = ipaddress.ip_address(self.address)
        except ValueError:
            return "a name"
        if address.is_loopback:
            return "the server's own machine alone"
        if address.version == 4 and address in _DOCKER:
            return "a bridge of Docker"
        if address.is_link_local:
            return "one link"
        return "a private network" if address.is_private else "the internet"


class AddressVerdict(Struct, frozen=True):
    """What is to be said of the addresses; `remedy` is empty if they are right."""

    happened: str
    remedy: str = ""


def candidates_in(sdp: str) -> list[Candidate]:
    """The candidates of a description, in its order."""
    found = [
        Candidate(match[1].lower(), match[2], int(match[3]), match[4].lower(), (match[5] or "").lower())
        for match in _CANDIDATE.finditer(sdp)
    ]
    distinct = {(each.protocol, each.address, each.port): each for each in found}  # each section may repeat them
    return list(distinct.values())[:_MAX_CANDIDATES]


def usable(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those that this side can connect to: not TCP that only calls out, to port 9."""
    return [each for each in candidates if each.tcp_type != "active" and each.port != 9]


def has_stream(sdp: str) -> bool:
    """Whether the audio belongs to a stream: pages play `event.streams[0]`."""
    return _STREAM.search(sdp) is not None


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
