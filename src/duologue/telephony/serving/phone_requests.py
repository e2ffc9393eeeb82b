"""What a carrier asks of the server, as it is signed: a call's answer page, or the opening of its socket."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Final
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct

__all__ = ["MAX_BODY_BYTES", "PhoneRequest"]

MAX_BODY_BYTES: Final = 64 * 1024
"""Of a carrier's question how to answer a call: the longest have some two kilobytes."""

_MAX_FIELDS: Final = 500
"""Of a form or a query; carriers send thirty."""


class PhoneRequest(Struct, frozen=True, kw_only=True, dict=True):
    """A request. Nothing in it is to be trusted before it was checked."""

    method: str = "GET"
    url: str
    """As the carrier was given it: the public one, with its query."""
    headers: Mapping[str, str]
    """By names in lower case."""
    body: bytes = b""
    ticket: str = ""
    """What stands behind the network's name in a socket's path."""
    now_unix_s: float

    @cached_property
    def form(self) -> dict[str, list[str]]:
        """The fields of a form in the body; empty where it is no form, or has far too many."""
        if not self.headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded"):
            return {}
        return _fields(self.body.decode("utf-8", "replace"))

    @cached_property
    def fields(self) -> dict[str, str]:
        """The form and the query, with the last value of each name."""
        both = _fields(urlsplit(self.url).query) | self.form
        return {name: values[-1] for name, values in both.items()}


def _fields(text: str) -> dict[str, list[str]]:
    try:
        return parse_qs(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        return {}
