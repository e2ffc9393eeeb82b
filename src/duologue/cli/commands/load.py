"""`duologue load`: how many calls a server holds."""

from __future__ import annotations

import secrets
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Group, Parameter
from msgspec.structs import replace

from duologue.audio.files import whole_file
from duologue.cli.errors import EXIT_FAILURE, UsageError, check_outputs
from duologue.cli.load_endpoint import CallsOptions, target_of
from duologue.cli.quantities import counts_in, per_second_in, seconds_in
from duologue.cli.run import run_to_end
from duologue.cli.views.load import load_json, table_lines
from duologue.cli.views.load_page import WorstCallLink, load_page
from duologue.codec.jsontext import write_text
from duologue.inspection.gate import Threshold, thresholds_in
from duologue.inspection.page import PageOptions, build_page
from duologue.load import (
    DELAYS,
    KeptCall,
    LevelPlan,
    LevelReport,
    LevelResult,
    LevelSearch,
    LoadTarget,
    WorkOrder,
    run_level,
)
from duologue.printable import printable
from duologue.recording import RecordingReader
from duologue.transports.addresses import without_secrets

__all__ = ["LoadOptions", "load"]

_LEVELS: Final = Group("Levels", sort_key=3)
_OUTPUT: Final = Group("What is kept and shown", sort_key=4)

_TAPED: Final = 50
"""Calls of a level that are taped for the page: a minute of each has 6 MB."""

_WORST: Final = 3

_MAX_PROCESSES: Final = 64

_MOST: Final = 20_000
"""Calls at which a search ends: an address has 28,000 ports for connections to one server."""

_ARRIVING_TURNS: Final = 3
"""Of a call that comes at a time of its own, if nothing else is said: such calls have to end."""


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """Options of `load`."""

    calls: Annotated[str, Parameter(group=_LEVELS, help="Calls at once: a level for each number.")] = "1,10,50"
    hold: Annotated[str, Parameter(group=_LEVELS, help="How long a level is measured while all calls are up.")] = "60s"
    ramp: Annotated[str, Parameter(group=_LEVELS, help="How fast calls are begun.")] = "10/s"
    rate: Annotated[
        str | None,
        Parameter(group=_LEVELS, help="Begin calls at this rate, at times of their own; --calls is the most at once."),
    ] = None
    turns: Annotated[
        int | None, Parameter(group=_LEVELS, help="Turns after which a caller hangs up, and another one calls.")
    ] = None
    until: Annotated[
        str | None,
        Parameter(
            group=_LEVELS, help="Search the most calls that keep a limit, such as p95_first_audio=1s, from --calls on."
        ),
    ] = None
    processes: Annotated[int, Parameter(group=_LEVELS, help="Processes that make the calls together.")] = 1
    json: Annotated[Path | None, Parameter(group=_OUTPUT, help="Write the figures to this file as JSON.")] = None
    html: Annotated[
        Path | None,
        Parameter(group=_OUTPUT, help="Write them to this page, and the three worst calls to pages beside it."),
    ] = None
    force: Annotated[bool, Parameter(group=_OUTPUT, help="Replace files that exist already.")] = False


_STANDARD = LoadOptions()
_CALLERS = CallsOptions()


def load(url: str, /, *, callers: CallsOptions = _CALLERS, options: LoadOptions = _STANDARD) -> int:
    """Hold many calls at once with the server at URL, and measure what callers hear.

    Each call is an open microphone that says recorded clips in real time, listens to the answers, thinks, and
    interrupts some of them. The delays count from the end of speech to the first sound. A level at which this program
    itself was late is marked as not measured: use --processes, or another machine. Exit code 0 only if all turns were
    answered, nothing failed and everything was measured.
    """
    callers.check()
    plan = _plan(callers, options)
    levels = counts_in(options.calls, "--calls")
    limits = {} if options.until is None else _limit(options.until)
    pages = [] if options.html is None else [_page_of(options.html, number) for number in range(1, _WORST + 1)]
    check_outputs(options.json, options.html, *pages, force=options.force)
    return run_to_end(_load(url, callers, options, plan, levels, limits))


def _plan(callers: CallsOptions, options: LoadOptions) -> LevelPlan:
    if options.turns is not None and options.turns < 1:
        raise UsageError(f"--turns is a number above 0, not {options.turns}")
    if not 0 < options.processes <= _MAX_PROCESSES:
        raise UsageError(f"--processes is from 1 to {_MAX_PROCESSES}, not {options.processes}")
    rate_per_s = None if options.rate is None else per_second_in(options.rate, "--rate")
    turns = options.turns if options.turns is not None or rate_per_s is None else _ARRIVING_TURNS
    return LevelPlan(
        calls=1,
        hold_s=seconds_in(options.hold, "--hold"),
        ramp_per_s=per_second_in(options.ramp, "--ramp"),
        rate_per_s=rate_per_s,
        habits=callers.habits(turns),
        answer_within_s=seconds_in(callers.answer_within, "--answer-within"),
    )


def _limit(text: str) -> dict[str, list[Threshold]]:
    """The limit of a search: a statistic, a delay and a duration."""
    name, _, value = text.partition("=")
    statistic, _, delay = name.strip().partition("_")
    if delay not in DELAYS or not value:
        raise UsageError(
            f"--until is a statistic, a delay and a duration, as in p95_first_audio=1s, not {text}; the delays are"
            f" {', '.join(DELAYS)}"
        )
    try:
        return {delay: thresholds_in(f"{statistic}<={value}", "ms")}
    except ValueError as fault:
        raise UsageError(f"--until: {fault}") from None


async def _load(
    url: str,
    callers: CallsOptions,
    options: LoadOptions,
    plan: LevelPlan,
    levels: Sequence[int],
    limits: dict[str, list[Threshold]],
) -> int:
    minutes = sum(calls * ((plan.hold_s or 0) + calls / plan.ramp_per_s / 2) for calls in levels) / 60
    results: list[LevelResult] = []
    held: int | None = None
    with tempfile.TemporaryDirectory(prefix="duologue-") as folder:
        async with target_of(url, callers, call_minutes=minutes) as target:
            order = _order(target, callers, plan, folder if options.html is not None else None)
            if options.until is None:
                results += [await _level(order, options, callers, calls) for calls in levels]
            else:
                held = await _search(order, options, callers, levels[0], limits, results)
        reports = [each.report for each in results]
        print("\n".join(table_lines(reports)))
        if held is not None:
            print(f"held: {_calls(held)} with {options.until}")
        _write(url, callers, options, reports, held, [call for each in results for call in each.calls])
    if held is not None:
        return 0 if held else EXIT_FAILURE
    return EXIT_FAILURE if any(each.failures or each.not_measured for each in reports) else 0


def _order(target: LoadTarget, callers: CallsOptions, plan: LevelPlan, folder: str | None) -> WorkOrder:
    return WorkOrder(
        target=target,
        plan=plan,
        frame_ms=callers.frame_ms,
        clips=None if callers.audio is None else str(callers.audio),
        kept_in=folder,
        taped=_TAPED,
        kept=_WORST,
    )


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count} calls"


async def _level(order: WorkOrder, options: LoadOptions, callers: CallsOptions, calls: int) -> LevelResult:
    print(f"{_calls(calls)} …", file=sys.stderr, flush=True)  # a level takes a minute
    kept_in = order.kept_in
    if kept_in is not None:
        kept_in = tempfile.mkdtemp(dir=kept_in)  # the calls of each level have the same numbers
    plan = replace(order.plan, calls=calls)
    # A proxy for faults in this process would make the callers late.
    return await run_level(
        replace(order, plan=plan, kept_in=kept_in), processes=options.processes, apart=bool(callers.fault)
    )


async def _search(
    order: WorkOrder,
    options: LoadOptions,
    callers: CallsOptions,
    first: int,
    limits: dict[str, list[Threshold]],
    results: list[LevelResult],
) -> int:
    """How many calls are held."""
    search = LevelSearch(first, most=_MOST)
    while (calls := search.next_calls) is not None:
        result = await _level(order, options, callers, calls)
        results.append(result)
        report = result.report
        if report.not_measured:
            print(f"duologue: the search ends at {_calls(calls)}: {report.not_measured}", file=sys.stderr)
            break
        broken = [*report.failures, *report.broken(limits)]
        for why in broken:
            print(f"  {printable(why)}", file=sys.stderr)
        search.told(calls, holds=not broken)
    return search.held


def _write(
    url: str,
    callers: CallsOptions,
    options: LoadOptions,
    reports: Sequence[LevelReport],
    held: int | None,
    calls: Sequence[KeptCall],
) -> None:
    about = {
        "url": without_secrets(url),
        "family": callers.family,
        "frames_ms": callers.frame_ms,
        "barge_in": callers.barge_in,
        "hold": options.hold,
        "seed": callers.seed,
        "faults": list(callers.fault),
        "held": held,
    }
    if options.json is not None:
        with whole_file(options.json, replace=options.force) as file:
            file.write(write_text(load_json(reports, **about)) + b"\n")
    if options.html is not None:
        worst = sorted(calls, key=lambda call: float("inf") if call.worst_ms is None else call.worst_ms, reverse=True)
        links = [
            _call_page(call, _page_of(options.html, number), replace_file=options.force)
            for number, call in enumerate(worst[:_WORST], 1)
        ]
        told = f"{callers.family}, appends of {callers.frame_ms} ms, windows of {options.hold}, seed {callers.seed}"
        faults = f", faults: {'; '.join(callers.fault)}" if callers.fault else ""
        page = load_page(
            reports,
            title=f"Calls to {without_secrets(url)}",
            about=told + faults,
            nonce=secrets.token_urlsafe(16),
            worst=links,
        )
        with whole_file(options.html, replace=options.force) as file:
            file.write(page.encode())


def _page_of(report: Path, number: int) -> Path:
    return report.with_name(f"{report.stem}-call-{number}.html")


def _call_page(call: KeptCall, path: Path, *, replace_file: bool) -> WorstCallLink:
    wait = "an answer that did not come" if call.worst_ms is None else f"a wait of {call.worst_ms:.0f} ms"
    with ExitStack() as stack:
        recording = stack.enter_context(RecordingReader(call.path))
        user, model = (stack.enter_context(tempfile.TemporaryFile()) for _ in range(2))
        target = stack.enter_context(whole_file(path, replace=replace_file))
        options = PageOptions(title=f"A call with {wait}")
        build_page(recording, target, nonce=secrets.token_hex(16), scratch=(user, model), options=options)
    return path.name, f"the call with {wait}"
