"""Delays of tests' calls, and how they compare with those of an earlier run.

A delay is worse when it has grown by more than a share and by more than some milliseconds: a share alone would report
5 ms that became 7, milliseconds alone a second that became 1.03. Calls with other audio or other faults, and runs on
other machines, are not compared.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from duologue.codec import decode
from duologue.dialects import DEFAULT_DIALECT, PROFILES
from duologue.errors import DecodeError, DuologueError
from duologue.events import InputAudioBufferAppendEvent
from duologue.inspection import CallView
from duologue.inspection.figures import AT_LEAST, percentile
from duologue.recording import RecordingReader

__all__ = [
    "FIGURES",
    "Baseline",
    "CallDelays",
    "Delay",
    "Tolerance",
    "audio_mark",
    "compared",
    "delays_of",
    "machine",
    "read_baseline",
    "write_baseline",
]

FIGURES: Final = ("endpointing", "first_text", "first_audio", "first_heard", "transcript", "tool", "interrupt_yield")
"""As in `duologue inspect`; the last but one is how long functions took, the last from the user's speech to silence."""

_KIND: Final = "baseline"

_VERSION: Final = 1

_SILENT: Final = b"\x00\xff\xd5"
"""Bytes of silence: of PCM, of G.711 mu-law and of A-law. How much of it a client sends depends on its timing."""

_MARK_CHARACTERS: Final = 12


class Delay(Struct, frozen=True, kw_only=True):
    """Of one figure, in whole milliseconds."""

    count: int
    """How many turns, functions or interruptions had it."""
    median: int
    high: int
    """The 95th percentile; of fewer than twenty the longest."""


class CallDelays(Struct, frozen=True, kw_only=True):
    """What is compared of a test's calls."""

    audio: str
    """What the user's audio was: see `audio_mark`."""
    faults: tuple[str, ...] = ()
    """Faults that were made on purpose."""
    figures: dict[str, Delay]


class Tolerance(Struct, frozen=True, kw_only=True):
    """A delay may grow by the larger of the two."""

    percent: float = 20.0
    """Two runs on an idle machine differ by some 10 %."""
    floor_ms: float = 30.0
    """Of a loaded machine a wake-up may be late by a few of the scheduler's time slices."""


class Baseline(Struct, kw_only=True):
    """The file."""

    duologue: str = _KIND
    version: int = _VERSION
    machine: str
    tests: dict[str, CallDelays] = {}


def machine() -> str:
    """The class of this machine: delays of another class are not comparable."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"


def delays_of(calls: Iterable[CallView], recordings: Iterable[bytes], *, faults: Sequence[str] = ()) -> CallDelays:
    """The delays of these calls, all turns together. Raises RecordingError."""
    found: dict[str, list[int]] = {name: [] for name in FIGURES}
    for call in calls:
        for name in FIGURES[:5]:
            found[name] += [each for turn in call.turns if (each := getattr(turn, f"{name}_ms")) is not None]
        found["tool"] += [each for tool in call.tools if (each := tool.duration_ms) is not None]
        found["interrupt_yield"] += [each.yield_ms for each in call.interruptions]
    figures = {name: _delay(values) for name, values in found.items() if values}
    return CallDelays(audio=audio_mark(recordings), faults=tuple(faults), figures=figures)


def audio_mark(recordings: Iterable[bytes]) -> str:
    """A short name for what the users of recorded calls said: the same however it was cut and whatever silence it had.

    Raises:
        RecordingError: one is damaged.
    """
    heard = sha256()
    for content in recordings:
        with RecordingReader("this recording", stream=BytesIO(content)) as recording:
            client_is = "sent" if recording.header.side == "client" else "received"
            named = recording.header.dialect or ""
            dialect = named if named in PROFILES else DEFAULT_DIALECT
            for frame in recording:
                if frame.direction == client_is:
                    heard.update(_audio(frame.message, dialect).translate(None, _SILENT))
    return heard.hexdigest()[:_MARK_CHARACTERS]


def compared(was: CallDelays, now: CallDelays, tolerance: Tolerance) -> list[str]:
    """What is worse than it was, a sentence each; or why the two cannot be compared."""
    if was.audio != now.audio:
        return [f"the baseline was made with other audio ({was.audio} then, {now.audio} now); save it again"]
    if was.faults != now.faults:
        return [f"the baseline was made with other faults ({_told(was.faults)} then, {_told(now.faults)} now)"]
    return [problem for name, delay in was.figures.items() for problem in _worse(name, delay, now, tolerance)]


def read_baseline(path: Path) -> Baseline:
    """The file. Raises DuologueError if it cannot be read or is none."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Baseline)
    except OSError as fault:
        raise DuologueError(f"cannot read the baseline {path}: {fault.strerror or fault}") from fault
    except msgspec.MsgspecError as fault:
        raise DuologueError(f"{path} is no baseline of duologue: {fault}") from fault
    if found.duologue != _KIND or found.version != _VERSION:
        raise DuologueError(f"{path} is no baseline of duologue that this version reads")
    return found


def write_baseline(path: Path, tests: Mapping[str, CallDelays]) -> None:
    """Write a file with these tests, and with those of others that it has, if it was made on such a machine.

    Raises:
        DuologueError: it cannot be written, or what is there is no baseline.
    """
    kept = read_baseline(path) if path.exists() else Baseline(machine=machine())
    others = kept.tests if kept.machine == machine() else {}
    content = Baseline(machine=machine(), tests=dict(sorted({**others, **tests}.items())))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
    except OSError as fault:
        raise DuologueError(f"cannot write the baseline {path}: {fault.strerror or fault}") from fault


def _delay(values: list[int]) -> Delay:
    high = percentile(values, 95) if len(values) >= AT_LEAST else max(values)
    return Delay(count=len(values), median=percentile(values, 50), high=high)


def _worse(name: str, was: Delay, now: CallDelays, tolerance: Tolerance) -> list[str]:
    delay = now.figures.get(name)
    if delay is None:
        return [f"{name}: was {was.median} ms, now never"]
    if delay.count < was.count:
        return [f"{name}: was there {was.count} times, now {delay.count}"]
    high = "p95" if was.count >= AT_LEAST else "longest"
    found = (("median", was.median, delay.median), (high, was.high, delay.high))
    return [
        f"{name}, {which}: was {before} ms, now {after} ms; up to {_limit(before, tolerance):.0f} ms is no change"
        for which, before, after in found
        if after > _limit(before, tolerance)
    ]


def _limit(before_ms: int, tolerance: Tolerance) -> float:
    return before_ms + max(before_ms * tolerance.percent / 100, tolerance.floor_ms)


def _audio(message: str | bytes, dialect: str) -> bytes:
    try:
        event = decode(message, dialect=dialect)
    except DecodeError:
        return b""
    try:
        return event.decode_audio() if isinstance(event, InputAudioBufferAppendEvent) else b""
    except ValueError:  # not base64
        return b""


def _told(faults: Sequence[str]) -> str:
    return ", ".join(faults) or "none"
