"""`duologue replay`: shows recorded frames as typed events."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from duologue.cli.call.call import view_for
from duologue.cli.call.played_recording import play_to_clients
from duologue.cli.errors import EXIT_FAILURE, UsageError, check_port, sentence_of
from duologue.cli.frame_files import show_notes
from duologue.cli.input_files import check_readable, is_standard_input
from duologue.cli.run import run_to_end
from duologue.cli.turns.observations import Observation
from duologue.cli.views.family_replay import replay_family
from duologue.cli.views.recorded import sentence_of_line
from duologue.cli.views.summary import SummaryBuilder
from duologue.codec import decode
from duologue.dialects import DEFAULT_DIALECT, PROFILES
from duologue.errors import DecodeError, RecordingError
from duologue.events import AnyEvent, UnknownRealtimeEvent
from duologue.inspection import CallFold
from duologue.recording import Frame, RecordingReader
from duologue.recording.formats import FoundFrame, FrameFile
from duologue.recording.formats.directions import direction_of_type
from duologue.testing.cassettes.player import Match

__all__ = ["replay"]

_MATCH: Final[Match] = "types"


def replay(
    file: Path,
    /,
    *,
    json: Annotated[bool, Parameter(help="Print JSON lines: an event each, a summary last.")] = False,
    serve: Annotated[
        bool,
        Parameter(help="Play a recording of duologue's own to clients, as a server on this machine, until Ctrl-C."),
    ] = False,
    port: Annotated[int, Parameter(help="Of --serve; 0: any that is free.")] = 0,
    match: Annotated[
        Match, Parameter(help="Of --serve: what of the client's events must be as it was recorded.")
    ] = _MATCH,
) -> int:
    """Print a recording, message by message, as typed events, and its turns with their delays.

    FILE is a recording of duologue talk --record or duologue demo, a HAR file, a log of wscat, websocat, Playwright and
    the like, JSON lines or an array of frames, bare or in envelopes; "-" is standard input. Where it does not say which
    way a message went, the type of the event does. Of a damaged file, the readable part is printed.
    """
    check_readable(file)
    if serve:
        if json or is_standard_input(file):
            raise UsageError("--serve plays a file of a recording, without --json")
        check_port(port, "--port")
        return run_to_end(play_to_clients(file, port=port, match=match))
    if port or match != _MATCH:
        raise UsageError("--port and --match belong to --serve")
    builder, view = SummaryBuilder(), view_for(json=json)
    with FrameFile(file) as frames:
        if frames.recording is not None and frames.recording.header.family in ("live", "translation"):
            return replay_family(frames.recording, _caption(frames), json=json)
        builder.files["recording"] = frames.name
        try:
            with view:
                view.caption(_caption(frames))
                for shown in _shown(frames, builder):
                    if isinstance(shown, str):
                        view.caption(shown)
                    else:
                        builder.add(shown)
                        view.observe(shown)
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
    header = frames.recording.header
    what = [f"model {header.model}"] if header.model else []
    what += [f"dialect {header.dialect}"] if header.dialect else []
    of = f" at {header.url}" if header.url else ""
    return ", ".join((f"recorded by the {header.side} at {header.started_at}{of}", *what))


def _shown(frames: FrameFile, builder: SummaryBuilder) -> Iterator[Observation | str]:
    """Messages, and lines about what is no message."""
    if frames.recording is not None:
        return _of_recording(frames.recording, builder)
    return _of_found(frames)


def _of_recording(recording: RecordingReader, builder: SummaryBuilder) -> Iterator[Observation | str]:
    """A recording of our own, whose turns the summary gets. Its first damaged line ends it."""
    found, fold = False, CallFold(recording.header)
    builder.recorded = fold.view
    told = recording.header.dialect
    dialect = told if told is not None and told in PROFILES else DEFAULT_DIALECT
    for line in recording.lines():
        fold.push(line)
        if isinstance(line, Frame):
            found = True
            yield Observation(line.at_s, line.direction, _event(line.message, dialect=dialect))
        elif (sentence := sentence_of_line(line)) is not None:
            yield sentence
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


def _event(message: str | bytes, *, dialect: str = DEFAULT_DIALECT) -> AnyEvent:
    try:
        return decode(message, dialect=dialect)
    except DecodeError as fault:
        return UnknownRealtimeEvent(json={}, problem=str(fault))
