"""`duologue inspect`: the turns and delays of a recorded call."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from duologue.cli.errors import EXIT_FAILURE, UsageError, sentence_of
from duologue.cli.input_files import check_readable
from duologue.codec.jsontext import write_text
from duologue.errors import RecordingError
from duologue.inspection import CallFold, figures_of
from duologue.printable import printable, printable_json
from duologue.recording import RecordingReader
from duologue.recording.formats import FrameFile

__all__ = ["inspect"]


def inspect(
    file: Path,
    /,
    *,
    json: Annotated[bool, Parameter(help="Print the figures as one JSON object.")] = False,
) -> int:
    """Work out the turns of a recorded call: delays, interruptions, functions, errors.

    FILE is a recording of converse(record=…), duologue talk --record or duologue demo; "-" is standard input. A delay
    counts from the end of the user's speech, which is where the server heard it end minus the silence that it waited
    for. Of a damaged file, what comes before the damage is inspected.
    """
    if not json:
        raise UsageError("add --json: duologue inspect FILE --json prints the figures")
    check_readable(file)
    with FrameFile(file) as frames:
        if frames.recording is None:
            raise UsageError(
                f"{frames.name} is {frames.format.name}, and inspect needs a recording of duologue: other files"
                " do not say when each message passed"
            )
        failure, shown = _inspected(frames.recording)
    print(printable_json(write_text(shown).decode()))
    if failure is not None:
        print(f"duologue: {printable(failure)}", file=sys.stderr)
        return EXIT_FAILURE
    return 0


def _inspected(recording: RecordingReader) -> tuple[str | None, dict[str, Any]]:
    """Why the recording could not be read to its end, and what was found."""
    fold, failure = CallFold(recording.header), None
    try:
        for line in recording.lines():
            fold.push(line)
    except RecordingError as fault:
        failure = sentence_of(fault)
    figures: dict[str, Any] = msgspec.to_builtins(figures_of(fold.view))
    return failure, {"figures": figures, "call": fold.view.to_json(), "cut_off": recording.cut_off}
