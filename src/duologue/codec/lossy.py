"""An event in another dialect than its own, and what of it is lost on the way."""

from __future__ import annotations

import warnings
from typing import Any

from msgspec import Struct

from duologue.codec.error_frames import is_error_frame, with_error_fields
from duologue.codec.projection import Untranslatable, project
from duologue.codec.writing import to_plain
from duologue.dialects.profile import FrameProfile
from duologue.dialects.rules import same
from duologue.events.base import UnknownFrame, Variant

__all__ = ["LossyTranslationWarning", "Translation", "translated", "warn_of_loss"]


class LossyTranslationWarning(UserWarning):
    """Something of an event has no counterpart in the dialect that it was written in, and was left out."""


class Translation(Struct, frozen=True):
    """An event in a dialect, and what of it that dialect cannot express."""

    frame: dict[str, Any] | None
    """The frame; None if the event as a whole has no counterpart."""
    lost: tuple[str, ...]
    """Paths of what was left out, in the canonical form."""


def translated(event: Variant, profile: FrameProfile) -> Translation:
    """The event's frame in a dialect of its family. One that came in this dialect, and is unchanged, is as it came."""
    if isinstance(event, UnknownFrame):
        return Translation(to_plain(event.json), ())
    dialect, name = profile.name, event.__struct_config__.tag
    origin = event.extra.frame if event.extra.dialect in (dialect, None) else None
    if origin is not None and _says_the_same(profile.read(dict(origin)), to_plain(event)):
        return Translation(dict(origin), ())
    lost: list[str] = []
    if origin is None and name in profile.lacks_events:
        return Translation(None, ("type",))
    try:
        plain = project(event, dialect, lost)
    except Untranslatable as fault:
        return Translation(None, (str(fault),))
    return Translation(profile.write(plain, lost, own=origin is not None), tuple(lost))


def warn_of_loss(event: Variant, translation: Translation, dialect: str) -> None:
    """Warns the caller of the function that encodes, if something was left out."""
    if translation.lost:
        name = event.__struct_config__.tag
        warnings.warn(
            f"{name}: the dialect {dialect!r} has no counterpart for {', '.join(translation.lost)}",
            LossyTranslationWarning,
            stacklevel=3,
        )


def _says_the_same(canonical: dict[str, Any], plain: dict[str, Any]) -> bool:
    return same(canonical, plain) or (is_error_frame(canonical) and same(with_error_fields(canonical), plain))
