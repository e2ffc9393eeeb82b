"""The pieces of a transcript as they arrive, on a clock."""

from __future__ import annotations

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from duologue.protocol.live.client.notices import Speaker, TranscriptDelta, Utterance, UtteranceEnded
from duologue.protocol.live.client.transcript import LiveTranscript, TranscriptGrouper
from duologue.protocol.live.client.utterances import Grouped


def told(notices: list[Grouped]) -> list[str]:
    return [
        notice.delta if isinstance(notice, TranscriptDelta) else f"{notice.utterance.text} | {notice.reason}"
        for notice in notices
    ]


def test_the_first_words_of_a_speaker_are_told_when_the_other_one_can_no_longer_come_before_them() -> None:
    grouper = TranscriptGrouper()
    assert grouper.add("assistant", "Yes", 0, 200, now=5.0) == []
    assert grouper.next_tick_at == 5.05
    assert told(grouper.add("user", "Well", 0, 200, now=5.01)) == ["Well", "Yes"]


def test_they_are_told_soon_if_nothing_else_comes() -> None:
    grouper = TranscriptGrouper()
    grouper.add("user", "Well", 0, 200, now=5.0)
    assert grouper.tick(5.04) == []
    assert told(grouper.tick(grouper.next_tick_at)) == ["Well"]
    assert grouper.next_tick_at == inf


def test_the_words_of_whose_turn_it_is_are_told_at_once() -> None:
    grouper = TranscriptGrouper()
    grouper.add("user", "Well", 0, 200, now=0.0)
    assert told(grouper.add("user", " then", 200, 400, now=0.01)) == ["Well", " then"]
    assert told(grouper.add("user", " go", 400, 600, now=0.1)) == [" go"]


def test_silence_counts_from_when_words_came_however_late_they_were() -> None:
    grouper = TranscriptGrouper()
    grouper.add("assistant", "Hello", 0, 200, now=30.0)
    grouper.tick(30.05)
    assert grouper.next_tick_at == 32.0
    assert grouper.tick(31.99) == []
    assert told(grouper.tick(grouper.next_tick_at)) == ["Hello | inactivity"]


def test_time_that_goes_back_ends_all_that_was_said() -> None:
    grouper = TranscriptGrouper()
    grouper.add("user", "One", 5000, 5200, now=0.0)
    grouper.add("assistant", "Two", 5300, 5400, now=0.1)
    notices = grouper.add("user", "Three", 0, 100, now=1.0)
    assert told(notices) == ["Two", "One | timestamp_reset", "Two | timestamp_reset", "Three"]


def test_a_speaker_whose_words_come_later_than_the_other_s_does_not_go_back_in_time() -> None:
    grouper = TranscriptGrouper()
    notices = grouper.add("assistant", "It", 3000, 3200, now=0.0)
    notices += grouper.add("user", "is it?", 2000, 2200, now=0.1)
    notices += grouper.end()
    assert told(notices) == ["It", "It | speaker_change", "is it?", "is it? | session_closed"]


def test_a_piece_without_text_says_nothing() -> None:
    grouper = TranscriptGrouper()
    assert grouper.add("user", "", 0, 200, now=0.0) == grouper.end() == []


def test_the_transcript_so_far_has_ended_utterances_and_those_that_go_on() -> None:
    grouper = TranscriptGrouper()
    grouper.add("assistant", "Hello.", 0, 200, now=0.0)
    grouper.add("user", "I was", 3000, 3200, now=3.0)
    grouper.add("assistant", "Mhm", 3300, 3400, now=3.3)
    grouper.tick(3.35)
    assert str(grouper.utterances) == "assistant: Hello.\nuser: I was\nassistant: Mhm"
    assert [message.role for message in grouper.utterances.as_input()] == ["assistant", "user", "assistant"]
    grouper.end()
    assert [utterance.utterance_id for utterance in grouper.utterances] == [1, 2, 3]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["user", "assistant"]),
            st.sampled_from(["mhm", "yes", " ", " no", "."]),
            st.integers(-300, 4000),
            st.integers(0, 1500),
            st.integers(0, 3000),
        ),
        max_size=40,
    )
)
def test_every_piece_is_in_one_utterance_of_its_speaker(steps: list[tuple[Speaker, str, int, int, int]]) -> None:
    grouper, start_ms, now, notices = TranscriptGrouper(), 0, 0.0, list[TranscriptDelta | UtteranceEnded]()
    for speaker, text, gap_ms, length_ms, wait_ms in steps:
        start_ms, now = max(0, start_ms + gap_ms), now + wait_ms / 1000
        for _ in range(3):  # a tick that is due changes something: no shell is called again and again
            if (due := grouper.next_tick_at) <= now:
                notices += grouper.tick(due)
        assert grouper.next_tick_at > now
        notices += grouper.add(speaker, text, start_ms, start_ms + length_ms, now=now)
    notices += grouper.end()
    pieces: dict[int, list[str]] = {}
    speakers: dict[int, Speaker] = {}
    ended: set[int] = set()
    for notice in notices:
        if isinstance(notice, TranscriptDelta):
            assert notice.utterance_id not in ended
            assert speakers.setdefault(notice.utterance_id, notice.speaker) == notice.speaker
            pieces.setdefault(notice.utterance_id, []).append(notice.delta)
        else:
            ended.add(notice.utterance.utterance_id)
            assert notice.utterance.text == "".join(pieces[notice.utterance.utterance_id]).strip()
            assert notice.utterance.start_ms <= notice.utterance.end_ms
    assert {key for key, parts in pieces.items() if "".join(parts).strip()} == ended
    for speaker in ("user", "assistant"):
        told_words = [n.delta for n in notices if isinstance(n, TranscriptDelta) and n.speaker == speaker]
        assert told_words == [step[1] for step in steps if step[0] == speaker]


def test_what_the_user_asked_for_is_one_text_up_to_what_the_model_last_said() -> None:
    said = [("user", "Hello."), ("assistant", "Hi."), ("user", "Where is"), ("user", "my parcel?")]
    transcript = LiveTranscript(
        Utterance(utterance_id=number, speaker=speaker, text=text, start_ms=0, end_ms=0)  # type: ignore[arg-type]
        for number, (speaker, text) in enumerate(said)
    )
    assert transcript.request() == "Where is my parcel?"
    assert LiveTranscript().request() == ""
