"""The flat sessions of the beta: what has no flat place is reported, and not sent."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.dialects import PROFILES


@pytest.mark.parametrize("name", ["session.update", "session.created", "session.updated"])
def test_a_setting_of_audio_without_a_flat_place_is_lost_and_not_sent(name: str) -> None:
    lost: list[str] = []
    audio = {"input": {"echo": {"on": True}}, "output": {"voice": "ash", "pitch": 2}}
    session: dict[str, Any] = {"type": "realtime", "audio": audio}
    frame = PROFILES["openai-beta"].write({"type": name, "session": session}, lost)
    assert frame["session"] == {"voice": "ash"}
    assert lost == ["session.audio.input.echo.on", "session.audio.output.pitch"]


@pytest.mark.parametrize("name", ["response.create", "response.created", "response.done"])
def test_so_is_one_of_a_response(name: str) -> None:
    lost: list[str] = []
    response = {"audio": {"output": {"voice": "ash", "pitch": 2}}}
    frame = PROFILES["openai-beta"].write({"type": name, "response": response}, lost)
    assert (frame["response"], lost) == ({"voice": "ash"}, ["response.audio.output.pitch"])
