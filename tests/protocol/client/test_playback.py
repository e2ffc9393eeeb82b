"""What to cut when the user talks: exactly what was not heard, and never more than there is."""

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
        st.tuples(st.sampled_from(["received", "heard", "until", "all", "talks"]), st.integers(-5, 20_000)), max_size=30
    ),
)
def test_pain_04_a_cut_never_asks_for_more_than_the_server_has_sent(
    encoding: Encoding, steps: list[tuple[str, int]]
) -> None:
    ledger = PlaybackLedger(encoding)
    sent_bytes = cuts = 0
    finished = heard_something = False
    for what, number in steps:
        if what == "received" and not finished:
            sent_bytes += max(number, 0)
            ledger.received("a", 0, max(number, 0))
        elif what == "heard":
            heard_something |= number > 0
            ledger.heard("a", n_bytes=number)
        elif what == "until":
            heard_something |= number > 0
            ledger.heard_until("a", position_ms=number)
        elif what == "all":
            finished = True
            ledger.all_received("a", 0)
        else:
            truncate = ledger.interrupt().truncate
            if truncate is not None:
                cuts += 1
                assert heard_something
                assert 0 < truncate.audio_end_ms <= encoding.duration_ms(sent_bytes)
    assert cuts <= 1


@given(encodings, st.integers(1, 5_000), st.data())
def test_pain_04_the_cut_is_what_was_heard_to_the_millisecond(
    encoding: Encoding, length_ms: int, data: st.DataObject
) -> None:
    heard_ms = data.draw(st.integers(0, length_ms - 1))
    ledger = PlaybackLedger(encoding)
    ledger.received("a", 0, encoding.bytes_for_ms(length_ms))
    ledger.all_received("a", 0)
    ledger.heard("a", n_bytes=encoding.bytes_for_ms(heard_ms))
    assert ledger.heard_ms("a") == heard_ms
    assert cut_at(ledger) == (heard_ms or None)


def test_pain_04_nothing_is_cut_when_there_is_nothing_or_nothing_was_heard() -> None:
    ledger = PlaybackLedger()
    assert cut_at(ledger) is None
    ledger.heard("a", n_bytes=100)
    ledger.heard_until("a", position_ms=100)
    ledger.all_received("a", 0)
    assert cut_at(ledger) is None
    ledger.received("a", 0, 48_000)
    interruption = ledger.interrupt()
    assert interruption.truncate is None
    assert interruption.cut == (("a", 0),)


@pytest.mark.parametrize("order", [["all", "heard"], ["heard", "all"]], ids=["received-first", "heard-first"])
def test_pain_04_nothing_is_cut_after_everything_was_heard(order: list[str]) -> None:
    ledger = PlaybackLedger()
    ledger.received("a", 0, 4800)
    for what in order:
        ledger.all_received("a", 0) if what == "all" else ledger.heard("a", n_bytes=10_000)
    assert not ledger.playing
    assert ledger.interrupt().cut == ()
    ledger.heard("a", n_bytes=1)
    assert ledger.interrupt().truncate is None


def test_pain_04_what_was_heard_of_speech_still_being_made_is_cut_at_its_end() -> None:
    ledger = PlaybackLedger()
    ledger.received("a", 0, PCM.bytes_for_ms(100))
    ledger.heard("a", n_bytes=1_000_000)
    assert cut_at(ledger) == 100


def test_pain_04_a_second_interruption_finds_nothing_left() -> None:
    ledger = PlaybackLedger()
    ledger.received("a", 0, 48_000)
    ledger.heard("a", n_bytes=4800)
    assert cut_at(ledger) == 100
    assert cut_at(ledger) is None
    assert not ledger.received("a", 0, 4800)
    ledger.heard("a", n_bytes=4800)
    assert ledger.heard_ms("a") == 100
    assert ledger.received_bytes("a") == 48_000


def test_the_part_that_is_being_heard_is_cut_and_those_behind_it_are_dropped() -> None:
    ledger = PlaybackLedger()
    for item_id in ("a", "b", "c"):
        ledger.received(item_id, 0, PCM.bytes_for_ms(500))
        ledger.all_received(item_id, 0)
    ledger.heard("a", n_bytes=PCM.bytes_for_ms(500))
    ledger.heard_until("b", position_ms=200)
    assert ledger.playing
    interruption = ledger.interrupt()
    assert interruption.truncate == ConversationItemTruncateEvent(item_id="b", content_index=0, audio_end_ms=200)
    assert interruption.cut == (("b", 0), ("c", 0))


def test_a_part_keeps_the_encoding_it_began_with() -> None:
    ledger = PlaybackLedger(PCMU)
    ledger.received("a", 0, 8000)
    ledger.encoding = PCM
    ledger.received("a", 0, 8000)
    ledger.heard("a", n_bytes=12_000)
    assert cut_at(ledger) == 1500


def test_an_item_that_is_gone_is_not_cut() -> None:
    ledger = PlaybackLedger()
    ledger.received("a", 0, 4800)
    ledger.heard("a", n_bytes=960)
    ledger.forget("a")
    assert cut_at(ledger) is None
    ledger.received("b", 0, 4800)
    ledger.heard("b", n_bytes=960)
    ledger.clear()
    assert cut_at(ledger) is None
    assert (ledger.received_bytes("b"), ledger.heard_ms("b")) == (0, 0)


def test_a_long_call_is_forgotten_from_its_begin_on() -> None:
    ledger = PlaybackLedger()
    for number in range(1000):
        ledger.received(f"item_{number}", 0, 4800)
    assert ledger.received_bytes("item_0") == 0
    assert ledger.received_bytes("item_999") == 4800
    assert len(ledger.interrupt().cut) < 1000


def test_nothing_of_another_session_s_speech_is_to_be_heard_or_cut() -> None:
    ledger = PlaybackLedger()
    ledger.received("a", 0, 4800)
    ledger.heard("a", n_bytes=480)
    ledger.clear()
    assert not ledger.playing
    interruption = ledger.interrupt()
    assert (interruption.truncate, interruption.cut) == (None, ())


def test_what_was_heard_is_no_less_than_nothing_and_no_more_than_there_is() -> None:
    ledger = PlaybackLedger()
    ledger.received("a", 0, PCM.bytes_for_ms(100))
    for position_ms in (-5, 0):
        ledger.heard_until("a", position_ms=position_ms)
        ledger.heard("a", n_bytes=position_ms)
        assert (ledger.heard_ms("a"), ledger._parts["a", 0].heard_bytes) == (0, 0)
    ledger.heard("a", n_bytes=1)
    assert ledger._parts["a", 0].heard_bytes == 1
    ledger.heard_until("a", position_ms=1000)
    assert ledger.heard_ms("a") == 100
