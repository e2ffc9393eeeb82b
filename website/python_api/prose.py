"""Docstrings as Markdown."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import Final

from website.python_api.names import linked_prose

__all__ = ["first_sentence", "markdown"]

_SECTIONS: Final = ("Args", "Raises", "Returns", "Yields")
_DRAWN: Final = re.compile(r"├|└|\S {3,}\S")
"""A tree, or columns: shown as it is."""
_SPAN: Final = re.compile(r"(`[^`]*`)")
_ENTRY: Final = re.compile(r"(?m)^(\*{0,2}\w+(?:, \*{0,2}\w+)*): ")


def markdown(docstring: str, *, page: str, owner: str = "") -> str:
    """A docstring as Markdown, with links from the names in it."""
    blocks = [*_blocks(docstring, page=page, owner=owner)]
    return "\n\n".join(blocks)


def first_sentence(docstring: str, *, page: str) -> str:
    """The first sentence, for the cell of a table."""
    paragraph = " ".join(docstring.strip().partition("\n\n")[0].split())
    sentence = re.split(r"(?<=[.])\s+(?=[A-Z`])", paragraph, maxsplit=1)[0]
    return (
        linked_prose(_plain(sentence), page=page).replace("|", "&#124;")
        if "|" not in sentence
        else _plain(sentence).replace("|", "\\|")
    )


def _blocks(docstring: str, *, page: str, owner: str) -> Iterator[str]:
    for block in re.split(r"\n{2,}", docstring.strip("\n")):
        head, _, rest = block.partition("\n")
        if head.rstrip(":") in _SECTIONS and head.endswith(":"):
            yield f"**{head.removesuffix(':')}**"
            yield "\n".join(_entries(textwrap.dedent(rest), page=page, owner=owner))
        elif block.startswith(">>> "):
            yield f"```python\n{block}\n```"
        elif block.startswith("    "):
            yield f"```python\n{textwrap.dedent(block)}\n```"
        elif _DRAWN.search(block):
            yield f"```text\n{block}\n```"
        elif re.match(r"- |\d\. ", block):
            yield "\n".join(linked_prose(_plain(line), page=page, owner=owner) for line in block.splitlines())
        else:
            yield linked_prose(_plain(" ".join(block.split())), page=page, owner=owner)


def _entries(text: str, *, page: str, owner: str) -> Iterator[str]:
    """The lines of a section, `name: what it says`, as a list."""
    entries = [" ".join(each.split()) for each in re.split(r"\n(?!\s)", text)]
    for entry in entries:
        named = _ENTRY.match(entry)
        if named is None:
            yield linked_prose(_plain(entry), page=page, owner=owner)
        else:
            names = ", ".join(f"`{name}`" for name in named[1].split(", "))
            yield "- " + linked_prose(f"{names}: {_plain(entry[named.end() :])}", page=page, owner=owner)


def _plain(text: str) -> str:
    """Text in which only backticks mean something."""
    parts = _SPAN.split(text)
    return "".join(each if each.startswith("`") else re.sub(r"([*_<\[\]])", r"\\\1", each) for each in parts)
