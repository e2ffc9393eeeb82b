"""Input audio in the session's format."""

from __future__ import annotations

import numpy as np
import pytest

from duologue.audio.formats import PCM, PCMU, Encoding
from duologue.errors import LocalProtocolError
from duologue.events import (
    InputAudioBufferClearEvent,
    InputAudioBufferCommitEvent,
    ResponseCreateEvent,
)
from duologue.protocol.client.input_audio import InputAudio
from duologue.protocol.client.validation import LocalChecks

AT_48K = {"encoding": None, "rate_hz": 48_000, "channels": None}


def taken(audio: InputAudio, data: bytes, said: dict[str, int | None]) -> int:
    """How many bytes are ready behind this piece."""
    return sum(map(len, audio.take(data, **said)))  # type: ignore[arg-type]


def test_a_commit_ends_the_stream_a_clear_drops_it_and_other_commands_leave_it() -> None:
    audio = InputAudio(LocalChecks())
    first = taken(audio, bytes(9_600), AT_48K)
    assert first < 4_800
    assert audio.before(ResponseCreateEvent()) == []
    assert first + sum(map(len, audio.before(InputAudioBufferCommitEvent()))) == 4_800
    assert audio.before(InputAudioBufferCommitEvent()) == []
    taken(audio, bytes(9_600), AT_48K)
    assert audio.before(InputAudioBufferClearEvent()) == []
    assert audio.rest() == []


def test_audio_that_fits_passes_behind_the_rest_of_what_did_not() -> None:
    audio = InputAudio(LocalChecks())
    before = taken(audio, bytes(9_600), AT_48K)
    *rest, last = audio.take(b"\1\0" * 240, encoding=PCM, rate_hz=None, channels=1)
    assert last == b"\1\0" * 240
    assert before + sum(map(len, rest)) == 4_800
    assert audio.take(b"x", encoding=None, rate_hz=None, channels=None) == [b"x"]  # the checks refuse it


def test_a_format_that_is_not_known_takes_bytes_as_they_are_and_nothing_to_convert() -> None:
    checks = LocalChecks()
    checks.input_encoding = None
    audio = InputAudio(checks)
    assert audio.take(b"abc", encoding=PCMU, rate_hz=None, channels=None) == [b"abc"]
    with pytest.raises(LocalProtocolError, match="not one that is known here"):
        audio.take(np.zeros(4, np.int16), encoding=None, rate_hz=None, channels=None)


def test_where_formats_are_not_checked_bytes_are_not_converted() -> None:
    audio = InputAudio(LocalChecks(off=["append_format"]))
    assert audio.take(bytes(320), encoding=Encoding.of("audio/pcm", 16_000), rate_hz=None, channels=None) == [
        bytes(320)
    ]
