"""What the protocol has: the events of its families and of Azure Voice Live, and the types inside them, as data.

The classes of `duologue.events` are written by hand; this is what they are held against, what `duologue events` prints
and what the reference pages are made of. Where the two differ, `DIVERGENCES.toml` says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal, TypeAlias

import msgspec

import duologue.events
import duologue.events.azure_voice_live
import duologue.events.live

__all__ = [
    "GROUPS",
    "Api",
    "Direction",
    "Era",
    "EventEntry",
    "FieldEntry",
    "TypeEntry",
    "class_named",
    "events",
    "events_named",
    "example_text",
    "examples",
    "types",
    "types_named",
]

Api: TypeAlias = Literal["realtime", "translation", "live", "azure-voice-live"]
Direction: TypeAlias = Literal["client", "server"]
Era: TypeAlias = Literal["both", "ga", "beta"]

_MODULES: Final[Mapping[str, str]] = {
    "live": "duologue.events.live",
    "azure-voice-live": "duologue.events.azure_voice_live",
}
"""Where the classes are of what only one family or vendor has."""

GROUPS: Final[Mapping[str, str]] = {
    "session": "Session",
    "audio": "Audio buffers",
    "conversation": "Conversation items",
    "transcription": "Transcription of the user's speech",
    "responses": "Responses",
    "tools": "Function calls and MCP",
    "limits": "Errors and rate limits",
    "translation": "Translation",
    "live": "Live",
    "azure": "Azure Voice Live",
}
"""What the events are sorted into, with a title for each."""


class _Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class FieldEntry(_Entry, frozen=True, kw_only=True):
    """A field of an event or of a type."""

    name: str
    type: str
    """Python's spelling; names are those of `types()`."""
    required: bool = False
    nullable: bool = False
    """By the published schema, or because servers were seen to send null."""
    era: Era = "both"
    """Where the field is younger or older than what it belongs to."""
    beta_type: str | None = None
    """What the beta had in its place."""
    observed: bool = False
    """Not published; servers send it."""
    since: str | None = None
    note: str = ""

    @property
    def presence(self) -> str:
        """In words, whether it must be there and be a value."""
        presence = "required" if self.required else "optional"
        return f"{presence}, or null" if self.nullable else presence


class EventEntry(_Entry, frozen=True, kw_only=True, rename={"class_name": "class"}):
    """An event. Keys are api, direction and wire name together: the families share names."""

    wire: str
    direction: Direction
    api: Api
    class_name: str
    """In `duologue.events`, or in `duologue.events.live`."""
    group: str
    era: Era
    ga_since: str | None = None
    """A date, or the release of the official SDK that had it at the latest."""
    beta_since: str | None = None
    aliases: tuple[str, ...] = ()
    """Other wire names that it has had."""
    transports: tuple[str, ...] = ()
    """Where it is sent, if not everywhere."""
    answers: tuple[str, ...] = ()
    """Events that confirm it."""
    now: str | None = None
    """The event that took its place."""
    sent_when: str
    note: str = ""
    fields: tuple[FieldEntry, ...]

    @property
    def module(self) -> str:
        """Where its class is."""
        return _MODULES.get(self.api, "duologue.events")

    @property
    def key(self) -> str:
        """The key as one word."""
        return f"{self.api}:{self.direction}:{self.wire}"

    @property
    def eras(self) -> str:
        """In words, where it is sent and since when."""
        since = {"GA": self.ga_since, "beta": self.beta_since}
        dated = ", ".join(f"{era} since {date}" for era, date in since.items() if date is not None)
        return dated or {"both": "GA and beta", "ga": "GA", "beta": "beta"}[self.era]


class TypeEntry(_Entry, frozen=True, kw_only=True, rename={"given_class": "class"}):
    """A type that events are made of."""

    name: str
    kind: Literal["object", "union", "enum", "alias"]
    era: Era
    given_class: str | None = None
    """Its class in `duologue.events`, where that has another name."""
    reads_as: str | None = None
    """The union that describes it better than its own fields do."""
    members: tuple[str, ...] = ()
    """Of a union; what an alias stands for."""
    values: tuple[str, ...] = ()
    """Of an enum."""
    open: bool = False
    """Other values than these are published as possible."""
    note: str = ""
    fields: tuple[FieldEntry, ...] = ()

    @property
    def class_name(self) -> str:
        """Its class or alias in `duologue.events`, if there is one."""
        return self.given_class or self.name


@cache
def events() -> tuple[EventEntry, ...]:
    """Every event: by family, group, direction and name."""
    return msgspec.json.decode(_text("events.json"), type=tuple[EventEntry, ...])


@cache
def types() -> Mapping[str, TypeEntry]:
    """Every type by its name."""
    return {entry.name: entry for entry in msgspec.json.decode(_text("types.json"), type=tuple[TypeEntry, ...])}


def events_named(name: str) -> tuple[EventEntry, ...]:
    """Events with this wire name, now or formerly, or of this class."""
    return tuple(entry for entry in events() if name in (entry.wire, entry.class_name, *entry.aliases))


def types_named(name: str) -> tuple[TypeEntry, ...]:
    """Types with this name, published or that of a class."""
    return tuple(entry for entry in types().values() if name in (entry.name, entry.class_name))


@cache
def examples() -> Mapping[str, dict[str, Any]]:
    """A frame of every event, by the event's key."""
    return msgspec.json.decode(_text("examples.json"), type=dict[str, dict[str, Any]])


def class_named(name: str) -> Any:
    """The class or alias of this name, in `duologue.events` or the module of a family or vendor; None without one."""
    modules = (duologue.events, duologue.events.live, duologue.events.azure_voice_live)
    return next((getattr(module, name) for module in modules if hasattr(module, name)), None)


def example_text(entry: EventEntry) -> str:
    """The event's example as JSON text on several lines."""
    return msgspec.json.format(msgspec.json.encode(examples()[entry.key])).decode()


def _text(name: str) -> bytes:
    return files(__name__).joinpath(name).read_bytes()
