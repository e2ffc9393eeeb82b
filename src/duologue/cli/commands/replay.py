"""`duologue replay`: shows recorded frames as typed events."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from duologue.cli.call.call import view_for
from duologue.cli.errors import EXIT_FAILURE, sentence_of
from duologue.cli.frame_files import show_notes
from duologue.cli.input_files import check_readable
from duologue.cli.turns.observations import Observation
from duologue.cli.views.summary import SummaryBuilder
from duologue.codec import decode
from duologue.errors import DecodeError, RecordingError
from duologue.events import AnyEvent, UnknownRealtimeEvent
from duologue.recording import RecordingReader
from duologue.recording.formats import FoundFrame, FrameFile
from duologue.recording.formats.directions import direction_of_type

__all__ = ["replay"]


def replay(
    file: Path,
    /,
    *,
    json: Annotated[bool, Parameter(help="Print JSON lines: an event each, a summary last.")] = False,
) -> int:
    """Print a recording, message by message, as typed events.

    FILE is a recording of duologue talk --record or duologue demo, a HAR file, a log of wscat, websocat, Playwright and
    the like, JSON lines or an array of frames, bare or in envelopes; "-" is standard input. Where it does not say which
    way a message went, the type of the event does. Of a damaged file, the readable part is printed.
    """
    check_readable(file)
    builder, view = SummaryBuilder(), view_for(json=json)
    with FrameFile(file) as frames:
        builder.files["recording"] = frames.name
        try:
            with view:
                view.caption(_caption(frames))
                for observation in _observations(frames):
                    builder.add(observation)
                    view.observe(observation)
        except RecordingError as fault:
            builder.failure = sentence_of(fault)
        view.conclude(builder.summary())
        if frames.recording is not None and frames.recording.cut_off:
            print(f"duologue: {frames.name} ends in the middle of a line, as a crash leaves it", file=sys.stderr)
        show_notes(frames)
    if builder.failure is not None:
        print(f"duologue: {builder.failure}", file=sys.stderr)
        return EXIT_FAILURE
    return 0


def _caption(frames: FrameFile) -> str:
    if frames.recording is None:
        return f"read as {frames.format.name}"
    return f"recorded by the {frames.recording.header.side} at {frames.recording.header.started_at}"


def _observations(frames: FrameFile) -> Iterator[Observation]:
    if frames.recording is not None:
        return _of_recording(frames.recording)
    return _of_found(frames)


def _of_recording(recording: RecordingReader) -> Iterator[Observation]:
    """The messages of a recording of our own. Its first damaged line ends it."""
    found = False
    for frame in recording:
        found = True
        yield Observation(frame.at_s, frame.direction, _event(frame.message))
    if not found and not recording.cut_off:
        raise RecordingError(f"{recording.path} is a recording of a session without messages")


def _of_found(frames: FrameFile) -> Iterator[Observation]:
    """The messages of another file, in seconds since the first of which it says the time."""
    start_s: float | None = None
    at_s, without = 0.0, 0
    for frame in frames:
        event = _found_event(frame)
        if frame.at_s is not None:
            start_s = frame.at_s if start_s is None else start_s
            at_s = max(at_s, frame.at_s - start_s)
        without += bool(frame.problem)
        yield Observation(at_s, frame.direction or direction_of_type(event.type), event)
    if without:
        where = f"1 {frames.format.numbers} holds" if without == 1 else f"{without} {frames.format.numbers}s hold"
        raise RecordingError(f"{frames.name}: {where} no frame; duologue check names each")


def _found_event(frame: FoundFrame) -> AnyEvent:
    return UnknownRealtimeEvent(json={}, problem=frame.problem) if frame.problem else _event(frame.text)


def _event(message: str | bytes) -> AnyEvent:
    try:
        return decode(message)
    except DecodeError as fault:
        return UnknownRealtimeEvent(json={}, problem=str(fault))
