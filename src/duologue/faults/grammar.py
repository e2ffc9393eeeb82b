"""From text to faults: `NAME [field=value…] [on=EVENT] [after=3s|20msgs|1MB] [from=client|server] [p=0.1] [times=1] …`

    close code=1001 on=response.created
    duplicate p=0.1 from=server
    half_open after=2s connection=1

A file of faults is TOML, a table `[[fault]]` for each, with the same words and `name`.
"""

from __future__ import annotations

import difflib
import math
import re
import shlex
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any, Final, NoReturn

from duologue.faults.planned import After, PlannedFault
from duologue.faults.vocabulary import KINDS, FaultField, FaultKind, FieldValue
from duologue.printable import printable_name

__all__ = ["NEVER_SENT", "faults_from_toml", "parse_fault", "parse_faults"]

_WORDS: Final = ("on", "after", "from", "p", "times", "connection")

_AFTER: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,12})?)(s|ms|msgs|B|kB|MB)")
_UNITS: Final[Mapping[str, tuple[float, str]]] = {
    "s": (1, "s"),
    "ms": (0.001, "s"),
    "msgs": (1, "msgs"),
    "B": (1, "bytes"),
    "kB": (1e3, "bytes"),
    "MB": (1e6, "bytes"),
}

NEVER_SENT: Final = frozenset({1004, 1005, 1006, 1015})
"""Close codes that are never in a frame: RFC 6455, section 7.4.1."""
_FIRST_OWN: Final = 3000
_LAST_STANDARD: Final = 1014

_MAX_FAULTS: Final = 200
"""Each looks at every message."""


def parse_fault(text: str) -> PlannedFault:
    """The fault that a text says.

    >>> fault = parse_fault("latency ms=300 from=server")
    >>> fault.name, fault.fields["ms"]
    ('latency', 300.0)

    Raises:
        ValueError: it says none; the message says what is wrong, and what is possible.
    """
    try:
        name, *words = shlex.split(text) or [""]
    except ValueError as fault:
        raise ValueError(f"{text!r} is no fault: {fault}") from fault
    given: dict[str, Any] = {}
    for word in words:
        field, equals, value = word.partition("=")
        if not equals:
            _fail(name, f"{word!r} has no value: write {word}=…")
        if field in given:
            _fail(name, f"{field} is given twice")
        given[field] = value
    return _planned(name, given)


def parse_faults(faults: str | PlannedFault | Iterable[str | PlannedFault]) -> tuple[PlannedFault, ...]:
    """One fault or several, as texts or as they are.

    Raises:
        ValueError: one of the texts says none, or there are more than 200.
    """
    wanted = [faults] if isinstance(faults, str | PlannedFault) else list(faults)
    if len(wanted) > _MAX_FAULTS:
        raise ValueError(f"{len(wanted)} faults; no more than {_MAX_FAULTS} are possible at a time")
    return tuple(each if isinstance(each, PlannedFault) else parse_fault(each) for each in wanted)


def faults_from_toml(text: str) -> tuple[PlannedFault, ...]:
    """The faults of a TOML file: a table `[[fault]]` for each, with `name` and the words of the grammar.

    Raises:
        ValueError: it is not TOML, or holds something else.
    """
    content = tomllib.loads(text)
    tables = content.pop("fault", [])
    if content or not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        found = ", ".join(printable_name(name) for name in content) or "another `fault`"
        raise ValueError(f"a file of faults holds tables [[fault]], and here is {found}")
    planned: list[PlannedFault] = []
    for number, table in enumerate(tables, 1):
        name = table.pop("name", None)
        if not isinstance(name, str):
            raise ValueError(f'fault {number} has no name, such as name = "close"')
        planned.append(_planned(name, table))
    return parse_faults(planned)


def _planned(name: str, given: Mapping[str, Any]) -> PlannedFault:
    kind = KINDS.get(name)
    if kind is None:
        near = difflib.get_close_matches(name, KINDS, n=1)
        meant = f"; did you mean {near[0]}?" if near else "."
        raise ValueError(f"there is no fault {printable_name(name)!r}{meant} There are: {', '.join(KINDS)}")
    fields = {field.name: field for field in kind.fields}
    for word in given:
        if word not in fields and word not in _WORDS:
            possible = ", ".join((*fields, *_WORDS))
            _fail(name, f"there is no {printable_name(word)!r}; possible are {possible}")
    values = {
        field.name: _value(kind, field, given[field.name]) if field.name in given else field.default
        for field in kind.fields
    }
    if name == "close":
        _check_code(int(values["code"]))
    p = _number(kind, "p", given.get("p", 1.0), least=0, most=1)
    on = given.get("on")
    if on is not None and (not isinstance(on, str) or not on):
        _fail(name, "on is the type of an event, such as on=response.done")
    if kind.timing == "opening" and not given.keys().isdisjoint(("on", "after")):
        _fail(name, "it comes at the handshake, before any event and any time: leave out on and after")
    after = None if given.get("after") is None else _after(kind, given["after"])
    connection = given.get("connection")
    return PlannedFault(
        name=name,
        fields=values,
        on=on if on is not None or after is not None else kind.on,
        after=after,
        sender=_sender(kind, given.get("from")),
        p=p,
        times=_times(kind, given.get("times"), is_certain=p == 1),
        connection=None if connection is None else int(_number(kind, "connection", connection, least=1, whole=True)),
    )


def _value(kind: FaultKind, field: FaultField, given: object) -> FieldValue:
    if isinstance(field.default, str):
        if not isinstance(given, str):
            _fail(kind.name, f"{field.name} is a text")
        return given
    whole = isinstance(field.default, int)
    value = _number(kind, field.name, given, least=field.least, most=field.most, whole=whole)
    return int(value) if whole else value


def _number(
    kind: FaultKind, word: str, given: object, *, least: float, most: float = math.inf, whole: bool = False
) -> float:
    try:
        value = float(given) if isinstance(given, str | int | float) and not isinstance(given, bool) else math.nan
    except ValueError:
        value = math.nan
    if math.isnan(value) or not least <= value <= most or math.isinf(value) or (whole and value != int(value)):
        form = "a whole number" if whole else "a number"
        bounds = f"from {least:g} to {most:g}" if most != math.inf else f"from {least:g} on"
        _fail(kind.name, f"{word} is {form} {bounds}, not {printable_name(str(given))!r}")
    return value


def _after(kind: FaultKind, given: object) -> After:
    found = _AFTER.fullmatch(given) if isinstance(given, str) else None
    if found is None:
        _fail(kind.name, f"after is a time, a number of messages or of bytes: 3s, 20msgs, 1MB; not {given!r}")
    factor, unit = _UNITS[found[2]]
    return After(float(found[1]) * factor, unit)  # type: ignore[arg-type]  # of the table above


def _sender(kind: FaultKind, given: object) -> Any:
    if given is None:
        return None
    if not kind.senders:
        _fail(kind.name, "it is about both sides: leave out from")
    if given not in kind.senders:
        _fail(kind.name, f"from may be {' or '.join(kind.senders)}, not {printable_name(str(given))!r}")
    return given


def _times(kind: FaultKind, given: object, *, is_certain: bool) -> int | None:
    if given is None:
        return kind.times if is_certain else None
    return None if given == "all" else int(_number(kind, "times", given, least=1, whole=True))


def _check_code(code: int) -> None:
    if code in NEVER_SENT or _LAST_STANDARD < code < _FIRST_OWN:
        _fail("close", f"code {code} is none that a close can have: 1000 to 1014 but 1004 to 1006, and 3000 to 4999")


def _fail(name: str, what: str) -> NoReturn:
    raise ValueError(f"{printable_name(name)}: {what}")
