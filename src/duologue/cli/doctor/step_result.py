"""What came of one step of an examination."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from duologue.printable import printable
from duologue.transports.secret_masks import SecretMask

__all__ = ["StepOutcome", "StepResult", "shown"]

StepOutcome: TypeAlias = Literal["ok", "note", "failed", "skipped"]
"""`note`: it works, and there is something to know; `skipped`: there was nothing to try, or a step before it failed."""

_MAX_CHARACTERS: Final = 600
"""Of a sentence: what a server says may be a page."""


class StepResult(Struct, frozen=True, kw_only=True):
    """One row: what was tried, what happened, what to do."""

    step: str
    outcome: StepOutcome
    tried: str = ""
    happened: str = ""
    remedy: str = ""
    """What to do; empty if there is nothing to do."""
    took_ms: int | None = None
    facts: Mapping[str, Any] = {}
    """The same for programs: names and numbers, never keys."""


def shown(result: StepResult, mask: SecretMask) -> StepResult:
    """The result as a terminal may show it: without secrets and control characters, each text on one line."""

    def clean(value: Any) -> Any:
        match value:
            case str():
                return printable(" ".join(mask.applied(value).split()), max_characters=_MAX_CHARACTERS)
            case list() | tuple():
                return [clean(each) for each in value]
            case Mapping():
                return {name: clean(each) for name, each in value.items()}
            case _:
                return value

    return replace(
        result,
        tried=clean(result.tried),
        happened=clean(result.happened),
        remedy=clean(result.remedy),
        facts=clean(result.facts),
    )
