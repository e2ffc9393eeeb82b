"""Files to read as arguments of commands, with "-" for standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from duologue.audio.wav import Sound, read_wav, read_wav_stream
from duologue.cli.errors import check_exists
from duologue.errors import AudioError
from duologue.recording.formats import STANDARD_INPUT, name_of

__all__ = ["check_readable", "is_standard_input", "read_sound", "with_standard_input"]


def with_standard_input(arguments: Sequence[str]) -> list[str]:
    """The arguments with "-" at their end, behind "--": elsewhere the parser takes it for an option.

    A file of this name is written ./-, which becomes its whole path here.
    """
    whole = [str(Path(each).absolute()) if each == f".{os.sep}{STANDARD_INPUT}" else each for each in arguments]
    if STANDARD_INPUT not in whole or "--" in whole:
        return whole
    return [*(each for each in whole if each != STANDARD_INPUT), "--", *[STANDARD_INPUT] * whole.count(STANDARD_INPUT)]


def is_standard_input(file: Path) -> bool:
    """Whether the argument is "-"; a file of this name is written ./-"""
    return str(file) == STANDARD_INPUT


def check_readable(*files: Path) -> None:
    """Raise UsageError for input files that do not exist; standard input does."""
    check_exists(*(file for file in files if not is_standard_input(file)))


def read_sound(file: Path) -> Sound:
    """The clip in a WAV file, or on standard input. Raises as `read_wav` does."""
    if not is_standard_input(file):
        return read_wav(file)
    name = name_of(file)
    try:
        return read_wav_stream(sys.stdin.buffer, name=name)
    except OSError as fault:
        raise AudioError(f"cannot read {name}: {fault.strerror or fault}") from fault
