"""What a handshake sends and no message may show: keys, passwords, and values of a query."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

from duologue.events.base64_text import decode_base64

__all__ = ["PLAIN_QUERY", "SecretMask", "handshake_secrets"]

PLAIN_QUERY: Final = frozenset({"model", "deployment", "intent", "call_id", "api-version", "language"})
"""Parameters that say what is asked for: an answer that names the model must stay readable."""

_PLAIN_HEADERS: Final = frozenset({"openai-beta", "user-agent", "origin", "accept", "content-type"})

_SCHEMES: Final = frozenset({"bearer", "basic"})

_PLAIN_SUBPROTOCOLS: Final = frozenset({"realtime", "openai-beta.realtime-v1"})

_WORD_CHARACTERS: Final = 4
"""A shorter secret is masked where it stands alone: elsewhere it is a part of words."""


class SecretMask:
    """Replaces secrets in another party's words."""

    def __init__(self, secrets: Iterable[str]) -> None:
        spelled = {spelling for secret in secrets if secret for spelling in _spellings(secret)}
        # The longest first: one secret may be a part of another.
        self._patterns = [_pattern(each) for each in sorted(spelled, key=len, reverse=True)]

    def applied(self, text: str) -> str:
        """The text with an ellipsis for each secret."""
        for pattern in self._patterns:
            text = pattern.sub("…", text)
        return text


def handshake_secrets(
    url: str, headers: Mapping[str, str], subprotocols: Sequence[str] = (), *, proxy: str | None = None
) -> Iterator[str]:
    """The secrets of a handshake with this URL, which is one."""
    for each in (url, proxy):
        if each is not None:
            yield from _secrets_of_url(each)
    for name, value in headers.items():
        # `Bearer` alone is what an empty variable of the environment gives.
        if name.lower() not in _PLAIN_HEADERS and value.strip().lower() not in _SCHEMES:
            yield value
            yield from _after_scheme(value)
    for subprotocol in set(subprotocols) - _PLAIN_SUBPROTOCOLS:
        yield subprotocol
        yield subprotocol.partition(".")[2]


def _secrets_of_url(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
    except ValueError:  # no address of a proxy; nothing is sent to it
        return
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    yield from (password, unquote(password))
    if user:
        yield base64.b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode()
    for name, value in parse_qsl(parts.query):
        if name.lower() not in PLAIN_QUERY:
            yield value


def _after_scheme(value: str) -> Iterator[str]:
    """The credentials of an `Authorization` header without `Bearer`; of `Basic` also the two parts."""
    scheme, _, credentials = value.partition(" ")
    yield credentials.strip()
    if scheme.lower() == "basic":
        try:
            decoded = decode_base64(credentials).decode("utf-8")
        except ValueError:
            return
        yield from (decoded, decoded.partition(":")[2])


def _spellings(secret: str) -> set[str]:
    return {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), html.escape(secret)}


def _pattern(secret: str) -> re.Pattern[str]:
    escaped = re.escape(secret)
    return re.compile(escaped if len(secret) >= _WORD_CHARACTERS else rf"(?<!\w){escaped}(?!\w)", re.IGNORECASE)
