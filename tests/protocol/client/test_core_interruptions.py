"""The user interrupts the model: what stops, what is cut, and what stays."""

from __future__ import annotations

import pytest

from duologue.audio.formats import PCM, PCMU
from duologue.events import ConversationItemTruncateEvent
from duologue.protocol.client.core import ConversationCore
from duologue.protocol.client.notices import AudioDelta, ErrorReported, Interrupted, ItemDeleted, SpeechStarted
from duologue.protocol.client.options import CoreOptions
from duologue.testing import CountedIds
from tests.protocol._conversation import Talk, kinds, receive, speaking
from tests.protocol._wire import client_event, respond, update


@pytest.fixture
def talk() -> Talk:
    return Talk()


def test_pain_04_an_interruption_cuts_exactly_what_was_not_played(talk: Talk) -> None:
    speaking(talk)
    talk.player.play(talk.core, PCM.bytes_for_ms(420))
    talk.speak(600)
    (truncate,) = talk.sent_of(ConversationItemTruncateEvent)
    assert (truncate.audio_end_ms, truncate.content_index) == (420, 0)
    (interrupted,) = talk.of(Interrupted)
    assert interrupted.interruption.cut == ((truncate.item_id, 0),)
    assert talk.player.queue == []
    assert not talk.of(ErrorReported)
    (stored,) = talk.core.store.items
    assert (stored.truncated_at_ms, stored.text) == (420, "")
    assert talk.client_view() == talk.server_view()
    assert talk.resolutions[0].done is not None
    assert talk.resolutions[0].done.response.status == "cancelled"


def test_pain_04_a_server_that_knows_which_words_were_played_can_be_asked_for_them(talk: Talk) -> None:
    talk.finishes(speaking(talk))
    talk.player.play(talk.core, PCM.bytes_for_ms(700))
    talk.speak(600)
    (cut,) = talk.core.store.items[:1]
    assert cut.text == ""
    talk.send(client_event("conversation.item.retrieve", item_id=cut.item_id))
    (retrieved,) = talk.core.store.items[:1]
    assert (retrieved.truncated_at_ms, retrieved.text) == (700, "a long")


def test_pain_04_nothing_is_cut_before_a_word_was_played_nor_after_the_last(talk: Talk) -> None:
    speaking(talk)
    talk.speak(600)
    talk.pause(600)
    assert talk.sent_of(ConversationItemTruncateEvent) == []
    assert len(talk.of(Interrupted)) == 1
    talk.transcribe(next(iter(talk.transcribes)), "hm")
    talk.answers("short", ms=100)
    talk.player.play(talk.core, 1_000_000)
    talk.speak(600)
    assert talk.sent_of(ConversationItemTruncateEvent) == []
    assert len(talk.of(Interrupted)) == 1
    assert not talk.of(ErrorReported)


def test_pain_04_speech_that_is_complete_for_the_server_is_still_cut_where_the_user_interrupted(talk: Talk) -> None:
    response_id = speaking(talk)
    talk.finishes(response_id)
    talk.core.report_played_until(talk.core.store.items[0].item_id, position_ms=300)
    talk.speak(600)
    assert [event.audio_end_ms for event in talk.sent_of(ConversationItemTruncateEvent)] == [300]
    assert not talk.of(ErrorReported)


def test_pain_04_what_comes_after_the_interruption_is_not_played() -> None:
    talk = Talk()
    response_id = speaking(talk, 200)
    talk.player.play(talk.core, PCM.bytes_for_ms(100))
    talk.instant = False
    talk.plays(response_id, 400)
    talk.core.interrupt(now=talk.now)
    talk.flow()
    before = len(talk.of(AudioDelta))
    talk.instant = True
    talk.flow()
    assert len(talk.of(AudioDelta)) == before
    assert [event.type for event in talk.sent[-2:]] == ["response.cancel", "conversation.item.truncate"]
    assert not talk.of(ErrorReported)
    assert talk.client_view() == talk.server_view()


def test_pain_04_a_response_out_of_band_is_stopped_and_not_cut(talk: Talk) -> None:
    talk.send(respond(conversation="none"))
    (response_id,) = talk.responds
    talk.says(response_id, "out of band")
    talk.plays(response_id, 500)
    talk.player.play(talk.core, PCM.bytes_for_ms(100))
    talk.core.interrupt(now=talk.now)
    talk.flow()
    assert talk.of(Interrupted)[0].interruption.truncate is None
    assert talk.sent_of(ConversationItemTruncateEvent) == []
    assert talk.core.store.items == ()


def test_a_deleted_item_is_not_cut(talk: Talk) -> None:
    talk.finishes(speaking(talk))
    talk.player.play(talk.core, PCM.bytes_for_ms(100))
    talk.send(client_event("conversation.item.delete", item_id=talk.core.store.items[0].item_id))
    talk.speak(600)
    assert talk.sent_of(ConversationItemTruncateEvent) == []
    assert len(talk.of(ItemDeleted)) == 1
    assert not talk.of(ErrorReported)


@pytest.mark.parametrize("by", ["session", "option"])
def test_speech_that_is_not_to_interrupt_does_not(by: str) -> None:
    talk = Talk(options=CoreOptions(truncate_on_speech=by != "option"))
    if by == "session":
        talk.send(update(audio={"input": {"turn_detection": {"type": "server_vad", "interrupt_response": False}}}))
    speaking(talk)
    talk.player.play(talk.core, PCM.bytes_for_ms(100))
    talk.speak(600)
    assert talk.of(Interrupted) == []
    assert len(talk.of(SpeechStarted)) == 1


def test_pain_12_a_cut_counts_in_the_format_that_the_response_was_asked_for(talk: Talk) -> None:
    talk.send(respond(audio={"output": {"format": {"type": "audio/pcmu"}}}))
    (response_id,) = talk.responds
    talk.says(response_id, "beep")
    talk.plays(response_id, 1000)
    assert talk.of(AudioDelta)[0].encoding == PCMU
    assert "bytes of audio/pcmu" in repr(talk.of(AudioDelta)[0])
    talk.player.play(talk.core, PCMU.bytes_for_ms(250))
    talk.speak(600)
    assert [event.audio_end_ms for event in talk.sent_of(ConversationItemTruncateEvent)] == [250]
    assert not talk.of(ErrorReported)


def test_a_server_that_describes_no_session_is_assumed_to_stop_when_the_user_speaks() -> None:
    core = ConversationCore(new_id=CountedIds())
    place = {"response_id": "r", "item_id": "a", "output_index": 0, "content_index": 0}
    receive(core, "response.output_audio.delta", **place, delta="AAAA")
    started = receive(core, "input_audio_buffer.speech_started", item_id="u", audio_start_ms=0)
    assert kinds(started) == ["SpeechStarted", "Interrupted"]


def _on_call() -> ConversationCore:
    """A call on which the server plays a response that it has generated."""
    core = ConversationCore(new_id=CountedIds())
    place = {"response_id": "r", "item_id": "a", "output_index": 0, "content_index": 0}
    receive(core, "output_audio_buffer.started", response_id="r")
    receive(core, "response.output_audio.delta", **place, delta="AAAA" * 1000)
    core.report_played("a", n_bytes=1000)
    return core


def test_on_a_call_the_server_cuts_what_it_has_played_itself() -> None:
    core = _on_call()
    started = receive(core, "input_audio_buffer.speech_started", item_id="u", audio_start_ms=0)
    assert kinds(started) == ["SpeechStarted", "Interrupted"]
    assert core.take_events() == []


def test_on_a_call_an_interruption_of_the_application_s_is_a_clear_while_something_is_played() -> None:
    core = _on_call()
    core.interrupt(now=0.0)
    (clear,) = core.take_events()
    assert clear.type == "output_audio_buffer.clear"
    between_turns = [core.between_turns]
    receive(core, "output_audio_buffer.stopped", response_id="r")  # it has crossed the clear
    assert [*between_turns, core.between_turns] == [False, True]
    core.interrupt(now=0.0)
    assert core.take_events() == []
