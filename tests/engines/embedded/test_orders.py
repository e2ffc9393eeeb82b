"""The embedded responder obeys what instructions order word for word, a session's as well as a response's."""

from __future__ import annotations

from typing import Final

import msgspec
import pytest

from duologue.engines.base import Function, FunctionCall, Message
from duologue.engines.embedded.orders import ordered_words
from duologue.engines.embedded.responder import EmbeddedResponder
from tests.engines._requests import after


def _function(name: str, *required: str) -> Function:
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in required}, "required": [*required]}
    return Function(name=name, description="", parameters=schema)


_LOOKUP: Final = _function("lookup_city", "city")
_PUBLISH: Final = _function("publish", "checkpoint")
_TRANSFER: Final = _function("transfer_to_packaged_specialist")


async def _answer(
    instructions: str, *messages: str | Message, functions: tuple[Function, ...] = (), choice: str = "auto"
) -> list[str | FunctionCall]:
    said = [message if isinstance(message, Message) else Message("user", message) for message in messages]
    spoke = max((place for place, one in enumerate(said) if one.role == "assistant" and not one.calls), default=-1)
    returned = frozenset(one.call_id for one in said[spoke + 1 :] if one.role == "tool")
    request = after(*said, instructions=instructions, functions=functions, function_choice=choice)
    request = msgspec.structs.replace(request, returned=returned)
    return [piece async for piece in EmbeddedResponder().respond(request)]


def _called(function: Function, output: str) -> tuple[Message, Message]:
    call = FunctionCall(name=function.name, arguments="{}", call_id="call_1")
    return Message("assistant", "", calls=(call,)), Message("tool", output, call_id="call_1")


@pytest.mark.parametrize(
    ("instructions", "words"),
    [
        ("Reply with exactly REALTIME_READY.", "REALTIME_READY"),
        ("You are a test agent. Always reply with exactly: Hello there, friend.", "Hello there, friend."),
        ("Respond to the user's speech with exactly AUDIO_READY.", "AUDIO_READY"),
        ("Reply only STORED.", "STORED"),
        ("Say 'Hello. How are you?' and nothing else.", "Hello. How are you?"),
        ("Please answer with exactly pong.", "pong"),
        ("Reply with exactly the word pong.", "pong"),
        ("Your reply must be exactly: OK", "OK"),
        ("Be kind. Then respond with “I am 5.”", "I am 5."),
        ("Reply with exactly «Bonjour le monde».", "Bonjour le monde"),
        ("Reply with exactly \u2018PING PONG\u2019.", "PING PONG"),
        ("Respond with exactly this text: READY NOW", "READY NOW"),
        ("Reply with exactly the following text: foo bar", "foo bar"),
        ('Always respond with the exact phrase "blue fish".', "blue fish"),
        ("Answer with the single word READY.", "READY"),
        ("Respond with precisely READY.", "READY"),
        ("No matter what the user says, reply with exactly PONG.", "PONG"),
        ("For every message, reply with exactly PONG.", "PONG"),
        ("Reply with exactly READY to every message.", "READY"),
        ("Reply with exactly READY and nothing else.", "READY"),
        ("Reply with exactly READY, no punctuation.", "READY"),
    ],
)
async def test_words_that_the_session_orders_are_the_answer(instructions: str, words: str) -> None:
    pieces = await _answer(instructions, "Confirm the connection.")
    assert "".join(str(piece) for piece in pieces) == words


@pytest.mark.parametrize(
    "instructions",
    [
        "Answer only in English.",
        "Respond only with JSON.",
        "Reply in exactly one sentence.",
        "Respond with exactly three short words.",
        "Say only what is necessary.",
        "Reply with a short sentence.",
        "Never say exactly NO.",
        "Do not reply with exactly YES.",
        "Say exactly what the user said.",
        "If the user is angry, reply with exactly SORRY.",
    ],
)
def test_what_describes_an_answer_orders_no_words(instructions: str) -> None:
    assert ordered_words(instructions) is None


@pytest.mark.parametrize(
    "instructions",
    [
        "Call lookup_city with Tokyo, then reply with TOKYO_SUNNY.",
        "Call lookup_city with city='Tokyo'.",
        "Always call the function lookup_city with city Tokyo.",
        "Invoke the lookup_city tool with city=Tokyo. Reply with exactly DONE.",
        'First call lookup_city with {"city": "Tokyo"} and then say what it is.',
        "Call lookup_city(city='Tokyo').",
        "Always call lookup_city(city='Tokyo') exactly once.",
        "You must call the `lookup_city` function with city='Tokyo' before replying.",
        "When the user speaks, call lookup_city with city='Tokyo'.",
        "Execute the tool named lookup_city with city=Tokyo.",
    ],
)
async def test_a_call_that_the_session_orders_is_made(instructions: str) -> None:
    pieces = await _answer(instructions, "What is the weather?", functions=(_LOOKUP,))
    assert pieces == [FunctionCall(name="lookup_city", arguments='{"city":"Tokyo"}')]


@pytest.mark.parametrize(
    "instructions",
    [
        "Use the lookup_city tool for any question about weather, then answer in one short sentence.",
        "Call lookup_city with the city that the user names.",
        "Call lookup_city when the user asks for a city.",
        "You can call lookup_city.",
        "Never call lookup_city with city='Tokyo'.",
        "Call another_tool with city='Tokyo'.",
    ],
)
async def test_a_rule_for_calls_orders_none(instructions: str) -> None:
    pieces = await _answer(instructions, "Hello!", functions=(_LOOKUP,))
    assert all(isinstance(piece, str) for piece in pieces)


async def test_an_ordered_call_is_made_once_a_turn_and_the_ordered_words_follow_its_result() -> None:
    instructions = "Call lookup_city with Tokyo, then reply with TOKYO_SUNNY."
    pieces = await _answer(instructions, "And the weather?", *_called(_LOOKUP, "sunny"), functions=(_LOOKUP,))
    assert pieces == ["TOKYO_SUNNY"]
    again = await _answer(
        instructions,
        "And the weather?",
        *_called(_LOOKUP, "sunny"),
        Message("assistant", "TOKYO_SUNNY"),
        "Again, please.",
        functions=(_LOOKUP,),
    )
    assert again == [FunctionCall(name="lookup_city", arguments='{"city":"Tokyo"}')]


@pytest.mark.parametrize(
    "order", ["Call add with a=-1.5 and b=-2.", "Call add(a=-1.5, b = -2)", "Call add with a \N{MINUS SIGN}1.5, b -2."]
)
async def test_an_ordered_number_keeps_its_sign(order: str) -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "number"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    }
    pieces = await _answer(order, "Go.", functions=(Function(name="add", description="", parameters=schema),))
    assert pieces == [FunctionCall(name="add", arguments='{"a":-1.5,"b":-2}')]


async def test_two_ordered_calls_are_made_one_after_the_other() -> None:
    instructions = "Call lookup_city with Tokyo, then call publish with checkpoint='release', then say DONE."
    functions = (_LOOKUP, _PUBLISH)
    pieces = await _answer(instructions, "Go.", *_called(_LOOKUP, "sunny"), functions=functions)
    assert pieces == [FunctionCall(name="publish", arguments='{"checkpoint":"release"}')]


@pytest.mark.parametrize(
    ("output", "words"),
    [("REALTIME_APPROVED", "APPROVED"), ("Publishing the checkpoint was rejected.", "REJECTED")],
)
async def test_the_words_can_depend_on_what_the_call_returned(output: str, words: str) -> None:
    instructions = (
        "Call publish with checkpoint='release'. If it succeeds reply APPROVED. If it is rejected reply REJECTED."
    )
    assert await _answer(instructions, "Publish it.", *_called(_PUBLISH, output), functions=(_PUBLISH,)) == [words]


async def test_a_handoff_is_a_call_by_the_words_of_its_name() -> None:
    handed = [FunctionCall(name="transfer_to_packaged_specialist", arguments="{}")]
    ordered = "Immediately transfer to the packaged specialist."
    assert await _answer(ordered, "Transfer me to the specialist.", functions=(_TRANSFER,)) == handed
    asked = "Transfer me to the packaged specialist, please."
    assert await _answer("", asked, functions=(_TRANSFER,)) == handed


async def test_what_the_user_asks_to_be_called_is_called_instead() -> None:
    pieces = await _answer(
        "Reply with exactly READY.", "Call the function lookup_city with city Rome.", functions=(_LOOKUP,)
    )
    assert pieces == [FunctionCall(name="lookup_city", arguments='{"city":"Rome"}')]


async def test_a_client_that_forbids_calls_gets_words() -> None:
    instructions = "Call lookup_city with Tokyo. Reply with exactly READY."
    assert await _answer(instructions, "Go.", functions=(_LOOKUP,), choice="none") == ["READY"]
    assert await _answer("", "Transfer to the packaged specialist.", functions=(_TRANSFER,), choice="none") != []


async def test_a_required_call_is_the_ordered_one() -> None:
    instructions = "Call publish with checkpoint='release'."
    pieces = await _answer(instructions, "Go on.", functions=(_LOOKUP, _PUBLISH), choice="required")
    assert pieces == [FunctionCall(name="publish", arguments='{"checkpoint":"release"}')]


async def test_the_user_orders_words_as_well_and_asks_for_them_later() -> None:
    first = "Remember the verification word SIERRA. Reply only STORED."
    assert await _answer("Be concise.", first) == ["STORED"]
    later = "What was the verification word? Reply only with that word."
    assert await _answer("Be concise.", first, Message("assistant", "STORED"), later) == ["SIERRA."]


async def test_long_instructions_cost_little() -> None:
    for filler in ("say exactly 'a' ", "if x, say 'b'; ", "call lookup_city with '", "'\"“`", "then " * 3):
        pieces = await _answer(filler * 20_000, "Hello!", functions=(_LOOKUP,) * 100)
        assert pieces
