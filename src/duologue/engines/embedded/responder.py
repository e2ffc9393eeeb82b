"""The responder that needs no network, no key and no language model: honest about it, and useful where it can be."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence

import msgspec

from duologue.engines.base import FunctionCall, ResponderRequest
from duologue.engines.embedded.intents import SLOWLY, answer
from duologue.engines.embedded.orders import ordered_call, ordered_words
from duologue.engines.embedded.spoken_calls import (
    ASKING,
    MAX_SAID_CHARACTERS,
    asked_calls,
    named_call,
    result_in_words,
    wanted_call,
)

__all__ = ["EmbeddedResponder"]

_CLAUSE = re.compile(r".+?(?:[.!?;:,](?=\s)\s+|$)", re.DOTALL)
"""Ends at punctuation followed by a space, so not at the comma in a number or the colon in a time."""

_SLOW_S = 0.4  # between sentences that are asked for slowly: a hundred numbers take the time it takes to say them


class EmbeddedResponder:
    """Answers in English from a table of intents; says what it heard where none fits. Keeps nothing between calls."""

    name: str = "embedded"

    def __init__(self, *, slow_s: float = _SLOW_S) -> None:
        """`slow_s`: how long it waits between two sentences when it was asked to do something slowly."""
        self._slow_s = slow_s

    async def respond(self, request: ResponderRequest, /) -> AsyncGenerator[str | FunctionCall, None]:
        """The answer by clauses, known at once; or the calls that were asked for. What they returned is then said.

        Where the client requires a call, one is made with what the words give for it. Once: the answer to a result is
        always words, or a session whose `tool_choice` is "required" would go round for ever.
        """
        # Schemas come from clients, and comparing what was said with all they hold may take long. Text alone does not.
        pieces, slowly = await asyncio.to_thread(_answer, request) if request.functions else _answer(request)
        for index, piece in enumerate(pieces):
            if index and slowly:
                await asyncio.sleep(self._slow_s)
            yield piece


def _answer(request: ResponderRequest) -> tuple[Sequence[str | FunctionCall], bool]:
    """What to say and to call, and whether to take time between the pieces. Bounded work, however long the texts."""
    fallback = next((function for function in request.functions if function.fallback), None)
    if fallback is not None:  # for what no intent answers, and for nothing else: users do not know its name
        named = tuple(function for function in request.functions if not function.fallback)
        request = msgspec.structs.replace(request, functions=named)
    result = result_in_words(request)
    results = _CLAUSE.findall(result) if result is not None else []
    if result is not None and request.messages[-1].role != "user":
        return _after_result(request, result) or results, False
    text = next((message.text for message in reversed(request.messages) if message.role == "user"), "")
    said = text[:MAX_SAID_CHARACTERS]
    if result is None and (calls := _calls(request, said)):
        return calls, False
    words = answer(request, fallback=fallback if request.function_choice != "none" else None)
    before = [*results, " "] if results else []
    if not isinstance(words, str):
        return [*before, *words], False
    slowly = SLOWLY.search(said) is not None and SLOWLY.search(words) is None
    return [*before, *_CLAUSE.findall(words)], slowly


def _calls(request: ResponderRequest, said: str) -> Sequence[FunctionCall]:
    """The calls that must be made: the client requires one, or the instructions order one. Empty for none.

    A call that the user asks for is made instead of an ordered one.
    """
    ordered = ordered_call(request)
    wanted = wanted_call(request, said)
    if wanted is not None:
        return [ordered or wanted]
    if asked := _asked_by_user(request, said):
        return asked
    return [] if ordered is None else [ordered]


def _asked_by_user(request: ResponderRequest, said: str) -> Sequence[FunctionCall]:
    if (named := named_call(said, request.functions)) is not None and request.function_choice != "none":
        return [named]
    # Without orders the table of intents decides: "say: call me later" asks for no call.
    if not request.instructions or (asking := ASKING.search(said)) is None:
        return []
    calls = asked_calls(request, sure=bool(asking["sure"]), rest=asking["rest"])
    return [] if calls is None or isinstance(calls, str) else calls


def _after_result(request: ResponderRequest, result: str) -> Sequence[str | FunctionCall]:
    """What the instructions order for the time after a call; empty if nothing."""
    if (ordered := ordered_call(request)) is not None:
        return [ordered]
    words = ordered_words(request.instructions, result)
    return [] if words is None else _CLAUSE.findall(words)
