"""Compares an event of the client with the one that was recorded in its place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from msgspec import Struct

from duologue.codec.jsontext import write_text
from duologue.printable import printable
from duologue.recording.secrets import scrubbed_json, url_without_keys
from duologue.testing.cassettes.client_ids import SETTINGS, ClientIds, is_id
from duologue.testing.cassettes.messages import bytes_in

__all__ = ["Difference", "IgnoredFields", "differences"]

_ABSENT: Final = object()

_MAX_QUOTE_CHARACTERS: Final = 80
"""Of a value in a difference: a line of a terminal has room for two."""

_MAX_DEPTH: Final = 100
"""Of what is compared; no event nests deeper than ten."""

_SECRET: Final = re.compile(r"\(secret, [0-9]+ characters\)")
"""What the recording has in the place of a secret."""

_AUDIO_TOLERANCE: Final = 0.05
"""Of the length of audio inside an item: another resampler makes a few samples more or less."""


class Difference(Struct, frozen=True):
    """One field that is not as it was recorded."""

    path: str
    """From the event: `session.audio.input`. Elements of lists are numbers."""
    words: str

    def __str__(self) -> str:
        return f"{self.path}: {self.words}"


class IgnoredFields:
    """Fields that may differ: paths from the event, such as `session.instructions`; `*` is any name or number."""

    def __init__(self, paths: Sequence[str]) -> None:
        """Raises ValueError: a path is empty."""
        for path in paths:
            if not path.strip("."):
                raise ValueError(f"{path!r} names no field: write a path from the event, as in session.instructions")
        self._paths = [tuple(path.removeprefix("$.").split(".")) for path in paths]

    def has(self, path: Sequence[str]) -> bool:
        """Whether the field at this path is one of them."""
        return any(
            len(ignored) == len(path) and all(wanted in ("*", name) for wanted, name in zip(ignored, path, strict=True))
            for ignored in self._paths
        )


def differences(
    recorded: dict[str, Any], came: dict[str, Any], *, ids: ClientIds, ignored: IgnoredFields
) -> list[Difference]:
    """What differs between two events, beside their ids, which are paired. Ids that the client makes are paired too."""
    ids.event(recorded.get("event_id"), came.get("event_id"))
    comparison = _Comparison(ids, ignored)
    then, now = ({name: each[name] for name in each if name != "event_id"} for each in (recorded, came))
    return list(comparison.fields(then, now, (), is_setting=False))


class _Comparison:
    def __init__(self, ids: ClientIds, ignored: IgnoredFields) -> None:
        self._ids = ids
        self._ignored = ignored

    def fields(
        self, recorded: dict[str, Any], came: dict[str, Any], path: tuple[str, ...], *, is_setting: bool
    ) -> Iterator[Difference]:
        for name in [*recorded, *(name for name in came if name not in recorded)]:
            one, other = recorded.get(name, _ABSENT), came.get(name, _ABSENT)
            yield from self.values(one, other, (*path, name), is_setting=is_setting or name in SETTINGS)

    def values(self, recorded: Any, came: Any, path: tuple[str, ...], *, is_setting: bool) -> Iterator[Difference]:
        if self._ignored.has(path):
            return
        match recorded, came:
            case (dict(), dict()) if len(path) < _MAX_DEPTH:
                yield from self.fields(recorded, came, path, is_setting=is_setting)
            case (list(), list()) if len(recorded) == len(came) and len(path) < _MAX_DEPTH:
                for number, (one, other) in enumerate(zip(recorded, came, strict=True)):
                    yield from self.values(one, other, (*path, str(number)), is_setting=is_setting)
            case (list(), list()) if len(recorded) != len(came):
                yield Difference(_shown(path), f"{len(recorded)} elements were recorded, and {len(came)} came")
            case (str(), str()):
                yield from self._texts(recorded, came, path, is_setting=is_setting)
            case _ if recorded is _ABSENT:
                yield Difference(_shown(path), f"it was not recorded, and {_quoted(came, path)} came")
            case _ if came is _ABSENT:
                yield Difference(_shown(path), f"{_quoted(recorded, path)} was recorded, and it did not come")
            case _ if _are_equal(recorded, came):
                return
            case _:
                yield _other(recorded, came, path)

    def _texts(self, recorded: str, came: str, path: tuple[str, ...], *, is_setting: bool) -> Iterator[Difference]:
        name = next((each for each in reversed(path) if not each.isdigit()), "")  # elements have the list's name
        if not is_setting and is_id(name, recorded, in_metadata="metadata" in path):
            if (why_not := self._ids.pair(recorded, came)) is not None:
                yield _other(recorded, came, path, f": {why_not}")
            return
        if recorded == came or (name == "server_url" and recorded == url_without_keys(came)):
            return
        if "(secret, " in recorded:
            # A secret of another length, or one that is only made up, stands in the same place.
            if _has_in_order(came, _SECRET.split(recorded)):
                return
        elif name == "audio" and not is_setting:
            bytes_then, bytes_now = bytes_in(recorded), bytes_in(came)
            if abs(bytes_then - bytes_now) <= _AUDIO_TOLERANCE * bytes_then:
                return
            yield Difference(_shown(path), f"{bytes_then} bytes of audio were recorded, and {bytes_now} came")
            return
        yield _other(recorded, came, path)


def _other(recorded: Any, came: Any, path: tuple[str, ...], why: str = "") -> Difference:
    return Difference(_shown(path), f"{_quoted(recorded, path)} was recorded, and {_quoted(came, path)} came{why}")


def _has_in_order(text: str, parts: list[str]) -> bool:
    """Whether the text is these parts, with anything between them."""
    if len(parts) == 1:
        return text == parts[0]
    first, *between, last = parts
    if not text.startswith(first) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in between:
        if (found := text.find(part, at, end)) < 0:
            return False
        at = found + len(part)
    return at <= end


def _are_equal(recorded: Any, came: Any) -> bool:
    try:
        return bool(recorded == came) and isinstance(recorded, bool) == isinstance(came, bool)
    except RecursionError:
        return False


def _shown(path: tuple[str, ...]) -> str:
    return printable(".".join(path), max_characters=_MAX_QUOTE_CHARACTERS * 2)


def _quoted(value: Any, path: tuple[str, ...]) -> str:
    """A value as a failure shows it: without keys, since tests print what they find."""
    [without] = scrubbed_json({path[-1]: value}).values()
    text = write_text(without).decode("utf-8", "replace")
    return printable(text, max_characters=_MAX_QUOTE_CHARACTERS)
