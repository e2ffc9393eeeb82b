"""`duologue conform`: checks whether a server keeps the rules of the protocol."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from duologue.cli.call.call import check_url
from duologue.cli.errors import (
    EXIT_FAILURE,
    EXIT_USAGE,
    UsageError,
    check_dialect,
    check_recording,
    check_writable,
    sentence_of,
)
from duologue.cli.run import run_to_end
from duologue.cli.views.conform import list_rules, print_json, print_matrix
from duologue.client.dialect_detection import AUTO
from duologue.client.endpoint import Endpoint
from duologue.conformance import (
    FAMILIES,
    CallOpener,
    Family,
    OpenTransport,
    Scenario,
    Settings,
    open_endpoint_of,
    rules,
    run,
)
from duologue.dialects import LIVE_PROFILES, PROFILES
from duologue.errors import ConnectFailed, RecordingError
from duologue.recording import RecordingTransport, RecordingWriter, SessionFamily
from duologue.transports import Transport

__all__ = ["ConformOptions", "conform"]

_STANDARD_SETTINGS: Final = Settings()


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class ConformOptions:
    """Options of `conform`."""

    family: Annotated[Family, Parameter(help="Sessions to hold: Realtime, Live, or translation.")] = "realtime"
    only: Annotated[
        tuple[str, ...],
        Parameter(consume_multiple=True, help="Check these rules, and run only the sessions that they need."),
    ] = ()
    list: Annotated[bool, Parameter(help="Print the rules, and connect to nothing.")] = False
    json: Annotated[bool, Parameter(help="Print one JSON object.")] = False
    model: Annotated[str | None, Parameter(help="Model to ask the server for.")] = None
    backend_model: Annotated[str, Parameter(help="With --family live: the text model that work is delegated to.")] = (
        _STANDARD_SETTINGS.backend_model
    )
    api_key: Annotated[str | None, Parameter(help="Key for the server; by default OPENAI_API_KEY, if that is set.")] = (
        None
    )
    dialect: Annotated[
        str, Parameter(help="The server's dialect: decides how the key is sent. Messages are not translated.")
    ] = AUTO
    record: Annotated[Path | None, Parameter(help="Record every message of every session to this file.")] = None
    force: Annotated[bool, Parameter(help="Replace the file of --record if it exists already.")] = False
    timeout: Annotated[float, Parameter(help="Seconds that any one answer may take.")] = _STANDARD_SETTINGS.timeout


_STANDARD = ConformOptions()


def conform(url: str | None = None, /, *, options: ConformOptions = _STANDARD) -> int:
    """Check whether the realtime server at URL keeps the rules of the protocol, and print the findings.

    A URL of calls, http://127.0.0.1:8000/v1/realtime/calls, is checked over WebRTC, which has rules of its own.

    Holds a few dozen short sessions, which takes two minutes or more: speech is sent in real time. A hosted server
    bills them. Exit code 0 only if every required rule that applies holds, 2 if the server cannot be reached.
    """
    _check_rules(options)
    if options.list:
        list_rules(options.family, options.only, json=options.json)
        return 0
    if url is None:
        raise UsageError("name a server: duologue conform ws://127.0.0.1:8000")
    if not options.timeout > 0:
        raise UsageError(f"--timeout is a number of seconds above 0, not {options.timeout:g}")
    check_dialect(options.dialect, tuple(LIVE_PROFILES if options.family == "live" else PROFILES))
    check_writable(options.record, force=options.force)
    key = (options.api_key or os.environ.get("OPENAI_API_KEY", "")).strip() or None
    endpoint = Endpoint(url=check_url(url), model=options.model, api_key=key, dialect=options.dialect)
    if endpoint.is_call and options.family != "realtime":
        raise UsageError(f"this is a URL of calls, where --family {options.family} is not tried: name its WebSocket")
    return run_to_end(_conform(endpoint, options))


def _check_rules(options: ConformOptions) -> None:
    """Raises UsageError for rules that the family has not."""
    if unknown := [each for each in options.only if each not in rules(options.family)]:
        for family in FAMILIES:
            if all(each in rules(family) for each in unknown):
                raise UsageError(f"{', '.join(unknown)}: a rule of another family; add --family {family}")
        raise UsageError(
            f"there is no rule {', '.join(unknown)}; duologue conform --list --family {options.family} names all"
        )


async def _conform(endpoint: Endpoint, options: ConformOptions) -> int:
    settings = Settings(
        timeout=options.timeout,
        has_key=options.api_key is not None,
        model=options.model or _STANDARD_SETTINGS.model,
        backend_model=options.backend_model,
    )
    with ExitStack() as kept:
        recorder = _Recorder(options.record, endpoint, options.family, replace=options.force, kept=kept)
        open_transport: OpenTransport
        if endpoint.is_call:
            open_transport = CallOpener(endpoint, wrap=recorder.wrap)
        else:
            open_transport = open_endpoint_of(endpoint, family=options.family, wrap=recorder.wrap)
        try:
            report = await run(
                open_transport, family=options.family, only=options.only, settings=settings, watch=_print_progress
            )
        except ConnectFailed as fault:
            print(f"duologue: {sentence_of(fault)}", file=sys.stderr)
            return EXIT_USAGE
    (print_json if options.json else print_matrix)(report)
    if recorder.failure is not None:
        raise recorder.failure  # about the file, not the server: the findings are printed above
    return 0 if report.holds else EXIT_FAILURE


class _Recorder:
    """Records every connection into one file, which the first of them makes."""

    def __init__(
        self, path: Path | None, endpoint: Endpoint, family: SessionFamily, *, replace: bool, kept: ExitStack
    ) -> None:
        """Raises RecordingError for a file that could not be made."""
        self._path = path
        self._endpoint = endpoint
        self._family: SessionFamily = family
        self._connections = 0
        self._replace = replace
        self._kept = kept
        self._writer: RecordingWriter | None = None
        if path is not None:
            check_recording(path, replace=replace)

    def wrap(self, transport: Transport) -> Transport:
        """The transport, recorded if there is a file."""
        if self._path is None:
            return transport
        self._connections += 1
        url, model = self._endpoint.url, self._endpoint.model
        if self._writer is None:
            self._writer = self._kept.enter_context(
                RecordingWriter(self._path, replace=self._replace, url=url, model=model, family=self._family)
            )
        else:
            self._writer.connected(url=url, model=model, connection=self._connections)
        return RecordingTransport(transport, self._writer, connection=self._connections)

    @property
    def failure(self) -> RecordingError | None:
        """Why the recording is incomplete."""
        return self._writer.failure if self._writer is not None else None


def _print_progress(scenario: Scenario) -> None:
    # Into a pipe too: the sessions take minutes, and a log of CI that stands still looks like a fault.
    print(f"{scenario.name} …", file=sys.stderr, flush=True)
