"""`duologue gate`: holds calls to limits, recorded ones or some that it makes."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Group, Parameter

from duologue.audio.files import whole_file
from duologue.cli.errors import EXIT_FAILURE, UsageError, check_outputs
from duologue.cli.folded import FoldedCall, folded
from duologue.cli.input_files import check_readable, is_standard_input
from duologue.cli.load_endpoint import CallsOptions, target_of
from duologue.cli.quantities import seconds_in
from duologue.cli.run import run_to_end
from duologue.cli.views.gate import gate_json, junit_xml, lines_of_findings
from duologue.codec.jsontext import write_text
from duologue.inspection.gate import FIGURES, JudgedCall, Threshold, judged, thresholds_in
from duologue.load import LevelPlan, WorkOrder, run_level
from duologue.printable import printable

__all__ = ["GateOptions", "gate"]

_LIMITS: Final = Group("Limits", sort_key=1)
_CALLS: Final = Group("What callers do", sort_key=2)
_OUTPUT: Final = Group("What is kept and shown", sort_key=4)

_URL: Final = re.compile(r"(?i:wss?|https?)://|[\w.-]{1,253}:\d{1,5}(/|$)|localhost(/|$)|\[[0-9a-fA-F:]{2,45}\]")
"""What is taken for a server: a URL, or a host with a port."""

_TURN_S: Final = 8.0
"""About: a question of 2 s, its answer, and the time to think."""

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
    calls: Annotated[int, Parameter(group=_CALLS, help="With a URL: calls at once.")] = 5
    turns: Annotated[int, Parameter(group=_CALLS, help="With a URL: turns of each call.")] = 4
    keep: Annotated[
        Path | None, Parameter(group=_OUTPUT, help="With a URL: keep the recordings of the calls in this folder.")
    ] = None
    json: Annotated[
        Path | None, Parameter(group=_OUTPUT, help="Write the findings to this file as one JSON object.")
    ] = None
    junit: Annotated[Path | None, Parameter(group=_OUTPUT, help="Write them to this file as JUnit's XML.")] = None
    force: Annotated[bool, Parameter(group=_OUTPUT, help="Replace files that exist already.")] = False


_STANDARD = GateOptions()
_CALLERS = CallsOptions()


def gate(*places: str, options: GateOptions = _STANDARD, callers: CallsOptions = _CALLERS) -> int:
    """Hold calls to limits: exit code 1 and a line for each limit that is broken, with the turn that broke it.

    PLACES are recordings, whose turns are judged together ("-" is standard input), or one URL: then the server there is
    called, as duologue load does it.

    A limit is a statistic, a comparison and a number: p95<800ms, max<=1.2s, median<500ms, count>=20; several are parted
    by commas. The statistics are min, median, max, count, and p with a number. A number alone is the most errors or
    underruns that are allowed. A turn that was not answered breaks every limit below the time that it waited.
    """
    limits = _limits(options)
    if not places:
        raise UsageError("name recordings, or a server: duologue gate call.jsonl --first-audio 'p95<800ms'")
    is_call = len(places) == 1 and _is_url(places[0])
    files = [] if is_call else [Path(place) for place in places]
    inputs = [file for file in files if not is_standard_input(file)]
    check_outputs(options.json, options.junit, force=options.force, inputs=inputs)
    if is_call:
        callers.check()
        return run_to_end(_call(places[0], limits, options, callers))
    if options.keep is not None:
        raise UsageError("--keep belongs to a URL: recordings are kept already")
    check_readable(*files)
    return _report([folded(file, command="gate") for file in files], limits, options)


def _is_url(place: str) -> bool:
    return _URL.match(place) is not None and not Path(place).exists()


async def _call(url: str, limits: Mapping[str, list[Threshold]], options: GateOptions, callers: CallsOptions) -> int:
    """Make the calls, and judge them."""
    if options.calls < 1 or options.turns < 1:
        raise UsageError("--calls and --turns are numbers above 0")
    within_s = seconds_in(callers.answer_within, "--answer-within")
    plan = LevelPlan(calls=options.calls, hold_s=None, habits=callers.habits(options.turns), answer_within_s=within_s)
    with tempfile.TemporaryDirectory(prefix="duologue-") as folder:
        if options.keep is not None:
            _empty(options.keep, force=options.force)
        minutes = options.calls * options.turns * _TURN_S / 60
        async with target_of(url, callers, call_minutes=minutes) as target:
            order = WorkOrder(
                target=target,
                plan=plan,
                frame_ms=callers.frame_ms,
                clips=None if callers.audio is None else str(callers.audio),
                kept_in=str(options.keep or folder),
                taped=options.calls,
                kept=options.calls,
            )
            result = await run_level(order, apart=bool(callers.fault))
        report = result.report
        if report.not_measured:  # which makes delays longer, never shorter: what holds, holds
            print(f"duologue: delays may be shorter than this: {report.not_measured}", file=sys.stderr)
        problems = [f"{count} × refused: {why}" for why, count in report.refused.items()]
        paths = sorted(Path(call.path) for call in result.calls)
        calls = [replace(folded(path, command="gate"), name=path.name) for path in paths]
        return _report(calls, limits, options, problems)


def _empty(folder: Path, *, force: bool) -> None:
    """A folder without recordings of an earlier run: the calls of the two would be judged together later.

    Raises UsageError if there are some and may not be removed.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in folder.glob("call-*-*.jsonl"):
        if not force:
            raise UsageError(
                f"--keep {folder} has recordings already: name another folder, or add --force to replace them"
            )
        path.unlink(missing_ok=True)


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


def _report(
    calls: list[FoldedCall],
    limits: Mapping[str, list[Threshold]],
    options: GateOptions,
    problems: Sequence[str] = (),
) -> int:
    damage = [f"{each.damage}; what comes before was judged" for each in calls if each.damage is not None]
    problems = [*problems, *damage]
    findings = judged(
        [JudgedCall(name=printable(each.name), view=each.view) for each in calls], limits, at_least=options.at_least
    )
    for call in calls:
        if call.cut_off:
            print(
                f"duologue: {printable(call.name)} ends in the middle of a line, as a crash leaves it", file=sys.stderr
            )
    for problem in problems:
        print(f"duologue: {printable(problem)}", file=sys.stderr)
    print("\n".join(lines_of_findings(findings)))
    if options.json is not None:
        content = write_text(gate_json(findings, [each.name for each in calls], problems)) + b"\n"
        _write(options.json, content, replace=options.force)
    if options.junit is not None:
        _write(options.junit, junit_xml(findings, problems), replace=options.force)
    return 0 if not problems and all(each.holds for each in findings) else EXIT_FAILURE


def _write(path: Path, content: bytes, *, replace: bool) -> None:
    with whole_file(path, replace=replace) as file:
        file.write(content)
