"""A fixture: telephone calls of an application that takes them.

async def test_my_bridge(phone_call, tone):
    call = await phone_call(my_asgi_application, tone(800), path="/phone", protocol="twilio")
    assert call.report.is_answered
    assert call.report.spoken[0].first_audio_ms < 1500
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from duologue.testing.plugin.artifacts import attach

if TYPE_CHECKING:
    from duologue.testing.served.phone_line import PhoneLine

__all__ = ["PhoneEvidence", "phone_call"]


class PhoneEvidence:
    """The reports of a telephone's calls, and what was said and heard in them."""

    def __init__(self, line: PhoneLine) -> None:
        self._line = line

    def sections(self) -> list[tuple[str, str]]:
        """What became of each call."""
        count = len(self._line.calls)
        return [
            (f"duologue telephone call {number} of {count}", "\n".join(call.report.sentences()))
            for number, call in enumerate(self._line.calls, 1)
        ]

    def save(self, folder: Path) -> list[Path]:
        """Write the sound of each call, the caller left and what was heard right."""
        from duologue.audio.wav import WavWriter

        for number, call in enumerate(self._line.calls, 1):
            sound = call.sound
            with WavWriter(folder / f"phone-{number}.wav", rate_hz=sound.encoding.rate_hz, channels=2) as file:
                file.write(sound.stereo_pcm16())
        return []

    def close(self) -> None:
        """Drop the calls."""
        self._line.calls.clear()


@pytest.fixture
def phone_call(request: pytest.FixtureRequest) -> PhoneLine:
    """`await phone_call(target, tone(800))`: calls a URL or an ASGI application as a telephone network does.

    Returns the call when it is over: `.report` says what the caller heard and when, `.sound` is both sides.
    """
    from duologue.testing.served.phone_line import PhoneLine

    line = PhoneLine()
    attach(request.node, PhoneEvidence(line))
    return line
