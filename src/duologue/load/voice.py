"""What the callers say: recorded speech, cut and encoded once for all calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final

from msgspec import Struct

from duologue.audio.formats import Encoding
from duologue.audio.pacing import Framer, silence
from duologue.audio.speech_extent import SpeechExtent
from duologue.audio.wav import Sound, parse_wav, read_wav
from duologue.errors import AudioError
from duologue.load.wire import client_frame

__all__ = ["CallerVoice", "SpokenClip", "builtin_clips", "clips_in"]

_BUILTIN: Final = (
    ("cli", "question_arithmetic.wav"),
    ("cli", "question_time.wav"),
    ("conformance", "librivox_0880_24khz.wav"),
)
"""Two synthesized questions and a sentence that a person reads. None has a pause that could end a turn."""

_MAX_CLIP_MS: Final = 60_000
"""Longer speech is no turn of a call, and a hundred such clips would not fit into memory."""

_MAX_CLIPS: Final = 200
"""Of a folder: more say nothing new about a server."""


class SpokenClip(Struct, frozen=True, kw_only=True):
    """A clip as frames of the wire, from its first speech to its last."""

    frames: tuple[bytes, ...]
    speech_ms: int
    """How long it is spoken. The last frame ends later, with silence."""


class CallerVoice(Struct, frozen=True, kw_only=True):
    """All that the callers can say, in one format and in frames of one length."""

    frame_ms: int
    utterances: tuple[SpokenClip, ...]
    silence: bytes
    """The frame of an open microphone."""

    @staticmethod
    def of(
        clips: Sequence[Sound], encoding: Encoding, *, frame_ms: int, append: Callable[[bytes], bytes]
    ) -> CallerVoice:
        """Encode clips; `append` writes the event that appends audio in this encoding.

        Raises:
            AudioError: a clip has no speech, or more than a minute; or frames of this length are no whole samples.
            MissingExtra: a clip has another rate, and the `audio` extra, which converts it, is not installed.
        """
        framer = Framer(encoding, frame_ms=frame_ms)

        def frame(audio: bytes) -> bytes:
            return client_frame(append(audio))

        utterances: list[SpokenClip] = []
        for clip in clips:
            pcm16 = clip.at(encoding.rate_hz).pcm16
            extent = SpeechExtent.of(pcm16, encoding.rate_hz)
            per_ms = 2 * encoding.rate_hz // 1000
            speech = pcm16[extent.begin_ms * per_ms : extent.end_ms * per_ms]
            pieces = framer.push(encoding.from_pcm16(speech))
            if rest := framer.flush():
                pieces.append(rest)
            speech_ms = min(extent.end_ms, len(pcm16) // per_ms) - extent.begin_ms
            utterances.append(SpokenClip(frames=tuple(map(frame, pieces)), speech_ms=speech_ms))
        quiet = silence(encoding, framer.frame_bytes)
        return CallerVoice(frame_ms=frame_ms, utterances=tuple(utterances), silence=frame(quiet))


def builtin_clips() -> list[Sound]:
    """The speech that comes with the package: one to three seconds each, at 24 kHz."""
    return [
        parse_wav(files("duologue").joinpath(room, "speech", name).read_bytes(), name=name) for room, name in _BUILTIN
    ]


def clips_in(folder: Path) -> list[Sound]:
    """The WAV files of a folder, by name.

    Raises:
        AudioError: there is none, there are too many, or one cannot be read, is silent or too long.
    """
    paths = sorted(each for each in folder.iterdir() if each.suffix.lower() == ".wav")
    if not paths:
        raise AudioError(f"there is no WAV file in {folder}")
    if len(paths) > _MAX_CLIPS:
        raise AudioError(f"{folder} has {len(paths)} WAV files, and {_MAX_CLIPS} are the most that are used")
    clips = [read_wav(path) for path in paths]
    for path, clip in zip(paths, clips, strict=True):
        if clip.duration_ms > _MAX_CLIP_MS:
            raise AudioError(f"{path} lasts {clip.duration_ms / 1000:.0f} s: a turn has a minute at most")
        if SpeechExtent.of(clip.pcm16, clip.rate_hz).loudest_dbfs < _SILENT_DBFS:
            raise AudioError(f"{path} is silent")
    return clips


_SILENT_DBFS: Final = -50.0
"""Quiet speech is at -30, a quiet room at -60."""
