"""Live servers with one fault each."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from msgspec import Struct

from duologue.conformance import ConnectOptions, Settings
from tests.conformance._lives import live
from tests.conformance._servers import Change, Event, everywhere
from tests.conformance.scenarios._faults import failed

__all__ = [
    "PATIENT",
    "Fault",
    "add",
    "broken",
    "dies",
    "each",
    "forks",
    "inside",
    "primaries",
    "refuse",
    "sidebands",
]

PATIENT = Settings(timeout=5, pace=0)
"""Longer than a fixture plays; on the idle clock it costs nothing."""


class Fault(Struct, frozen=True):
    """A server with a fault, the rules whose scenarios run, and the rules that fail."""

    name: str
    change: Change | None
    only: str
    rules: str
    where: Callable[[ConnectOptions], bool] = everywhere
    closes: bool = True


def each(faults: list[Fault]) -> pytest.MarkDecorator:
    """A test for each fault."""
    return pytest.mark.parametrize("fault", [pytest.param(fault, id=fault.name) for fault in faults])


async def broken(fault: Fault) -> set[str]:
    """The rules that fail with this fault, without the family's name."""
    only = [f"live.{rule}" for rule in fault.only.split()]
    found = await failed(
        fault.change,
        *only,
        settings=PATIENT,
        family="live",
        serve=live(),
        closes=fault.closes,
        where=fault.where,
    )
    return {rule_id.removeprefix("live.") for rule_id in found}


# --- where a fault is


def sidebands(options: ConnectOptions) -> bool:
    """On sidebands alone."""
    return options.attach is not None


def primaries(options: ConnectOptions) -> bool:
    """On primary connections alone."""
    return options.attach is None


def forks(options: ConnectOptions) -> bool:
    """On forks alone."""
    return options.fork is not None


# --- ways to break a Live server


def refuse(type: str) -> Change:
    """In place of the event comes an error."""
    error = {"type": "invalid_request_error", "code": "x", "message": "No."}
    return lambda event: ({"type": "error", "event_id": "e", "error": error},) if event["type"] == type else (event,)


def dies(type: str, *, after: int) -> Change:
    """The event does not come any more after so many."""
    seen = 0

    def change(event: Event) -> Iterable[Event]:
        nonlocal seen
        seen += event["type"] == type
        return () if event["type"] == type and seen > after else (event,)

    return change


def add(type: str, other: Event) -> Change:
    """Behind the event comes another one."""
    return lambda event: (event, {"event_id": "more", **other}) if event["type"] == type else (event,)


def inside(kind: str, change: Change, *, item: str | None = None, from_nth: int = 0) -> Change:
    """What is wrapped in a `response.event` of this kind is changed; from its nth on, and only with this item."""
    seen = 0

    def changed(event: Event) -> Iterable[Event]:
        nonlocal seen
        inner = event.get("event", {})
        if inner.get("type") != kind or (item is not None and inner.get("item", {}).get("type") != item):
            return (event,)
        seen += 1
        return change(event) if seen > from_nth else (event,)

    return changed
