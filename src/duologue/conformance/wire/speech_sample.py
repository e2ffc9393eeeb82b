"""The recorded sentence of the suite, and the event that sends it."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

from duologue.audio.wav import parse_wav
from duologue.conformance.wire.trace import Json
from duologue.events.base import encode_audio

__all__ = ["BYTES_PER_MS", "CHUNK_MS", "append_of", "speech"]

BYTES_PER_MS: Final = 48
"""PCM16 at 24 kHz, which every server takes."""

CHUNK_MS: Final = 100
"""Audio in one append: a common choice of clients, ten messages a second."""


@cache
def speech() -> bytes:
    """Three seconds of recorded human speech: mono PCM16 at 24 kHz."""
    return parse_wav(files("duologue.conformance").joinpath("speech", "librivox_0880_24khz.wav").read_bytes()).pcm16


def append_of(pcm16: bytes, type: str = "input_audio_buffer.append") -> Json:
    """The event that appends audio; its type is another one in each family."""
    return {"type": type, "audio": encode_audio(pcm16)}
