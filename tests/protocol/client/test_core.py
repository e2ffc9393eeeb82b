"""The client's core against the project's own server: what an application sees of a conversation."""

from __future__ import annotations

import gc
import weakref

import pytest

from duologue.audio.formats import PCM, PCMU, Encoding
from duologue.codec.writing import to_plain
from duologue.errors import LocalProtocolError
from duologue.events import (
    InputAudioBufferAppendEvent,
    RealtimeSessionConfig,
    ResponseCancelEvent,
    ResponseCreateEvent,
    SessionUpdateEvent,
    UnknownRealtimeEvent,
)
from duologue.protocol.client.core import ConversationCore
from duologue.protocol.client.error_kinds import ErrorKind
from duologue.protocol.client.notices import (
    AudioDelta,
    AudioDone,
    AudioNotCommitted,
    ErrorReported,
    ItemAdded,
    ItemDone,
    RequestEnded,
    ResponseFinished,
    ResponseStarted,
    SessionChanged,
    SessionUpdateEnded,
    SpeechStarted,
    SpeechStopped,
    TextDelta,
    Unreadable,
    UsageChanged,
    UserTranscript,
    UserTranscriptDelta,
    UserTranscriptFailed,
)
from duologue.protocol.client.options import CoreOptions
from duologue.protocol.client.responses.requests import REQUEST_TAG
from duologue.protocol.states import (
    PLAYBACK,
    SEQUENCE,
    IllegalTransition,
    PlaybackInput,
    PlaybackState,
    SequenceInput,
    SequenceState,
)
from duologue.testing import CountedIds
from tests._tables import without
from tests.protocol._conversation import Talk, asked, kinds, receive, speaking
from tests.protocol._wire import by_hand, client_event, create, respond, transcribed, update, user_text


@pytest.fixture
def talk() -> Talk:
    return Talk()


# --- a turn


def test_a_spoken_turn_is_reported_from_its_first_word_to_its_usage(talk: Talk) -> None:
    talk.send(transcribed())
    talk.notices.clear()
    talk.speak(600)
    talk.pause(600)
    talk.transcribe(next(iter(talk.transcribes)), "what time is it")
    talk.answers("It is late.", ms=300)
    assert [kind for kind in kinds(talk.notices) if kind not in ("ItemAdded", "ItemDone")] == [
        *("SpeechStarted", "SpeechStopped", "ResponseStarted"),
        *("UserTranscriptDelta", "UserTranscript", "UsageChanged"),
        *("TextDelta", "AudioDelta", "AudioDelta", "AudioDone"),
        *("ResponseFinished", "UsageChanged"),
    ]
    assert [stored.text for stored in talk.core.store.items] == ["what time is it", "It is late."]
    assert b"".join(delta.audio for delta in talk.of(AudioDelta)) == bytes(PCM.bytes_for_ms(300))
    assert talk.of(TextDelta)[0].spoken
    assert talk.of(UserTranscript)[0].transcript == talk.of(UserTranscriptDelta)[0].delta == "what time is it"
    assert talk.of(SpeechStarted)[0].item_id == talk.of(SpeechStopped)[0].item_id
    assert talk.of(ResponseStarted)[0].in_conversation
    assert talk.of(UsageChanged)[-1].usage == talk.core.usage.snapshot()
    assert not talk.of(ErrorReported)
    assert talk.of(AudioDone)[0].item_id == talk.of(AudioDelta)[0].item_id


def test_a_typed_turn_is_items_a_request_and_its_end(talk: Talk) -> None:
    talk.send(update(output_modalities=["text"]))
    talk.send(create(user_text("hello")))
    request = talk.core.respond(now=talk.now)
    talk.flow()
    talk.answers("hi")
    (end,) = talk.of(RequestEnded)
    assert end.resolution.request == request
    assert [notice.item.text for notice in talk.of(ItemAdded)] == ["hello", ""]
    assert [notice.item.text for notice in talk.of(ItemDone)] == ["hello", "hi"]
    assert not talk.of(TextDelta)[0].spoken
    assert talk.of(ResponseFinished)[0].event == end.resolution.done


def test_the_tag_of_a_request_is_on_the_wire_and_nowhere_else(talk: Talk) -> None:
    talk.send(respond(metadata={"mine": "1"}))
    talk.answers()
    (wire,) = talk.sent_of(ResponseCreateEvent)
    assert to_plain(wire)["response"]["metadata"] == {"mine": "1", REQUEST_TAG: "c-request_1"}
    assert talk.of(ResponseFinished)[0].event.response.metadata == {"mine": "1"}
    assert Talk(options=CoreOptions(tag_requests=False)).core.sequencer._tag_requests is False


# --- responses


def test_pain_01_an_application_that_asks_while_the_user_is_answered_gets_both(talk: Talk) -> None:
    talk.speak(600)
    talk.pause(600)
    request = talk.core.respond(now=talk.now)
    talk.flow()
    assert talk.sent_of(ResponseCreateEvent) == []
    (item_id,) = talk.transcribes
    talk.transcribe(item_id, "hello")
    talk.answers("to the user")
    talk.answers("to the application")
    (end,) = talk.of(RequestEnded)
    assert (end.resolution.request, end.resolution.reason) == (request, "")
    assert [stored.text for stored in talk.core.store.items][1:] == ["to the user", "to the application"]
    assert not talk.of(ErrorReported)


def test_pain_01_a_create_that_crosses_the_servers_own_response_is_answered_after_it() -> None:
    talk = Talk()
    asked(talk)
    talk.answers("first")
    talk.instant = False
    talk.speak(600)
    talk.pause(600)
    talk.deliver_to_server()
    asked(talk)  # the server answers the user before this arrives
    talk.instant = True
    talk.flow()
    assert [notice.kind for notice in talk.of(ErrorReported)] == [ErrorKind.RETRYABLE]
    assert isinstance(talk.of(ErrorReported)[0].command, ResponseCreateEvent)
    talk.transcribe(next(iter(talk.transcribes)), "hello")
    talk.answers("to the user")
    talk.answers("to the application")
    assert [resolution.reason for resolution in talk.resolutions] == ["", ""]


def test_pain_09_cancelling_nothing_sends_nothing_and_a_late_cancel_is_benign() -> None:
    talk = Talk()
    assert not talk.core.cancel(now=talk.now)
    talk.send(client_event("response.cancel"))
    assert talk.sent_of(ResponseCancelEvent) == []
    asked(talk)
    talk.instant = False
    talk.answers()
    talk.deliver_to_server()
    assert talk.core.cancel(now=talk.now)
    talk.instant = True
    talk.flow()
    assert [notice.kind for notice in talk.of(ErrorReported)] == [ErrorKind.BENIGN]
    assert [resolution.reason for resolution in talk.resolutions] == [""]


def test_pain_09_an_error_names_the_command_that_it_answers(talk: Talk) -> None:
    talk.send(client_event("conversation.item.delete", item_id="unknown"))
    (error,) = talk.of(ErrorReported)
    assert error.kind is ErrorKind.ANSWERABLE
    assert error.command is not None
    assert error.command == talk.sent[-1]


def test_a_raw_cancel_of_another_response_goes_out_as_it_is(talk: Talk) -> None:
    talk.send(client_event("response.cancel", response_id="resp_other"))
    assert [event.response_id for event in talk.sent_of(ResponseCancelEvent)] == ["resp_other"]


def test_a_request_that_is_never_answered_ends_by_the_clock() -> None:
    talk = Talk(instant=False)
    asked(talk)
    assert talk.core.next_tick_at == 30.0
    talk.core.tick(30.0)
    talk.flow()
    assert "not answered" in talk.resolutions[0].reason


# --- what is rejected before it is sent


def test_pain_16_a_commit_of_too_little_never_reaches_the_server(talk: Talk) -> None:
    talk.send(by_hand())
    talk.speak(80)
    with pytest.raises(LocalProtocolError, match="80 ms"):
        talk.send(client_event("input_audio_buffer.commit"))
    talk.speak(20)
    talk.send(client_event("input_audio_buffer.commit"))
    assert len(talk.core.store.items) == 1
    assert not talk.of(ErrorReported)


def test_pain_12_audio_of_another_format_is_converted_to_that_of_the_session(talk: Talk) -> None:
    talk.core.append(bytes([0xFF] * 160), encoding=PCMU)
    talk.send(client_event("input_audio_buffer.clear"))
    talk.send(update(audio={"input": {"format": {"type": "audio/pcmu"}}}))
    talk.core.append(bytes(320), encoding=Encoding.of("audio/pcm", 8000))
    last = talk.core.take_events()[-1]
    assert isinstance(last, InputAudioBufferAppendEvent)
    assert last.decode_audio() == bytes([0xFF] * 160)


def test_events_that_only_servers_send_are_rejected_and_unknown_ones_pass(talk: Talk) -> None:
    with pytest.raises(LocalProtocolError, match="only servers send it"):
        talk.send(talk.received[0])
    talk.send(UnknownRealtimeEvent(json={"type": "brand.new"}, problem=""))
    assert [notice.event.error.code for notice in talk.of(ErrorReported)] == ["invalid_value"]


# --- what comes in


def test_pain_13_nothing_of_the_audio_is_kept_unless_it_is_asked_for() -> None:
    talk, keeper = Talk(), Talk(options=CoreOptions(keep_audio_bytes=1_000_000))
    for each in (talk, keeper):
        asked(each)
        each.answers(ms=300)
    (item_id,) = [stored.item_id for stored in talk.core.store.items]
    assert talk.core.store.audio(item_id) is None
    assert keeper.core.store.audio(item_id) == bytes(PCM.bytes_for_ms(300))


def test_pain_14_repeated_events_change_nothing(talk: Talk) -> None:
    asked(talk)
    talk.answers()
    items, notices = talk.core.store.items, len(talk.notices)
    for event in list(talk.received):
        talk.core.receive(event, now=talk.now)
    assert talk.core.store.items == items
    assert talk.core.take_notices() == []
    assert len(talk.notices) == notices


def test_an_unreadable_event_is_reported_and_changes_nothing(talk: Talk) -> None:
    talk.arrive('{"type": "brand.new", "event_id": "x"}')
    talk.arrive("not json")
    asked(talk)
    (response_id,) = talk.responds
    where = {"response_id": response_id, "item_id": "a", "output_index": 0, "content_index": 0}
    assert kinds(receive(talk.core, "response.output_audio.delta", delta="?", **where)) == ["Unreadable"]
    assert len(talk.of(Unreadable)) == 2


def test_events_of_beta_servers_and_failures_are_reported_too() -> None:
    core = ConversationCore(new_id=CountedIds())
    done = {"type": "message", "id": "u", "role": "user", "status": "completed", "content": []}
    name = "conversation.item.created"
    assert kinds(receive(core, name, item=done)) == ["ItemAdded", "ItemDone"]
    assert kinds(receive(core, name, item={**done, "id": "a", "status": "in_progress"})) == ["ItemAdded"]
    assert receive(core, name, item={**done, "id": None}) == []
    name = "conversation.item.input_audio_transcription"
    failed = receive(core, f"{name}.failed", item_id="u", content_index=0, error={"message": "noise"})
    assert failed == [UserTranscriptFailed(item_id="u", message="noise")]
    assert receive(core, f"{name}.delta", item_id="u") == []
    flat = {"id": "s", "modalities": ["text"]}
    assert kinds(receive(core, "session.created", session=flat)) == ["SessionChanged"]


def test_pain_15_null_and_absent_stay_apart_on_the_way_out(talk: Talk) -> None:
    talk.send(by_hand())
    assert to_plain(talk.sent_of(SessionUpdateEvent)[0])["session"]["audio"] == {"input": {"turn_detection": None}}
    session = talk.of(SessionChanged)[-1].session
    assert to_plain(session)["audio"]["input"]["turn_detection"] is None


def test_pain_19_usage_covers_cancelled_responses(talk: Talk) -> None:
    speaking(talk)
    talk.core.interrupt(now=talk.now)
    talk.flow()
    usage = talk.core.usage.snapshot()
    assert usage.responses == (("cancelled", 1),)
    assert usage.output.audio_tokens == 20


@pytest.mark.usefixtures("illegal_transitions_are_reported")
def test_an_illegal_transition_changes_nothing_and_is_reported_once(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = without(SEQUENCE, SequenceState.IDLE, SequenceInput.CREATED)
    monkeypatch.setattr("duologue.protocol.client.responses.sequencer.SEQUENCE", lacking)
    core = ConversationCore(new_id=CountedIds())
    first = receive(core, "response.created", response={"id": "r1", "conversation_id": "c"})
    second = receive(core, "response.created", response={"id": "r2", "conversation_id": "c"})
    assert core.sequencer.state is SequenceState.IDLE
    assert [notice for notice in first + second if isinstance(notice, IllegalTransition)] == [
        IllegalTransition(table="sequence", state="idle", happened="created"),
        IllegalTransition(table="sequence", state="idle", happened="done"),
    ]


@pytest.mark.usefixtures("illegal_transitions_are_reported")
def test_an_illegal_transition_of_the_playback_is_reported_too(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = without(PLAYBACK, PlaybackState.RECEIVING, PlaybackInput.INTERRUPTED)
    monkeypatch.setattr("duologue.protocol.client.playback.PLAYBACK", lacking)
    core = ConversationCore(new_id=CountedIds())
    core.output_audio.playback.received("i", 0, 960)
    core.interrupt(now=0.0)
    assert IllegalTransition(table="playback", state="receiving", happened="interrupted") in core.take_notices()


def test_an_event_that_a_server_repeats_is_no_illegal_transition() -> None:
    core = ConversationCore(new_id=CountedIds())
    place = {"response_id": "r", "item_id": "i", "output_index": 0, "content_index": 0}
    receive(core, "response.output_audio.delta", **place, delta="AAAA")
    for number in range(2):
        receive(core, "response.output_audio.done", **place, event_id=f"e{number}")
    core.report_played("i", n_bytes=3)
    receive(core, "response.output_audio.done", **place, event_id="e3")
    assert not core.output_audio.playback.playing


def test_a_core_that_is_not_used_any_more_does_not_wait_for_the_garbage_collector() -> None:
    gc.disable()
    try:
        core = ConversationCore(new_id=CountedIds())
        receive(core, "response.created", response={"id": "r1", "conversation_id": "c"})
        gone = weakref.ref(core)
        del core
        assert gone() is None
    finally:
        gc.enable()


def test_a_raw_cancel_of_what_runs_stops_it_by_its_id(talk: Talk) -> None:
    response_id = speaking(talk)
    talk.send(client_event("response.cancel"))
    assert [event.response_id for event in talk.sent_of(ResponseCancelEvent)] == [response_id]
    assert response_id not in talk.responds


def test_an_update_of_the_session_ends_with_what_the_server_answers(talk: Talk) -> None:
    taken = talk.core.update_session(RealtimeSessionConfig(instructions="Be brief."))
    refused = talk.core.update_session(RealtimeSessionConfig(tool_choice="sometimes"))
    talk.flow()
    ends = talk.of(SessionUpdateEnded)
    assert [(end.event.event_id, end.reason) for end in ends] == [(taken, ""), (refused, "")]
    assert ends[0].error is None
    assert ends[1].error is not None
    assert ends[1].error.error.param == "session.tool_choice"
    assert talk.of(ErrorReported)[-1].event is ends[1].error


def test_an_update_of_the_session_ends_with_the_connection(talk: Talk) -> None:
    event_id = talk.core.update_session(RealtimeSessionConfig(instructions="Be brief."))
    talk.lose("the cable")
    (end,) = talk.of(SessionUpdateEnded)
    assert (end.event.event_id, end.error, end.reason) == (event_id, None, "the cable")
    assert talk.core.update_session(RealtimeSessionConfig(instructions="Be brief.")) is None


def test_audio_that_a_response_does_not_hear_is_reported(talk: Talk) -> None:
    talk.send(by_hand())
    talk.core.append(bytes(PCM.bytes_for_ms(200)))
    talk.send(create(user_text("Go on.")))
    asked(talk)
    assert talk.of(AudioNotCommitted) == [AudioNotCommitted(200)]


def test_audio_is_sent_at_once_unless_an_event_waits_before_it() -> None:
    core, sent = ConversationCore(new_id=str), list[bytes]()

    def send(audio: bytes) -> bool:
        sent.append(audio)
        return len(sent) < 2

    def waiting() -> list[object]:
        return [to_plain(event)["audio"] for event in core.take_events()]

    core.append(b"\1\1", send_now=send)
    assert waiting() == []
    core.append(b"\2\2", send_now=send)  # it could not be sent
    core.append(b"\3\3", send_now=send)
    assert core.has_events
    assert sent == [b"\1\1", b"\2\2"]
    assert waiting() == ["AgI=", "AwM="]
