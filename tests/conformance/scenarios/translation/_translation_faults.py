"""Translation servers with one fault each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import pytest

from tests.conformance._servers import Change, Event
from tests.conformance._translations import translation
from tests.conformance.scenarios._faults import failed

Fault: TypeAlias = tuple[str, Change, str, str]
"""A name, a change of the server's events, a rule whose scenario runs, and the rules that fail."""


def each(faults: list[Fault]) -> pytest.MarkDecorator:
    """A test for each fault."""
    return pytest.mark.parametrize(
        ("change", "only", "rules"), [pytest.param(*fault[1:], id=fault[0]) for fault in faults]
    )


async def broken(change: Change | None, only: str, *, closes: bool = True) -> set[str]:
    """The rules that fail with this change, without the family's name."""
    found = await failed(change, f"translation.{only}", family="translation", serve=translation, closes=closes)
    return {rule_id.removeprefix("translation.") for rule_id in found}


def refuse_after(number: int) -> Change:
    """Updates are refused after so many."""
    taken = 0

    def change(event: Event) -> Iterable[Event]:
        nonlocal taken
        if event["type"] == "session.updated":
            taken += 1
            if taken > number:
                error = {"type": "invalid_request_error", "code": "x", "message": "No."}
                return ({"type": "error", "event_id": "e", "error": error},)
        return (event,)

    return change
