"""`duologue convert`: translates frames from one dialect into another."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from io import BufferedWriter
from itertools import count
from pathlib import Path
from typing import Annotated, Any, BinaryIO

from cyclopts import Parameter

from duologue.audio.files import create_file
from duologue.cli.errors import EXIT_FAILURE, UsageError, check_outputs
from duologue.cli.frame_files import FrameLine, place_of, show_notes
from duologue.cli.input_files import check_readable, is_standard_input
from duologue.codec import DIALECTS, Translation, decode, translate
from duologue.codec.jsontext import write_text
from duologue.codec.live import decode_live, translate_live
from duologue.dialects import LIVE_PROFILES, PROFILES
from duologue.dialects.itemstream import AddedToCreated, CreatedToAdded
from duologue.errors import DecodeError
from duologue.events.base import UnknownFrame
from duologue.printable import printable
from duologue.recording.formats import FrameFile

__all__ = ["convert"]


def convert(
    file: Path,
    /,
    *,
    source: Annotated[str, Parameter(name="--from", help="Dialect of the frames.")],
    target: Annotated[str, Parameter(name="--to", help="Dialect to write.")],
    out: Annotated[Path | None, Parameter(help="Write there, not to standard output.")] = None,
    force: Annotated[bool, Parameter(help="Replace the file of --out if it exists already.")] = False,
) -> int:
    """Write frames in another dialect, as JSON lines.

    FILE is a recording of duologue, a HAR file, a log of wscat, websocat, Playwright and the like, JSON lines or an
    array of frames, bare or in envelopes, in the order of a session; "-" is standard input. Events and fields that the
    other dialect lacks are omitted and named on standard error; that is no failure. A line without a frame is one.
    """
    _check_dialects(source, target)
    check_readable(file)
    check_outputs(out, force=force, inputs=() if is_standard_input(file) else (file,))
    damaged, stage = False, _stage(source, target)
    with ExitStack() as stack:
        lines = stack.enter_context(FrameFile(file))
        first = next(lines, None)  # a file that cannot be read must not leave an empty one behind
        sink: BinaryIO = (
            sys.stdout.buffer if out is None else stack.enter_context(BufferedWriter(create_file(out, replace=force)))
        )
        while first is not None:
            damaged |= not _convert(first, lines, sink, source=source, target=target, stage=stage)
            first = next(lines, None)
        sink.flush()
        show_notes(lines)
    return EXIT_FAILURE if damaged else 0


def _check_dialects(source: str, target: str) -> None:
    for dialect in (source, target):
        if dialect not in DIALECTS and dialect not in LIVE_PROFILES:
            raise UsageError(f"there is no dialect {dialect!r}; known are {', '.join((*DIALECTS, *LIVE_PROFILES))}")
    if (source in LIVE_PROFILES) is not (target in LIVE_PROFILES):
        raise UsageError(f"{source} and {target} are of two families, Realtime and Live: an event has no counterpart")


_Stage = Callable[[Any], Iterable[Any]]


def _stage(source: str, target: str) -> _Stage:
    """Converts between dialects that announce an item with one event (`created`) and with two (`added`, `done`)."""
    if source in LIVE_PROFILES:
        return lambda event: (event,)
    has_created, wants_created = (
        "conversation.item.added" in PROFILES[dialect].lacks_events for dialect in (source, target)
    )
    if has_created and not wants_created:
        numbers = count(1)
        return CreatedToAdded(new_event_id=lambda: f"event_converted_{next(numbers)}").receive
    if wants_created and not has_created and "conversation.item.created" not in PROFILES[target].lacks_events:
        return AddedToCreated().receive
    return lambda event: (event,)


def _convert(line: FrameLine, file: FrameFile, sink: BinaryIO, *, source: str, target: str, stage: _Stage) -> bool:
    """Write the translation of a line's frame; False if the line holds no frame."""
    if line.problem:
        _say(file, line, line.problem)
        return False
    read: Callable[..., Any] = decode_live if source in LIVE_PROFILES else decode
    write: Callable[..., Translation] = translate_live if source in LIVE_PROFILES else translate
    try:
        event = read(line.text, dialect=source)
    except DecodeError as fault:
        _say(file, line, str(fault))
        return False
    if isinstance(event, UnknownFrame):
        _say(file, line, f"passed on as it is: {event.problem}")
    for converted in stage(event):
        translation = write(converted, dialect=target)
        lost = ", ".join(translation.lost)
        if translation.frame is None:
            why = "has no such event" if translation.lost == ("type",) else f"has no counterpart for {lost}"
            _say(file, line, f"{converted.type}: omitted, {target} {why}")
            continue
        if lost:
            _say(file, line, f"{converted.type}: {target} has no counterpart for {lost}")
        sink.write(write_text(translation.frame) + b"\n")
    return True


def _say(file: FrameFile, line: FrameLine, sentence: str) -> None:
    print(printable(f"{place_of(file, line.number)}: {sentence}"), file=sys.stderr)
