"""What every event and every object inside an event has in common.

All of them are msgspec structs: frozen, keyword-only, compared by content. Three states of a field stay apart:
`UNSET` is absent from the wire, `None` is `null`, anything else is a value.

A field that this version does not know is kept in `extra` and written back. `extra` is an ordinary field, so
that equality sees it, but of a type that no JSON can produce: a frame cannot put anything there by using its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, TypeAlias, TypeGuard, TypeVar

from msgspec import UNSET, Struct, UnsetType

from duologue.events.base64_text import decode_base64, encode_base64

if TYPE_CHECKING:
    from duologue.events.unions import AnyEvent

__all__ = [
    "EXTRA_KEY",
    "NO_EXTRA",
    "UNKNOWN_TAG",
    "UNSET",
    "ClientEvent",
    "Extra",
    "Id",
    "Maybe",
    "Number",
    "Opt",
    "RealtimeEvent",
    "ServerEvent",
    "UnknownFrame",
    "UnknownRealtimeEvent",
    "UnknownVariant",
    "UnsetType",
    "Variant",
    "WireObject",
    "abstract_event",
    "decode_audio",
    "encode_audio",
    "is_set",
    "load_codec",
    "refuse_base",
]

T = TypeVar("T")

Opt: TypeAlias = T | UnsetType
"""May be absent."""
Maybe: TypeAlias = T | UnsetType | None
"""May be absent or null."""
Number: TypeAlias = int | float
"""A JSON number; kept as it was written, so that 3 does not come back as 3.0."""
Id: TypeAlias = str
"""An opaque identifier. Servers use every spelling there is; never take one apart."""

EXTRA_KEY: Final = "$extra"
UNKNOWN_TAG: Final = "$unknown"

_REPR_TEXT_CHARS: Final = 80
"""Longest string that a repr shows whole: about what the field names leave of a terminal line."""
_REPR_LEVELS: Final = 8
"""How deep a repr looks into plain JSON: what belongs to the protocol nests no deeper."""

_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,31}://\S*")

_HOME: Final = "duologue.events."
"""Where all events and their parts are defined."""

_SECRET_NAMES: Final = frozenset({"api_key", "authorization", "client_secret", "headers"})
"""Fields of plain JSON that hold keys in some event or dialect; a repr shows that they are there and no more."""


def is_set(value: T | UnsetType | None) -> TypeGuard[T]:
    """True for a value, false for absent and null."""
    return value is not UNSET and value is not None


class Extra(Mapping[str, Any]):
    """Fields that came with an object and are not part of its class: read-only, in the order they came.

    Not compared: the dialect that they came in, the whole frame where the typed form would not be written back as it
    came, and whether the object came without its `type`.
    """

    __slots__ = ("_fields", "dialect", "frame", "lacks_type")

    def __init__(
        self,
        fields: Mapping[str, Any] | None = None,
        *,
        dialect: str | None = None,
        frame: Any = None,
        lacks_type: bool = False,
    ) -> None:
        self.lacks_type: bool = lacks_type
        self._fields: dict[str, Any] = dict(fields) if fields else {}
        self.dialect: str | None = dialect
        self.frame: Mapping[str, Any] | None = frame

    def __getitem__(self, name: str) -> Any:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __hash__(self) -> int:
        return hash(frozenset(self._fields)) if self._fields else 0

    def __repr__(self) -> str:
        return _shown(self._fields)


NO_EXTRA: Final = Extra()
"""Of every object that came without unknown fields."""


class WireObject(
    Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    rename={"extra": EXTRA_KEY},
):
    """Base of every JSON object of the protocol."""

    extra: Extra = NO_EXTRA
    """Fields beyond those of the class, as they came."""

    audio_fields: ClassVar[frozenset[str]] = frozenset()
    """Fields that hold base64 audio; a repr shows their size instead."""
    secret_fields: ClassVar[frozenset[str]] = frozenset()
    """Fields that hold keys; a repr shows that they are there and no more."""

    def __init_subclass__(cls) -> None:
        # Sealed: what decoding yields is a closed union, which a `match` can exhaust.
        if not cls.__module__.startswith(_HOME):
            raise TypeError(
                f"{cls.__name__} cannot extend a class of duologue.events, which are all that decoding yields: an event"
                " of your own is UnknownRealtimeEvent(json={'type': …}, problem='') or the unknown event of its family,"
                " a field of your own goes into `extra`, and a server's own spelling is a dialect"
            )
        super().__init_subclass__()

    def __hash__(self) -> int:
        # By type and id alone: fields may hold lists and plain JSON, which do not hash.
        return hash((type(self), getattr(self, "event_id", None), getattr(self, "id", None)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self._shown_fields())})"

    def _shown_fields(self) -> Iterator[str]:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if value is UNSET or (name == "extra" and not value):
                continue
            if name in self.secret_fields and value is not None:
                yield f"{name}='***'"
            elif name in self.audio_fields and isinstance(value, str):
                yield f"{name}=<{_describe_audio(value)}>"
            else:
                yield f"{name}={_shown(value)}"


def _shown(value: object, levels: int = _REPR_LEVELS) -> str:
    """The value in a repr: long text by its beginning, plain JSON without the keys it may hold."""
    match value:
        case str() if _URL.fullmatch(value):
            return _shown_url(value)
        case str() if len(value) > _REPR_TEXT_CHARS:
            return f"{value[:_REPR_TEXT_CHARS]!r}… ({len(value)} characters)"
        case dict() | list() if not levels:
            return "…"
        case dict():
            return f"{{{', '.join(_shown_pair(name, inner, levels - 1) for name, inner in value.items())}}}"
        case list():
            return f"[{', '.join(_shown(element, levels - 1) for element in value)}]"
        case _:
            return repr(value)


def _shown_url(url: str) -> str:
    """A URL by its host and path: in its query and before its host, services want their keys."""
    scheme, _, rest = url.partition("://")
    _, at, rest = rest.rpartition("@")  # a password may hold any other character
    place = re.split(r"[?#]", rest, maxsplit=1)[0]
    hidden = f"{scheme}://{'…@' if at else ''}{place[:_REPR_TEXT_CHARS]}"
    return repr(hidden if place == rest else f"{hidden}?…")


def _shown_pair(name: object, value: object, levels: int) -> str:
    shown = "'***'" if name in _SECRET_NAMES and value is not None else _shown(value, levels)
    return f"{_shown(name)}: {shown}"


def _describe_audio(encoded: str) -> str:
    """Size of base64 audio, and how long it plays if it is the protocol's default format."""
    size_bytes = len(encoded) * 3 // 4 - encoded[-2:].count("=")
    return f"{size_bytes} bytes of audio, {size_bytes / 48:.0f} ms as 24 kHz PCM16"


class Variant(WireObject, frozen=True, kw_only=True, tag_field="type"):
    """Base of objects that say by their `type` what they are."""

    type_may_be_absent: ClassVar[bool] = False
    """Whether an object of a union is of this class if it has no `type`."""


class UnknownVariant(Variant, frozen=True, kw_only=True, tag=UNKNOWN_TAG):
    """Stands where a union has a kind that this version does not know; keeps its JSON untouched."""

    may_be_untagged: ClassVar[bool] = True
    """Whether an object without a `type` is of an unknown kind too, rather than damaged."""

    json: Extra

    @property
    def type(self) -> str | None:
        """The kind as the wire named it; None when it named none."""
        kind = self.json.get("type")
        return kind if isinstance(kind, str) else None


class UnknownFrame(Variant, frozen=True, kw_only=True):
    """What the unknown event of each family consists of.

    It has no field of a known type: asking for one raises an AttributeError that says why.
    """

    json: dict[str, Any]
    """The event as it came."""
    problem: str
    """Why it is not typed: where in the JSON, what was expected, what came."""

    if TYPE_CHECKING:
        # To a type checker the name is none of the known ones: comparing it with one of those selects the class.
        type: ClassVar[Literal["(unknown)"]]
    else:

        @property
        def type(self) -> str | None:
            """The wire name as it came, as `wire_type` is; type checkers take it for a name that no event has."""
            return self.wire_type

        def __getattr__(self, name: str) -> Any:
            if name.startswith("__") or name in self.__struct_fields__:
                raise AttributeError(name)
            raise AttributeError(
                f"no field {name!r}, because the event could not be read: {self.problem}; its fields are in `json`",
                name=name,
                obj=self,
            )

    @property
    def wire_type(self) -> str | None:
        """The wire name as it came; None when there was no string of that name."""
        name = self.json.get("type")
        return name if isinstance(name, str) else None

    @property
    def event_id(self) -> Maybe[Id]:
        """The id as it came; None when it was not a string."""
        identifier = self.json.get("event_id", UNSET)
        return identifier if isinstance(identifier, str | UnsetType) else None


_CODECS: Final = {
    "realtime": "duologue.codec",
    "translation": "duologue.codec.families",
    "live": "duologue.codec.live",
}
"""Modules of the floor above, by family. Each puts the reading and writing of its events in place."""


def load_codec(family: str) -> None:
    """Have the events of a family read and written: at their first use, because importing events needs no codec."""
    import_module(_CODECS[family])


def refuse_base(event: Variant) -> None:
    """`__post_init__` of a base: it is no event itself.

    Raises:
        TypeError: always.
    """
    raise TypeError(f"{type(event).__name__} is a base of events and no event: make one of its subclasses")


B = TypeVar("B", bound="type[Variant]")


def abstract_event(base: B) -> B:
    """Decorates a base whose `__post_init__` is `refuse_base`, so that its subclasses can be made, at no cost.

    msgspec looks for `__post_init__` once, when a class is made.
    """
    del base.__post_init__  # type: ignore[attr-defined]
    return base


@abstract_event
class RealtimeEvent(Variant, frozen=True, kw_only=True):
    """Base of every event that is sent or received over the WebSocket connection.

    `type` is the event's canonical wire name, whichever historical spelling it arrived with.
    """

    type: ClassVar[Any]

    def __post_init__(self) -> None:
        refuse_base(self)

    if TYPE_CHECKING:
        # Each event class says for itself whether its id may be absent.
        @property
        def event_id(self) -> Maybe[Id]: ...

    # Reading and writing JSON is the work of the floor above, which puts its own in place of these two.
    @staticmethod
    def _read_json(data: Mapping[str, Any] | str | bytes) -> Any:
        load_codec("realtime")
        return RealtimeEvent._read_json(data)

    @staticmethod
    def _write_json(event: RealtimeEvent) -> dict[str, Any]:
        load_codec("realtime")
        return RealtimeEvent._write_json(event)

    @staticmethod
    def from_json(data: Mapping[str, Any] | str | bytes) -> AnyEvent:
        """The event that this JSON object is, dispatched on its `type`.

        An unknown type, or a known one whose fields are missing or ill-typed, becomes `UnknownRealtimeEvent`.

        Raises:
            DecodeError: the text is not a JSON object.
        """
        event: AnyEvent = RealtimeEvent._read_json(data)
        return event

    def to_json(self) -> dict[str, Any]:
        """The event as a JSON-ready dict, with the canonical wire name and every extra field it came with."""
        return RealtimeEvent._write_json(self)


@abstract_event
class ServerEvent(RealtimeEvent, frozen=True, kw_only=True):
    """An event that servers send; each carries an id that the server gave it."""

    event_id: Id  # pyright: ignore[reportIncompatibleMethodOverride]  # frozen, so as read-only as the property

    def __post_init__(self) -> None:
        refuse_base(self)


@abstract_event
class ClientEvent(RealtimeEvent, frozen=True, kw_only=True):
    """An event that clients send. The id is optional, and comes back only in an `error` that answers the event."""

    event_id: Maybe[Id] = UNSET  # pyright: ignore[reportIncompatibleMethodOverride]  # frozen, likewise

    def __post_init__(self) -> None:
        refuse_base(self)


class UnknownRealtimeEvent(UnknownFrame, RealtimeEvent, frozen=True, kw_only=True, tag=UNKNOWN_TAG):
    """An event that cannot be typed truthfully; nothing of it is lost.

    Either its type is unknown, or a field of a known type is missing or has the wrong type. It has no field of a known
    type: asking for one raises an AttributeError that says why.
    """


def encode_audio(audio: bytes) -> str:
    """Audio bytes as the wire carries them."""
    return encode_base64(audio)


def decode_audio(encoded: str) -> bytes:
    """The bytes of base64 audio; more padding than is needed does no harm. Raises ValueError for other text."""
    try:
        return decode_base64(encoded)
    except ValueError as fault:
        raise ValueError(f"audio field is {fault}") from None
