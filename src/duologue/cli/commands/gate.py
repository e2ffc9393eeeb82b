"""`duologue gate`: holds recorded calls, or calls that it makes, to limits."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Group, Parameter

from duologue.audio.files import create_file
from duologue.cli.errors import EXIT_FAILURE, UsageError, check_writable
from duologue.cli.folded import FoldedCall, folded
from duologue.cli.input_files import check_readable
from duologue.cli.views.gate import gate_json, junit_xml, lines_of_findings
from duologue.codec.jsontext import write_text
from duologue.inspection.gate import FIGURES, JudgedCall, Threshold, judged, thresholds_in
from duologue.printable import printable

__all__ = ["GateOptions", "gate"]

_LIMITS: Final = Group("Limits", sort_key=1)
_OUTPUT: Final = Group("What is kept and shown", sort_key=3)

_Limits = tuple[str, ...]


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class GateOptions:
    """Options of `gate`."""

    first_audio: Annotated[
        _Limits,
        Parameter(group=_LIMITS, help="From the end of the user's speech to the first speech of the answer."),
    ] = ()
    first_heard: Annotated[_Limits, Parameter(group=_LIMITS, help="To the moment at which that is heard.")] = ()
    first_text: Annotated[_Limits, Parameter(group=_LIMITS, help="To the first word of the answer.")] = ()
    transcript: Annotated[_Limits, Parameter(group=_LIMITS, help="To the final transcript of the user's speech.")] = ()
    endpointing: Annotated[_Limits, Parameter(group=_LIMITS, help="To the server's word that speech has ended.")] = ()
    interrupt: Annotated[
        _Limits, Parameter(group=_LIMITS, help="From the user's interruption to the silence of the model.")
    ] = ()
    tool: Annotated[_Limits, Parameter(group=_LIMITS, help="How long functions ran.")] = ()
    errors: Annotated[_Limits, Parameter(group=_LIMITS, help="Error events and lost connections.")] = ()
    underruns: Annotated[
        _Limits, Parameter(group=_LIMITS, help="How often speech was played to the end of what had come.")
    ] = ()
    at_least: Annotated[
        int | None,
        Parameter(
            group=_LIMITS,
            help="Turns that a limit needs: by default 20 for a median or a percentile, 100 for the 99th, 1 for others."
            " 0: a limit holds where nothing was measured.",
        ),
    ] = None
    json: Annotated[
        Path | None, Parameter(group=_OUTPUT, help="Write the findings to this file as one JSON object.")
    ] = None
    junit: Annotated[Path | None, Parameter(group=_OUTPUT, help="Write them to this file as JUnit's XML.")] = None
    force: Annotated[bool, Parameter(group=_OUTPUT, help="Replace files that exist already.")] = False


_STANDARD = GateOptions()


def gate(*files: Path, options: GateOptions = _STANDARD) -> int:
    """Hold recorded calls to limits: exit code 1 and a line for each limit that is broken, with the turn that broke it.

    A limit is a statistic, a comparison and a number: p95<800ms, max<=1.2s, median<500ms, count>=20; several are parted
    by commas. The statistics are min, median, max, count, and p with a number. A number alone is the most errors or
    underruns that are allowed. The turns of all FILEs are judged together; "-" is standard input. A turn that was not
    answered breaks every limit below the time that it waited.
    """
    limits = _limits(options)
    if not files:
        raise UsageError("name recordings: duologue gate call.jsonl --first-audio 'p95<800ms'")
    check_readable(*files)
    check_writable(options.json, options.junit, force=options.force)
    return _report([folded(file, command="gate") for file in files], limits, options)


def _limits(options: GateOptions) -> Mapping[str, list[Threshold]]:
    """The limits that were given, by figure. Raises UsageError for what is none, and if there are none at all."""
    if options.at_least is not None and options.at_least < 0:
        raise UsageError(f"--at-least is a number of turns, not {options.at_least}")
    limits: dict[str, list[Threshold]] = {}
    for name, figure in FIGURES.items():
        field = name.replace(" ", "_")
        for text in getattr(options, field):
            try:
                limits.setdefault(name, []).extend(thresholds_in(text, figure.unit))
            except ValueError as fault:
                raise UsageError(f"--{name.replace(' ', '-')}: {fault}") from None
    if not limits:
        raise UsageError("name a limit at least, such as --first-audio 'p95<800ms' or --errors 0")
    return limits


def _report(calls: list[FoldedCall], limits: Mapping[str, list[Threshold]], options: GateOptions) -> int:
    problems = [each.damage for each in calls if each.damage is not None]
    findings = judged(
        [JudgedCall(name=printable(each.name), view=each.view) for each in calls], limits, at_least=options.at_least
    )
    for call in calls:
        if call.cut_off:
            print(
                f"duologue: {printable(call.name)} ends in the middle of a line, as a crash leaves it", file=sys.stderr
            )
    for problem in problems:
        print(f"duologue: {printable(problem)}; what comes before was judged", file=sys.stderr)
    print("\n".join(lines_of_findings(findings)))
    if options.json is not None:
        content = write_text(gate_json(findings, [each.name for each in calls], problems)) + b"\n"
        _write(options.json, content, replace=options.force)
    if options.junit is not None:
        _write(options.junit, junit_xml(findings, problems), replace=options.force)
    return 0 if not problems and all(each.holds for each in findings) else EXIT_FAILURE


def _write(path: Path, content: bytes, *, replace: bool) -> None:
    with create_file(path, replace=replace) as file:
        file.write(content)
