"""To which family the frames of a log belong, where its URL is not known.

The families share wire names, so a frame alone may belong to several. A name that one family has alone decides, and so
do a few shapes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final, Literal, TypeAlias

from duologue.codec.families import TRANSLATION_CLASSES
from duologue.codec.known import EVENT_CLASSES
from duologue.dialects.names import CANONICAL

__all__ = ["FAMILIES", "FamilyName", "family_of"]

FamilyName: TypeAlias = Literal["realtime", "translation", "live"]

FAMILIES: Final[tuple[FamilyName, ...]] = ("realtime", "translation", "live")


def family_of(frames: Iterable[Mapping[str, Any]]) -> FamilyName:
    """The family of the first frame that only one can have sent; "realtime" if none says."""
    for frame in frames:
        family = _family_of(frame)
        if family is not None:
            return family
    return "realtime"


def _family_of(frame: Mapping[str, Any]) -> FamilyName | None:
    name, session, error = frame.get("type"), frame.get("session"), frame.get("error")
    if not isinstance(name, str):
        return None
    if name in _names():
        return _names()[name]
    kind = session.get("type") if isinstance(session, dict) else None
    if kind in ("realtime", "transcription", "translation"):
        return "translation" if kind == "translation" else "realtime"
    # A Live session has no type, and these two that no other session has.
    if isinstance(session, dict) and kind is None and ("delegation" in session or "status" in session):
        return "live"
    # In the other families the command that failed stands in `error.event_id`.
    if name == "error" and ("client_event_id" in frame or (isinstance(error, dict) and "client_event_id" in error)):
        return "live"
    return None


@cache
def _names() -> Mapping[str, FamilyName]:
    """The names that one family has alone."""
    from duologue.codec.live import LIVE_CLASSES  # here, because most programs do without the family

    names: dict[FamilyName, set[str]] = {
        "realtime": {*EVENT_CLASSES, *CANONICAL},
        "translation": {*TRANSLATION_CLASSES},
        "live": {*LIVE_CLASSES},
    }
    return {
        name: family
        for family in FAMILIES
        for name in names[family]
        if not any(name in names[other] for other in FAMILIES if other != family)
    }
