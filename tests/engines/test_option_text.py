"""Options that were typed become what an engine's constructor is annotated with."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import pytest

from duologue.engines.option_text import OptionText, options_of
from duologue.errors import EngineError

if TYPE_CHECKING:
    from decimal import Decimal


class Engine:
    def __init__(
        self,
        *,
        name: str = "",
        count: int = 0,
        share: float = 0.0,
        limit: int | None = None,
        hint: str | None = None,
        loud: bool = False,
        kind: Literal["a", "b"] = "a",
        names: Sequence[str] = (),
        numbers: tuple[int, ...] = (),
        fields: Mapping[str, object] | None = None,
        file: str | os.PathLike[str] | None = None,
    ) -> None: ...


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("name", "5", "5"),
        ("name", "[x", "[x"),
        ("count", "5", 5),
        ("share", "0.5", 0.5),
        ("limit", "5", 5),
        ("limit", "null", None),
        ("hint", "5", "5"),
        ("hint", '{"a":1}', '{"a":1}'),
        ("loud", "true", True),
        ("loud", "0", False),
        ("kind", "b", "b"),
        ("names", "a, b", ["a", "b"]),
        ("names", '["a","b"]', ["a", "b"]),
        ("names", "", []),
        ("numbers", "1,2", (1, 2)),
        ("fields", '{"a":[1,"x"]}', {"a": [1, "x"]}),
        ("file", "m.gguf", "m.gguf"),
        ("unknown", "x", "x"),
    ],
)
def test_text_becomes_what_the_engine_wants(name: str, text: str, value: object) -> None:
    assert options_of("e", Engine, {name: OptionText(text)}) == {name: value}


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("count", "many", "option count: "),
        ("loud", "maybe", "option loud: "),
        ("kind", "c", "option kind: Invalid enum value 'c'"),
        ("fields", "{", "option fields: "),
        ("fields", "[1]", "option fields: Expected `object"),
        ("numbers", "1,x", "option numbers: "),
    ],
)
def test_a_wrong_text_is_an_error_in_words(name: str, text: str, reason: str) -> None:
    with pytest.raises(EngineError, match=reason):
        options_of("e", Engine, {name: OptionText(text)})


def test_values_of_a_program_stay_as_they_are() -> None:
    assert options_of("e", Engine, {"count": "5", "name": OptionText("x")}) == {"count": "5", "name": "x"}
    assert options_of("e", Engine, {"count": "5"}) == {"count": "5"}


def _unhinted(count=0): ...  # type: ignore[no-untyped-def]


def _for_checkers_alone(count: Decimal) -> None: ...


@pytest.mark.parametrize("make", [_unhinted, _for_checkers_alone, 7])
def test_without_annotations_text_stays_text(make: Callable[..., Any]) -> None:
    assert options_of("e", make, {"count": OptionText("5")}) == {"count": "5"}
