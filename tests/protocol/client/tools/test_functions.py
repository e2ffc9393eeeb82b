"""Calls of the model: what is passed to the function, and what the model is told of a call that does not fit."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pydantic
import pytest

from duologue.protocol.client.tools.functions import ToolFunction, ToolProblem
from duologue.protocol.client.tools.injection import Injectable


class Guest(pydantic.BaseModel):
    name: str
    age: Annotated[int, pydantic.Field(ge=0)]


class Owner(Injectable):
    """Passed by the conversation."""


def book(guest: Guest, room: Literal["single", "double"], nights: int = 1) -> list[Any]:
    """Book a room."""
    return [guest, room, nights]


def test_a_model_is_built_from_the_arguments() -> None:
    call = ToolFunction(book).bind('{"guest": {"name": "Ann", "age": 5}, "room": "single"}')
    assert call() == [Guest(name="Ann", age=5), "single", 1]


def test_every_fault_of_the_arguments_is_told_with_its_field() -> None:
    with pytest.raises(ToolProblem) as raised:
        ToolFunction(book).bind('{"guest": {"age": -1}, "room": "triple", "nights": "two", "view": "sea"}')
    assert str(raised.value) == (
        "The arguments of book do not fit its parameters: guest.name: Field required; "
        "guest.age: Input should be greater than or equal to 0; "
        "room: Invalid enum value 'triple'; it must be one of 'double', 'single'; "
        "nights: Expected int, got str; view: there is no such parameter. Nothing was done."
    )


def test_a_missing_parameter_says_what_it_may_be() -> None:
    with pytest.raises(ToolProblem, match=r"room: it is missing; it must be one of 'double', 'single'"):
        ToolFunction(book).bind('{"guest": {"name": "Ann", "age": 5}}')


def test_what_the_conversation_passes_is_given_by_name_at_the_call() -> None:
    def f(owner: Owner, city: str) -> tuple[Owner, str]:
        return owner, city

    function, owner = ToolFunction(f), Owner()
    assert function.injected == {"owner": Owner}
    assert function.bind('{"city": "Oslo"}')(owner=owner) == (owner, "Oslo")
    with pytest.raises(ToolProblem, match="owner: there is no such parameter"):
        function.bind('{"city": "Oslo", "owner": {}}')


def test_a_function_with_its_own_schema_gets_a_dict_and_what_the_conversation_passes() -> None:
    def f(owner: Owner, arguments: dict[str, Any], retries: int = 3) -> Any:
        return owner, arguments, retries

    owner = Owner()
    function = ToolFunction(f, parameters={"type": "object"})
    assert function.bind('{"a": 1}')(owner=owner) == (owner, {"a": 1}, 3)
    assert ToolFunction(lambda data, /: data, name="f", parameters={}).bind('{"a": 1}')() == {"a": 1}
    assert ToolFunction(sorted, parameters={}).bind('{"b": 1, "a": 2}')() == ["a", "b"]


@pytest.mark.parametrize("function", [lambda: None, lambda a, b: None, lambda **rest: rest], ids=["none", "two", "any"])
def test_a_function_with_its_own_schema_must_take_one_dict(function: Any) -> None:
    with pytest.raises(TypeError, match="f: a function with a schema of its own takes one dict"):
        ToolFunction(function, name="f", parameters={})


def test_what_cannot_be_called_is_no_function() -> None:
    with pytest.raises(TypeError, match="weather: str cannot be called"):
        ToolFunction("weather", name="weather")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
