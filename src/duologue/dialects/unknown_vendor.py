"""How a server is read whose dialect is not known: either era, and whatever it leaves out.

It is no dialect by itself: nothing is written in it, and it cannot be named. A client that was not told the dialect
reads with it what the dialect that it guessed does not explain.
"""

from __future__ import annotations

from typing import Final

import msgspec

from duologue.dialects.beta import AUDIO_FORMATS, MODALITIES, flat_rules
from duologue.dialects.names import CANONICAL
from duologue.dialects.omissions import ITEM_EVENTS, all_absent, incomplete_items, merged
from duologue.dialects.places import Json, copy_json, objects_at
from duologue.dialects.profile import Profile
from duologue.dialects.rules import Default, DialectRule, Hook, Move

__all__ = ["UNKNOWN_VENDOR"]

_SESSION: Final[tuple[DialectRule, ...]] = (
    Default("", "session", {}),
    Move("session", "modalities", "output_modalities", MODALITIES),
)


def _spell(frame: Json) -> None:
    """Values of another JSON type than the canonical one that mean the same."""
    for side in ("input", "output"):
        for place in objects_at(frame, f"session.audio.{side}"):
            word = place.get("format")
            if isinstance(word, str):
                place["format"] = next((copy_json(ours) for theirs, ours in AUDIO_FORMATS if theirs == word), None) or {
                    "type": word
                }
    for place in (frame, *objects_at(frame, "item"), *objects_at(frame, "response.output[]")):
        if isinstance(place.get("arguments"), dict):
            place["arguments"] = msgspec.json.encode(place["arguments"]).decode("utf-8")
    for name in ("audio_start_ms", "audio_end_ms"):
        if isinstance(frame.get(name), float):
            frame[name] = round(frame[name])


def _spell_back(frame: Json) -> None:
    """Nothing: nothing is written for an unknown vendor."""


_SPELLING: Final[tuple[DialectRule, ...]] = (Hook(_spell, _spell_back),)

_TRANSCRIBED: Final = "conversation.item.input_audio_transcription"

_OBJECTS: Final[dict[str, tuple[DialectRule, ...]]] = {
    "response.created": (Default("", "response", {}),),
    "response.done": (Default("", "response", {}),),
    "conversation.created": (Default("", "conversation", {}),),
    "rate_limits.updated": (Default("", "rate_limits", []),),
    f"{_TRANSCRIBED}.failed": (Default("", "error", {}),),
    f"{_TRANSCRIBED}.segment": (
        Default("", "id", ""),
        Default("", "speaker", ""),
        Default("", "start", 0),
        Default("", "end", 0),
    ),
    f"{_TRANSCRIBED}.completed": tuple(
        Default("usage[type=tokens]", f"{kind}_tokens", 0) for kind in ("input", "output", "total")
    ),
    # Before the rules for what an item may lack, which it then lacks.
    **dict.fromkeys(ITEM_EVENTS, (Default("", "item", {}),)),
}
"""Objects that may be missing as a whole, and fields that no dialect that is known leaves out."""

_TOLD: Final = (
    "session.created",
    "session.updated",
    "transcription_session.created",
    "transcription_session.updated",
)

UNKNOWN_VENDOR: Final = Profile(
    name="unknown",
    title="A server of an unknown vendor",
    names=CANONICAL,
    rules=merged(
        dict.fromkeys(_TOLD, _SESSION),
        _OBJECTS,
        flat_rules(),
        incomplete_items(),
        all_absent(),
        {"*": _SPELLING},
    ),
)
"""Reads a frame of either era, of whatever vendor."""
