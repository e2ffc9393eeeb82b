"""Errors of the commands, each as one sentence and an exit code."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from duologue.audio.files import check_creatable
from duologue.client.dialect_detection import AUTO
from duologue.dialects import PROFILES
from duologue.errors import ConnectionClosed, DuologueError, RecordingError
from duologue.printable import printable

__all__ = [
    "EXIT_FAILURE",
    "EXIT_USAGE",
    "TurnFailed",
    "UsageError",
    "check_dialect",
    "check_exists",
    "check_outputs",
    "check_port",
    "check_recording",
    "check_writable",
    "exit_code_of",
    "sentence_of",
]

EXIT_FAILURE: Final = 1
EXIT_USAGE: Final = 2

_LAST_PORT: Final = 65_535

_MAX_CHARACTERS: Final = 600
"""Length of a sentence: the message of a server or an operating system may be a page."""


class UsageError(DuologueError):
    """The command line is invalid; nothing was started."""


class TurnFailed(DuologueError):
    """A turn was not completed."""


def check_dialect(dialect: str, known: Collection[str] = tuple(PROFILES)) -> None:
    """Raise UsageError for a dialect that a client does not know; it knows `AUTO` too."""
    if dialect != AUTO and dialect not in known:
        raise UsageError(f"there is no dialect {dialect!r}; known are {AUTO}, {', '.join(known)}")


def check_exists(*files: Path) -> None:
    """Raise UsageError for input files that do not exist."""
    missing = [str(file) for file in files if not file.exists()]
    if missing:
        raise UsageError(f"there is no file {', '.join(missing)}")


def check_writable(*files: Path | None, force: bool) -> None:
    """Raise UsageError for output files that are symbolic links, or that exist without `force`."""
    for file in files:
        if file is None:
            continue
        if file.is_symlink():
            raise UsageError(f"{file} is a symbolic link, which is not followed: name the file itself")
        if file.is_file() and not force:
            raise UsageError(f"{file} exists already: name another file, or add --force to replace it")


def check_outputs(*files: Path | None, force: bool, inputs: Sequence[Path] = ()) -> None:
    """Raise UsageError for files that could not be written at the end of the work, or that would replace an input."""
    check_writable(*files, force=force)
    outputs = [file for file in files if file is not None]
    for file in outputs:
        if any(each.exists() and file.exists() and file.samefile(each) for each in inputs):
            raise UsageError(f"{file} is a file that is read: name another one to write")
        if sum(each.absolute() == file.absolute() for each in outputs) > 1 and not file.is_char_device():
            raise UsageError(f"{file} is to be written twice: name two files")
        try:
            check_creatable(file)
        except OSError as fault:
            raise UsageError(f"cannot write {file}: {fault.strerror or fault}") from fault


def check_port(port: int, option: str) -> None:
    """Raise UsageError for a port that is none; 0 is any that is free."""
    if not 0 <= port <= _LAST_PORT:
        raise UsageError(f"{option} is a number from 0 to {_LAST_PORT}, not {port}")


def check_recording(path: Path, *, replace: bool) -> None:
    """Raise RecordingError if a recording could not be created there; creates nothing."""
    try:
        check_creatable(path, replace=replace)
    except OSError as fault:
        raise RecordingError(f"cannot write {path}: {fault.strerror or fault}") from fault


def exit_code_of(fault: BaseException) -> int:
    """2 for an invalid command line, 1 for everything else."""
    return EXIT_USAGE if isinstance(fault, UsageError) else EXIT_FAILURE


def sentence_of(fault: BaseException) -> str:
    """The error on one line, without control characters."""
    match fault:
        case ConnectionClosed():
            text = f"the server ended the session: {fault}"
        case DuologueError():
            text = str(fault)
        case OSError(strerror=str(reason), filename=name) if name is not None:
            text = f"{name}: {reason}"
        case OSError():
            text = fault.strerror or str(fault)
        case _:
            text = f"{type(fault).__name__}: {fault}"
    return printable(" ".join(text.split()), max_characters=_MAX_CHARACTERS)
