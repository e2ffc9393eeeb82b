"""Commands of a Live connection that carry audio."""

from __future__ import annotations

import pytest

from duologue.events.live import LiveInputAudioAppendEvent, LiveOutputAudioFixturePlayEvent


@pytest.mark.parametrize("command", [LiveInputAudioAppendEvent, LiveOutputAudioFixturePlayEvent])
def test_audio_goes_in_and_comes_out_as_bytes_and_is_not_shown(
    command: type[LiveInputAudioAppendEvent | LiveOutputAudioFixturePlayEvent],
) -> None:
    event = command.from_audio(b"\x01\x02" * 2400, event_id="mine")
    assert event.decode_audio() == b"\x01\x02" * 2400
    assert event.event_id == "mine"
    assert "4800 bytes of audio, 100 ms" in repr(event)
    with pytest.raises(ValueError, match="not base64"):
        command(audio="!").decode_audio()
