"""What `stream` and `on` of a translation are asked for: classes of its notices and of the server's events."""

from __future__ import annotations

from types import UnionType
from typing import Any, Final, Union, get_args, get_origin

from duologue.client.kinds import Kind, KindFilter
from duologue.codec.families import TRANSLATION_CLASSES
from duologue.events import AnyTranslationServerEvent, TranslationEvent, UnknownTranslationEvent
from duologue.protocol.translation.client.notices import TranslationNotice

__all__ = ["TranslationKindFilter"]

_NOTICES: Final[tuple[type[Any], ...]] = get_args(TranslationNotice)
_SERVER_EVENTS: Final[tuple[type[Any], ...]] = get_args(AnyTranslationServerEvent)
_EXAMPLES: Final = (
    'pass a class such as duologue.notices.TranslatedText, or a wire name such as "session.output_audio.delta"'
)


class TranslationKindFilter(KindFilter):
    """Which notices and events of a translation are of some kinds.

    Raises:
        TypeError: a kind is neither a class of its notices or of the server's events nor a wire name, or there is none.
        ValueError: no event of a translation server has this wire name.
    """

    def __init__(self, kinds: tuple[Kind, ...]) -> None:
        if not kinds:
            raise TypeError(f"no kind is given: {_EXAMPLES}")
        self.kinds = kinds
        self._names = set()
        self._classes = tuple(cls for kind in kinds for cls in _classes_of(kind))


def _classes_of(kind: Any) -> tuple[type[Any], ...]:
    if isinstance(kind, str):
        return (_class_named(kind),)
    if get_origin(kind) in (Union, UnionType):
        return tuple(cls for member in get_args(kind) for cls in _classes_of(member))
    if kind is object or kind is TranslationEvent or kind in (*_NOTICES, *_SERVER_EVENTS, UnknownTranslationEvent):
        return (kind,)
    name = getattr(kind, "__qualname__", type(kind).__name__)
    if isinstance(kind, type) and issubclass(kind, TranslationEvent):
        raise TypeError(f"a translation never reports a {name}: only clients send it; {_EXAMPLES}")
    raise TypeError(f"{name} is no kind of notice of a translation: {_EXAMPLES}")


def _class_named(name: str) -> type[Any]:
    known = TRANSLATION_CLASSES.get(name)
    if known is None:
        raise ValueError(
            f"no event of a translation is known as {name!r}; one of an unknown type is an UnknownTranslationEvent"
        )
    if known not in _SERVER_EVENTS:
        raise ValueError(f"a translation never reports {name}: only clients send it")
    return known
