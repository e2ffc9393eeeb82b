"""Shapes that a JSON schema describes, and what is told of a value that has another."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.protocol.client.tools.raw_schemas import faults_in

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
