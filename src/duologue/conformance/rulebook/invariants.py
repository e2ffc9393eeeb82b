"""What holds in every trace, family by family: the checks of the rules of the invariants' tables, by their ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from duologue.conformance.rulebook.any_session import Check
from duologue.conformance.rulebook.call_invariants import CALL_INVARIANTS
from duologue.conformance.rulebook.live_invariants import LIVE_INVARIANTS
from duologue.conformance.rulebook.realtime_invariants import REALTIME_INVARIANTS
from duologue.conformance.rulebook.translation_invariants import TRANSLATION_INVARIANTS
from duologue.conformance.wire.connector import Family

__all__ = ["INVARIANTS"]

INVARIANTS: Final[Mapping[Family, Mapping[str, Check]]] = {
    "realtime": {**REALTIME_INVARIANTS, **CALL_INVARIANTS},
    "live": LIVE_INVARIANTS,
    "translation": TRANSLATION_INVARIANTS,
}
"""A check yields a sentence for each violation, None each time its rule holds, and nothing where it has no case."""
