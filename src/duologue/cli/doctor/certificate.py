"""What a certificate says, read from its DER: also of one that Python does not accept, and then does not describe.

RFC 5280, section 4.1; DER is ITU-T X.690. Only names and dates are read; nothing is verified here.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

__all__ = ["Certificate", "read_certificate"]

_SEQUENCE: Final = 0x30
_OID: Final = 0x06
_OCTETS: Final = 0x04
_UTC_TIME: Final = 0x17
_GENERAL_TIME: Final = 0x18
_VERSION: Final = 0xA0
_EXTENSIONS: Final = 0xA3
_DNS_NAME: Final = 0x82
_ADDRESS: Final = 0x87

_COMMON_NAME: Final = bytes.fromhex("550403")
_ORGANIZATION: Final = bytes.fromhex("55040a")
_ALTERNATIVE_NAMES: Final = bytes.fromhex("551d11")

_MAX_BYTES: Final = 64 * 1024
"""A certificate with a hundred names has 4 kB."""


class Certificate(Struct, frozen=True, kw_only=True):
    """Names and dates of a certificate."""

    subject: str
    """The common name, or else the organization; empty if it has neither."""
    issuer: str
    names: tuple[str, ...]
    """Host names and addresses that it is for."""
    not_before: datetime
    not_after: datetime

    @property
    def is_signed_by_itself(self) -> bool:
        """Whether it names itself as its issuer."""
        return self.subject == self.issuer


def read_certificate(der: bytes) -> Certificate | None:
    """What it says; None if these bytes are no certificate."""
    if len(der) > _MAX_BYTES:
        return None
    try:
        return _certificate(der)
    except (IndexError, ValueError, StopIteration):
        return None


def _certificate(der: bytes) -> Certificate:
    ((_, whole),) = _elements(der)
    fields = _elements(next(_elements(whole))[1])
    kind, _ = next(fields)
    if kind == _VERSION:
        next(fields)  # the serial number
    next(fields)  # the algorithm of the signature
    issuer, validity, subject = (next(fields)[1] for _ in range(3))
    not_before, not_after = (_time(kind, content) for kind, content in _elements(validity))
    extensions = [content for kind, content in fields if kind == _EXTENSIONS]
    return Certificate(
        subject=_name(subject),
        issuer=_name(issuer),
        names=tuple(_alternatives(extensions[0])) if extensions else (),
        not_before=not_before,
        not_after=not_after,
    )


def _elements(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each element, one behind the other. Raises ValueError for what is no DER."""
    at = 0
    while at < len(content):
        tag, length, at = content[at], content[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            if not 0 < size <= 4:
                raise ValueError("a length of an element")
            length, at = int.from_bytes(content[at : at + size]), at + size
        if at + length > len(content):
            raise ValueError("an element that ends behind its whole")
        yield tag, content[at : at + length]
        at += length


def _name(content: bytes) -> str:
    found: dict[bytes, str] = {}
    for _, parts in _elements(content):
        for _, part in _elements(parts):
            (_, oid), (_, value) = _elements(part)
            found[oid] = value.decode("utf-8", "replace")
    return found.get(_COMMON_NAME) or found.get(_ORGANIZATION, "")


def _time(tag: int, content: bytes) -> datetime:
    text = content.decode("ascii")
    if tag == _UTC_TIME:  # two digits of the year: RFC 5280, section 4.1.2.5.1
        text = f"{'19' if text[:2] >= '50' else '20'}{text}"
    elif tag != _GENERAL_TIME:
        raise ValueError("no time")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _alternatives(extensions: bytes) -> Iterator[str]:
    ((_, listed),) = _elements(extensions)
    for tag, extension in _elements(listed):
        if tag != _SEQUENCE:
            continue
        (kind, oid), *_, (value_tag, value) = _elements(extension)
        if (kind, oid, value_tag) != (_OID, _ALTERNATIVE_NAMES, _OCTETS):
            continue
        ((_, names),) = _elements(value)
        for tag, name in _elements(names):
            if tag == _DNS_NAME:
                yield name.decode("ascii", "replace")
            elif tag == _ADDRESS:
                yield str(ipaddress.ip_address(name))
