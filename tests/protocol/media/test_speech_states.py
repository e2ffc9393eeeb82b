from __future__ import annotations

from duologue.protocol.media.speech_states import SPEECH, SPEECH_ENDS, SpeechInput, SpeechState


def test_every_state_but_the_ends_can_be_left_by_a_cut_and_by_the_end_of_the_speech() -> None:
    left = {before for before, _ in SPEECH}
    assert left == set(SpeechState) - SPEECH_ENDS
    for state in left:
        for happened in (SpeechInput.CUT, SpeechInput.ALL_PLAYED):
            assert SPEECH[state, happened] in SPEECH_ENDS
