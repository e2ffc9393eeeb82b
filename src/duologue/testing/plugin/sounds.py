"""Fixtures: clips of speech, silence, tones and noise. `duologue.testing.sounds` has the same as functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["noise", "realtime_audio", "silence", "tone"]


@pytest.fixture(scope="session")
def realtime_audio() -> Callable[..., bytes]:
    """`realtime_audio("question")`: speech, PCM16 at 24 kHz or another format. Also "arithmetic", "sentence"."""
    from duologue.testing.sounds import clip

    return clip


@pytest.fixture(scope="session")
def silence() -> Callable[..., bytes]:
    """`silence(800)`: milliseconds of silence as PCM16 at 24 kHz, or in another format."""
    from duologue.testing import sounds

    return sounds.silence


@pytest.fixture(scope="session")
def tone() -> Callable[..., bytes]:
    """`tone(1000)`: what the engines of `realtime_server` hear as speech."""
    from duologue.testing import sounds

    return sounds.tone


@pytest.fixture(scope="session")
def noise() -> Callable[..., bytes]:
    """`noise(-40, ms=1000)`: the same noise each time, of this level in dB below full scale."""
    from duologue.testing import sounds

    return sounds.noise
