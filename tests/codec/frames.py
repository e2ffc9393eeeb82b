"""Makes JSON frames of every event class, from the classes' own description."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from msgspec import inspect

from duologue.codec import EVENT_CLASSES
from duologue.events.base import Variant
from duologue.testing import strategies
from duologue.testing.strategies import json_values

__all__ = ["any_json", "examples", "frame_of", "frames", "json_objects", "mutate", "required_fields"]

any_json = json_values
json_objects = st.dictionaries(st.text(max_size=8), any_json, max_size=4)


def examples(count: int) -> settings:
    """How often a property is tried, times the number in EXAMPLES_TIMES for longer runs."""
    return settings(max_examples=count * int(os.environ.get("EXAMPLES_TIMES", "1")))


def frames() -> st.SearchStrategy[dict[str, Any]]:
    """A well-formed frame of any event."""
    return st.sampled_from(sorted(EVENT_CLASSES)).flatmap(frame_of)


def frame_of(type_name: str, classes: Mapping[str, type[Variant]] = EVENT_CLASSES) -> st.SearchStrategy[dict[str, Any]]:
    """A well-formed frame of this event, with any text for its audio."""
    return strategies.frame_of(type_name, classes, valid_audio=False)


def required_fields(type_name: str, classes: Mapping[str, type[Variant]] = EVENT_CLASSES) -> list[str]:
    """Fields without which a frame is not this event."""
    info = inspect.type_info(classes[type_name])
    assert isinstance(info, inspect.StructType)
    return [field.encode_name for field in info.fields if field.required]


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every container inside the value, with each of its keys."""
    pairs = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    return [(value, key) for key, _ in pairs] + [place for _, child in pairs for place in _places(child)]


def mutate(fields: dict[str, Any], data: st.DataObject) -> None:
    """Changes one place of the frame: drops, replaces, nests, renames or adds."""
    container, key = data.draw(st.sampled_from(_places(fields)))
    match data.draw(st.sampled_from(["drop", "replace", "nest", "rename", "add"])):
        case "drop":
            del container[key]
        case "replace":
            container[key] = data.draw(any_json)
        case "nest":
            container[key] = {"value": container[key]}
        case "rename" if isinstance(container, dict):
            container[f"{key}_"] = container.pop(key)
        case _ if isinstance(container, dict):
            container["a new field"] = data.draw(any_json)
        case _:
            container.append(data.draw(any_json))
