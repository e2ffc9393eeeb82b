"""Views of a call: plain lines, and JSON lines."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import Any, Self

import msgspec

from duologue.cli.turns.observations import Observation, Progress
from duologue.cli.views.summary import Summary, lines_of
from duologue.cli.views.timeline import Timeline
from duologue.codec.jsontext import write_text
from duologue.events import RealtimeEvent, UnknownRealtimeEvent
from duologue.events.live import LiveEvent
from duologue.events.translation import TranslationEvent
from duologue.printable import printable, printable_json

__all__ = ["JsonView", "PlainView", "View", "print_json", "without_audio"]


class View:
    """Shows one call. A context manager: the end of the block restores the terminal."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *fault: object) -> None:
        """Restore the terminal."""

    def caption(self, text: str) -> None:
        """Show a line that is no event."""

    def observe(self, observation: Observation) -> None:
        """Show an event."""

    def show_progress(self, progress: Progress) -> None:
        """Show the progress of an upload."""

    def tick(self) -> None:
        """Called about ten times a second."""

    def conclude(self, summary: Summary) -> None:
        """Show the summary, after the block."""


class PlainView(View):
    """Lines that are printed once: for pipes, files and simple terminals."""

    def __init__(self) -> None:
        self._timeline = Timeline()

    def __exit__(self, *fault: object) -> None:
        for line in self._timeline.close():
            print(line, flush=True)

    def caption(self, text: str) -> None:
        for line in self._timeline.close():
            print(line)
        print(printable(text), flush=True)

    def observe(self, observation: Observation) -> None:
        for line in self._timeline.push(observation):
            print(line, flush=True)

    def conclude(self, summary: Summary) -> None:
        lines = lines_of(summary)
        if lines:
            print()
        for label, text in lines:
            print(f"{label:<12} {text}", flush=True)


class JsonView(View):
    """One JSON object per line: an event each, the summary last. Audio is replaced by its size in bytes."""

    def __enter__(self) -> Self:
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8")  # JSON is UTF-8, whatever the terminal is
        return self

    def observe(self, observation: Observation) -> None:
        event = observation.event
        line: dict[str, Any] = {"at_s": round(observation.at_s, 6), "direction": observation.direction}
        line["event"] = without_audio(event)
        if isinstance(event, UnknownRealtimeEvent):
            line["problem"] = event.problem
        print_json(line)

    def conclude(self, summary: Summary) -> None:
        print_json({"summary": msgspec.to_builtins(summary)})


def print_json(line: dict[str, Any]) -> None:
    """Print an object on one line."""
    print(printable_json(write_text(line).decode()), flush=True)


def without_audio(event: RealtimeEvent | LiveEvent | TranslationEvent) -> dict[str, Any]:
    """The JSON of an event of any family; in place of audio there is its size in bytes."""
    fields = event.to_json()  # a copy, and so ours to change
    for name in event.audio_fields & fields.keys():
        fields[name] = _size_bytes(fields[name])
    # Content parts hold audio only in a retrieved item. Not by recursion: frames may be nested more deeply than that.
    pending: list[Any] = [fields]
    while pending:
        match pending.pop():
            case dict() as inner:
                if isinstance(inner.get("audio"), str) and str(inner.get("type")).endswith("audio"):
                    inner["audio"] = _size_bytes(inner["audio"])
                pending.extend(inner.values())
            case list() as inner:
                pending.extend(inner)
            case _:
                pass  # text and numbers hold nothing more
    return fields


def _size_bytes(encoded: Any) -> Any:
    return len(encoded) * 3 // 4 - encoded[-2:].count("=") if isinstance(encoded, str) else encoded
