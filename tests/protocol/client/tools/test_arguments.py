"""Types of parameters: their schemas, and the values that they take and refuse."""

from __future__ import annotations

import builtins
import sys
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Literal, NamedTuple, Optional, TypedDict

import annotated_types
import msgspec
import pydantic
import pytest

from duologue.protocol.client.tools.arguments import ArgumentFault, argument_type, comment_in, is_pydantic


class Doc:
    """As `annotated_doc.Doc` is."""

    def __init__(self, documentation: str) -> None:
        self.documentation = documentation

    def __repr__(self) -> str:
        return f"Doc({self.documentation!r})"  # without its address, which differs in each process


class Address(pydantic.BaseModel):
    """Where it is.

    Attributes:
        street: With the number.
    """

    street: str
    zip: Annotated[str, "Five digits."] = "00000"


class Node(pydantic.BaseModel):
    name: str
    children: list[Node] = []


@dataclass
class Point:
    """A place on the map.

    Args:
        x: Metres to the east.
    """

    x: int
    y: Annotated[int, "Metres to the north."] = 0


class Window(TypedDict):
    start: Annotated[int, "In seconds."]


class Pair(NamedTuple):
    first: int


class Holder(TypedDict):
    at: Address


class Size(Enum):
    SMALL = "small"


@pytest.mark.parametrize(
    "hint",
    [
        Address,
        list[Address],
        dict[str, Address | None],
        Annotated[int, pydantic.Field(ge=1)],
        Annotated[int, annotated_types.Ge(1)],
        pydantic.SecretStr,
        Holder,
    ],
    ids=str,
)
def test_pydantic_reads_what_is_its_own_at_any_depth(hint: Any) -> None:
    assert is_pydantic(hint)


@pytest.mark.parametrize(
    "hint", [int, Point, Window, Size, list[Point], Annotated[int, "x"], Literal["a"], Any, Pair], ids=str
)
def test_pydantic_is_not_asked_for_anything_else(hint: Any) -> None:
    assert not is_pydantic(hint)


def test_a_model_is_built_and_described() -> None:
    argument = argument_type(Address)
    assert argument.read(b'{"street": "Main Street 1"}') == Address(street="Main Street 1")
    assert argument.schema["description"] == "Where it is."
    assert argument.schema["properties"]["street"]["description"] == "With the number."
    assert argument.schema["properties"]["zip"]["description"] == "Five digits."


def test_a_model_may_contain_itself() -> None:
    argument = argument_type(Node)
    assert argument.schema == {"$ref": "#/$defs/Node"}
    assert argument.read(b'{"name": "a", "children": [{"name": "b"}]}').children == [Node(name="b")]


def test_fields_of_dataclasses_and_typed_dicts_have_their_comments() -> None:
    point = argument_type(list[Point]).defs["Point"]
    assert point["description"] == "A place on the map."
    assert {name: about["description"] for name, about in point["properties"].items()} == {
        "x": "Metres to the east.",
        "y": "Metres to the north.",
    }
    assert argument_type(Window).defs["Window"]["properties"]["start"]["description"] == "In seconds."


@pytest.mark.parametrize(
    ("hint", "comment"),
    [
        (Annotated[int, "How many."], "How many."),
        (Annotated[int, Doc("How many.")], "How many."),
        (Annotated[int, msgspec.Meta(ge=1), "How many."], "How many."),
        (Optional[Annotated[int, "How many."]], "How many."),  # noqa: UP045  # checkers take no `|` here
        (list[Annotated[int, "One of them."]], None),
        (int, None),
    ],
    ids=str,
)
def test_a_comment_is_the_text_of_the_annotation(hint: Any, comment: str | None) -> None:
    assert comment_in(hint) == comment
    assert argument_type(hint).schema.get("description") == comment


def test_the_words_of_a_field_win_over_a_comment() -> None:
    assert argument_type(Annotated[int, pydantic.Field(description="F"), "C"]).schema["description"] == "F"
    assert argument_type(Annotated[int, msgspec.Meta(description="M"), "C"]).schema["description"] == "M"


@pytest.mark.parametrize(
    ("hint", "text", "faults"),
    [
        (int, b'"x"', [("", "Expected int, got str")]),
        (Point, b'{"x": "a"}', [(".x", "Expected int, got str")]),
        (list[Point], b'[{"x": 1}, {}]', [("[1]", "Object missing required field x")]),
        (Annotated[int, pydantic.Field(ge=1)], b"0", [("", "Input should be greater than or equal to 1")]),
        (
            list[Address],
            b'[{"street": 1, "zip": 2}]',
            [
                ("[0].street", "Input should be a valid string"),
                ("[0].zip", "Input should be a valid string"),
            ],
        ),
    ],
    ids=str,
)
def test_a_value_that_does_not_fit_says_where_and_why(hint: Any, text: bytes, faults: list[tuple[str, str]]) -> None:
    with pytest.raises(ArgumentFault) as raised:
        argument_type(hint).read(text)
    assert raised.value.faults == faults


@pytest.mark.parametrize("hint", [complex, object, Annotated[Doc, pydantic.Field(ge=1)]], ids=str)
def test_a_type_that_is_no_json_is_a_type_error(hint: Any) -> None:
    with pytest.raises(TypeError, match=r"."):
        argument_type(hint)


def test_constraints_that_only_pydantic_checks_need_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_pydantic(name: str, *rest: Any) -> Any:
        if name == "pydantic":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.delitem(sys.modules, "pydantic")
    monkeypatch.setattr(builtins, "__import__", without_pydantic)
    with pytest.raises(TypeError, match="needs pydantic 2, which is not installed"):
        argument_type(Annotated[int, annotated_types.Ge(1)])
