"""Requests of a browser, read and guarded: nothing but GET, from this machine, by who knows the token."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

from msgspec import Struct

__all__ = ["MAX_HEAD_BYTES", "Refused", "Request", "read_request", "rest_of_path"]

MAX_HEAD_BYTES: Final = 16 * 1024
"""Of a request: a browser on this machine sends the cookies of every other server here as well."""

_LINE: Final = re.compile(rb"([A-Z]{1,16}) (/[!-~]{0,2000}) HTTP/1\.[01]")

_HOST: Final = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)
"""Any port: a tunnel to this machine may have another."""


class Refused(Exception):
    """A request is answered with this status and sentence, and nothing else."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


class Request(Struct, frozen=True, kw_only=True):
    """A request for a page."""

    path: str
    query: str
    headers: Mapping[str, str]
    """By their names in lower case."""


def read_request(head: bytes) -> Request:
    """The request whose line and headers these are. Raises Refused.

    A site can have its own name point at this machine, and then read what is served here: the names of the machine
    itself are the only ones that are answered.
    """
    first, *rest = head.split(b"\r\n")
    found = _LINE.fullmatch(first)
    if found is None:
        raise Refused(400, "this is no request")
    headers: dict[str, str] = {}
    for line in rest:
        name, colon, value = line.decode("latin-1").partition(":")
        name = name.lower()
        if colon and name in headers and name == "host":
            raise Refused(400, "a request names one host")
        if colon:
            headers[name] = value.strip()
    if _HOST.fullmatch(headers.get("host", "")) is None:
        raise Refused(421, "this server has the name 127.0.0.1 and no other")
    if found[1] != b"GET":
        raise Refused(405, "pages are read with GET")
    path, _, query = found[2].decode("ascii").partition("?")
    return Request(path=unquote(path), query=query, headers=headers)


def rest_of_path(request: Request, token: str) -> str:
    """The path behind the token. Raises Refused: it is missing or wrong."""
    shown, slash, rest = request.path.removeprefix("/").partition("/")
    if not slash or not hmac.compare_digest(shown.encode(), token.encode()):
        raise Refused(404, "the address is the one that the server has printed when it started")
    return rest
