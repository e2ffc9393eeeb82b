"""Shapes that a JSON schema describes, and what is told of a value that has another."""

from __future__ import annotations

from typing import Any

import pytest

from duologue import Toolbox, ToolFunction
from duologue.protocol.client.tools.raw_schemas import check_schema, faults_in

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "unit": {"enum": ["celsius", "fahrenheit"]},
        "days": {"type": "array", "items": {"type": "integer"}},
        "note": {"type": ["string", "null"]},
        "place": {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]},
        "kind": {"const": 1},
        "anything": True,
    },
    "required": ["city"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    "value",
    [
        {"city": "Oslo"},
        {"city": "Oslo", "unit": "celsius", "days": [1, 2.0], "note": None, "place": {"x": 1, "y": 2}, "kind": 1},
        {"city": "Oslo", "anything": [{}], "note": "x"},
    ],
)
def test_a_value_of_the_shape_has_no_fault(value: Any) -> None:
    assert list(faults_in(value, SCHEMA)) == []


@pytest.mark.parametrize(
    ("value", "faults"),
    [
        ([], [("", "expected object")]),
        ({}, [(".city", "it is missing")]),
        (
            {"city": 1, "unit": "kelvin"},
            [(".city", "expected string"), (".unit", "it must be one of 'celsius', 'fahrenheit'")],
        ),
        ({"city": "x", "days": [1, True, 1.5]}, [(".days[1]", "expected integer"), (".days[2]", "expected integer")]),
        ({"city": "x", "note": 1}, [(".note", "expected string or null")]),
        ({"city": "x", "place": {}}, [(".place.x", "it is missing")]),
        ({"city": "x", "kind": True}, [(".kind", "it must be one of 1")]),
        ({"city": "x", "more": 1}, [(".more", "there is no such parameter")]),
    ],
)
def test_a_value_of_another_shape_says_where_and_why(value: Any, faults: list[tuple[str, str]]) -> None:
    assert list(faults_in(value, SCHEMA)) == faults


@pytest.mark.parametrize("schema", [{}, True, {"type": "vendor"}, {"properties": []}, {"items": {"type": "string"}}])
def test_words_that_are_not_understood_are_for_the_model_alone(schema: Any) -> None:
    assert list(faults_in({"a": 1}, schema)) == []


@pytest.mark.parametrize(
    ("schema", "fault", "message"),
    [
        ("{}", TypeError, "a JSON schema, a dict, not str"),
        ({"type": "array"}, ValueError, "the type 'object', not 'array'"),
        ({"type": "object", "properties": 5}, TypeError, "a schema for each parameter"),
        ({"type": "object", "required": 5}, TypeError, "a list of names"),
        ({"type": "object", "required": "city"}, TypeError, "a list of names"),
    ],
)
def test_what_cannot_be_the_schema_of_parameters_is_refused_where_it_is_given(
    schema: Any, fault: type[Exception], message: str
) -> None:
    with pytest.raises(fault, match=f"weather: .*{message}"):
        check_schema(schema, "weather")
    with pytest.raises(fault, match=message):
        ToolFunction(dict, name="weather", parameters=schema)
    with pytest.raises(fault, match=message):
        Toolbox({"type": "function", "name": "weather", "parameters": schema})


@pytest.mark.parametrize(
    ("tool", "message"),
    [
        ({"type": "function"}, "a function's name is"),
        ({"type": "function", "name": "a b"}, "a function's name is"),
        ({"name": "weather"}, 'it has no "type"'),
        ({"type": "function", "function": {"name": "weather"}}, "the shape of chat completions"),
    ],
)
def test_a_mapping_that_no_server_takes_as_a_tool_is_refused_where_it_is_given(
    tool: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Toolbox(tool)
