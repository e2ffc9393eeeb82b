"""Schemas of Python functions, and the validation of the model's arguments."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Annotated, Any, Literal, TypedDict

import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue import ToolFunction
from duologue.events import FunctionTool, McpServerTool
from duologue.protocol.client.tools.toolbox import Toolbox, ToolProblem, answer_text, toolbox_of


class Size(Enum):
    SMALL = "small"
    LARGE = "large"


@dataclass
class Place:
    city: str
    country: str = "NL"


class Window(TypedDict):
    start: int
    end: int


class Filter(msgspec.Struct):
    tags: list[str] = []


NO_FILTER = Filter()


def everything(
    text: str,
    count: int,
    ratio: float,
    flag: bool,
    unit: Literal["c", "f"],
    size: Size,
    place: Place,
    window: Window,
    tags: list[str],
    scores: dict[str, int],
    note: str | None = None,
    *,
    filter: Filter = NO_FILTER,
    limit: Annotated[int, msgspec.Meta(ge=1, le=10, description="At most this many.")] = 5,
) -> dict[str, Any]:
    """Try every type.

    More about it.

    Args:
        text: Some words,
            on two lines.
        count (int): How many.
        limit: Not this one.
        unknown: Is not a parameter.

    Returns:
        What came.
    """
    return locals()


def weather(city: str, *, unit: Literal["celsius", "fahrenheit"] = "celsius") -> str:
    """The weather in a city."""
    return f"{city}: 20 {unit}"


def now() -> str:
    return "noon"


def test_a_schema_is_made_from_the_signature_and_the_docstring() -> None:
    (tool,) = Toolbox(everything).tools
    assert (tool.name, tool.description) == ("everything", "Try every type.\n\nMore about it.")
    schema = tool.parameters
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    properties = schema["properties"]
    assert properties["text"] == {"type": "string", "description": "Some words, on two lines."}
    assert properties["count"] == {"type": "integer", "description": "How many."}
    assert properties["ratio"] == {"type": "number"}
    assert properties["flag"] == {"type": "boolean"}
    assert properties["unit"] == {"enum": ["c", "f"]}
    assert properties["tags"] == {"type": "array", "items": {"type": "string"}}
    assert properties["scores"]["additionalProperties"] == {"type": "integer"}
    assert properties["note"]["default"] is None
    assert properties["limit"]["description"] == "At most this many."
    assert properties["limit"]["maximum"] == 10
    assert schema["$defs"]["Size"]["enum"] == ["large", "small"]
    assert set(schema["$defs"]) == {"Size", "Place", "Window", "Filter"}
    assert set(schema["required"]) == set(properties) - {"note", "filter", "limit"}
    assert "title" not in schema
    msgspec.json.encode(schema)


def test_arguments_become_what_the_signature_says() -> None:
    text = """{"text": "t", "count": 1, "ratio": 2, "flag": true, "unit": "c", "size": "large", "place": {"city": "X"},
        "window": {"start": 1, "end": 2}, "tags": ["a"], "scores": {"a": 1}}"""
    result = Toolbox(everything).bind("everything", text)()
    assert result["place"] == Place("X", "NL")
    assert result["size"] is Size.LARGE
    assert (result["window"], result["note"], result["limit"]) == ({"start": 1, "end": 2}, None, 5)
    assert result["filter"] == Filter()


def test_positional_and_keyword_only_parameters_are_called_as_they_must_be() -> None:
    tools = Toolbox()

    @tools.add
    def f(a: int, /, b: int = 2, *, c: list[int] = []) -> list[int]:  # noqa: B006 - as users write it
        return [a, b, *c]

    assert tools.bind("f", '{"a": 1}')() == [1, 2]
    assert tools.bind("f", '{"a": 1, "b": 3, "c": [4]}')() == [1, 3, 4]
    assert f(1) == [1, 2]


@pytest.mark.parametrize(
    "arguments",
    [
        *("", "{", "null", "[]", '"x"', "5", '{"city": 5}', '{"city": null}', '{"town": "X"}', "NaN", "[" * 100_000),
        *('{"city": "X", "unit": "K"}', '{"city": "X", "more": 1}', '{"city": "X"} {}', "{'city': 'X'}"),
    ],
    ids=lambda text: text[:20] or "nothing",
)
def test_pain_18_arguments_that_do_not_fit_are_a_problem_and_never_an_empty_object(arguments: str) -> None:
    with pytest.raises(ToolProblem, match=r"^The arguments of weather .*Nothing was done"):
        Toolbox(weather).bind("weather", arguments)


@pytest.mark.parametrize("arguments", ["", "null", "[]"], ids=["nothing", "null", "list"])
def test_pain_18_a_function_without_parameters_still_wants_an_object(arguments: str) -> None:
    tools = Toolbox(now)
    assert tools.bind("now", "{}")() == "noon"
    with pytest.raises(ToolProblem):
        tools.bind("now", arguments)


@given(st.text())
def test_pain_18_any_text_is_a_call_or_a_problem(arguments: str) -> None:
    with contextlib.suppress(ToolProblem):
        Toolbox(weather).bind("weather", arguments)


def test_a_function_that_is_not_there_is_a_problem_that_names_those_that_are() -> None:
    with pytest.raises(ToolProblem, match=r"no function 'wether'\. Available functions: weather, now"):
        Toolbox(weather, now).bind("wether", "{}")
    with pytest.raises(ToolProblem, match="Available functions: none"):
        Toolbox().bind("x", "{}")


def test_a_function_without_a_schema_raises_when_it_is_added() -> None:
    tools = Toolbox()

    def untyped(a) -> None: ...  # type: ignore[no-untyped-def]  # what is tested

    def variable(*a: int) -> None: ...

    def strange(a: complex) -> None: ...

    class Local: ...

    def local(a: Local) -> None: ...

    local.__annotations__["a"] = "Nowhere"

    for function, words in (
        (untyped, "untyped: parameter 'a' has no annotation"),
        (variable, r"variable: parameter \*a: .* has no fixed schema"),
        (strange, "strange: a parameter's type cannot be described"),
        (local, "local: an annotation names what only"),
    ):
        with pytest.raises(TypeError, match=words):
            tools.add(function)
    assert len(tools) == 0


def test_names_are_those_the_wire_allows_and_there_is_one_of_each() -> None:
    tools = Toolbox(weather)
    tools.add(weather, name="weather_2", description="Again.")
    assert [(tool.name, tool.description) for tool in tools.tools][1] == ("weather_2", "Again.")
    assert "weather_2" in tools
    with pytest.raises(ValueError, match="there is a function 'weather' already"):
        tools.add(weather)
    with pytest.raises(ValueError, match="not 'two words'"):
        tools.add(now, name="two words")
    with pytest.raises(ValueError, match="not '<lambda>'"):
        tools.add(lambda: "noon")
    with pytest.raises(ValueError, match="there is a function 'weather' already"):
        tools.add(partial(weather, "X"))


def test_async_functions_are_known_as_such() -> None:
    async def slow() -> str:
        return "at last"

    assert [tool.is_async for tool in Toolbox(slow, now)] == [True, False]


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ("as it is", "as it is"),
        ({"a": 1}, '{"a":1}'),
        (None, "null"),
        (Place("X"), '{"city":"X","country":"NL"}'),
        (Place("\ud83d"), '{"city":"\\ud83d","country":"NL"}'),
    ],
    ids=["text", "dict", "none", "dataclass", "half a character"],
)
def test_results_are_text_or_json(result: object, text: str) -> None:
    assert answer_text(result) == text


def test_an_entry_of_the_docstring_goes_on_where_it_is_indented_more_than_it_began() -> None:
    def f(a: int, longer_than_its_indentation: int, c: int) -> None:
        """Add.

        Args:
            a: One.
            longer_than_its_indentation: Two,
                that is: more
                than one.
            c: Three.

        Returns:
            c: Nothing.

        Parameters:
            a: The last word.
        """

    tool = Toolbox(f).tools[0]
    described = {name: schema["description"] for name, schema in tool.parameters["properties"].items()}
    assert tool.description == "Add."
    assert described == {
        "a": "The last word.",
        "longer_than_its_indentation": "Two, that is: more than one.",
        "c": "Three.",
    }


CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def shown(arguments: dict[str, Any]) -> str:
    """Show a city."""
    return f"{arguments['city']} is shown"


@pytest.mark.parametrize(
    "tools",
    [
        Toolbox(ToolFunction(name="shown", parameters=CITY, function=shown)),
        Toolbox(ToolFunction(shown, parameters=CITY)),
    ],
    ids=["by keyword", "by position"],
)
def test_a_function_with_a_json_schema_takes_a_dict(tools: Toolbox) -> None:
    assert tools.tools == [FunctionTool(name="shown", description="Show a city.", parameters=CITY)]
    assert tools.bind("shown", '{"city": "Oslo"}')() == "Oslo is shown"
    with pytest.raises(ToolProblem, match="do not fit its parameters: city: expected string"):
        tools.bind("shown", '{"city": 1}')


def test_a_function_is_added_with_a_schema_or_with_a_whole_tool() -> None:
    tools = Toolbox()
    tools.add(shown, schema=CITY)
    tools.add(shown, schema={"type": "function", "name": "other", "description": "Other.", "parameters": CITY})

    @tools.add(name="third", schema=CITY)
    def third(arguments: dict[str, Any]) -> str:
        return str(arguments)

    assert [(tool.name, tool.tool.description) for tool in tools] == [
        ("shown", "Show a city."),
        ("other", "Other."),
        ("third", ""),
    ]
    assert third({}) == "{}"
    with pytest.raises(TypeError, match="has its name, description and schema already"):
        tools.add(ToolFunction(shown, name="fourth", parameters=CITY), name="fifth")


def test_tools_that_are_answered_elsewhere_are_offered_as_they_are() -> None:
    docs = {"type": "mcp", "server_label": "docs", "server_url": "https://docs.example.com/mcp"}
    tools = Toolbox(now, docs, {"type": "function", "name": "pay", "parameters": {}}, FunctionTool(name="leave"))
    assert [type(tool) for tool in tools.offered] == [FunctionTool, McpServerTool, FunctionTool, FunctionTool]
    assert (len(tools), "pay" in tools, tools.is_declared("pay"), tools.is_declared("now")) == (4, True, True, False)
    with pytest.raises(ValueError, match="there is a function 'pay' already"):
        tools.declare({"type": "function", "name": "pay"})
    with pytest.raises(ValueError, match=r"a mapping is no tool: Expected `str \| null`, got `int` - at `\$\.name`"):
        tools.declare({"type": "function", "name": 3})


def test_models_of_pydantic_anywhere_in_a_result_are_written_as_json() -> None:
    order = pydantic.create_model("order", number=(int, ...))
    assert answer_text(order(number=1)) == '{"number":1}'
    assert answer_text({"orders": [order(number=1)]}) == '{"orders":[{"number":1}]}'
    with pytest.raises(TypeError, match="object is not a type of JSON"):
        answer_text([object()])


@pytest.mark.parametrize("tools", [len, {"type": "function", "name": "weather"}, "weather", None])
def test_one_tool_in_the_place_of_several_says_what_to_write(tools: Any) -> None:
    with pytest.raises(TypeError, match=r"write tools=\[…\]"):
        toolbox_of(tools)


def test_several_tools_may_come_from_any_iterable() -> None:
    box = Toolbox()
    assert toolbox_of(box) is box
    assert len(toolbox_of(tool for tool in [{"type": "function", "name": "weather"}])) == 1
