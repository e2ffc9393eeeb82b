"""Fields of a `multipart/form-data` body: https://www.rfc-editor.org/rfc/rfc7578

Not a library's parser: an offer and a configuration are two short texts, in a body that is bounded and in memory before
it is looked at. The standard library's parser of e-mail would decode transfer encodings, descend into parts, and
mend what is wrong.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["MalformedForm", "form_fields", "media_type"]

_MAX_PARTS: Final = 16
"""Clients send two; pages that post a whole form of theirs a few more, which are ignored."""

_MAX_HEAD_BYTES: Final = 4096
"""The headers of a part. Those that clients send have a hundred bytes."""

_MAX_BOUNDARY: Final = 70
"""https://www.rfc-editor.org/rfc/rfc2046#section-5.1.1"""

_PARAMETER: Final = re.compile(r';[ \t]*([\w!#$&+.^`|~*-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^;"]*))')


class MalformedForm(Exception):
    """The body is not the form that its content type promises; the message says why."""


def media_type(content_type: str) -> str:
    """The type of a `Content-Type`, without parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def form_fields(content_type: str, body: bytes) -> dict[str, bytes]:
    """The fields by name, each as it was sent. Headers of parts other than the name, their types too, are ignored.

    Raises:
        MalformedForm: the body has another form, more parts than a client sends, or one name twice.
    """
    boundary = _parameters(content_type).get("boundary", "")
    if not 0 < len(boundary) <= _MAX_BOUNDARY or not boundary.isascii():
        raise MalformedForm("Content-Type has no usable boundary")
    # What stands before the first delimiter, and behind the last, is not part of the form.
    _, *parts = (b"\r\n" + body).split(b"\r\n--" + boundary.encode("ascii"), _MAX_PARTS + 1)
    fields: dict[str, bytes] = {}
    for part in parts[:_MAX_PARTS]:
        if part.startswith(b"--"):
            return fields
        name, value = _field(part)
        if name in fields:
            raise MalformedForm(f"the field {name!r} comes twice")
        fields[name] = value
    raise MalformedForm("the end is missing" if len(parts) <= _MAX_PARTS else f"more than {_MAX_PARTS} fields")


def _field(part: bytes) -> tuple[str, bytes]:
    """The name and the value of what stands between two delimiters."""
    head, found, value = part[: _MAX_HEAD_BYTES + 4].partition(b"\r\n\r\n")
    blank, _, lines = head.partition(b"\r\n")
    if not found or blank.strip(b" \t"):
        raise MalformedForm("a field has no headers, or too long ones")
    value = part[len(head) + 4 :]
    for line in lines.decode("utf-8", "replace").split("\r\n"):
        header, _, described = line.partition(":")
        if header.strip().lower() == "content-disposition" and media_type(described) == "form-data":
            name = _parameters(described).get("name")
            if name is not None:
                return name, value
    raise MalformedForm("a field has no name")


def _parameters(header: str) -> dict[str, str]:
    """The parameters of a header, names in lower case; the first one of a name counts."""
    found: dict[str, str] = {}
    for name, quoted, plain in _PARAMETER.findall(header):
        found.setdefault(name.lower(), re.sub(r"\\(.)", r"\1", quoted) if quoted else plain.strip())
    return found
