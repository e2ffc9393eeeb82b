"""The shape of frames: which fields each type of event has, of which JSON types, and whether always.

    python -m tests.server.dialect._shapes FRAMES.jsonl... > tests/server/dialect/recorded/DIALECT.json

prints the shapes of a vendor's recorded frames, as `recorded/DIALECT.json` holds them. A line of a file is a frame, or
an object with a `frame` and a `direction`. Shapes hold no text, id or audio of a recording.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

__all__ = ["Field", "Shape", "Shapes", "differences", "read_shapes", "shapes_of", "write_shapes"]

_VARIANTS: Final = ("item", "part", "output[]", "content[]", "tools[]", "turn_detection", "input[]")
"""Objects of several kinds, by the end of their path: the kind belongs to the path."""

_OPAQUE: Final = ("parameters", "metadata", "obfuscation")
"""Objects whose fields are the client's."""


class Field(NamedTuple):
    """What is known of a field."""

    types: frozenset[str]
    always: bool
    """Whether it is there whenever the object is that it stands in."""


Shape = Mapping[str, Field]
"""Fields of one type of event, by their path."""

Shapes = Mapping[str, Shape]
"""By the type of the event."""


def shapes_of(frames: Iterable[Mapping[str, Any]]) -> Shapes:
    """The shapes of these frames."""
    types: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    seen: defaultdict[str, Counter[str]] = defaultdict(Counter)
    parents: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for frame in frames:
        name = str(frame.get("type"))
        for parent, path, value in _fields(frame, ""):
            if path is None:
                parents[name][parent] += 1
            else:
                types[name][path].add(_json_type(value))
                seen[name][path] += 1
    return {
        name: {
            path: Field(frozenset(kinds), seen[name][path] == parents[name][_parent_of(path)])
            for path, kinds in paths.items()
        }
        for name, paths in types.items()
    }


def differences(recorded: Shapes, served: Shapes) -> Iterator[str]:
    """What the served frames have otherwise than the recorded ones, a line each."""
    yield from (f"{name}: never recorded" for name in sorted(served.keys() - recorded.keys()))
    yield from (f"{name}: recorded, not served" for name in sorted(recorded.keys() - served.keys()))
    for name in sorted(recorded.keys() & served.keys()):
        theirs, ours = recorded[name], served[name]
        for path in sorted(theirs.keys() | ours.keys()):
            their, our = theirs.get(path), ours.get(path)
            if their is None:
                if _parent_of(path) in _objects(theirs):
                    yield f"{name} {path}: never recorded"
            elif our is None:
                if their.always and _parent_of(path) in _objects(ours):
                    yield f"{name} {path}: always recorded, not served"
            elif their.always and not our.always:
                yield f"{name} {path}: always recorded, served at times"
            elif (foreign := our.types - their.types) and "null" not in their.types | our.types:
                yield f"{name} {path}: {_listed(their.types)} recorded, {_listed(foreign)} served"


def write_shapes(shapes: Shapes) -> str:
    """The shapes as JSON: `field: "object null, at times"`."""
    lines = {
        name: {
            path: _listed(field.types) + ("" if field.always else ", at times") for path, field in sorted(shape.items())
        }
        for name, shape in sorted(shapes.items())
    }
    return json.dumps(lines, indent=1) + "\n"


def read_shapes(text: str) -> Shapes:
    """The shapes that `write_shapes` wrote."""
    return {
        name: {
            path: Field(frozenset(field.removesuffix(", at times").split()), not field.endswith(", at times"))
            for path, field in shape.items()
        }
        for name, shape in json.loads(text).items()
    }


def _fields(value: Mapping[str, Any], path: str) -> Iterator[tuple[str, str | None, Any]]:
    """For each object its path and None, and for each of its fields the field's path and value."""
    kind = f"({value.get('type')})" if path.removesuffix(".").endswith(_VARIANTS) and "type" in value else ""
    here = path.removesuffix(".") + kind
    yield here, None, None
    for name, inner in value.items():
        field = f"{here}.{name}" if here else name
        yield here, field, inner
        if name in _OPAQUE:
            continue
        if isinstance(inner, dict):
            yield from _fields(inner, f"{field}.")
        elif isinstance(inner, list):
            for element in inner:
                if isinstance(element, dict):
                    yield from _fields(element, f"{field}[].")


def _parent_of(path: str) -> str:
    return path.rpartition(".")[0]


def _objects(shape: Shape) -> set[str]:
    """The paths of the objects that have been seen."""
    return {_parent_of(path) for path in shape}


def _json_type(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _listed(types: Iterable[str]) -> str:
    return " ".join(sorted(types))


def _server_frames(paths: Iterable[Path], client_events: frozenset[str]) -> Iterator[dict[str, Any]]:
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            frame = entry.get("frame", entry)
            if entry.get("direction") != "client" and frame.get("type") not in client_events:
                yield frame


if __name__ == "__main__":
    from tests.server.dialect._served import CLIENT_EVENTS

    sys.stdout.write(write_shapes(shapes_of(_server_frames(map(Path, sys.argv[1:]), CLIENT_EVENTS))))
