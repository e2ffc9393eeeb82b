"""What an SDP answer says of the server: where it waits for the call, and whether its sound belongs to a stream."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

__all__ = ["Candidate", "candidates_in", "has_stream", "usable", "without_candidates"]

_CANDIDATE: Final = re.compile(
    r"^a=candidate:\S{1,64} \d{1,5} (udp|tcp) \d{1,10} (\S{1,255}) (\d{1,5}) typ (\w{1,10})"
    r"(?: .{0,200}?tcptype (\w+))?",
    re.IGNORECASE | re.MULTILINE,
)
"""RFC 8839, section 5.1, and RFC 6544, section 4.5."""

_STREAM: Final = re.compile(r"^a=msid:(?!-[ \r\n]|-$)\S", re.MULTILINE)
"""RFC 8830: a stream's id; `-` is none."""

_LINE_OF_ONE: Final = re.compile(r"^a=(?:candidate:|end-of-candidates).*\n?", re.MULTILINE)

_MAX_CANDIDATES: Final = 64
"""Of one answer: two for each address of a machine are usual."""

_DOCKER: Final = ipaddress.ip_network("172.17.0.0/16")
"""Docker's bridge, unless it is configured: https://docs.docker.com/engine/network/drivers/bridge/"""

_DISCARD: Final = 9
"""The port of candidates that only call out: RFC 6544, section 4.5."""


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


def candidates_in(sdp: str) -> list[Candidate]:
    """The candidates of a description, in its order."""
    found = [
        Candidate(match[1].lower(), match[2], int(match[3]), match[4].lower(), (match[5] or "").lower())
        for match in _CANDIDATE.finditer(sdp)
    ]
    distinct = {(each.protocol, each.address, each.port): each for each in found}  # each section may repeat them
    return list(distinct.values())[:_MAX_CANDIDATES]


def usable(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those that this side can connect to: not TCP that only calls out."""
    return [each for each in candidates if each.tcp_type != "active" and each.port != _DISCARD]


def has_stream(sdp: str) -> bool:
    """Whether the audio belongs to a stream: pages play `event.streams[0]`."""
    return _STREAM.search(sdp) is not None


def without_candidates(sdp: str) -> str:
    """The description as pages post it that do not wait for any."""
    return _LINE_OF_ONE.sub("", sdp)
