"""The responder that needs no network, no key and no language model: honest about it, and useful where it can be."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator

from duologue.engines.base import Exchange
from duologue.engines.intents import answer

__all__ = ["EmbeddedResponder"]

_CLAUSE = re.compile(r".+?(?:[.!?;:,](?=\s)\s+|$)", re.DOTALL)
"""Up to a mark with space behind it: a comma in a number, or a colon in a time, ends nothing."""


class EmbeddedResponder:
    """Answers in English from a table of intents; says what it heard where none fits. Keeps nothing between calls."""

    name: str = "embedded"

    async def respond(self, exchange: Exchange, /) -> AsyncGenerator[str, None]:
        """The answer by clauses, known at once."""
        for clause in _CLAUSE.findall(answer(exchange)):
            yield clause
