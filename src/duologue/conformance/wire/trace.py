"""The messages of one connection as plain JSON: nothing is repaired, so that a server's faults stay visible."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, TypeAlias

from msgspec import Struct

__all__ = ["Json", "Side", "Trace", "WireMessage", "look"]

Json: TypeAlias = Mapping[str, Any]
Side: TypeAlias = Literal["C", "S"]

_ID_PATHS: Final = ("response_id", "response.id", "item_id", "item.id")


def look(event: Json, path: str) -> Any:
    """What is at this dotted path; None if there is nothing."""
    found: Any = event
    for name in path.split("."):
        if isinstance(found, list) and name.isdecimal():
            found = found[int(name)] if int(name) < len(found) else None
        else:
            found = found.get(name) if isinstance(found, Mapping) else None
    return found


class WireMessage(Struct, frozen=True, kw_only=True):
    """One message: from the client (C) or the server (S)."""

    side: Side
    at_s: float
    event: Json
    """Empty if the message is no JSON object."""
    problem: str = ""
    """Why it is no JSON object."""

    @property
    def type(self) -> str:
        """Its event type; "" without one."""
        name = self.event.get("type")
        return name if isinstance(name, str) else ""

    @property
    def ids(self) -> frozenset[str]:
        """Ids of the response and the item that it is about."""
        found = (look(self.event, path) for path in _ID_PATHS)
        return frozenset(id for id in found if isinstance(id, str))

    def get(self, path: str) -> Any:
        """What is at this dotted path of the event; None if there is nothing."""
        return look(self.event, path)


class Trace(Struct, kw_only=True):
    """The messages of one connection, in the order in which they were sent and received."""

    name: str
    """Name of the scenario."""
    messages: list[WireMessage] = []
    closed: tuple[int, str] | None = None
    """Code and reason, if the server closed."""
    sideband: bool = False
    """Whether it is attached to a session of another connection."""
    shared: bool = False
    """Whether another connection of the suite was on the same session: its commands are not in this trace."""

    def received(self, *types: str) -> Iterator[WireMessage]:
        """What the server sent: of these types, or all of it."""
        return (each for each in self.messages if each.side == "S" and (not types or each.type in types))

    def sent(self, *types: str) -> Iterator[WireMessage]:
        """What the client sent: of these types, or all of it."""
        return (each for each in self.messages if each.side == "C" and (not types or each.type in types))

    def precedes(self, one: WireMessage, other: WireMessage) -> bool:
        """Whether one message came before the other. By position: a coarse clock gives both the same time."""
        return self.messages.index(one) < self.messages.index(other)

    def responses(self) -> dict[str, list[WireMessage]]:
        """The server's `response.*` events by the id of their response."""
        found: dict[str, list[WireMessage]] = {}
        for each in self.received():
            id = each.get("response_id") or each.get("response.id")
            if each.type.startswith("response.") and isinstance(id, str):
                found.setdefault(id, []).append(each)
        return found
