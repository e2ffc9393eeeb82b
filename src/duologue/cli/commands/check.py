"""`duologue check`: validates frames."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import Annotated, Any, Final, get_args

import msgspec
from cyclopts import Parameter

from duologue.catalogue import Api
from duologue.cli.errors import EXIT_FAILURE, UsageError, sentence_of
from duologue.cli.frame_files import FrameLine, place_of, show_notes
from duologue.cli.input_files import check_readable
from duologue.codec import DIALECTS, EVENT_CLASSES, decode, decode_translation
from duologue.codec.families import TRANSLATION_CLASSES
from duologue.codec.jsontext import parse_object, write_text
from duologue.codec.live import LIVE_CLASSES, decode_live
from duologue.codec.recognition import family_of
from duologue.dialects import DEFAULT_DIALECT, DEFAULT_LIVE_DIALECT, LIVE_PROFILES, PROFILES
from duologue.errors import DecodeError, RecordingError
from duologue.events.base import UnknownFrame
from duologue.printable import printable, printable_json
from duologue.recording.formats import FrameFile, name_of

__all__ = ["FileReport", "FrameProblem", "check"]

_FIRST_FRAMES: Final = 200
"""Of a file whose endpoint is not named: frames that are alike in all families may come first, such as audio."""

_MAX_FINDINGS: Final = 10_000
"""In one file: more are not read through by people, and a pipe may never end."""


class FrameProblem(msgspec.Struct, frozen=True):
    """What is wrong with one line, or one message."""

    line: int
    """Its number, as the format of the file counts: see `FileReport.numbers`."""
    type: str | None
    problem: str


class FileReport(msgspec.Struct):
    """The findings in one file."""

    file: str
    format: str | None = None
    """What the file was read as."""
    numbers: str = "line"
    """What the numbers of findings count: lines or messages."""
    api: Api | None = None
    """The endpoint that the frames come from."""
    frames: int = 0
    types: Counter[str] = msgspec.field(default_factory=Counter)
    """The number of frames of each type, under the type's name in the file."""
    unknown: list[FrameProblem] = msgspec.field(default_factory=list)
    """Frames of unknown types."""
    problems: list[FrameProblem] = msgspec.field(default_factory=list)
    """Frames that break the shape of their type, and lines that hold no frame."""
    failure: str | None = None
    """Why the file could not be read to its end."""

    @property
    def good(self) -> bool:
        """Whether there are no findings."""
        return not self.unknown and not self.problems and self.failure is None


def check(
    *files: Path,
    dialect: Annotated[
        str | None,
        Parameter(help="Dialect of the frames, of Realtime or Live; by default what a recording names, else openai."),
    ] = None,
    api: Annotated[
        Api | None, Parameter(help="Endpoint that the frames come from; recognised by the frames if it is not named.")
    ] = None,
    json: Annotated[bool, Parameter(help="Print one JSON object.")] = False,
) -> int:
    """Check recordings and other files of frames, frame by frame.

    FILES are recordings of duologue, HAR files, logs of wscat, websocat, Playwright and the like, JSON lines or arrays
    of frames, bare or in envelopes; "-" is standard input. Exit code 1 if any frame has an unknown type or breaks the
    shape of its type, or a file holds no frames or cannot be read to its end; 2 if a file does not exist.
    """
    if not files:
        raise UsageError("name a file to check")
    api = _api_of(dialect if dialect is not None else DEFAULT_DIALECT, api)
    check_readable(*files)
    reports = [_report(file, dialect, api) for file in files]
    if json:
        print(_as_json(reports))
    else:
        for report in reports:
            if report.failure is None or report.frames:
                _show(report)
    for report in reports:
        if report.failure is not None:
            print(f"duologue: {report.failure}", file=sys.stderr)
    return 0 if all(report.good for report in reports) else EXIT_FAILURE


def _api_of(dialect: str, api: Api | None) -> Api | None:
    """The endpoint that a dialect is of, or the one that was named; None if the frames decide."""
    if dialect not in DIALECTS and dialect not in LIVE_PROFILES:
        raise UsageError(f"there is no dialect {dialect!r}; known are {', '.join((*DIALECTS, *LIVE_PROFILES))}")
    if dialect == DEFAULT_DIALECT:
        return api
    family: Api = "live" if dialect in LIVE_PROFILES else "realtime"
    if api == "translation":
        raise UsageError("the translation endpoint has no dialects: omit --dialect")
    if api not in (None, family):
        raise UsageError(f"{dialect} is a dialect of the {family} endpoint: omit --dialect, or say --api {family}")
    return family


def _report(file: Path, named: str | None, api: Api | None) -> FileReport:
    report = FileReport(file=name_of(file))
    try:
        with FrameFile(file) as frames:
            report.format, report.numbers = frames.format.name, frames.format.numbers
            dialect = named or _dialect_told(frames)
            api = api or _family_told(frames)
            first, end = _first_of(frames) if api is None else ([], None)
            report.api = api = api or _family_of(first)
            for line in chain(first, frames if end is None else ()):
                _check_line(report, line, dialect, api)
                if len(report.problems) + len(report.unknown) >= _MAX_FINDINGS:
                    where = place_of(frames, line.number)
                    report.failure = f"{where}: the {_MAX_FINDINGS:,}th finding; what follows was not read"
                    break
            if end is not None:
                raise end
            show_notes(frames)
    except (OSError, RecordingError) as fault:
        report.failure = sentence_of(fault)
    return report


def _dialect_told(frames: FrameFile) -> str:
    if frames.recording is None:
        return DEFAULT_DIALECT
    told = frames.recording.header.dialect
    known = LIVE_PROFILES if frames.recording.header.family == "live" else PROFILES
    return told if told is not None and told in known else DEFAULT_DIALECT


def _family_told(frames: FrameFile) -> Api | None:
    """The family that a recording names. One of version 1 names none, and its frames show it."""
    if frames.recording is None or frames.recording.header.version == 1:
        return None
    told = frames.recording.header.family
    return next((api for api in get_args(Api) if api == told), None)


def _first_of(frames: Iterator[FrameLine]) -> tuple[list[FrameLine], RecordingError | None]:
    """The first frames of a file, and why it cannot be read on, if that is so."""
    first: list[FrameLine] = []
    try:
        first.extend(islice(frames, _FIRST_FRAMES))
    except RecordingError as fault:
        return first, fault
    return first, None


def _family_of(lines: Iterable[FrameLine]) -> Api:
    """The family that the frames show."""
    frames: list[dict[str, Any]] = []
    for line in lines:
        with suppress(DecodeError):  # reported when the line is checked
            if not line.problem:
                frames.append(parse_object(line.text))
    return family_of(frames)


def _check_line(report: FileReport, line: FrameLine, dialect: str, api: Api) -> None:
    if line.problem:
        report.problems.append(FrameProblem(line.number, None, line.problem))
        return
    try:
        event = _read(line.text, dialect, api)
    except DecodeError as fault:
        report.problems.append(FrameProblem(line.number, None, str(fault)))
        return
    report.frames += 1
    name: str | None = event.wire_type if isinstance(event, UnknownFrame) else event.type
    report.types[name or "(no type)"] += 1
    if isinstance(event, UnknownFrame):
        if api == "realtime" and name is not None and name in PROFILES[dialect].heartbeats:
            return
        finding = FrameProblem(line.number, name, event.problem)
        (report.unknown if name is not None and not _is_known(name, dialect, api) else report.problems).append(finding)
    elif (problem := _audio_problem(event)) is not None:
        report.problems.append(FrameProblem(line.number, name, problem))


def _read(text: str | bytes, dialect: str, api: Api) -> Any:
    match api:
        case "translation":
            return decode_translation(text)
        case "live":
            return decode_live(text, dialect=_live(dialect))
        case _:
            return decode(text, dialect=dialect)


def _live(dialect: str) -> str:
    """The dialect of Live, where the usual one is not named."""
    return DEFAULT_LIVE_DIALECT if dialect == DEFAULT_DIALECT else dialect


def _is_known(name: str, dialect: str, api: Api) -> bool:
    match api:
        case "translation":
            return name in TRANSLATION_CLASSES
        case "live":
            return LIVE_PROFILES[_live(dialect)].canonical(name) in LIVE_CLASSES
        case _:
            return PROFILES[dialect].canonical(name) in EVENT_CLASSES


def _audio_problem(event: object) -> str | None:
    """What is wrong with the audio of an event; None for one without audio."""
    decode_audio = getattr(event, "decode_audio", None)
    if decode_audio is None:
        return None
    try:
        decode_audio()
    except ValueError as fault:
        return str(fault)
    return None


# --- what is printed --------------------------------------------------------------------------------------------------


def _show(report: FileReport) -> None:
    frames, problems = _number(report.frames, "frame"), _number(len(report.problems), "problem")
    print(f"{printable(report.file)}: {frames}, {len(report.unknown)} unknown, {problems}")
    for name, times in sorted(report.types.items(), key=lambda pair: (-pair[1], pair[0])):
        print(f"{times:8}  {printable(name)}")
    unknown = Counter(finding.type for finding in report.unknown)
    for finding in report.unknown:
        times = unknown.pop(finding.type, 0)
        if times:
            more = f", and {_number(times - 1, 'time')} more" if times > 1 else ""
            print(f"{_place(report, finding)}: {printable(finding.problem)}{more}")
    for finding in report.problems:
        name = "" if finding.type is None else f"{printable(finding.type)}: "
        print(f"{_place(report, finding)}: {name}{printable(finding.problem)}")


def _place(report: FileReport, finding: FrameProblem) -> str:
    name = printable(report.file)
    return f"{name}:{finding.line}" if report.numbers == "line" else f"{name}, {report.numbers} {finding.line}"


def _number(count: int, of: str) -> str:
    return f"{count} {of}" if count == 1 else f"{count} {of}s"


def _as_json(reports: list[FileReport]) -> str:
    content: Any = msgspec.to_builtins(reports)
    return printable_json(write_text({"files": content, "good": all(report.good for report in reports)}).decode())
