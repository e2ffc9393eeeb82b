"""The sounds of a page: which of them it holds, cut into pieces that a browser decodes one at a time, and coded."""

from __future__ import annotations

import base64
import io
from array import array
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, Final, Literal, TypeAlias, get_args

from msgspec import Struct

from duologue.audio.g711 import pcm16_to_ulaw
from duologue.audio.samples import from_samples, to_samples
from duologue.inspection.page.lanes import SpeechBar
from duologue.inspection.page.peaks import STEP_MS
from duologue.inspection.page.sound_lanes import PlacedSound

__all__ = [
    "AUDIO_CHOICES",
    "AudioChoice",
    "AudioCoding",
    "AudioPiece",
    "coded",
    "coding_at",
    "pieces_of",
    "speech_only",
    "without_silence",
    "written",
]

AudioChoice: TypeAlias = Literal["all", "speech", "none"]
"""All that is no silence; what our detector or the server's took for speech, and all of the model; nothing."""

AUDIO_CHOICES: Final[tuple[AudioChoice, ...]] = get_args(AudioChoice)

AudioCoding: TypeAlias = Literal["mp3", "mulaw8000"]

_PIECE_S: Final = 30.0
"""A browser decodes it in 20 ms into 6 MB."""

_JOINED_S: Final = 0.5
"""A shorter break between two sounds is stored as silence: it costs as much as another file."""

_MARGIN_S: Final = 0.3
"""Before and behind speech: the beginning of a word is quiet."""

_SILENT: Final = 1
"""Of 255, and this long: silence as microphones do not have it, but players and phones."""
_SILENCE_S: Final = 0.5

_MP3_RATES: Final = frozenset({8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000})

_MP3_LEVEL: Final = 0.9
"""0 is the best quality, 1 the smallest: an hour of speech of one side has 17 MB in base64."""

_ULAW_HZ: Final = 8000


class AudioPiece(Struct, frozen=True):
    """A stretch of one side, in the time of the call, at one rate."""

    begin_s: float
    end_s: float
    sounds: list[PlacedSound]

    @property
    def rate_hz(self) -> int:
        return self.sounds[0].sound.rate_hz

    def pcm16(self) -> bytes:
        """Its samples, with silence between its sounds."""
        rate_hz = self.rate_hz
        found = bytearray()
        for each in self.sounds:
            found += bytes(max(0, 2 * round((each.begin_s - self.begin_s) * rate_hz) - len(found)))
            found += each.sound.read(each.offset_s, each.offset_s + each.end_s - each.begin_s)
        return bytes(found)


def pieces_of(placed: Iterable[PlacedSound]) -> Iterator[AudioPiece]:
    """Sounds, in order, as pieces of 30 s at the most. Where two lie over each other, the later one is heard."""
    held: list[PlacedSound] = []
    for sound in _one_at_a_time(placed):
        for each in _cut(sound):
            if held and not _fits(held, each):
                yield AudioPiece(held[0].begin_s, held[-1].end_s, held)
                held = []
            held.append(each)
    if held:
        yield AudioPiece(held[0].begin_s, held[-1].end_s, held)


def without_silence(placed: Iterable[PlacedSound]) -> Iterator[PlacedSound]:
    """The sounds without what is digital silence."""
    for each in placed:
        yield from _kept(each, _loud_spans(each))


def speech_only(placed: Iterable[PlacedSound], bars: Iterable[SpeechBar], duration_s: float) -> Iterator[PlacedSound]:
    """The sounds as far as there is speech, with a margin."""
    spans = _joined(
        (bar.begin_s - _MARGIN_S, (duration_s if bar.end_s is None else bar.end_s) + _MARGIN_S) for bar in bars
    )
    for each in placed:
        yield from _kept(each, spans)


def coding_at(rate_hz: int) -> AudioCoding:
    """How sound of this rate is coded: MP3 where `soundfile` is installed, else G.711 at 8 kHz."""
    return "mp3" if rate_hz in _MP3_RATES and _soundfile() is not None else "mulaw8000"


def coded(pcm16: bytes, rate_hz: int, coding: AudioCoding) -> bytes:
    """The file, or the bytes, of a piece."""
    if coding == "mulaw8000":
        return pcm16_to_ulaw(_at_8_khz(pcm16, rate_hz))
    import numpy

    file = io.BytesIO()
    samples = numpy.frombuffer(pcm16, "<i2")
    options = {"format": "MP3", "subtype": "MPEG_LAYER_III", "compression_level": _MP3_LEVEL}
    # The library calls back, and an exception is lost there: Ctrl-C raises in the main thread alone.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(_soundfile().write, file, samples, rate_hz, **options).result()
    return file.getvalue()


def written(side: str, pieces: Iterable[AudioPiece], write: Callable[[str, bytes], None]) -> list[dict[str, Any]]:
    """Code pieces, give each to `write` as an id and text in base64, and return what a page is told of them."""
    table: list[dict[str, Any]] = []
    for piece in pieces:
        pcm16 = piece.pcm16()
        if not pcm16:
            continue
        coding, name = coding_at(piece.rate_hz), f"audio-{side}-{len(table)}"
        write(name, base64.b64encode(coded(pcm16, piece.rate_hz, coding)))
        duration_s = len(pcm16) / (2 * piece.rate_hz)
        table.append(
            {"id": name, "begin_s": round(piece.begin_s, 4), "duration_s": round(duration_s, 4), "coding": coding}
        )
    return table


def _one_at_a_time(placed: Iterable[PlacedSound]) -> Iterator[PlacedSound]:
    last: PlacedSound | None = None
    for each in placed:
        if last is not None:
            yield PlacedSound(last.begin_s, min(last.end_s, each.begin_s), last.sound, last.offset_s)
        last = each
    if last is not None:
        yield last


def _fits(held: list[PlacedSound], more: PlacedSound) -> bool:
    return (
        more.begin_s - held[-1].end_s <= _JOINED_S
        and more.end_s - held[0].begin_s <= _PIECE_S + 1e-6
        and more.sound.rate_hz == held[0].sound.rate_hz
    )


def _cut(sound: PlacedSound) -> Iterator[PlacedSound]:
    at_s = sound.begin_s
    while at_s < sound.end_s:
        end_s = min(at_s + _PIECE_S, sound.end_s)
        yield PlacedSound(at_s, end_s, sound.sound, sound.offset_s + at_s - sound.begin_s)
        at_s = end_s


def _kept(sound: PlacedSound, spans: Iterable[tuple[float, float]]) -> Iterator[PlacedSound]:
    for begin_s, end_s in spans:
        low_s, high_s = max(begin_s, sound.begin_s), min(end_s, sound.end_s)
        if low_s < high_s:
            yield PlacedSound(low_s, high_s, sound.sound, sound.offset_s + low_s - sound.begin_s)


def _loud_spans(sound: PlacedSound) -> Iterator[tuple[float, float]]:
    step_s = STEP_MS / 1000
    peaks = sound.sound.peaks_between(sound.offset_s, sound.offset_s + sound.end_s - sound.begin_s)
    begin: int | None = None
    last = 0
    for step, peak in enumerate(peaks):
        if peak > _SILENT:
            begin, last = step if begin is None else begin, step
        elif begin is not None and (step - last) * step_s > _SILENCE_S:
            yield sound.begin_s + begin * step_s - _MARGIN_S, sound.begin_s + (last + 1) * step_s + _MARGIN_S / 2
            begin = None
    if begin is not None:
        yield sound.begin_s + begin * step_s - _MARGIN_S, sound.end_s


def _joined(spans: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    joined: list[tuple[float, float]] = []
    for begin_s, end_s in sorted(spans):
        if joined and begin_s <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end_s))
        else:
            joined.append((begin_s, end_s))
    return joined


def _at_8_khz(pcm16: bytes, rate_hz: int) -> bytes:
    """Resampled with the standard library alone: to look into a call by ear, not to keep."""
    samples = to_samples(pcm16)
    if rate_hz == _ULAW_HZ:
        return pcm16
    if rate_hz % _ULAW_HZ == 0:
        ratio = rate_hz // _ULAW_HZ
        whole = len(samples) // ratio * ratio
        sums = map(sum, zip(*(samples[first:whole:ratio] for first in range(ratio)), strict=True))
        return from_samples(array("h", [each // ratio for each in sums]))
    count = len(samples) * _ULAW_HZ // rate_hz
    return from_samples(array("h", [samples[number * rate_hz // _ULAW_HZ] for number in range(count)]))


@cache
def _soundfile() -> Any:
    """`soundfile`, where the extra `inspect` is installed."""
    try:
        import soundfile
    except (ImportError, OSError):  # its library is missing
        return None
    return soundfile
