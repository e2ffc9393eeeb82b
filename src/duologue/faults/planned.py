"""A fault as it is wanted: which one, with which fields, when and how often."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Literal, TypeAlias

from msgspec import Struct

from duologue.codec.known import EVENT_CLASSES
from duologue.codec.live import LIVE_CLASSES
from duologue.events import ClientEvent
from duologue.events.live import LiveClientEvent
from duologue.faults.vocabulary import KINDS, FaultKind, FieldValue
from duologue.recording import Side

__all__ = ["After", "AfterUnit", "PlannedFault"]

AfterUnit: TypeAlias = Literal["s", "msgs", "bytes"]
"""Seconds, messages of both sides, or bytes."""


class After(Struct, frozen=True):
    """How much must have passed on the connection before a fault may come."""

    amount: float
    """How many of the unit."""
    unit: AfterUnit
    """What is counted."""

    def __str__(self) -> str:
        return f"{_plain(self.amount)}{'B' if self.unit == 'bytes' else self.unit}"


class PlannedFault(Struct, frozen=True, kw_only=True):
    """One of the vocabulary's faults, with all that was said about it. `parse_fault` makes it, and checks it."""

    name: str
    """Of the kind, in `KINDS`."""
    fields: Mapping[str, FieldValue]
    """All fields of the fault, those that were not given too."""
    on: str | None = None
    """The type of the event at which it comes; `*` stands for any part."""
    after: After | None = None
    """None: from the start."""
    sender: Side | None = None
    """`from`: whose messages it is about."""
    p: float = 1.0
    """The chance of each occasion."""
    times: int | None = None
    """How often it comes at most, over all connections."""
    connection: int | None = None
    """The connection to which it comes, counted from 1; None: any."""

    @property
    def kind(self) -> FaultKind:
        """Its row of the vocabulary."""
        return KINDS[self.name]

    def number(self, field: str) -> float:
        """The value of a field that is a number."""
        return float(self.fields[field])

    def text(self, field: str) -> str:
        """The value of a field that is a text."""
        return str(self.fields[field])

    @property
    def acts_on(self) -> Side | None:
        """Whose messages it is about: as `from` says, else by the event of `on`, else as is usual; None: both."""
        if self.sender is not None:
            return self.sender
        kind = self.kind
        if kind.timing == "each" and self.on is not None and (known := _sender_of(self.on)) in kind.senders:
            return known
        return kind.sender

    def is_at(self, type_name: str) -> bool:
        """Whether an event of this type is an occasion; True where any message is."""
        return self.on is None or self.on == type_name or ("*" in self.on and fnmatchcase(type_name, self.on))

    def __str__(self) -> str:
        """In the grammar, without what is as usual."""
        kind = self.kind
        words = [self.name]
        words += [
            f"{field.name}={_shown(self.fields[field.name])}"
            for field in kind.fields
            if self.fields[field.name] != field.default
        ]
        if self.on is not None and self.on != kind.on:
            words.append(f"on={shlex.quote(self.on)}")
        if self.after is not None:
            words.append(f"after={self.after}")
        if self.sender is not None:
            words.append(f"from={self.sender}")
        if self.p != 1:
            words.append(f"p={_plain(self.p)}")
        if self.times != (kind.times if self.p == 1 else None):
            words.append(f"times={'all' if self.times is None else self.times}")
        if self.connection is not None:
            words.append(f"connection={self.connection}")
        return " ".join(words)


def _sender_of(type_name: str) -> Side | None:
    """Who sends events of this type, if one side alone does."""
    kinds = [found for classes in (EVENT_CLASSES, LIVE_CLASSES) if (found := classes.get(type_name)) is not None]
    by_client = {issubclass(kind, ClientEvent | LiveClientEvent) for kind in kinds}
    if len(by_client) != 1:
        return None
    return "client" if by_client.pop() else "server"


def _shown(value: FieldValue) -> str:
    return shlex.quote(value) if isinstance(value, str) else _plain(value)


def _plain(value: float) -> str:
    """The number, without an exponent and without loss."""
    text = format(Decimal(repr(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
