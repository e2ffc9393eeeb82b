"""The page of all faults, made of the vocabulary: `python -m duologue.faults.pages docs/reference/faults.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from duologue.faults.vocabulary import KINDS, FaultField, FaultKind, FaultLayer

__all__ = ["page", "write_page"]

_LAYERS: Final[Mapping[FaultLayer, str]] = {
    "bytes": "Bytes of the connection",
    "handshake": "The handshake",
    "message": "Messages",
    "client": "The client itself",
}

_REMARKS: Final[Mapping[FaultLayer, str]] = {
    "bytes": "A transport of messages tells all of them but `slice` and `corrupt`: messages come as late as their bytes"
    " would, and what breaks off ends with code 1006.",
    "handshake": "`ScriptedServer` and `duologue chaos` have them, and take neither `on` nor `after`.",
    "message": "",
    "client": "As if the client itself were in trouble: its messages stand still, or its audio is lost or late.",
}


def page() -> str:
    """The page."""
    return "\n".join(_lines()) + "\n"


def write_page(file: Path) -> None:
    """Write the page into a file."""
    file.write_text(page(), encoding="utf-8")


def _lines() -> Iterator[str]:
    yield "# Faults"
    yield ""
    yield "Every fault of `duologue chaos`, `FaultyTransport`, `ScriptedServer` and the marker `realtime_faults`."
    yield "How they are used: [Break it on purpose](../howto/break-it-on-purpose.md)."
    yield ""
    yield "The page is made of the vocabulary in `duologue.faults`. Do not edit it, but run"
    yield "`python -m duologue.faults.pages docs/reference/faults.md`."
    for layer, title in _LAYERS.items():
        yield ""
        yield f"## {title}"
        if _REMARKS[layer]:
            yield ""
            yield _REMARKS[layer]
        yield ""
        yield "| fault | what comes | fields | whose messages | imitates |"
        yield "|---|---|---|---|---|"
        for kind in KINDS.values():
            if kind.layer == layer:
                yield f"| `{kind.name}` | {_what(kind)} | {_fields(kind)} | {_from(kind)} | {kind.imitates} |"


def _what(kind: FaultKind) -> str:
    times = " Without `times` or `p`, on each connection." if kind.times is None else ""
    on = f" Without `on` or `after`, at `{kind.on}`." if kind.on is not None else ""
    return f"{kind.doc}{on}{times}"


def _fields(kind: FaultKind) -> str:
    return "<br>".join(_field(field) for field in kind.fields) or "–"


def _field(field: FaultField) -> str:
    if isinstance(field.default, str):
        default = f"`{field.name}={field.default}`" if field.default else f"`{field.name}`"
        return f"{default}: {field.doc}"
    return f"`{field.name}={field.default:g}`: {field.doc} ({field.least:,.10g} to {field.most:,.10g})"


def _from(kind: FaultKind) -> str:
    if not kind.senders:
        return "both"
    if len(kind.senders) == 1:
        return kind.senders[0]
    return f"`from={kind.sender}`" if kind.sender is not None else "both, or `from`"


if __name__ == "__main__":
    write_page(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/reference/faults.md"))
