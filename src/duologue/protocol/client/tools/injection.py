"""Values that a function of the model gets from its conversation, and not from the model."""

from __future__ import annotations

from typing import Annotated, Any, get_args, get_origin

__all__ = ["Injectable", "injectable_in"]


class Injectable:
    """Base of classes whose objects are passed to functions: a parameter of such a class is not part of the schema."""

    __slots__ = ()


def injectable_in(hint: Any) -> type[Injectable] | None:
    """The class of what is passed to a parameter with this annotation; None if the model provides its value.

    `ToolContext`, `ToolContext[BlockingConversation]`, `Annotated[…]` and `… | None` of these are understood.
    """
    origin = get_origin(hint)
    if origin is None or isinstance(origin, type):
        cls = hint if origin is None else origin
        if isinstance(cls, type) and issubclass(cls, Injectable):
            return cls
    if origin in (list, dict, tuple, set, frozenset):
        return None
    parts = get_args(hint)[:1] if origin is Annotated else get_args(hint)
    return next((cls for part in parts if (cls := injectable_in(part)) is not None), None)
