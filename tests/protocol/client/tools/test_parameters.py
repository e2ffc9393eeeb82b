"""Callables of every kind: their names, their docstrings, and what they can be called with."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import pydantic
import pytest

from duologue.protocol.client.tools.injection import Injectable
from duologue.protocol.client.tools.parameters import description_of, is_async, name_of, signature_of


class Owner(Injectable):
    """Passed by the conversation."""


def look_up(city: str, api_key: str, unit: str = "celsius") -> str:
    """The weather in a city."""
    return f"{city} {api_key} {unit}"


class Shop:
    """A shop."""

    def order(self, number: int) -> int:
        """Order."""
        return number

    async def __call__(self, number: Annotated[int, "How many."]) -> int:
        """Buy."""
        return number

    @classmethod
    def count(cls, number: int) -> int:
        """Count."""
        return number


@functools.lru_cache
def remembered(number: int) -> int:
    """Remember."""
    return number


@pytest.mark.parametrize(
    ("function", "name", "text", "asynchronous"),
    [
        (look_up, "look_up", "The weather in a city.", False),
        (functools.partial(look_up, api_key="k"), "look_up", "The weather in a city.", False),
        (Shop().order, "order", "Order.", False),
        (Shop(), "Shop", "Buy.", True),
        (functools.partial(Shop()), "Shop", "Buy.", True),
        (Shop.count, "count", "Count.", False),
        (remembered, "remembered", "Remember.", False),
    ],
)
def test_a_callable_of_any_kind_has_a_name_a_description_and_parameters(
    function: Any, name: str, text: str, asynchronous: bool
) -> None:
    assert (name_of(function), description_of(function).text, is_async(function)) == (name, text, asynchronous)
    assert signature_of(function, name).parameters


def test_what_a_partial_has_bound_is_neither_offered_nor_shown_to_the_model() -> None:
    signature = signature_of(functools.partial(look_up, api_key="sk-secret"), "look_up")
    assert [parameter.name for parameter in signature.parameters] == ["city", "unit"]
    assert "secret" not in str(signature.schema({}))
    signature = signature_of(functools.partial(functools.partial(look_up, "Oslo"), api_key="sk-secret"), "look_up")
    assert [parameter.name for parameter in signature.parameters] == ["unit"]


def test_what_the_conversation_passes_is_no_parameter_of_the_model() -> None:
    def f(city: str, owner: Owner, again: Annotated[Owner | None, "x"] = None) -> None: ...

    signature = signature_of(f, "f")
    assert [parameter.name for parameter in signature.parameters] == ["city"]
    assert signature.injected == {"owner": Owner, "again": Owner}


def test_the_default_of_a_pydantic_field_is_the_parameters() -> None:
    def f(number: int = pydantic.Field(5, ge=1, description="How many."), name: str = pydantic.Field()) -> None: ...

    schema = signature_of(f, "f").schema({})
    assert schema["properties"]["number"] == {
        "type": "integer",
        "minimum": 1,
        "default": 5,
        "description": "How many.",
    }
    assert schema["required"] == ["name"]


def test_a_default_that_is_no_json_is_left_out_of_the_schema() -> None:
    def f(number: int = object()) -> None: ...  # type: ignore[assignment]  # as programs do, to know that it is absent

    assert signature_of(f, "f").schema({})["properties"] == {"number": {"type": "integer"}}


def test_functions_without_one_result_or_with_an_injected_value_by_position_are_refused() -> None:
    def counts() -> Iterator[int]:
        yield 1

    async def counts_slowly() -> AsyncIterator[int]:
        yield 1

    def by_position(owner: Owner, /) -> None: ...

    for function in (counts, counts_slowly):
        with pytest.raises(TypeError, match="a generator has no one result"):
            signature_of(function, "counts")
    with pytest.raises(TypeError, match="cannot be positional-only"):
        signature_of(by_position, "by_position")


def test_two_types_of_one_name_are_refused() -> None:
    def made(*fields: str) -> Any:
        return pydantic.create_model("Order", **dict.fromkeys(fields, (int, ...)))  # type: ignore[call-overload]

    def f(a: Any, b: Any) -> None: ...

    f.__annotations__.update(a=dict[str, made("x")], b=dict[str, made("y")])  # type: ignore[misc]  # made just now
    with pytest.raises(TypeError, match="two types are called 'Order'"):
        signature_of(f, "f").schema({})
