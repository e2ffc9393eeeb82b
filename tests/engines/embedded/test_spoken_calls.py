"""The embedded responder calls the tools that it is asked to call, as people and transcribers spell it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.resampling import resample
from duologue.engines.base import Function, FunctionCall, Message, ResponderRequest, Synthesizer, Transcriber
from duologue.engines.checks import responder_request
from duologue.engines.embedded.intents import answer
from duologue.engines.embedded.responder import EmbeddedResponder
from tests.engines._requests import after


def function(name: str, *required: str, **properties: Any) -> Function:
    parameters = {"type": "object", "properties": properties, "required": list(required)}
    return Function(name=name, parameters=parameters)


WEATHER = function(
    "get_weather",
    "city",
    city={"type": "string"},
    unit={"type": "string", "enum": ["celsius", "fahrenheit"]},
    days={"type": "integer", "minimum": 1, "maximum": 7},
    with_wind={"type": "boolean"},
    minTemperature={"type": "number"},
    others={"type": "array", "items": {"type": "string"}},
    zip_code={"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]},
    hour={"type": ["integer", "null"]},
)
TIME = function("getTime", zone={"type": "string"})
RESET = Function(name="reset")
OFFERED = (WEATHER, TIME, RESET)


def returned(output: str, *later: Message) -> ResponderRequest:
    """A request after the user's wish, a call, what that returned, and what came then."""
    call = FunctionCall(name="reset", arguments="{}", call_id="call_1")
    return after(
        Message("user", "Call the tool get_weather with city Paris"),
        Message("assistant", "", calls=(call,)),
        Message("tool", output, call_id="call_1"),
        *later,
        functions=OFFERED,
    )


async def answered(request: ResponderRequest) -> list[Any]:
    """Words as they are, calls as a name and arguments."""
    pieces = [piece async for piece in EmbeddedResponder(slow_s=0).respond(request)]
    calls = [(piece.name, json.loads(piece.arguments)) for piece in pieces if isinstance(piece, FunctionCall)]
    words = "".join(piece for piece in pieces if isinstance(piece, str))
    return [*([words] if words else []), *calls]


@pytest.mark.parametrize(
    ("said", "arguments"),
    [
        ("Call the tool get_weather with city Paris", {"city": "Paris"}),
        ("call the tool get weather with city paris", {"city": "paris"}),
        ("Call the tool getWeather, with city: Paris.", {"city": "Paris"}),
        ("Please call the function get weather with city is Paris and unit is Celsius.",
         {"city": "Paris", "unit": "celsius"}),
        # As transcribers write it.
        ("Call the tool, get weather, with city, New York, and unit, Fahrenheit.",
         {"city": "New York", "unit": "fahrenheit"}),
        ("Call the tool Get Weather With City Paris And Unit Celsius", {"city": "Paris", "unit": "celsius"}),
        ("Call the tool get whether with city Paris.", {"city": "Paris"}),
        ("Call the tool get underscore weather with city Paris.", {"city": "Paris"}),
        ("Hello. Could you use the tool get weather for Rome?", {"city": "Rome"}),
        ("Call get_weather with city Paris", {"city": "Paris"}),
        ("Call the tool get weather with city Paris, days three, and with wind yes.",
         {"city": "Paris", "days": 3, "with_wind": True}),
        ("Call the tool get weather with city Paris and days 7 and with wind off",
         {"city": "Paris", "days": 7, "with_wind": False}),
        ("Call the tool get weather with city Paris and min temperature minus two point five",
         {"city": "Paris", "minTemperature": -2.5}),
        ("Call the tool get weather with city Paris and min temperature 12.",
         {"city": "Paris", "minTemperature": 12}),
        ("Call the tool get weather with city Paris and others Rome, Oslo and New York",
         {"city": "Paris", "others": ["Rome", "Oslo", "New York"]}),
        ("Call the tool get weather with city Paris and zip code SW1A 1AA", {"city": "Paris", "zip_code": "SW1A 1AA"}),
        ("Call the tool get weather with city Paris and zip code twelve and hour nothing",
         {"city": "Paris", "zip_code": 12, "hour": None}),
        ("Call the tool get_weather with city Trinidad and Tobago", {"city": "Trinidad and Tobago"}),
        ("Call the tool get_weather with unit celsius and city the city of Unit", {"unit": "celsius",
         "city": "the city of Unit"}),
        ('Call the tool get_weather with {"city": "Oslo", "days": 2}', {"city": "Oslo", "days": 2}),
    ],
)  # fmt: skip
async def test_a_tool_is_called_with_its_arguments_by_name(said: str, arguments: dict[str, Any]) -> None:
    assert await answered(responder_request(said, functions=OFFERED)) == [("get_weather", arguments)]


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        ("Call the tool get weather.", "To call the tool get weather I need city."),
        ("Call the tool get weather with unit celsius", "I need city."),
        ("Call the tool get weather with city Paris and unit kelvin",
         "For unit I understand celsius or fahrenheit, and not kelvin."),
        ("Call the tool get weather with city Paris and days nine", "For days I understand at most 7, and not nine."),
        ("Call the tool get weather with city Paris and days many", "For days I understand a number, and not many."),
        ("Call the tool get weather with city Paris and days 1.5", "I understand a whole number, and not 1.5."),
        ("Call the tool get weather with city Paris and with wind maybe", "I understand yes or no, and not maybe."),
        ('Call the tool get_weather with {"city": "Paris", "days": 2.5}', "For days I understand integer"),
        ("Call the tool get time with place Paris",
         "The tool get time takes zone, and I heard none of that in: with place Paris."),
        ("Call the tool make coffee", "I do not know that tool. I can call get weather, get time, reset."),
    ],
)  # fmt: skip
async def test_what_cannot_be_called_is_said(said: str, reply: str) -> None:
    [words] = await answered(responder_request(said, functions=OFFERED))
    assert reply in words


async def test_a_tool_without_arguments_is_called_with_an_empty_object() -> None:
    assert await answered(responder_request("Please call the tool reset now.", functions=OFFERED)) == [("reset", {})]


async def test_two_tools_are_called_in_one_breath() -> None:
    said = "Call the tool get time with zone UTC, and then call the tool get weather with city Lima."
    assert await answered(responder_request(said, functions=OFFERED)) == [
        ("getTime", {"zone": "UTC"}),
        ("get_weather", {"city": "Lima"}),
    ]


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        ("Call me Ishmael.", "Nice to meet you, Ishmael."),
        ("Repeat after me: call the tool reset", "call the tool reset"),
        ("What is two plus two?", "2 plus 2 is 4."),
        ("Use of tools is forbidden.", 'I heard: "Use of tools is forbidden."'),
    ],
)
async def test_other_intents_stay_what_they_were_when_tools_are_offered(said: str, reply: str) -> None:
    assert await answered(responder_request(said, functions=OFFERED)) == [reply]


async def test_without_tools_and_where_calls_are_forbidden_it_says_so() -> None:
    said = "Call the tool get_weather with city Paris"
    assert await answered(responder_request(said)) == ["I have no tools to call."]
    assert await answered(responder_request(said, functions=OFFERED, function_choice="none")) == [
        "I have no tools to call."
    ]


@pytest.mark.parametrize(
    ("said", "choice", "expected"),
    [
        ("What is the weather in city Paris?", "required", ("get_weather", {"city": "Paris"})),
        ("Hello!", "required", ("get_weather", {})),
        ("Get time please", "required", ("getTime", {})),
        ("Hello!", "getTime", ("getTime", {})),
        ("Call the tool get weather with city Oslo", "getTime", ("getTime", {})),
        ("Call the tool get time with zone CET", "getTime", ("getTime", {"zone": "CET"})),
        ("Weather for days nine in city Rome", "get_weather", ("get_weather", {"city": "Rome"})),
    ],
)
async def test_a_call_that_the_client_requires_is_made_with_what_the_words_give(
    said: str, choice: str, expected: tuple[str, dict[str, Any]]
) -> None:
    assert await answered(responder_request(said, functions=OFFERED, function_choice=choice)) == [expected]


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ('{"temperature": 21, "is_raining": false, "hours": [9, 12]}',
         "The tool returned temperature 21, is raining no, hours 9, 12."),
        ("It is sunny.", "The tool returned It is sunny."),
        ("", "The tool returned nothing."),
        ("null", "The tool returned nothing."),
    ],
)  # fmt: skip
async def test_what_a_tool_returned_is_said_in_words_and_never_called_again(output: str, words: str) -> None:
    for choice in ("auto", "required", "get_weather"):
        assert await answered(msgspec.structs.replace(returned(output), function_choice=choice)) == [words]


@pytest.mark.parametrize("output", ['{"half": "\ud83d"}', "[" * 5000], ids=["half a character", "a deep well"])
async def test_any_output_of_a_tool_is_said_somehow(output: str) -> None:
    [words] = await answered(returned(output))
    assert words.startswith(f"The tool returned {output[:9]}")


@pytest.mark.parametrize("half", ["\ud83d", r"\ud83d"], ids=["as it is", "escaped"])
async def test_half_a_character_breaks_no_call(half: str) -> None:
    note = function("make_note", "text", text={"type": "string"})
    request = responder_request(f'Call the tool make_note with {{"text": "{half}"}}', functions=(note,))
    assert await answered(request) == [("make_note", {"text": "\ud83d"})]


async def test_a_result_is_said_before_the_answer_to_whoever_spoke_while_the_tool_ran_and_only_once() -> None:
    asks, words = Message("user", "What is two plus two?"), "The tool returned done. 2 plus 2 is 4."
    assert await answered(returned("done", asks)) == [words]
    later = Message("assistant", words), Message("user", "What is two plus three?")
    assert await answered(returned("done", asks, *later)) == ["2 plus 3 is 5."]


async def test_a_result_that_comes_after_another_turn_is_said_all_the_same() -> None:
    turn = Message("user", "What is two plus two?"), Message("assistant", "2 plus 2 is 4.")
    late = frozenset({"call_1"})
    assert await answered(msgspec.structs.replace(returned("done", *turn), returned=late)) == [
        "The tool returned done."
    ]
    known = returned("done", *turn, Message("user", "What is two plus three?"))
    said = await answered(msgspec.structs.replace(known, returned=late))
    assert said == ["The tool returned done. 2 plus 3 is 5."]
    assert await answered(known) == ["2 plus 3 is 5."]


@given(said=st.text(max_size=80), schema=st.dictionaries(st.text(max_size=8), st.none() | st.booleans() | st.text()))
def test_no_words_and_no_schema_break_it(said: str, schema: dict[str, Any]) -> None:
    broken = Function(name="x", parameters={"properties": schema, "required": schema.get("required", 5)})
    for choice in ("auto", "required"):
        request = responder_request(f"Call the tool x with {said}", functions=(broken,), function_choice=choice)
        pieces = asyncio.run(answered(request))
        assert pieces
    odd = Function(name="x", parameters={"properties": {"a": schema, "b": {"anyOf": [schema], **schema}}})
    assert answer(responder_request(f"Call the tool x with a {said} and b {said}", functions=(odd,)))


def test_a_schema_that_holds_itself_ends() -> None:
    itself: dict[str, Any] = {"anyOf": []}
    itself["anyOf"].append(itself)
    endless = Function(name="x", parameters={"properties": {"a": itself}})
    assert "something simpler" in str(answer(responder_request("Call the tool x with a b", functions=(endless,))))


# --- slowly


@pytest.mark.parametrize("said", ["Count slowly from one to one hundred", "Count from 1 to 100, slowly."])
async def test_counting_slowly_is_long_enough_to_be_interrupted(said: str) -> None:
    pieces = [piece async for piece in EmbeddedResponder(slow_s=0).respond(responder_request(said))]
    assert len(pieces) == 100
    assert (pieces[0], pieces[-1]) == ("1. ", "100.")


@pytest.mark.usefixtures("idle_clock")
async def test_a_slow_count_takes_its_time_and_stops_at_once() -> None:
    counting = EmbeddedResponder(slow_s=3600).respond(responder_request("Count slowly to ten"))
    assert await anext(counting) == "1. "
    following = asyncio.ensure_future(anext(counting))
    await asyncio.sleep(0)
    assert not following.done()
    following.cancel()
    async with asyncio.timeout(0.05):
        await asyncio.wait([following])


# --- through a voice and an ear

SPOKEN = [
    ("Call the tool get weather with city Paris and unit celsius.", {"city": "Paris", "unit": "celsius"}),
    ("Please call the tool get weather with city London and days three.", {"city": "London", "days": 3}),
]


@pytest.mark.parametrize(("text", "arguments"), SPOKEN)
@pytest.mark.parametrize("voice", ["heart", "alloy"])
async def test_a_call_that_is_spoken_is_heard_and_made(
    synthesizer: Synthesizer, transcriber: Transcriber, voice: str, text: str, arguments: dict[str, Any]
) -> None:
    heard = await _heard(synthesizer, transcriber, text, voice)
    calls = await answered(responder_request(heard, functions=OFFERED))
    assert calls == [("get_weather", arguments)], heard


async def test_a_slow_count_that_is_spoken_is_heard(synthesizer: Synthesizer, transcriber: Transcriber) -> None:
    heard = await _heard(synthesizer, transcriber, "Count slowly from one to one hundred.", "heart")
    [words] = await answered(responder_request(heard))
    assert words.endswith("99. 100."), heard


async def _heard(synthesizer: Synthesizer, transcriber: Transcriber, text: str, voice: str) -> str:
    spoken = b"".join([piece async for piece in synthesizer.synthesize(text, voice=voice)])
    pause = bytes(16_000)
    audio = pause + resample(spoken, synthesizer.sample_rate_hz, transcriber.sample_rate_hz) + pause
    return "".join([piece async for piece in transcriber.transcribe(audio)])
