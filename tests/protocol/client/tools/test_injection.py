"""Annotations of what the conversation passes to a function."""

from __future__ import annotations

from typing import Annotated, Any, Generic, TypeVar

import pytest

from duologue.protocol.client.tools.injection import Injectable, injectable_in

T = TypeVar("T")


class Passed(Injectable, Generic[T]):
    """Passed by the conversation."""


@pytest.mark.parametrize(
    "hint",
    [Passed, Passed[int], Passed[int] | None, Annotated[Passed[int], "x"], Annotated[Passed[int] | None, "x"]],
    ids=str,
)
def test_an_annotation_may_be_optional_annotated_or_generic(hint: Any) -> None:
    assert injectable_in(hint) is Passed


@pytest.mark.parametrize(
    "hint",
    [int, str | None, list[Passed[int]], dict[str, Passed[int]], Annotated[int, Passed], Any],
    ids=str,
)
def test_other_annotations_are_the_models(hint: Any) -> None:
    assert injectable_in(hint) is None
