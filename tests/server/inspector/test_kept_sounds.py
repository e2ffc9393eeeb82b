from __future__ import annotations

import base64
import json
import warnings

import pytest

from duologue.audio.formats import PCM, PCMU
from duologue.codec import LossyTranslationWarning, encode
from duologue.dialects import PROFILES
from duologue.events import InputAudioBufferAppendEvent, ResponseAudioDeltaEvent
from duologue.server.inspector.audio_ring import AudioRing
from duologue.server.inspector.kept_lines import KeptLines
from duologue.server.inspector.kept_sounds import KeptSounds
from tests.server.inspector._looking import append

RAMP = bytes(range(250)) * 4


def test_samples_are_read_again_from_the_lines_and_silence_where_they_have_none() -> None:
    ring = AudioRing(8 * 1500)
    lines = KeptLines(ring, max_bytes=1 << 20)
    sounds = KeptSounds(lines)
    assert sounds.encoding is None
    for number in range(2):
        if number:
            ring.open()
        lines.message(float(number), "received", append(base64.b64encode(RAMP).decode()))
        sounds.at(number)
        assert sounds.write(RAMP) == number * len(RAMP)
        sounds.was(PCM)
    assert sounds.read(0, 2000) == bytes(1000) + RAMP
    assert sounds.read(990, 20) == bytes(10) + RAMP[:10]
    assert sounds.read(1500, 9999) == RAMP[500:]
    assert sounds.read(5000, 10) == b""


def test_each_piece_is_read_by_the_encoding_that_it_had() -> None:
    ring = AudioRing(1 << 16)
    ring.open()
    lines = KeptLines(ring, max_bytes=1 << 20)
    sounds = KeptSounds(lines)
    written = b""
    for number, encoding in enumerate((PCM, PCMU, PCMU, PCM)):
        lines.message(float(number), "received", append(base64.b64encode(RAMP).decode()))
        sounds.at(number)
        piece = encoding.to_pcm16(RAMP)
        sounds.write(piece)
        sounds.was(encoding)
        written += piece
    assert sounds.encoding == PCM
    assert sounds.read(0, len(written)) == written
    assert sounds.read(900, 3000) == written[900:3900]


def test_a_line_that_is_no_json_any_more_is_silent() -> None:
    ring = AudioRing(1 << 16)
    ring.open()
    lines = KeptLines(ring, max_bytes=1 << 20)
    sounds = KeptSounds(lines)
    for number, message in enumerate(("{", '{"audio":5}')):
        lines.message(0.0, "received", message)
        sounds.at(number)
        sounds.write(b"\1\0")
        sounds.was(PCM)
    assert sounds.read(0, 4) == bytes(4)


@pytest.mark.parametrize("dialect", PROFILES)
def test_audio_stands_in_the_same_places_in_every_dialect(dialect: str) -> None:
    delta = ResponseAudioDeltaEvent(
        event_id="e", response_id="r", item_id="i", output_index=0, content_index=0, delta="AAAA"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LossyTranslationWarning)
        frames = [
            json.loads(encode(each, dialect=dialect)) for each in (InputAudioBufferAppendEvent(audio="AAAA"), delta)
        ]
    assert [frame.get("audio", frame.get("delta")) for frame in frames] == ["AAAA", "AAAA"]
