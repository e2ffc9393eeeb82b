"""The catalogue and the classes held against each other: every difference as one line.

A difference is a kind and a place. Kinds:

    unmodelled  an event or a type has no class, union or set of values
    absent      a field has no home in the class
    beyond      a class, or a field of one, is not in the catalogue
    required    one side demands a field, the other does not
    null        one side allows null, the other does not
    type        the values differ
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import msgspec
from msgspec import inspect

import duologue.events.live
from duologue import catalogue, events
from duologue.catalogue import EventEntry, FieldEntry, TypeEntry
from duologue.events import UnknownVariant, WireObject, azure_voice_live

Kind: TypeAlias = Literal["unmodelled", "absent", "beyond", "required", "null", "type"]
Values: TypeAlias = frozenset[Any]
"""What a type lets through: names of classes and of JSON types, nested for lists and dicts. None stands for null."""


class Difference(NamedTuple):
    """Something that is on one side only, or on both and not the same."""

    kind: Kind
    place: str


class Home(NamedTuple):
    """A field of a class, as its decoder takes it."""

    required: bool
    values: Values


def classes() -> Mapping[str, type[WireObject]]:
    """Every class that stands for something on the wire, by name."""
    modules = (events, duologue.events.live, azure_voice_live)
    exported = {name: getattr(module, name) for module in modules for name in module.__all__}
    return {
        name: thing
        for name, thing in exported.items()
        if isinstance(thing, type)
        and issubclass(thing, WireObject)
        and not issubclass(thing, UnknownVariant)
        and not thing.__subclasses__()
        and not name.startswith("Unknown")
    }


@cache
def homes(cls: type[WireObject]) -> Mapping[str, Home]:
    """The fields of a class by wire name, its tag included."""
    info = inspect.type_info(cls)
    assert isinstance(info, inspect.StructType)
    fields = {f.encode_name: Home(f.required, _taken(f.type)) for f in info.fields if f.name != "extra"}
    if info.tag_field is not None:
        fields[info.tag_field] = Home(required=True, values=frozenset({"str"}))
    return fields


def _taken(info: inspect.Type) -> Values:
    match info:
        case inspect.Metadata(type=inner):
            return _taken(inner)
        case inspect.UnionType(types=members):
            return frozenset().union(*map(_taken, members))
        case inspect.StructType(cls=cls):
            # Unknown variants are on no list.
            return frozenset() if issubclass(cls, UnknownVariant) else frozenset({cls.__name__})
        case inspect.ListType(item_type=element):
            return frozenset({("list", _taken(element))})
        case inspect.DictType(key_type=key, value_type=value):
            return frozenset({("dict", _taken(key), _taken(value))})
        case inspect.NoneType():
            return frozenset({None})
        case inspect.AnyType():
            return frozenset({"Any"})
        case _:
            return frozenset({type(info).__name__.removesuffix("Type").lower()})


# --- the catalogue's side -------------------------------------------------------------------------------------------


def published(expression: str) -> Values:
    """What a type of the catalogue lets through, in the names of the classes."""
    return _published(ast.parse(expression, mode="eval").body)


def _published(node: ast.expr) -> Values:
    match node:
        case ast.BinOp(left=left, right=right):
            return _published(left) | _published(right)
        case ast.Name(id="float"):
            return frozenset({"int", "float"})
        case ast.Name(id="str" | "int" | "bool" | "Any" as name):
            return frozenset({name})
        case ast.Name(id=name):
            return _named(catalogue.types()[name])
        case ast.Subscript(value=ast.Name(id="list"), slice=element):
            return frozenset({("list", _published(element))})
        case ast.Subscript(value=ast.Name(id="dict"), slice=ast.Tuple(elts=[key, value])):
            return frozenset({("dict", _published(key), _published(value))})
        case ast.Subscript(value=ast.Name(id="Literal"), slice=values):
            literals = values.elts if isinstance(values, ast.Tuple) else [values]
            return frozenset(type(ast.literal_eval(literal)).__name__ for literal in literals)
        case _:
            raise AssertionError(f"the catalogue spells a type in an unknown way: {ast.unparse(node)}")


def _named(entry: TypeEntry) -> Values:
    if entry.reads_as is not None:
        return _named(catalogue.types()[entry.reads_as])
    if entry.kind == "object":
        return frozenset({entry.class_name})
    if entry.kind == "enum":
        return frozenset({"str"})
    return frozenset().union(*map(published, entry.members))


# --- held against each other ----------------------------------------------------------------------------------------


def differences() -> Iterator[Difference]:
    """Every difference, in both directions."""
    for event in catalogue.events():
        yield from _object(event, event.class_name)
    for entry in catalogue.types().values():
        match entry.kind:
            case "object" if entry.reads_as is not None:
                yield from _loose(entry)
            case "object":
                yield from _object(entry, entry.name)
            case "enum":
                yield from _enum(entry)
            case "union" | "alias":
                yield from _union(entry)
    yield from _beyond()


def _object(entry: EventEntry | TypeEntry, place: str) -> Iterator[Difference]:
    cls = classes().get(entry.class_name)
    if cls is None:
        yield Difference("unmodelled", place)
        return
    for field in entry.fields:
        home = homes(cls).get(field.name)
        if home is None:
            yield Difference("absent", f"{place}.{field.name}")
        else:
            yield from _field(field, home, f"{place}.{field.name}")
    tag = cls.__struct_config__.tag
    if tag is not None and f'Literal["{tag}"]' not in [field.type for field in entry.fields if field.name == "type"]:
        yield Difference("type", f"{place}.type")


def _field(field: FieldEntry, home: Home, place: str) -> Iterator[Difference]:
    if field.required != home.required:
        yield Difference("required", place)
    takes_null = None in home.values or "Any" in home.values
    # Where a field may be absent, null is taken too, whatever is published: a rule of its own in DIVERGENCES.toml.
    if takes_null != field.nullable and not (takes_null and not field.required):
        yield Difference("null", place)
    if home.values - {None} != published(field.type):
        yield Difference("type", place)


def _loose(entry: TypeEntry) -> Iterator[Difference]:
    """An object that is really one of several: each of its fields must be found in one of them."""
    members = [homes(classes()[name]) for name in _named(entry)]
    for field in entry.fields:
        if not any(field.name in member for member in members):
            yield Difference("absent", f"{entry.name}.{field.name}")


def _enum(entry: TypeEntry) -> Iterator[Difference]:
    alias = catalogue.class_named(entry.class_name)
    if alias is None:
        yield Difference("unmodelled", entry.name)
        return
    (meta,) = [extra for extra in get_args(alias) if isinstance(extra, msgspec.Meta)]
    listed, known = set(meta.examples or ()), set(entry.values)
    if not listed <= known or (listed != known and not entry.open):
        yield Difference("type", entry.name)


def _union(entry: TypeEntry) -> Iterator[Difference]:
    alias = catalogue.class_named(entry.class_name)
    if alias is None:
        yield Difference("unmodelled", entry.name)
    elif _taken(inspect.type_info(alias)) != _named(entry):
        yield Difference("type", entry.name)


def _beyond() -> Iterator[Difference]:
    known: dict[str, set[str]] = {}
    objects = [entry for entry in catalogue.types().values() if entry.kind == "object"]
    listed = [*((event.class_name, event.fields) for event in catalogue.events())]
    listed += [(entry.class_name, entry.fields) for entry in objects]
    for name, fields in listed:
        known.setdefault(name, set()).update(field.name for field in fields)
    for name, cls in classes().items():
        if name not in known:
            yield Difference("beyond", name)
            continue
        for field in homes(cls):
            if field not in known[name]:
                yield Difference("beyond", f"{name}.{field}")
