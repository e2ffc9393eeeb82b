"""`duologue replay`: shows a recording as typed events."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from duologue.cli.call.call import view_for
from duologue.cli.errors import EXIT_FAILURE, check_exists, sentence_of
from duologue.cli.turns.observations import Observation
from duologue.cli.views.summary import SummaryBuilder
from duologue.codec import decode
from duologue.errors import DecodeError, RecordingError
from duologue.events import AnyEvent, UnknownRealtimeEvent
from duologue.recording import RecordingReader

__all__ = ["replay"]


def replay(
    file: Path, /, *, json: Annotated[bool, Parameter(help="Print JSON lines: an event each, a summary last.")] = False
) -> int:
    """Print a recording, message by message, as typed events.

    FILE is a recording of duologue talk --record or duologue demo. Of a damaged file, the readable part is printed.
    """
    check_exists(file)
    builder, view = SummaryBuilder(), view_for(json=json)
    with RecordingReader(file) as recording:
        builder.files["recording"] = str(file)
        try:
            with view:
                view.caption(f"recorded by the {recording.header.side} at {recording.header.started_at}")
                for frame in recording:
                    observation = Observation(frame.at_s, frame.direction, _event(frame.message))
                    builder.add(observation)
                    view.observe(observation)
        except RecordingError as fault:
            builder.failure = sentence_of(fault)
        view.conclude(builder.summary())
        if recording.cut_off:
            print(f"duologue: {file} ends in the middle of a line, as a crash leaves it", file=sys.stderr)
    if builder.failure is not None:
        print(f"duologue: {builder.failure}", file=sys.stderr)
        return EXIT_FAILURE
    return 0


def _event(message: str | bytes) -> AnyEvent:
    try:
        return decode(message)
    except DecodeError as fault:
        return UnknownRealtimeEvent(json={}, problem=str(fault))
