"""What values show of themselves."""

from __future__ import annotations

import pytest

from duologue.audio.formats import PCMU
from duologue.telephony import CallerAudio, CallStarted, UnknownLegFrame
from duologue.telephony.codecs.leg_events import PlayCommand, masked_number


@pytest.mark.parametrize(
    ("number", "shown"), [("+15551230042", "…42"), ("", ""), ("anonymous", ""), ("7", "…7"), ("٣٤", "")]
)
def test_a_number_is_shown_as_its_last_two_digits(number: str, shown: str) -> None:
    assert masked_number(number) == shown


def test_neither_audio_nor_frames_nor_numbers_are_shown() -> None:
    shown = repr(
        (
            CallStarted(call_id="c", encoding=PCMU, caller="+15551230042", called="+15559990017"),
            CallerAudio(audio=b"secret"),
            PlayCommand(audio=b"secret"),
            UnknownLegFrame(raw="secret", reason="none"),
        )
    )
    assert "secret" not in shown
    assert "1230" not in shown
    assert "…17" in shown
