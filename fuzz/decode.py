"""Fuzz target: any bytes, read and written in every dialect and family.

    python fuzz/decode.py [libFuzzer options] [CORPUS...]

Allowed is one exception, DecodeError, and that only for what is no JSON object. Everything else is a finding:
another exception, a field that does not come back, an event that compares or hashes unlike its twin.
"""

from __future__ import annotations

import json
import sys
import warnings
from decimal import Decimal
from math import isinf
from typing import Any, NoReturn

import atheris

with atheris.instrument_imports():
    from duologue import DecodeError, RealtimeEvent, UnknownRealtimeEvent, decode, encode
    from duologue.codec import (
        CANONICAL,
        DIALECTS,
        LossyTranslationWarning,
        decode_live,
        decode_translation,
        encode_live,
        encode_translation,
    )

warnings.simplefilter("ignore", LossyTranslationWarning)  # reports of what a mutated frame loses are no findings

ACCEPTED_REFUSALS = ("nested too deeply", "more than 4300 digits")
"""JSON objects that are refused all the same, with their documented reasons."""


def canonical(fields: dict[str, Any]) -> dict[str, Any]:
    """The frame as the home dialect writes it: with the canonical name of a typed event."""
    name = fields.get("type")
    return {**fields, "type": CANONICAL[name]} if isinstance(name, str) and name in CANONICAL else fields


def number(text: str) -> float | int:
    """A float; where a double cannot hold it, the integer that it is."""
    value = float(text)
    if not isinf(value):
        return value
    if Decimal(text).adjusted() >= 4300:
        raise ValueError("refused, as documented")
    return int(Decimal(text))


def not_json(constant: str) -> NoReturn:
    """NaN and the infinities, which the standard parser takes for JSON."""
    raise ValueError(constant)


def json_object(data: bytes) -> dict[str, Any] | None:
    """What the standard parser makes of it; None if that is no object."""
    try:
        value = json.loads(data.decode("utf-8-sig"), parse_constant=not_json, parse_float=number)
    except (ValueError, ArithmeticError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def check(data: bytes) -> None:
    """One input."""
    came = json_object(data)
    try:
        event = decode(data)
    except DecodeError as fault:
        if came is not None and not any(reason in str(fault) for reason in ACCEPTED_REFUSALS):
            raise AssertionError(f"refused a JSON object: {fault}") from fault
        return
    hash(event)
    assert "\n" not in repr(event)
    fields = event.to_json()
    written = json.loads(encode(event))
    assert written == fields, "encode and to_json differ"
    if isinstance(event, UnknownRealtimeEvent):
        assert event.problem
    assert decode(encode(event)) == event == RealtimeEvent.from_json(fields), "does not come back"
    if came is not None:
        assert fields == (came if isinstance(event, UnknownRealtimeEvent) else canonical(came)), "something was lost"
    check_families(data, came)
    for dialect in DIALECTS:
        back = json.loads(encode(decode(data, dialect=dialect), dialect=dialect))
        if dialect != "openai" and came is not None:
            assert back == came, f"{dialect}: not the same"


def check_families(data: bytes, came: dict[str, Any] | None) -> None:
    """The same input as a frame of the other families."""
    for read, write in ((decode_translation, encode_translation), (decode_live, encode_live)):
        event: Any = read(data)
        hash(event)
        assert "\n" not in repr(event)
        fields = event.to_json()
        assert json.loads(write(event)) == fields, "encode and to_json differ"
        assert read(write(event)) == event, "does not come back"
        assert came is None or fields == came, "something was lost"


def main() -> None:
    """Fuzz until stopped."""
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
