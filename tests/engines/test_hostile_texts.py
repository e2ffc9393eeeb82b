"""Whatever a client, a tool or a schema holds, the embedded responder reads a bounded part of it in bounded time."""

import json
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.engines.base import Function, FunctionCall, Message, ResponderRequest
from duologue.engines.checks import responder_request
from duologue.engines.embedded.responder import EmbeddedResponder
from duologue.engines.embedded.spoken_calls import result_in_words
from duologue.server.session.clauses import Clauses
from tests.engines._requests import after

LIMIT_S = 5.0
"""Of processor time, of which each of these takes a hundredth and took minutes when it went by the square."""


class TooMuch(BaseException):
    pass


@pytest.fixture(autouse=True)
def limited() -> Iterator[None]:
    if sys.platform == "win32":
        pytest.skip("Windows has no timer of processor time")

    def stop(number: int, frame: FrameType | None) -> None:
        raise TooMuch

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT_S)
    yield
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    signal.signal(signal.SIGVTALRM, before)


def alternatives(depth: int, breadth: int) -> dict[str, Any]:
    if depth == 0:
        return {"type": "integer"}
    return {"anyOf": [alternatives(depth - 1, breadth)] * breadth}


def nested(depth: int, kind: str) -> str:
    return "[" * depth + "]" * depth if kind == "lists" else '{"a":' * depth + "1" + "}" * depth


async def said(request: ResponderRequest) -> list[str | FunctionCall]:
    return [piece async for piece in EmbeddedResponder(slow_s=0).respond(request)]


PLAIN = Function(name="note", parameters={"type": "object", "properties": {"text": {"type": "string"}}})

LONG_TEXTS = {
    "spaces": "a" + " " * 200_000 + "b",
    "single letters": "b " * 100_000,
    "commas": "call the tool note with text " + "," * 200_000 + "!",
    "links": "call the tool note with text " + "and " * 50_000,
    "arguments": "note" + " text" * 50_000,
    "counts": "count from " + "to " * 50_000,
    "lengths": "how long " * 50_000,
    "spaces behind a call": "call" + " " * 200_000,
    "signs": "(" * 200,
}


@pytest.mark.parametrize("text", LONG_TEXTS.values(), ids=LONG_TEXTS)
@pytest.mark.parametrize("choice", ["auto", "required"])
async def test_a_long_text_is_answered(text: str, choice: str) -> None:
    assert await said(responder_request(text, functions=(PLAIN,), function_choice=choice))
    assert await said(responder_request(text))


SCHEMAS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "alternatives in alternatives": ({"text": alternatives(7, 8)}, []),
    "a long enum": ({"text": {"enum": [f"value {number} of many" for number in range(200_000)]}}, []),
    "many properties": ({f"text {number}": {"type": "string"} for number in range(100_000)}, []),
    "many required names": ({"text": {"type": "string"}}, [f"name {number}" for number in range(100_000)]),
    "long names": ({"x" * 1_000_000: {"type": "string"}, "text": {}}, []),
    "lists of alternatives": ({"text": {"type": "array", "items": alternatives(3, 60)}}, []),
}


@pytest.mark.parametrize(("properties", "required"), SCHEMAS.values(), ids=SCHEMAS)
@pytest.mark.parametrize("choice", ["auto", "required"])
async def test_a_large_schema_is_answered(properties: dict[str, Any], required: list[str], choice: str) -> None:
    parameters = {"type": "object", "properties": properties, "required": required}
    functions = (Function(name="note", parameters=parameters),)
    for text in ("call the tool note with text " + "b, " * 400, 'call the tool note with {"text": ["b", ["c"]]}'):
        answer = await said(responder_request(text, functions=functions, function_choice=choice))
        assert answer
        assert sum(len(piece) for piece in answer if isinstance(piece, str)) < 50_000


async def test_one_of_very_many_tools_is_answered() -> None:
    functions = tuple(Function(name=f"{'a' * 60}{number}", parameters={}) for number in range(80_000))
    for choice in ("auto", "required"):
        assert await said(
            responder_request("call the tool " + "aaaa " * 200, functions=functions, function_choice=choice)
        )


@pytest.mark.parametrize("kind", ["lists", "objects"])
@pytest.mark.parametrize("depth", [20, 330, 490, 900, 100_000])
async def test_a_nested_result_or_argument_harms_no_later_response(kind: str, depth: int) -> None:
    output = nested(depth, kind)
    call = FunctionCall(name="note", arguments=output, call_id="call_1")
    messages = (
        Message("user", "note it"),
        Message("assistant", "", calls=(call,)),
        Message("tool", output, call_id="call_1"),
    )
    assert await said(after(*messages, functions=(PLAIN,)))
    later = after(*messages, Message("assistant", "x"), Message("user", "Hello"), functions=(PLAIN,))
    assert await said(later) == ["Hello! ", "What can I do for you?"]


@pytest.mark.parametrize("kind", ["lists", "objects"])
@pytest.mark.parametrize("depth", [20, 240, 330, 480])
async def test_a_nested_argument_that_is_typed_is_a_call_or_words(kind: str, depth: int) -> None:
    schema: dict[str, Any] = {"type": "integer"}
    for _ in range(depth):
        schema = {"type": "array", "items": schema}
    function = Function(name="note", parameters={"type": "object", "properties": {"text": schema}})
    for choice in ("auto", "required"):
        text = f'call the tool note with {{"text": {nested(depth, kind)}}}'
        assert await said(responder_request(text, functions=(function,), function_choice=choice))


async def test_a_hundred_thousand_results_are_said_up_to_sixteen() -> None:
    messages = tuple(Message("tool", "[1, 2, 3]", call_id=f"call_{number}") for number in range(100_000))
    words = "".join(str(piece) for piece in await said(after(Message("user", "Go"), *messages)))
    assert words.count("The tool returned") == 16


async def test_a_name_is_remembered_over_an_hour_and_not_searched_for_in_a_library() -> None:
    named = Message("user", "My name is Ada.")
    talk = tuple(Message("user", "And what is seven times eight?") for _ in range(360))
    asks = Message("user", "What is my name?")
    assert await said(after(named, *talk, asks)) == ["Your name is Ada."]
    books = (Message("user", "call me, " * 100_000),) * 1_000
    assert await said(after(named, *books, asks)) == ["You have not told me your name yet."]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=30,
)


@given(JSON)
def test_any_result_is_said_and_read_no_further_than_it_is_listened_to(value: Any) -> None:
    output = json.dumps(value)
    words = result_in_words(after(Message("user", "Go"), Message("tool", output, call_id="call_1")))
    assert words is not None
    assert len(words) < 700


@pytest.mark.parametrize(
    "text", ["x" * 2_000_000, "word " * 400_000, ". " * 200_000, "a. " * 200_000, "\n" * 2_000_000]
)
def test_a_long_answer_is_cut_into_clauses_that_can_be_spoken(text: str) -> None:
    clauses = Clauses()
    cut = [*clauses.add(text), *clauses.rest()]
    assert max(map(len, cut), default=0) <= 251
    assert "".join("".join(cut).split()) == "".join(text.split())


def test_a_sentence_that_ends_far_away_is_cut_before_its_end() -> None:
    clauses = Clauses()
    assert max(map(len, clauses.add("x" * 10_000 + ". And on. "))) <= 251
