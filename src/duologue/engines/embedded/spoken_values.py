"""Values as people say them, converted to what a JSON schema asks for: "three" is 3, "yes" is true, "Celsius" is the
"celsius" of an enum.

It checks type, enum and const, bounds and lengths. A validator library is left out on purpose: schemas come from
clients, and such libraries generate code from them or follow `$ref` to other addresses. The client's function has to
check deeper values anyway.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from duologue.codec.jsontext import parse_object, write_text
from duologue.engines.embedded.arithmetic import NUMBER_WORDS, quantity
from duologue.errors import DecodeError

__all__ = ["NotThat", "fitting", "spelled", "value_of"]

_Schema = Mapping[str, Any]

_YES: Final = frozenset({"true", "yes", "on", "yeah", "yep", "enabled"})
_NO: Final = frozenset({"false", "no", "off", "nope", "disabled"})
_BETWEEN: Final = re.compile(r",(?:\s*and\b)?|\band\b", re.IGNORECASE)
_MINUS: Final = re.compile(r"^(?:minus|negative|\N{MINUS SIGN}|-)\s*", re.IGNORECASE)

_MAX_DEPTH: Final = 8
"""Of alternatives inside alternatives: a schema may hold itself."""

_MAX_TYPED_DEPTH: Final = 32
"""Of lists in lists that were typed; what is said has none."""

_MAX_ALTERNATIVES: Final = 64
"""Of one value: the branches of an `anyOf`, or its types."""

_MAX_LISTED: Final = 256
"""Values of an enum that are compared with what was said: countries of the world, and some."""

_MAX_LISTED_CHARACTERS: Final = 200
"""Of a value that can be said."""

_MAX_NAMED: Final = 20
"""Values that are named to the user when none was understood."""

_MAX_NAMED_CHARACTERS: Final = 200
"""Of each of them."""

_MAX_TRIES: Final = 500
"""Schemas that are tried for one argument, all alternatives inside alternatives counted."""


class _Tries:
    """What is left of them."""

    def __init__(self) -> None:
        self._left = _MAX_TRIES

    def take(self) -> None:
        """One more. Raises NotThat when there were enough."""
        self._left -= 1
        if self._left < 0:
            raise NotThat("something simpler")


class NotThat(Exception):
    """What was said is no value of the schema. The message says what would be."""


def value_of(said: str, schema: _Schema, *, depth: int = 0, tries: _Tries | None = None) -> Any:
    """The value that these words stand for.

    Raises:
        NotThat: they stand for none that the schema allows.
    """
    if depth > _MAX_DEPTH:
        raise NotThat("something simpler")
    tries = tries or _Tries()
    tries.take()
    for choice in ("anyOf", "oneOf"):
        if isinstance(alternatives := schema.get(choice), list):
            schemas = [one for one in alternatives[:_MAX_ALTERNATIVES] if isinstance(one, Mapping)]
            return _first_that_fits(said, schemas, depth, tries)
    if "const" in schema:
        return _listed(said, [schema["const"]])
    if isinstance(allowed := schema.get("enum"), list):
        return _listed(said, allowed)
    kinds = schema.get("type")
    if isinstance(kinds, list):
        return _first_that_fits(said, [{**schema, "type": kind} for kind in kinds[:_MAX_ALTERNATIVES]], depth, tries)
    if kinds == "array":
        items = schema.get("items")
        inner = items if isinstance(items, Mapping) else {}
        pieces = [piece.strip() for piece in _BETWEEN.split(said)]
        return [value_of(piece, inner, depth=depth + 1, tries=tries) for piece in pieces if piece]
    value = _READERS.get(str(kinds), _anything)(said)
    _check_bounds(value, schema)
    return value


def fitting(value: Any, schema: _Schema, *, depth: int = 0, tries: _Tries | None = None) -> Any:
    """A value that was typed as JSON, if the schema allows it.

    Raises:
        NotThat: it does not.
    """
    if depth > _MAX_TYPED_DEPTH:
        raise NotThat("something simpler")
    tries = tries or _Tries()
    tries.take()
    if isinstance(value, str):
        return value_of(value, schema, tries=tries)
    items = schema.get("items")
    if isinstance(value, list) and isinstance(items, Mapping):
        return [fitting(element, items, depth=depth + 1, tries=tries) for element in value]
    classes = _CLASSES.get(str(schema.get("type")), object)
    if not isinstance(value, classes) or (isinstance(value, bool) and schema.get("type") in ("integer", "number")):
        raise NotThat(f"{schema['type']}")
    if isinstance(allowed := schema.get("enum"), list) and value not in allowed:
        raise NotThat(_alternatives(allowed))
    _check_bounds(value, schema)
    return value


def spelled(text: str) -> str:
    """Letters and digits alone, in lower case and with numbers as digits, so that spellings of one name are equal."""
    words: list[str] = re.findall(r"[^\W_]+", text.lower())
    return "".join(_NUMBERS.get(word, word) for word in words if word != "underscore")


_NUMBERS: Final[dict[str, str]] = {word: str(quantity(word)) for word in NUMBER_WORDS}
"""Digits, by the word that stands for them alone."""


def _first_that_fits(said: str, alternatives: list[_Schema], depth: int, tries: _Tries) -> Any:
    wanted: list[str] = []
    # Everything is a string: that is what is left if it is nothing else.
    for schema in sorted(alternatives, key=lambda one: one.get("type") == "string" and "enum" not in one):
        try:
            return value_of(said, schema, depth=depth + 1, tries=tries)
        except NotThat as fault:
            wanted.append(str(fault))
    raise NotThat(_alternatives(wanted) or "something else")


def _alternatives(values: list[Any]) -> str:
    named = " or ".join(str(value)[:_MAX_NAMED_CHARACTERS] for value in values[:_MAX_NAMED])
    return f"{named} or others" if len(values) > _MAX_NAMED else named


def _listed(said: str, allowed: list[Any]) -> Any:
    heard = spelled(said)
    for value in allowed[:_MAX_LISTED]:
        if isinstance(value, list | dict):
            continue  # cannot be said
        text = value if isinstance(value, str) else write_text(value).decode()
        if len(text) <= _MAX_LISTED_CHARACTERS and heard == spelled(text):
            return value
    raise NotThat(_alternatives(allowed))


def _number(said: str) -> int | float:
    sign = -1 if _MINUS.match(said) else 1
    value = quantity(_MINUS.sub("", said))
    if value is None:
        raise NotThat("a number")
    value *= sign
    return int(value) if value.denominator == 1 else float(value)


def _integer(said: str) -> int:
    value = _number(said)
    if not isinstance(value, int):
        raise NotThat("a whole number")
    return value


def _boolean(said: str) -> bool:
    word = said.lower().strip()
    if word not in _YES | _NO:
        raise NotThat("yes or no")
    return word in _YES


def _null(said: str) -> None:
    if said.lower().strip() not in ("null", "nothing", "none"):
        raise NotThat("nothing")


def _object(said: str) -> dict[str, Any]:
    try:
        return parse_object(said)
    except DecodeError as fault:
        raise NotThat("a JSON object, which is better typed than said") from fault


def _anything(said: str) -> Any:
    """Of no type that is named: a number if it is one, else the words."""
    try:
        return _number(said)
    except NotThat:
        return said


_READERS: Final[dict[str, Callable[[str], Any]]] = {
    "string": str,
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "null": _null,
    "object": _object,
}

_CLASSES: Final[dict[str, type | tuple[type, ...]]] = {
    "string": str,
    "number": (int, float),
    "integer": int,
    "boolean": bool,
    "null": type(None),
    "object": dict,
    "array": list,
}

_Fits = Callable[[Any, Any], bool]
_BOUNDS: Final[dict[str, tuple[str, _Fits]]] = {
    "minimum": ("at least {}", lambda value, bound: value >= bound),
    "maximum": ("at most {}", lambda value, bound: value <= bound),
    "exclusiveMinimum": ("more than {}", lambda value, bound: value > bound),
    "exclusiveMaximum": ("less than {}", lambda value, bound: value < bound),
}
_LENGTHS: Final[dict[str, tuple[str, _Fits]]] = {
    "minLength": ("at least {} characters", lambda value, bound: len(value) >= bound),
    "maxLength": ("at most {} characters", lambda value, bound: len(value) <= bound),
}


def _check_bounds(value: Any, schema: _Schema) -> None:
    bounds = _LENGTHS if isinstance(value, str) else _BOUNDS if type(value) in (int, float) else {}
    for name, (words, fits) in bounds.items():
        bound = schema.get(name)
        if type(bound) in (int, float) and not fits(value, bound):
            raise NotThat(words.format(bound))
