"""Whether two events of a client may come in either order: then a client may send them in another order than recorded.

Clients do several things at once. Functions that run beside each other end in any order, and settings that several
parts of a client send change places when an answer comes a millisecond earlier.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["are_independent"]


def are_independent(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    """Whether the server ends up in the same state: two updates of different settings, outputs of different calls."""
    if one is None or other is None or one.get("type") != other.get("type"):
        return False
    if one.get("type") == "session.update":
        return not _overlap(one.get("session"), other.get("session"))
    calls = {_answered_call(one), _answered_call(other)}
    return None not in calls and len(calls) == 2


def _answered_call(event: Mapping[str, Any]) -> str | None:
    item = event.get("item")
    if not isinstance(item, dict) or item.get("type") != "function_call_output" or "previous_item_id" in event:
        return None
    call_id = item.get("call_id")
    return call_id if isinstance(call_id, str) else None


def _overlap(one: Any, other: Any) -> bool:
    """Whether two parts of a configuration set the same field. `type` says what they are, and sets nothing."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return True
    return any(_overlap(one[name], other[name]) for name in one.keys() & other.keys() if name != "type")
