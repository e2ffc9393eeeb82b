"""How a session's sound is written, in each direction."""

from __future__ import annotations

import pytest

from duologue.audio.formats import PCM, Encoding
from duologue.dialects import LIVE_PROFILES
from duologue.events import Extra
from duologue.events.live import (
    LiveAudio,
    LiveAudioFormat,
    LivePcmAudioFormat,
    LivePcmuAudioFormat,
    LiveSession,
    UnknownLiveAudioFormat,
)
from duologue.protocol.live.client.encodings import SessionEncodings

PCM_16K = Encoding.of("audio/pcm", 16_000)
ULAW = Encoding.of("audio/pcmu")


def encodings(
    format: LiveAudioFormat | None, *, dialect: str = "openai-live", sideband: bool = False
) -> tuple[Encoding, Encoding]:
    found = SessionEncodings(LIVE_PROFILES[dialect], sideband=sideband)
    found.began(LiveSession(id="s") if format is None else LiveSession(id="s", audio=LiveAudio(format=format)))
    return found.sent, found.received


@pytest.mark.parametrize(
    ("format", "encoding"),
    [
        (None, PCM),
        (LivePcmAudioFormat(), PCM),
        (LivePcmAudioFormat(rate=16_000), PCM_16K),
        (LivePcmuAudioFormat(rate=8_000), ULAW),
        (LivePcmuAudioFormat(rate=11_025), PCM),
        (UnknownLiveAudioFormat(json=Extra({"type": "audio/opus"})), PCM),
    ],
    ids=repr,
)
def test_one_format_is_that_of_both_directions(format: LiveAudioFormat | None, encoding: Encoding) -> None:
    assert encodings(format) == (encoding, encoding)


def test_a_sideband_gets_24_khz_whatever_the_session_has() -> None:
    assert encodings(LivePcmuAudioFormat(rate=8_000), sideband=True) == (PCM, PCM)


@pytest.mark.parametrize("format", [None, LivePcmAudioFormat(rate=16_000)], ids=repr)
def test_a_vendor_may_speak_at_another_rate_than_it_hears(format: LiveAudioFormat | None) -> None:
    assert encodings(format, dialect="qwen-audio-live") == (PCM_16K, PCM)
