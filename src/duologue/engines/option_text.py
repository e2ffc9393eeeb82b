"""Options of engines that were typed: text, made what the engine's constructor is annotated with."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec

from duologue.errors import EngineError

__all__ = ["OptionText", "options_of"]


class OptionText(str):
    """The value of an option as it was typed. Lists may be written with commas, or as JSON."""

    __slots__ = ()


def options_of(engine: str, make: Callable[..., Any], options: Mapping[str, object]) -> dict[str, object]:
    """The options, with values that were typed converted to what `make` wants; what it does not say stays text.

    Raises:
        EngineError: a value is not of its type.
    """
    if not any(isinstance(value, OptionText) for value in options.values()):
        return dict(options)
    hints = _hints_of(make)
    return {
        name: _converted(engine, name, value, hints.get(name, str)) if isinstance(value, OptionText) else value
        for name, value in options.items()
    }


def _hints_of(make: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(make.__init__ if inspect.isclass(make) else make)
    except (NameError, TypeError):  # names that are imported for type checkers alone
        return {}


def _converted(engine: str, name: str, value: OptionText, hint: Any) -> object:
    text: Any = str(value)
    if text[:1] in ("[", "{") and not _takes_text(hint):
        try:
            text = msgspec.json.decode(text)
        except ValueError as fault:
            raise EngineError(f"option {name}: {fault}", engine=engine) from fault
    elif _is_list(hint):
        text = [part.strip() for part in text.split(",") if part.strip()]
    try:
        return msgspec.convert(text, hint, strict=False)
    except msgspec.ValidationError as fault:
        raise EngineError(f"option {name}: {fault}", engine=engine) from fault
    except TypeError:  # a type that is not made of text, such as a path
        return text


def _takes_text(hint: Any) -> bool:
    return hint is str or (get_origin(hint) in (Union, UnionType) and str in get_args(hint))


def _is_list(hint: Any) -> bool:
    return get_origin(hint) in (list, tuple, set, frozenset, Sequence)
