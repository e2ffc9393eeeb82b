"""Calls as lines of text, for snapshots and for the messages of assertions."""

from __future__ import annotations

from duologue.inspection import CallEvent, CallView

__all__ = ["normalised", "timeline_tail"]

_PREFIXES = {"resp": "response", "item": "item", "call": "call", "sess": "session"}
"""What ids begin with, and what they are called."""


def normalised(call: CallView, *, audio: bool = True, text: bool = True, bucket_ms: int | None = None) -> list[str]:
    """The call as one line for each event, the same for each run of a call that went the same way.

    Ids are numbered in the order in which they come (`item_1`, `response_2`); pieces of one thing are one line. `audio`
    and `text` say whether a line tells how long its audio is, and its final text. With `bucket_ms` it begins with the
    time since the first event, rounded down to that; without, it has no time. It is a plain list of strings, which any
    library for snapshots can compare.
    """
    numbers: dict[str, str] = {}
    start_s = call.sequence[0].at_s if call.sequence else 0.0
    lines: list[str] = []
    for event in call.sequence:
        ids = [_numbered(each, numbers) for each in event.ids]
        words = ["→" if event.by == "client" else "←", event.type, *ids]
        if audio and event.audio_ms:
            words.append(f"audio {event.audio_ms / 1000:.2f} s")
        if text and event.text is not None:
            words.append(repr(event.text))
        if bucket_ms is not None:
            since_ms = round((event.at_s - start_s) * 1000)
            words.insert(0, f"+{since_ms // bucket_ms * bucket_ms} ms")
        lines.append(" ".join(words))
    return lines


def timeline_tail(call: CallView, *, lines: int = 15) -> str:
    """The last events of the call, with their times: what to see when an assertion fails."""
    shown = [f"  {_line(event)}" for event in call.sequence[-lines:]]
    return "\n".join([f"the last {len(shown)} of {len(call.sequence)} events:", *shown])


def _line(event: CallEvent) -> str:
    more = f" ×{event.pieces}" if event.pieces > 1 else ""
    audio = f" audio {event.audio_ms / 1000:.2f} s" if event.audio_ms else ""
    text = f" {event.text!r}" if event.text is not None else ""
    return f"{event.at_s:9.3f} {'→' if event.by == 'client' else '←'} {event.type}{more}{audio}{text}"


def _numbered(name: str, numbers: dict[str, str]) -> str:
    if name not in numbers:
        kind = _PREFIXES.get(name.partition("_")[0], "id")
        known = sum(number.startswith(f"{kind}_") for number in numbers.values())
        numbers[name] = f"{kind}_{known + 1}"
    return numbers[name]
