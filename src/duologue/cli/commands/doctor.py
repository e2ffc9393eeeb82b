"""`duologue doctor`: says what of a server is reachable from here, and what to do about the rest."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Annotated, Final

from cyclopts import Group, Parameter

from duologue.cli.doctor.examination import Examination
from duologue.cli.doctor.step_result import StepResult
from duologue.cli.doctor.target import DoctorTarget, Way, target_of_url
from duologue.cli.errors import EXIT_FAILURE, check_dialect
from duologue.cli.quantities import seconds_in
from duologue.cli.run import run_to_end
from duologue.cli.views.doctor import DoctorView, doctor_json
from duologue.client.dialect_detection import AUTO
from duologue.codec.jsontext import write_text
from duologue.printable import printable_json
from duologue.transports.webrtc.stacks import load_stack

__all__ = ["DoctorOptions", "doctor"]

_SERVER: Final = Group("Server", sort_key=1)
_TRIED: Final = Group("What is tried", sort_key=2)
_OUTPUT: Final = Group("Output", sort_key=3)


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorOptions:
    """Options of `doctor`."""

    model: Annotated[str | None, Parameter(group=_SERVER, help="Model to ask the server for.")] = None
    api_key: Annotated[
        str | None, Parameter(group=_SERVER, help="Key for the server; by default OPENAI_API_KEY, if that is set.")
    ] = None
    dialect: Annotated[str, Parameter(group=_SERVER, help="The server's dialect; by default found by itself.")] = AUTO
    origin: Annotated[
        str | None,
        Parameter(group=_TRIED, help="Connect as a page of this origin does, such as https://app.example."),
    ] = None
    only: Annotated[
        tuple[Way, ...], Parameter(group=_TRIED, consume_multiple=True, help="Try these ways to hold a session alone.")
    ] = ()
    turn: Annotated[
        bool, Parameter(group=_TRIED, help="Hold a turn in text too: a hosted server bills a few words.")
    ] = False
    timeout: Annotated[
        str, Parameter(group=_TRIED, help="What any one step may take; all together may take eight times as long.")
    ] = "10s"
    json: Annotated[bool, Parameter(group=_OUTPUT, help="Print one JSON object.")] = False


_STANDARD = DoctorOptions()


def doctor(url: str, /, *, options: DoctorOptions = _STANDARD) -> int:
    """Say what is reachable of the server at URL: DNS, TCP, TLS, HTTP, WebSocket, WebRTC over UDP; and what to do.

    URL is what duologue talk and duologue.connect take, or the URL of WebRTC calls or of Live sessions. Sessions are
    opened and closed; nothing is said in them, so that nothing is billed, except with --turn. Exit code 1 if a step
    failed. Keys are not shown.
    """
    check_dialect(options.dialect)
    key = (options.api_key or os.environ.get("OPENAI_API_KEY", "")).strip() or None
    target = target_of_url(
        url,
        model=options.model,
        api_key=key,
        dialect=options.dialect,
        origin=options.origin,
        step_s=seconds_in(options.timeout, "--timeout"),
    )
    return run_to_end(_examine(target, options))


async def _examine(target: DoctorTarget, options: DoctorOptions) -> int:
    view = None if options.json else DoctorView(target.title)

    def report(row: StepResult) -> None:
        if view is not None:
            view.show(row)

    examination = Examination(target, report=report, load_stack=load_stack, only=options.only, turn=options.turn)
    await examination.run()
    if view is None:
        print(printable_json(write_text(doctor_json(target.title, examination.results)).decode()))
    else:
        view.conclude(examination.results)
    return 0 if examination.holds else EXIT_FAILURE
