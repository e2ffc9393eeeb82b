"""Damages frames as servers and networks do not, but the next version of a server might."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.codec.frames import any_json

__all__ = ["mutate"]

_TEMPTING: st.SearchStrategy[Any] = st.sampled_from(
    [None, "", 0, 1, True, False, 0.0, [], {}, "text", "audio", "pcm16", "realtime", "client_vad", ["audio"]]
)
"""Values that some rule of some profile is about."""

_NAMES = st.sampled_from(
    ["type", "session", "audio", "delta", "error", "code", "usage", "voice", "modalities", "event_id", "item", "format"]
)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every container inside the value, with each of its keys."""
    pairs = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    return [(value, key) for key, _ in pairs] + [place for _, child in pairs for place in _places(child)]


def mutate(frame: dict[str, Any], data: st.DataObject) -> None:
    """Change one place of the frame, in place."""
    places = _places(frame)
    if not places:
        return
    container, key = data.draw(st.sampled_from(places))
    match data.draw(st.sampled_from(["drop", "replace", "nest", "rename", "add"])):
        case "drop":
            del container[key]
        case "replace":
            container[key] = data.draw(_TEMPTING | any_json)
        case "nest":
            container[key] = {"value": container[key]}
        case "rename" if isinstance(container, dict):
            container[data.draw(_NAMES)] = container.pop(key)
        case _ if isinstance(container, dict):
            container[data.draw(_NAMES)] = data.draw(_TEMPTING | any_json)
        case _:
            container.append(data.draw(_TEMPTING | any_json))
