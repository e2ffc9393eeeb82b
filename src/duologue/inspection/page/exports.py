"""A call for other programs: a WAV file of both sides, labels for Audacity, a trace for Perfetto."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Final, Literal, TypeAlias, get_args

from duologue.audio.resampling import resample
from duologue.audio.samples import from_samples, to_samples
from duologue.codec.jsontext import write_text
from duologue.inspection.page.fold import LaneFold
from duologue.inspection.page.redaction import Redaction
from duologue.inspection.page.sound_lanes import PlacedSound

__all__ = ["EXPORTS", "ExportKind", "export_call"]

ExportKind: TypeAlias = Literal["wav", "labels", "perfetto"]
"""Stereo PCM16, the user left and the model right as it was heard; a label track of Audacity; Chrome's trace format."""

EXPORTS: Final[tuple[ExportKind, ...]] = get_args(ExportKind)

_BLOCK_S: Final = 10.0
"""Of both sides at once in memory."""

_MAX_S: Final = 6 * 3600.0
"""Of a WAV file: its sizes have 32 bits, and a damaged line may have any time."""

_RATE_HZ: Final = 24_000
"""Of a call without sounds."""

_US: Final = 1_000_000


def export_call(fold: LaneFold, kind: ExportKind, target: BinaryIO, redaction: Redaction) -> float:
    """Write a call that is folded to its end.

    Returns its length in seconds, of a WAV six hours at the most. Raises MissingExtra for a WAV of sides whose rates
    differ.
    """
    match kind:
        case "wav":
            _write_wav(fold, target, silent="audio" in redaction.without)
        case "labels":
            for begin_s, end_s, _, text in _spans(fold, redaction):
                label = " ".join(text.split())
                target.write(f"{begin_s:.3f}\t{end_s:.3f}\t{label}\n".encode("utf-8", "replace"))
        case "perfetto":
            target.write(write_text({"traceEvents": [*_trace(fold, redaction)], "displayTimeUnit": "ms"}))
    return min(fold.duration_s, _MAX_S) if kind == "wav" else fold.duration_s


# --- sound ------------------------------------------------------------------------------------------------------------


def _write_wav(fold: LaneFold, target: BinaryIO, *, silent: bool) -> None:
    sides: list[list[PlacedSound]] = [[*fold.user.placed()], [*fold.model.placed(fold.call.view)]]
    rate_hz = max((each.sound.rate_hz for side in sides for each in side), default=_RATE_HZ)
    duration_s = min(fold.duration_s, _MAX_S)
    frames = round(duration_s * rate_hz)
    target.write(_wav_head(frames, rate_hz))
    for first in range(0, frames, round(_BLOCK_S * rate_hz)):
        count = min(round(_BLOCK_S * rate_hz), frames - first)
        stereo = array("h", bytes(4 * count))
        for number, side in enumerate(sides if not silent else ()):
            stereo[number::2] = _block(side, first, count, rate_hz)
        target.write(from_samples(stereo))


def _block(placed: Sequence[PlacedSound], first: int, count: int, rate_hz: int) -> array[int]:
    """So many samples of a side. Where two sounds lie over each other, the later one is heard."""
    block = array("h", bytes(2 * count))
    begin_s, end_s = first / rate_hz, (first + count) / rate_hz
    for each in placed:
        low_s, high_s = max(begin_s, each.begin_s), min(end_s, each.end_s)
        if low_s >= high_s:
            continue
        offset_s = each.offset_s + low_s - each.begin_s
        pcm16 = each.sound.read(offset_s, offset_s + high_s - low_s)
        samples = to_samples(resample(pcm16, each.sound.rate_hz, rate_hz))
        at = max(0, round(low_s * rate_hz) - first)
        block[at : at + len(samples)] = samples[: count - at]
    return block


def _wav_head(frames: int, rate_hz: int) -> bytes:
    size = 4 * frames
    fields = ((b"RIFF", 36 + size, 4), (b"WAVEfmt ", 16, 4), (b"", 1, 2), (b"", 2, 2), (b"", rate_hz, 4))
    rest = ((b"", 4 * rate_hz, 4), (b"", 4, 2), (b"", 16, 2), (b"data", size, 4))
    return b"".join(name + number.to_bytes(width, "little") for name, number, width in (*fields, *rest))


# --- times ------------------------------------------------------------------------------------------------------------


def _spans(fold: LaneFold, redaction: Redaction) -> Iterator[tuple[float, float, str, str]]:
    """Begin, end, lane and words of everything that has a place in the call, in order."""
    view, lanes = redaction.row(fold.call.view.to_json()), redaction.row(fold.lanes.to_json())
    found: list[tuple[float, float, str, str]] = []
    found += ((begin, end, "user speech", "user speech") for begin, end in lanes["user_speech"] if end is not None)
    for lane in ("user_text", "model_text"):
        name = lane.replace("_", " ")
        found += (
            (row["begin_s"], row["final_s"] or row["begin_s"], name, f"{name}: {row['text']}") for row in lanes[lane]
        )
    for row in lanes["model_audio"]:
        found += ((begin, end, "model heard", "model heard") for begin, end, _ in row["heard"])
        found += ((begin, end, "model heard", "gap") for begin, end in row["gaps"])
    for row in lanes["brackets"]:
        words = f"turn {row['turn']} {row['kind'].replace('_', ' ')} {row['ms']} ms"
        found.append((row["from_s"], row["to_s"], row["kind"].replace("_", " "), words))
    for row in view["tools"]:
        begin = row["asked_s"] if row["began_s"] is None else row["began_s"]
        end = row["answered_s"] if row["ended_s"] is None else row["ended_s"]
        if begin is not None:
            found.append(
                (begin, begin if end is None else end, "functions", f"function {row['name'] or row['call_id']}")
            )
    found += (
        (row["at_s"], row["at_s"], "errors", f"error {row['code'] or ''}: {row['message']}") for row in view["errors"]
    )
    found += ((row["at_s"], row["at_s"], "marks", f"{row['kind']}: {row['text']}") for row in view["marks"])
    yield from sorted(found, key=lambda each: each[:2])


def _trace(fold: LaneFold, redaction: Redaction) -> Iterator[dict[str, Any]]:
    threads: dict[str, int] = {}
    for begin_s, end_s, lane, words in _spans(fold, redaction):
        if lane not in threads:
            threads[lane] = len(threads) + 1
            yield {"ph": "M", "name": "thread_name", "pid": 1, "tid": threads[lane], "args": {"name": lane}}
        place = {"name": words, "cat": lane, "pid": 1, "tid": threads[lane], "ts": round(begin_s * _US)}
        if end_s > begin_s:
            yield {**place, "ph": "X", "dur": round((end_s - begin_s) * _US)}
        else:
            yield {**place, "ph": "i", "s": "t"}
