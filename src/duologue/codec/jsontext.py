"""JSON text, with a decided answer to everything that the grammar leaves open.

- A byte order mark is skipped; bytes must be UTF-8.
- NaN and Infinity are not JSON.
- Of duplicate keys the last one counts.
- Integers stay exact, and numbers beyond the range of a double become the integers that they are, up to 4300 digits:
  Python converts no more without asking, and no event means such a number.
- A lone surrogate, which JSON can spell and UTF-8 cannot, is kept and written back as its escape.
- Nesting deeper than Python can follow, a thousand levels at least, is an error: no event nests deeper than ten.
"""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from math import isinf
from typing import Any, NoReturn

import msgspec

from duologue.dialects.places import as_text, copy_json
from duologue.errors import DecodeError

__all__ = ["parse_object", "repeats_a_field", "too_deep", "write_text"]

_BOM = "\ufeff"
_MAX_DIGITS = 4300


def parse_object(data: str | bytes) -> dict[str, Any]:
    """The JSON object that the text is. Raises DecodeError if it is none."""
    try:
        value = _parse(data)
    except RecursionError as fault:
        raise too_deep(data) from fault
    except UnicodeDecodeError as fault:
        raise DecodeError("not UTF-8", size_bytes=_size_bytes(data), position=fault.start) from None
    except json.JSONDecodeError as fault:
        reason = fault.msg.removesuffix(" at")  # the message gets its position below
        raise DecodeError(reason, size_bytes=_size_bytes(data), position=_bytes_before(fault, data)) from None
    except ValueError as fault:
        raise DecodeError(str(fault), size_bytes=_size_bytes(data)) from None
    if not isinstance(value, dict):
        raise DecodeError(f"it is {_kind(value)}", size_bytes=_size_bytes(data))
    return value


def repeats_a_field(text: str) -> bool:
    """Whether an object in JSON text has two fields of one name: the first of them is in the text alone."""
    found = False

    def look(pairs: list[tuple[str, Any]]) -> None:
        nonlocal found
        found = found or len({name for name, _ in pairs}) < len(pairs)

    json.loads(text.removeprefix(_BOM), object_pairs_hook=look)
    return found


def too_deep(data: str | bytes) -> DecodeError:
    """The error for a message that nests more deeply than Python can follow."""
    return DecodeError("nested too deeply", size_bytes=_size_bytes(data))


def _size_bytes(data: str | bytes) -> int:
    return len(data) if isinstance(data, bytes) else len(data.encode("utf-8", "surrogatepass"))


def _parse(data: str | bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError):
        # The standard parser is slower but reads what the fast one rejects, and gives the position of a fault.
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        return json.loads(text.removeprefix(_BOM), parse_constant=_not_json, parse_float=_finite, parse_int=_integer)


def _bytes_before(fault: json.JSONDecodeError, data: str | bytes) -> int:
    """Where the fault is in the message: the parser counts characters, and has not seen a byte order mark."""
    has_bom = data.startswith(_BOM) if isinstance(data, str) else data.startswith(_BOM.encode())
    return len(fault.doc[: fault.pos].encode("utf-8", "surrogatepass")) + (len(_BOM.encode()) if has_bom else 0)


def write_text(value: Any) -> bytes:
    """The JSON text of plain data, UTF-8. Raises TypeError for what is none."""
    try:
        return msgspec.json.encode(value, enc_hook=as_text)
    except UnicodeError:
        text = json.dumps(copy_json(value))
        # The standard writer writes NaN and Infinity; the fast one writes null, and so does this.
        plain = json.loads(text, parse_constant=lambda _: None)
        return json.dumps(plain, separators=(",", ":")).encode("ascii")


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError(f"a number of more than {_MAX_DIGITS} digits")
    return int(digits)


def _finite(number: str) -> float | int:
    value = float(number)
    if not isinf(value):
        return value
    try:
        exact = Decimal(number)
    except InvalidOperation:  # its exponent alone is beyond what a Decimal holds
        exact = Decimal("Infinity")
    if not exact.is_finite() or exact.adjusted() >= _MAX_DIGITS:
        raise ValueError(f"a number of more than {_MAX_DIGITS} digits")
    return int(exact)


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _kind(value: Any) -> str:
    names = {list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
