from __future__ import annotations

from typing import Any

import pytest

from duologue import dialects
from duologue.dialects import LIVE_PROFILES, PROFILES, detect_live


def test_no_dialect_of_live_has_the_name_of_one_of_realtime() -> None:
    assert not LIVE_PROFILES.keys() & PROFILES.keys()
    assert dialects.DEFAULT_LIVE_DIALECT in LIVE_PROFILES


@pytest.mark.parametrize("name", LIVE_PROFILES)
def test_a_host_of_a_vendor_shows_its_dialect(name: str) -> None:
    profile = LIVE_PROFILES[name]
    assert profile.name == name
    for host in profile.hosts:
        assert detect_live(f"wss://x.{host}{profile.base_path}{profile.endpoint}").dialect == name


def test_a_host_of_nobody_known_shows_nothing() -> None:
    guess = detect_live("wss://voice.example/v1/live/sessions")
    assert (guess.dialect, guess.confidence) == ("openai-live", 0.0)


@pytest.mark.parametrize(
    ("frame", "name"),
    [
        ({"type": "session.start", "session": {"model": "gpt-live-1"}}, "openai-live"),
        ({"type": "session.start", "session": {"model": "gpt-live-1", "kugel": {}}}, "kugel"),
        ({"type": "kugel.response.cancelled"}, "kugel"),
        ({"type": "info", "code": "kugel_voice_alias"}, "kugel"),
        ({"type": "session.created", "session": {"model": "qwen-audio-4.0-realtime-preview"}}, "qwen-audio-live"),
        ({"type": "session.output_audio.delta", "delta": ""}, "openai-live"),
    ],
)
def test_a_frame_shows_its_dialect(frame: dict[str, Any], name: str) -> None:
    assert detect_live(frame).dialect == name
