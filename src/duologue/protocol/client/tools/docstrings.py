"""What a docstring says about a function and its parameters.

The extra `tools` reads Google's style, NumPy's, Sphinx's and Epydoc's with `docstring-parser`, which is small and needs
no other package; `griffe`, the other one, analyses whole programs. Without the extra, Google's style is read.
"""

from __future__ import annotations

import logging
import re
from functools import lru_cache
from typing import Any, Final

from msgspec import Struct

from duologue.printable import printable

__all__ = ["Description", "describe"]

_logger = logging.getLogger("duologue.client")

_SECTION: Final = re.compile(r"^\s*(Args|Arguments|Parameters|Attributes|Returns|Raises|Yields|Examples?|Notes?):\s*$")
_ENTRY: Final = re.compile(r"^(\s*)\*{0,2}(\w+)\s*(?:\([^)]*\))?:\s*(.*)$")
_OTHER_STYLES: Final = re.compile(r"^[ \t]*(:param\b|@param\b|Parameters[ \t]*\n[ \t]*-{3,})", re.MULTILINE)


class Description(Struct, frozen=True):
    """A docstring in parts."""

    text: str = ""
    """Everything before the first section."""
    entries: dict[str, str] = {}
    """Parameters, or attributes of a class, each in one line."""


@lru_cache(maxsize=256)  # a class that many functions take is described once
def describe(docstring: str) -> Description:
    """The parts of a docstring whose indentation is removed."""
    try:
        import docstring_parser
    except ImportError:
        return _read_google(docstring)
    try:
        parsed: Any = docstring_parser.parse(docstring)
    except docstring_parser.ParseError:
        return Description(text=docstring.strip())
    entries: dict[str, str] = {}
    for entry in parsed.params:
        for name in entry.arg_name.split(","):  # NumPy's style describes several at once
            entries[name.strip().lstrip("*")] = " ".join((entry.description or "").split())
    return Description(text=(parsed.description or "").strip(), entries=entries)


def _read_google(docstring: str) -> Description:
    if _OTHER_STYLES.search(docstring):
        _logger.warning(
            "parameters described in this style are read with the extra: pip install 'duologue[tools]' (%s)",
            printable(docstring.splitlines()[0], max_characters=80),
        )
    summary: list[str] = []
    entries: dict[str, str] = {}
    section, current, indent = "", "", 0
    for line in docstring.splitlines():
        if heading := _SECTION.match(line):
            section, current = heading.group(1), ""
        elif not section:
            summary.append(line)
        elif section in ("Args", "Arguments", "Parameters", "Attributes"):
            entry = _ENTRY.match(line)
            if entry and (not current or len(entry.group(1)) <= indent):
                indent, current = len(entry.group(1)), entry.group(2)
                entries[current] = entry.group(3).strip()
            elif current and line.strip():
                entries[current] = f"{entries[current]} {line.strip()}".strip()
    return Description(text="\n".join(summary).strip(), entries=entries)
