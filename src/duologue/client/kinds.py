"""What `stream` and `on` are asked for: classes of notices and of the server's events, and wire names of events."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from types import UnionType
from typing import Any, ClassVar, Final, TypeAlias, Union, get_args, get_origin

from msgspec import Struct

from duologue.codec.known import EVENT_CLASSES, own_classes
from duologue.dialects import PROFILES
from duologue.dialects.names import CANONICAL
from duologue.events import AnyServerEvent, RealtimeEvent, ServerEvent, UnknownRealtimeEvent
from duologue.protocol.client.notices import Notice

__all__ = ["FamilyKindFilter", "FamilyKinds", "Kind", "KindFilter"]

Kind: TypeAlias = type[Any] | str
"""A class, or a wire name such as "response.done"."""

_NOTICES: Final[tuple[type[Any], ...]] = get_args(Notice)
_SERVER_EVENTS: Final[tuple[type[RealtimeEvent], ...]] = get_args(AnyServerEvent)
_EXAMPLES: Final = 'pass a class such as duologue.notices.TextDelta, or a wire name such as "response.done"'


class KindFilter:
    """Which notices and events are of some kinds.

    Raises:
        TypeError: a kind is neither a class of notices or of the server's events nor a wire name, or there is none.
        ValueError: no event of a server has this wire name.
    """

    def __init__(self, kinds: tuple[Kind, ...]) -> None:
        if not kinds:
            raise TypeError(f"no kind is given: {_EXAMPLES}")
        self.kinds = kinds
        classes: list[type[Any]] = []
        self._names: set[str] = set()
        """Of events that have no class."""
        for kind in kinds:
            if isinstance(kind, str):
                known = _classes_named(kind)
                classes += known
                self._names |= set() if known else {kind}
            else:
                classes += _checked(kind)
        self._classes = tuple(classes)

    def matches(self, notice: object) -> bool:
        """Whether a notice or an event is of one of the kinds."""
        if isinstance(notice, self._classes):
            return True
        return bool(self._names) and isinstance(notice, UnknownRealtimeEvent) and notice.wire_type in self._names

    def __str__(self) -> str:
        names = (kind if isinstance(kind, str) else getattr(kind, "__name__", str(kind)) for kind in self.kinds)
        return ", ".join(names)


class FamilyKinds(Struct, frozen=True, kw_only=True):
    """What a session of a family beside Realtime reports, and how messages name it."""

    session: str
    """As "a Live session"."""
    family: str
    notices: tuple[type[Any], ...]
    server_events: tuple[type[Any], ...]
    bases: tuple[type[Any], ...]
    """The base of the family's events, and the class of those that are unknown."""
    classes: Mapping[str, type[Any]]
    """The family's events by their wire names."""
    example: str
    """What to pass instead."""

    def classes_of(self, kind: Any) -> tuple[type[Any], ...]:
        """The classes that a kind stands for. Raises as `KindFilter` does."""
        if isinstance(kind, str):
            return (self._class_named(kind),)
        if get_origin(kind) in (Union, UnionType):
            return tuple(cls for member in get_args(kind) for cls in self.classes_of(member))
        if kind is object or kind in (*self.notices, *self.server_events, *self.bases):
            return (kind,)
        name = getattr(kind, "__qualname__", type(kind).__name__)
        if isinstance(kind, type) and issubclass(kind, self.bases[0]):
            raise TypeError(f"{self.session} never reports a {name}: only clients send it; {self.example}")
        raise TypeError(f"{name} is no kind of notice of {self.session}: {self.example}")

    def _class_named(self, name: str) -> type[Any]:
        known = self.classes.get(name)
        if known is None:
            close = get_close_matches(name, self.classes, n=1)
            meant = f"; did you mean {close[0]!r}" if close else ""
            raise ValueError(
                f"no event of {self.family} is known as {name!r}{meant}; one of an unknown type is an"
                f" {self.bases[1].__name__}"
            )
        if known not in self.server_events:
            raise ValueError(f"{self.session} never reports {name}: only clients send it")
        return known


class FamilyKindFilter(KindFilter):
    """Which notices and events of a session beside Realtime are of some kinds.

    Raises:
        TypeError: a kind is neither a class of its notices or of the server's events nor a wire name, or there is none.
        ValueError: no event of such a server has this wire name.
    """

    family: ClassVar[FamilyKinds]

    def __init__(self, kinds: tuple[Kind, ...]) -> None:
        if not kinds:
            raise TypeError(f"no kind is given: {self.family.example}")
        self.kinds = kinds
        self._names = set()
        self._classes = tuple(cls for kind in kinds for cls in self.family.classes_of(kind))


def _checked(kind: Any) -> tuple[type[Any], ...]:
    """The classes that a kind stands for: itself, or the members of a union."""
    if get_origin(kind) in (Union, UnionType):
        return tuple(each for member in get_args(kind) for each in _checked(member))
    if not isinstance(kind, type):
        instance = f"an object of {type(kind).__name__}" if isinstance(kind, (*_NOTICES, RealtimeEvent)) else repr(kind)
        raise TypeError(f"{instance} is no kind of notice: {_EXAMPLES}")
    if kind is object or issubclass(kind, _NOTICES) or kind in (RealtimeEvent, UnknownRealtimeEvent):
        return (kind,)
    if issubclass(kind, RealtimeEvent):
        if issubclass(kind, ServerEvent):
            return (kind,)
        raise TypeError(f"a conversation never reports a {kind.__name__}: only clients send it; {_EXAMPLES}")
    raise TypeError(f"{kind.__module__}.{kind.__qualname__} is no kind of notice: {_EXAMPLES}")


@cache
def _vendor_names() -> dict[str, set[type[RealtimeEvent]]]:
    """Names that events of the server have in some dialect, with their classes; none for those without a class."""
    names: dict[str, set[type[RealtimeEvent]]] = {}
    for profile in PROFILES.values():
        names |= {name: set() for name in profile.heartbeats | profile.twins if name not in names}
        for theirs, event_class in own_classes(profile.name).items():
            if issubclass(event_class, ServerEvent):
                names.setdefault(theirs, set()).add(event_class)
        for theirs, ours in profile.names.items():
            known = EVENT_CLASSES.get(ours)
            if known is not None and known in _SERVER_EVENTS:
                names.setdefault(theirs, set()).add(known)
    return names


@cache
def _classes_named(name: str) -> tuple[type[RealtimeEvent], ...]:
    known = EVENT_CLASSES.get(CANONICAL.get(name, name))
    classes = {known} if known is not None and known in _SERVER_EVENTS else set[type[RealtimeEvent]]()
    if name in _vendor_names():
        return tuple(classes | _vendor_names()[name])
    if not classes:
        raise ValueError(_why_unknown(name, is_sent=known is not None))
    return tuple(classes)


def _why_unknown(name: str, *, is_sent: bool) -> str:
    if is_sent:
        return f"a conversation never reports {name}: only clients send it"
    named = next((kind for kind in (*_NOTICES, *_SERVER_EVENTS) if kind.__name__ == name), None)
    if named is not None:
        module = "notices" if named in _NOTICES else "events"
        return f"{name!r} is not a wire name; pass the class itself: duologue.{module}.{name}"
    names = [*(str(each.__struct_config__.tag) for each in _SERVER_EVENTS), *CANONICAL, *_vendor_names()]
    close = get_close_matches(name, names, n=1)
    meant = f"; did you mean {close[0]!r}?" if close else "."
    return (
        f"no event of a server is known as {name!r}{meant} One that duologue does not know comes as "
        "duologue.events.UnknownRealtimeEvent"
    )
