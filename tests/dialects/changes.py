"""What the tables of the dialects come to, as data to review: `python -m tests.dialects.changes` writes it anew.

`readings/<dialect>.jsonl` tells of each line of `frames/<dialect>.jsonl` which dialect it seems to be in, and what
becomes of it in reading: fields that are gone, and fields that have come. `writings.jsonl` tells the same of writing,
for an example of every event and the frames of `frames/openai.jsonl`, with what is lost. A line that tells no more than
the dialects is about an event that these do not have; a dialect without a line writes the event as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from duologue import catalogue, decode
from duologue.codec import translate
from duologue.dialects import PROFILES, detect
from tests.dialects.vendor_frames import VENDOR_FRAMES

__all__ = ["FOLDER", "WRITINGS", "readings", "writings"]

FOLDER: Final = Path(__file__).parent
WRITINGS: Final = "writings.jsonl"


def readings(dialect: str) -> list[str]:
    """Of each frame of the dialect, how it is guessed and read."""
    return [
        _line({"guess": _guess(frame), **_changes(frame, PROFILES[dialect].read(frame))})
        for frame in VENDOR_FRAMES[dialect]
    ]


def writings() -> list[str]:
    """Of each canonical event, how the dialects write it that write it otherwise."""
    return [_line(entry) for name, frame in _events().items() for entry in _forms(name, frame)]


def _guess(frame: dict[str, Any]) -> str:
    guess = detect(frame)
    return f"{guess.dialect} {guess.confidence}: {guess.reason}"


def _events() -> dict[str, dict[str, Any]]:
    examples = {entry.wire: catalogue.examples()[entry.key] for entry in catalogue.events() if entry.api == "realtime"}
    return examples | {f"openai.jsonl:{line}": frame for line, frame in enumerate(VENDOR_FRAMES["openai"], 1)}


def _forms(name: str, frame: dict[str, Any]) -> Iterator[dict[str, Any]]:
    event = decode(json.dumps(frame))
    forms: dict[str, list[str]] = {}
    for dialect in PROFILES:
        written = translate(event, dialect=dialect)
        if written.frame is None:
            forms.setdefault("{}", []).append(dialect)
        elif written.frame != frame or written.lost:
            changes = _changes(frame, written.frame, lost=sorted(written.lost))
            forms.setdefault(_line(changes), []).append(dialect)
    return ({"event": name, "dialects": dialects, **json.loads(form)} for form, dialects in forms.items())


def _changes(before: Any, after: Any, *, lost: list[str] | None = None) -> dict[str, Any]:
    gone: list[str] = []
    come: dict[str, Any] = {}
    _compare(before, after, "", gone, come)
    found = (("gone", [path for path in gone if path not in (lost or ())]), ("come", come), ("lost", lost))
    return {name: value for name, value in found if value}


def _compare(before: Any, after: Any, path: str, gone: list[str], come: dict[str, Any]) -> None:
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            _compare(old, new, f"{path}[{index}]", gone, come)
    elif isinstance(before, dict) and isinstance(after, dict):
        place = f"{path}." if path else ""
        gone += [f"{place}{name}" for name in before if name not in after]
        come |= {f"{place}{name}": after[name] for name in after if name not in before}
        for name in [name for name in before if name in after]:
            _compare(before[name], after[name], f"{place}{name}", gone, come)
    elif before != after:
        come[path] = after


def _line(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    for dialect in PROFILES:
        text = "\n".join([*readings(dialect), ""])
        FOLDER.joinpath("readings", f"{dialect}.jsonl").write_text(text, encoding="utf-8")
    FOLDER.joinpath(WRITINGS).write_text("\n".join([*writings(), ""]), encoding="utf-8")
