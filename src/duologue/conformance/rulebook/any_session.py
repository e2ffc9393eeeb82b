"""What holds in the traces of every family: checks that are made for a family by its names."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import cache
from typing import TypeAlias

import msgspec

from duologue import catalogue
from duologue.conformance.wire.connector import Family
from duologue.conformance.wire.trace import Trace, WireMessage
from duologue.events.base import UnknownFrame
from duologue.events.base64_text import decode_base64

__all__ = [
    "Check",
    "Verdicts",
    "errors_name_commands",
    "event_ids",
    "fields",
    "no_events_of_realtime",
    "nothing_after",
    "one_object",
    "pcm_of",
    "published",
    "published_types",
    "whole_samples",
]

Verdicts: TypeAlias = Iterator[str | None]
"""A sentence for each violation, and None each time that the rule holds; nothing if there was no case of it."""
Check: TypeAlias = Callable[[Trace], Verdicts]


@cache
def published_types(family: Family = "realtime", *, beta: bool = False) -> frozenset[str]:
    """Wire names of the server events of a family: the current ones, or those of the beta."""
    entries = [each for each in catalogue.events() if each.api == family and each.direction == "server"]
    if beta:
        return frozenset(name for each in entries if each.era != "ga" for name in each.aliases or (each.wire,))
    return frozenset(each.wire for each in entries if each.era != "beta")


def one_object(trace: Trace) -> Verdicts:
    """Every text message is an object with a type."""
    for each in trace.received():
        yield each.problem or (None if each.type else "an event without type")


def event_ids(*, but: Collection[str]) -> Check:
    """Every event has an id, except those of the types in `but`."""

    def check(trace: Trace) -> Verdicts:
        for each in trace.received():
            if not each.problem and each.type not in but:
                id = each.get("event_id")
                yield None if isinstance(id, str) and id else f"{each.type or 'an event'} without event_id"

    return check


def published(family: Family) -> Check:
    """Every type is one of the family's."""

    def check(trace: Trace) -> Verdicts:
        for each in trace.received():
            if each.type:
                yield None if each.type in published_types(family) else f"{each.type} is no published event"

    return check


def no_events_of_realtime(family: Family) -> Check:
    """No type is one that Realtime has and this family has not."""

    def check(trace: Trace) -> Verdicts:
        foreign = (published_types() | published_types(beta=True)) - published_types(family)
        for each in trace.received():
            if each.type:
                yield f"{each.type} is an event of Realtime" if each.type in foreign else None

    return check


def fields(family: Family, decode: Callable[[str], object]) -> Check:
    """Every event of a published type can be typed: the reader of the family says what is wrong with it otherwise."""

    def check(trace: Trace) -> Verdicts:
        for each in trace.received():
            if each.type in published_types(family):
                event = decode(msgspec.json.encode(each.event).decode())
                yield f"{each.type}: {event.problem}" if isinstance(event, UnknownFrame) else None

    return check


def nothing_after(type: str) -> Check:
    """No event comes after one of this type."""

    def check(trace: Trace) -> Verdicts:
        ended = False
        for each in trace.received():
            if ended:
                yield f"{each.type or 'a message'} comes after {type}"
            elif each.type == type:
                ended = True
        if ended:
            yield None

    return check


def errors_name_commands(*paths: str) -> Check:
    """What an error names at these paths was sent, and is the same at all of them; it may name nothing."""

    def check(trace: Trace) -> Verdicts:
        sent = {each.event.get("event_id") for each in trace.sent()}
        for each in trace.received("error"):
            named = {name for name in map(each.get, paths) if name is not None}
            if len(named) > 1:
                yield f"an error names {' and '.join(sorted(map(str, named)))}"
            else:
                # With a second socket on the session, the command may have come from there.
                unknown = named - sent if not trace.shared else ()
                yield f"an error names {next(iter(unknown))}, which was never sent" if unknown else None

    return check


def whole_samples(bytes_of_a_sample: Callable[[Trace], int]) -> Check:
    """Output audio is base64, and has no half samples."""

    def check(trace: Trace) -> Verdicts:
        for each in trace.received("session.output_audio.delta"):
            pcm = pcm_of(each)
            if pcm is None:
                yield "an output audio delta is no base64"
            else:
                size = bytes_of_a_sample(trace)
                yield None if len(pcm) % size == 0 else f"an output audio delta of {len(pcm)} bytes"

    return check


def pcm_of(message: WireMessage, field: str = "delta") -> bytes | None:
    """The bytes of an audio field; None if they are no base64."""
    audio = message.get(field)
    try:
        return decode_base64(audio) if isinstance(audio, str) else None
    except ValueError:
        return None
