"""The responder that needs no network, no key and no language model: honest about it, and useful where it can be."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator

from duologue.engines.base import Exchange, FunctionCall
from duologue.engines.intents import SLOWLY, answer
from duologue.engines.spoken_calls import result_in_words, wanted_call

__all__ = ["EmbeddedResponder"]

_CLAUSE = re.compile(r".+?(?:[.!?;:,](?=\s)\s+|$)", re.DOTALL)
"""Up to a mark with space behind it: a comma in a number, or a colon in a time, ends nothing."""

_SLOW_S = 0.4  # between sentences that are asked for slowly: a hundred numbers take the time it takes to say them


class EmbeddedResponder:
    """Answers in English from a table of intents; says what it heard where none fits. Keeps nothing between calls."""

    name: str = "embedded"

    def __init__(self, *, slow_s: float = _SLOW_S) -> None:
        """`slow_s`: how long it waits between two sentences when it was asked to do something slowly."""
        self._slow_s = slow_s

    async def respond(self, exchange: Exchange, /) -> AsyncGenerator[str | FunctionCall, None]:
        """The answer by clauses, known at once; or the calls that were asked for. What they returned is then said.

        Where the client requires a call, one is made with what the words give for it. Once: the answer to a result is
        always words, or a session whose `tool_choice` is "required" would go round for ever.
        """
        result = result_in_words(exchange)
        if result is not None:
            for clause in _CLAUSE.findall(result):
                yield clause
            if exchange.messages[-1].role != "user":
                return
            yield " "
        said = next((message.text for message in reversed(exchange.messages) if message.role == "user"), "")
        if result is None and (wanted := wanted_call(exchange, said)) is not None:
            yield wanted
            return
        words = answer(exchange)
        if not isinstance(words, str):
            for call in words:
                yield call
            return
        slowly = SLOWLY.search(said) is not None and SLOWLY.search(words) is None
        for index, clause in enumerate(_CLAUSE.findall(words)):
            if index and slowly:
                await asyncio.sleep(self._slow_s)
            yield clause
