"""A trace for Perfetto and other viewers of Chrome's trace events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from duologue.codec.jsontext import write_text
from duologue.inspection.exports.spans import LANES, named_spans
from duologue.inspection.view import CallView
from duologue.printable import printable

__all__ = ["chrome_trace"]

_MICROSECONDS: Final = 1_000_000
_PROCESS: Final = 1


def chrome_trace(view: CallView, *, words: bool = True) -> Iterator[bytes]:
    """The pieces of one JSON object: complete events of each lane, and instants.

    The format is described at https://github.com/google/perfetto under "Trace Event Format"; times are microseconds
    since the call began.
    """
    threads = {lane: number for number, lane in enumerate(LANES, 1)}
    yield b'{"displayTimeUnit":"ms","traceEvents":[\n'
    yield write_text(_named("process_name", 0, f"call {printable(view.session_id or '')}".rstrip()))
    for lane, number in threads.items():
        yield b",\n" + write_text(_named("thread_name", number, lane))
        yield b",\n" + write_text(_named("thread_sort_index", number, number))
    for span in named_spans(view, words=words):
        event: dict[str, Any] = {
            "name": printable(span.name),
            "cat": span.lane,
            "pid": _PROCESS,
            "tid": threads[span.lane],
            "ts": round(span.begin_s * _MICROSECONDS),
            "args": span.facts,
        }
        if span.end_s > span.begin_s:
            event |= {"ph": "X", "dur": round((span.end_s - span.begin_s) * _MICROSECONDS)}
        else:
            event |= {"ph": "i", "s": "t"}
        yield b",\n" + write_text(event)
    yield b"\n]}\n"


def _named(what: str, thread: int, name: str | int) -> dict[str, Any]:
    key = "sort_index" if what.endswith("sort_index") else "name"
    return {"name": what, "ph": "M", "pid": _PROCESS, "tid": thread, "args": {key: name}}
