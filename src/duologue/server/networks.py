"""The address under which a client is counted and logged."""

from __future__ import annotations

import ipaddress
from typing import Final

__all__ = ["UNKNOWN", "network_of"]

UNKNOWN: Final = "unknown"

_IPV6_PREFIX: Final = 64
"""The network of one subscriber, whose hosts may use any address in it (RFC 4291, section 2.5.1)."""


def network_of(host: object) -> str:
    """An IPv4 address, or the /64 network of an IPv6 one; `unknown` for any other text."""
    try:
        address = ipaddress.ip_address(str(host).partition("%")[0])
    except ValueError:
        return UNKNOWN
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    if address.is_loopback:
        return str(address)
    return str(ipaddress.ip_network((address, _IPV6_PREFIX), strict=False))
