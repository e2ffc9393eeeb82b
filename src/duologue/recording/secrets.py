"""Takes secrets out of what is recorded: keys of clients, and what MCP servers are sent to let a server in.

    {"client_secret":{"value":"ek_…"}}                                  → "(secret, 51 characters)"
    {"type":"mcp","authorization":"…","headers":{"x-api-key":"…"}}      → the same for each value
    sk-…   ek_…   Bearer …                                              → anywhere in a text

A secret is found however its JSON spells it, also in JSON inside a string. One that is cut into several messages, as
deltas cut a text, is not. A frame that holds a secret is written anew, without spaces; every other one stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from duologue.codec.jsontext import parse_object, repeats_a_field, write_text
from duologue.errors import DecodeError
from duologue.transports.secret_masks import PLAIN_QUERY

__all__ = ["may_hold_secret", "scrubbed", "scrubbed_json", "scrubbed_text", "url_without_keys"]

_BEGINS: Final = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrtbf])|(?<=\\u[0-9A-Fa-f]{4}))"
"""Where a key may begin: not inside of a word, as in `task-1` and `week_1`; an escape before it is none."""

_KEY: Final = re.compile(
    rf"{_BEGINS}(?:sk-|ek_)[A-Za-z0-9_-]{{4,}}"
    rf"|(?<![A-Za-z0-9])(?i:bearer)[ \t]+(?:(?=[A-Za-z._~+/=-]*[0-9])[A-Za-z0-9._~+/=-]+|[A-Za-z0-9._~+/=-]{{8,}})"
)
"""Keys of the hosted service, and the credentials behind `Bearer`, which have a digit or are long: words are not."""

_TOKEN: Final = re.compile(r"(?i:bearer)[ \t]+")

_KEY_BEGINNINGS: Final = ("sk-", "ek_", "bearer")

_SECRET_FIELDS: Final = frozenset({"authorization", "api_key", "api-key", "x-api-key", "apikey", "access_token"})
"""Fields whose value is a secret if it is a string, by their names in lower case."""

_MCP_FIELDS: Final = frozenset({"server_url", "server_label", "connector_id"})
"""Fields that only tools of MCP servers have: there `headers` are a request's, elsewhere they may be anything."""

_MARKS: Final = (*_KEY_BEGINNINGS, "client_secret", *sorted(_SECRET_FIELDS), "headers", "server_url")
"""In lower case. A text without any of them holds no secret, unless it spells them by escapes."""

_ESCAPED_ASCII: Final = re.compile(r"\\u00([2-7][0-9A-Fa-f])")

_FIELDS: Final = re.compile(
    r'"(?:' + "|".join(map(re.escape, sorted(_SECRET_FIELDS))) + r')\\*"\s*:\s*\\*"((?:[^"\\]|\\.)*)'
    r'|"client_secret\\*"\s*:\s*(?:\{[^{}]{0,4096}?"value\\*"\s*:\s*)?\\*"((?:[^"\\]|\\.)*)'
    r'|"headers\\*"\s*:\s*(\{[^{}]*)'
    r'|"server_url\\*"\s*:\s*\\*"([^"\\]*[?@](?:[^"\\]|\\.)*)',
    re.IGNORECASE,
)
"""The same fields in a text that is no JSON; one that is cut off has no closing quote."""

_BEFORE_A_SECRET: Final = re.compile(
    r'"(?:value|client_secret|'
    + "|".join(map(re.escape, sorted(_SECRET_FIELDS)))
    + r')\\*"\s*:\s*\\*"$|"headers\\*"\s*:\s*\{[^{}]*$',
    re.IGNORECASE,
)
"""Where such a field's value begins. A long key may look like audio, and is cut out of the text as audio is."""

_MAX_FIELD_CHARACTERS: Final = 1024
"""Of a field before its value."""

_HEADERS: Final = 3
"""The group of this pattern that holds several values."""

_TOLD: Final = re.compile(r"\(secret, [0-9]+ characters\)")

_MIN_AUDIO_CHARACTERS: Final = 1024
"""A shorter text is looked through as a whole: that costs less than to find the audio in it."""

_NOT_BASE64: Final = ("-", "_", " ", "\\", "\t")
"""Every secret, and every escape, has one of these; base64 has none. They are found as fast as memory is read."""

_MAX_DEPTH: Final = 200
"""Of what is looked through; no event nests deeper than ten. What lies deeper is taken out as a whole."""


def scrubbed(message: str | bytes) -> str | bytes:
    """The message without secrets; itself if it has none. Binary messages are looked through if they are text."""
    if isinstance(message, str):
        return _scrubbed_frame(message)
    try:
        text = message.decode("utf-8")
    except UnicodeDecodeError:
        if not message.lstrip().startswith(b"{"):
            return message  # audio, or a packed frame
        text = message.decode("utf-8", "surrogateescape")
    without = _scrubbed_frame(text)
    return message if without is text else without.encode("utf-8", "surrogateescape")


def scrubbed_text(text: str) -> str:
    """The text without keys, and without secrets of JSON in it."""
    if len(text) >= _MIN_AUDIO_CHARACTERS and not any(each in text for each in _NOT_BASE64):
        return text
    lowered = text.lower()
    if any(mark in lowered for mark in _MARKS):
        text = _KEY.sub(_instead, _FIELDS.sub(_value_instead, text))
    if "\\u00" in lowered:
        plain = _ESCAPED_ASCII.sub(lambda found: chr(int(found[1], 16)), text)
        if _KEY.search(plain) is not None or _FIELDS.search(plain) is not None:
            return _told(
                text
            )  # JSON inside a string, spelled with escapes: nothing but this hides all of its spellings
    return text


def scrubbed_json(value: Any) -> Any:
    """Plain JSON data without secrets; the same object if it has none."""
    return _scrubbed_value(value, 0)


def url_without_keys(url: str) -> str:
    """The URL without the name and password of a user, and of its query what names models and the like."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        query = urlencode([(name, value) for name, value in parse_qsl(parts.query) if name.lower() in PLAIN_QUERY])
        return scrubbed_text(parts._replace(netloc=host, query=query, fragment="").geturl())
    except ValueError:
        return "(an address that is no URL)"


def _scrubbed_frame(text: str) -> str:
    if not any(may_hold_secret(text[begin:end]) for begin, end in _beside_audio(text)):
        return text
    try:
        content = parse_object(text)
    except DecodeError:
        return _scrubbed_damaged(text)
    without = scrubbed_json(content)
    if without is content and not repeats_a_field(text):
        return text
    return write_text(without).decode()


def may_hold_secret(text: str) -> bool:
    """Whether a text has to be looked through for secrets. This takes a thousandth of the time."""
    lowered = text.lower()
    return any(mark in lowered for mark in _MARKS) or "\\u00" in lowered


def _beside_audio(text: str) -> Iterator[tuple[int, int]]:
    """Where a frame is something else than audio, which is any long string with the characters of base64 alone."""
    begin = at = 0
    while len(text) - at >= _MIN_AUDIO_CHARACTERS:
        if text.find('"', at, at + _MIN_AUDIO_CHARACTERS) >= 0:
            at += _MIN_AUDIO_CHARACTERS
            continue
        opening = max(begin, text.rfind('"', begin, at) + 1)
        closing = text.find('"', at + _MIN_AUDIO_CHARACTERS)
        closing = closing if closing >= 0 else len(text)
        if not any(text.find(each, opening, closing) >= 0 for each in _NOT_BASE64):
            yield begin, opening
            begin = closing
        at = closing
    yield begin, len(text)


def _scrubbed_damaged(text: str) -> str:
    """The same for a text that is no JSON. Audio in it is not looked through."""
    kept: list[str] = []
    at = 0
    is_secret = False
    for begin, end in _beside_audio(text):
        audio = text[at:begin]
        kept += (_told(audio) if is_secret else audio, scrubbed_text(text[begin:end]))
        is_secret = _BEFORE_A_SECRET.search(text, max(begin, end - _MAX_FIELD_CHARACTERS), end) is not None
        at = end
    return "".join(kept)


def _value_instead(found: re.Match[str]) -> str:
    group = next(number for number in (1, 2, 3, 4) if found[number] is not None)
    before, value = found[0][: found.start(group) - found.start()], found[group]
    if group == _HEADERS:
        return found[0] if value.strip() == "{" else f'{before}{{"-":"{_told(value)}"'
    return before + _told(value)


def _scrubbed_value(value: Any, depth: int) -> Any:
    match value:
        case str():
            return scrubbed_text(value)
        case dict() | list() if depth > _MAX_DEPTH:
            return "(nested too deeply to be recorded)"
        case dict():
            pairs = {name: _scrubbed_field(value, name, inner, depth + 1) for name, inner in value.items()}
            names = {name: scrubbed_text(name) for name in value}
            is_same = all(pairs[name] is value[name] and names[name] is name for name in value)
            return value if is_same else {names[name]: inner for name, inner in pairs.items()}
        case list():
            items = [_scrubbed_value(inner, depth + 1) for inner in value]
            return value if all(one is other for one, other in zip(items, value, strict=True)) else items
        case _:
            return value


def _scrubbed_field(within: dict[str, Any], name: str, value: Any, depth: int) -> Any:
    lowered = name.lower()
    if lowered in _SECRET_FIELDS and isinstance(value, str):
        return _told(value)
    is_of_mcp = within.get("type") == "mcp" or not _MCP_FIELDS.isdisjoint(within)
    if lowered == "client_secret":
        if isinstance(value, dict) and isinstance(value.get("value"), str):
            value = {**value, "value": _told(value["value"])}
        elif isinstance(value, str):
            return _told(value)
    elif lowered == "headers" and is_of_mcp and isinstance(value, dict):
        return {each: _told(inner if isinstance(inner, str) else str(inner)) for each, inner in value.items()}
    elif lowered == "server_url" and isinstance(value, str) and ("?" in value or "@" in value):
        return url_without_keys(value)
    return _scrubbed_value(value, depth)


def _told(secret: str) -> str:
    if not secret or _TOLD.fullmatch(secret):
        return secret
    return f"(secret, {len(secret)} characters)"


def _instead(found: re.Match[str]) -> str:
    scheme = _TOKEN.match(found[0])
    begin = scheme.end() if scheme is not None else 0
    return found[0][:begin] + _told(found[0][begin:])
