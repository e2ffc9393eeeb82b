"""What to cut when the user talks: exactly what was not played, and never more than was received."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.formats import PCM, PCMA, PCMU, Encoding
from duologue.events import ConversationItemTruncateEvent
from duologue.protocol.client.playback import PlaybackLedger

encodings = st.sampled_from([PCM, PCMU, PCMA, Encoding.of("audio/pcm", 16_000)])


def cut_at(ledger: PlaybackLedger) -> int | None:
    truncate = ledger.interrupt().truncate
    return None if truncate is None else truncate.audio_end_ms


@given(
    encodings,
    st.lists(
        st.tuples(st.sampled_from(["received", "played", "until", "all", "talks"]), st.integers(-5, 20_000)),
        max_size=30,
    ),
)
def test_pain_04_a_cut_never_asks_for_more_than_the_server_has_sent(
    encoding: Encoding, steps: list[tuple[str, int]]
) -> None:
    ledger = PlaybackLedger(encoding)
    sent_bytes = cuts = 0
    finished = played_something = False
    for what, number in steps:
        if what == "received" and not finished:
            sent_bytes += max(number, 0)
            ledger.received("a", 0, max(number, 0))
        elif what == "played":
            played_something |= number > 0
            ledger.played("a", n_bytes=number)
        elif what == "until":
            played_something |= number > 0
            ledger.played_until("a", position_ms=number)
        elif what == "all":
            finished = True
            ledger.all_received("a", 0)
        else:
            truncate = ledger.interrupt().truncate
            if truncate is not None:
                cuts += 1
                assert played_something
                assert 0 < truncate.audio_end_ms <= encoding.duration_ms(sent_bytes)
    assert cuts <= 1


@given(encodings, st.integers(1, 5_000), st.data())
def test_pain_04_the_cut_is_what_was_played_to_the_millisecond(
    encoding: Encoding, length_ms: int, data: st.DataObject
) -> None:
    played_ms = data.draw(st.integers(0, length_ms - 1))
    ledger = PlaybackLedger(encoding)
    ledger.received("a", 0, encoding.bytes_for_ms(length_ms))
    ledger.all_received("a", 0)
    ledger.played("a", n_bytes=encoding.bytes_for_ms(played_ms))
    assert cut_at(ledger) == (played_ms or None)


def test_pain_04_nothing_is_cut_when_there_is_nothing_or_nothing_was_played() -> None:
    ledger = PlaybackLedger()
    assert cut_at(ledger) is None
    ledger.played("a", n_bytes=100)
    ledger.played_until("a", position_ms=100)
    ledger.all_received("a", 0)
    assert cut_at(ledger) is None
    ledger.received("a", 0, 48_000)
    interruption = ledger.interrupt()
    assert interruption.truncate is None
    assert interruption.cut == (("a", 0),)


@pytest.mark.parametrize("order", [["all", "played"], ["played", "all"]], ids=["received-first", "played-first"])
def test_pain_04_nothing_is_cut_after_everything_was_played(order: list[str]) -> None:
    ledger = PlaybackLedger()
    ledger.received("a", 0, 4800)
    for what in order:
        ledger.all_received("a", 0) if what == "all" else ledger.played("a", n_bytes=10_000)
    assert not ledger.playing
    assert ledger.interrupt().cut == ()
    ledger.played("a", n_bytes=1)
    assert ledger.interrupt().truncate is None


def test_pain_04_unfinished_speech_of_which_all_was_played_is_cut_at_its_end() -> None:
    ledger = PlaybackLedger()
    ledger.received("a", 0, PCM.bytes_for_ms(100))
    ledger.played("a", n_bytes=1_000_000)
    assert cut_at(ledger) == 100


def test_pain_04_a_second_interruption_finds_nothing_left() -> None:
    ledger = PlaybackLedger()
    ledger.received("a", 0, 48_000)
    ledger.played("a", n_bytes=4800)
    assert cut_at(ledger) == 100
    assert cut_at(ledger) is None
    assert not ledger.received("a", 0, 4800)
    ledger.played("a", n_bytes=4800)
    assert cut_at(ledger) is None


def test_the_part_that_is_playing_is_cut_and_those_behind_it_are_dropped() -> None:
    ledger = PlaybackLedger()
    for item_id in ("a", "b", "c"):
        ledger.received(item_id, 0, PCM.bytes_for_ms(500))
        ledger.all_received(item_id, 0)
    ledger.played("a", n_bytes=PCM.bytes_for_ms(500))
    ledger.played_until("b", position_ms=200)
    assert ledger.playing
    interruption = ledger.interrupt()
    assert interruption.truncate == ConversationItemTruncateEvent(item_id="b", content_index=0, audio_end_ms=200)
    assert interruption.cut == (("b", 0), ("c", 0))


def test_a_part_keeps_the_encoding_it_began_with() -> None:
    ledger = PlaybackLedger(PCMU)
    ledger.received("a", 0, 8000)
    ledger.encoding = PCM
    ledger.received("a", 0, 8000)
    ledger.played("a", n_bytes=12_000)
    assert cut_at(ledger) == 1500


def test_an_item_that_is_gone_is_not_cut() -> None:
    ledger = PlaybackLedger()
    ledger.received("a", 0, 4800)
    ledger.played("a", n_bytes=960)
    ledger.forget("a")
    assert cut_at(ledger) is None


def test_only_the_latest_parts_of_a_long_call_are_kept() -> None:
    ledger = PlaybackLedger()
    for number in range(1000):
        ledger.received(f"item_{number}", 0, 4800)
    cut = [item_id for item_id, _ in ledger.interrupt().cut]
    assert cut == [f"item_{number}" for number in range(744, 1000)]


def test_another_session_begins_without_speech_to_play_or_cut() -> None:
    ledger = PlaybackLedger()
    ledger.received("a", 0, 4800)
    ledger.played("a", n_bytes=480)
    ledger.clear()
    assert not ledger.playing
    interruption = ledger.interrupt()
    assert (interruption.truncate, interruption.cut) == (None, ())


def test_what_was_played_is_never_less_than_nothing_and_never_more_than_was_received() -> None:
    ledger = PlaybackLedger()
    ledger.received("a", 0, PCM.bytes_for_ms(100))
    part = ledger._parts["a", 0]
    for position_ms in (-5, 0):
        ledger.played_until("a", position_ms=position_ms)
        ledger.played("a", n_bytes=position_ms)
        assert part.played_bytes == 0
    ledger.played("a", n_bytes=1)
    assert part.played_bytes == 1
    ledger.played_until("a", position_ms=1000)
    assert part.played_bytes == PCM.bytes_for_ms(100)


def test_what_is_played_is_told_and_the_end_of_it_once() -> None:
    told: list[tuple[str, int, int, bool]] = []
    ledger = PlaybackLedger(PCM)
    ledger.watch = lambda *each: told.append(each)
    ledger.received("a", 0, 4800)
    ledger.received("b", 1, 4800)
    ledger.played("a", n_bytes=2400)
    ledger.all_received("a", 0)
    ledger.played("a", n_bytes=2400)
    ledger.played("a", n_bytes=2400)
    ledger.played("b", 1, n_bytes=480)
    ledger.interrupt()
    ledger.interrupt()
    assert told == [("a", 0, 50, False), ("a", 0, 100, True), ("b", 1, 10, False), ("b", 1, 10, True)]


def test_a_cut_is_not_told_where_no_player_reports() -> None:
    told: list[tuple[str, int, int, bool]] = []
    ledger = PlaybackLedger(PCM)
    ledger.watch = lambda *each: told.append(each)
    ledger.received("a", 0, 4800)
    ledger.interrupt()
    assert told == []
