"""What `stream` and `on` of a Live session are asked for: classes of its notices and of the server's events."""

from __future__ import annotations

from types import UnionType
from typing import Any, Final, Union, get_args, get_origin

from duologue.client.kinds import Kind, KindFilter
from duologue.codec.live import LIVE_CLASSES
from duologue.events.live import AnyLiveServerEvent, LiveEvent, UnknownLiveEvent
from duologue.protocol.live.client.notices import LiveNotice

__all__ = ["LiveKindFilter"]

_NOTICES: Final[tuple[type[Any], ...]] = get_args(LiveNotice)
_SERVER_EVENTS: Final[tuple[type[Any], ...]] = get_args(AnyLiveServerEvent)
_EXAMPLES: Final = (
    'pass a class such as duologue.notices.UtteranceEnded, or a wire name such as "session.usage.updated"'
)


class LiveKindFilter(KindFilter):
    """Which notices and events of a Live session are of some kinds.

    Raises:
        TypeError: a kind is neither a class of its notices or of the server's events nor a wire name, or there is none.
        ValueError: no event of a Live server has this wire name.
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
    if kind is object or kind is LiveEvent or kind in (*_NOTICES, *_SERVER_EVENTS, UnknownLiveEvent):
        return (kind,)
    name = getattr(kind, "__qualname__", type(kind).__name__)
    if isinstance(kind, type) and issubclass(kind, LiveEvent):
        raise TypeError(f"a Live session never reports a {name}: only clients send it; {_EXAMPLES}")
    raise TypeError(f"{name} is no kind of notice of a Live session: {_EXAMPLES}")


def _class_named(name: str) -> type[Any]:
    known = LIVE_CLASSES.get(name)
    if known is None:
        raise ValueError(f"no event of Live is known as {name!r}; one of an unknown type is an UnknownLiveEvent")
    if known not in _SERVER_EVENTS:
        raise ValueError(f"a Live session never reports {name}: only clients send it")
    return known
