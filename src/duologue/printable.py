"""A peer's words as a terminal or a log may show them: on one line, bounded, without control characters."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["printable", "printable_json", "printable_message", "printable_name"]

_MAX_NAME_CHARACTERS: Final = 200
"""Of a peer's name for something, in a line of a log: three times the longest that the protocol allows."""

_MAX_MESSAGE_CHARACTERS: Final = 400
"""Of a peer's explanation: the longest of the hosted service, a list of the values that it takes, has 300."""

_KEY: Final = re.compile(
    r"(?:\b(?:sk|ek|pk|rk|gsk|xai|hf)[-_]|\bBearer )\S+|\b(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z\d]{20,}"
)
"""What looks like a key: the prefixes that vendors give theirs, and long words of letters and digits. Names of models
and of fields are made of shorter words."""


def printable(text: str, *, max_characters: int | None = None) -> str:
    r"""The text with its control characters written out: a line's end as `\n`, an escape as `\x1b`.

    Also those of Unicode: changes of the direction of writing, line and paragraph separators, lone surrogates. A text
    longer than `max_characters` is cut there, with an ellipsis.
    """
    if max_characters is not None and len(text) > max_characters:
        text = f"{text[:max_characters]}…"
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)


def printable_name(text: str) -> str:
    """A peer's name for something, printable, and cut beyond the length of any valid name."""
    return printable(text, max_characters=_MAX_NAME_CHARACTERS)


def printable_message(text: str) -> str:
    """A peer's explanation, on one line, cut, and without what looks like a key: some servers repeat the key that they
    do not accept."""
    return printable(_KEY.sub("…", " ".join(text.split())), max_characters=_MAX_MESSAGE_CHARACTERS)


def printable_json(text: str) -> str:
    """JSON text that means the same and has no control characters."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _json_escape(each) for each in text)


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
