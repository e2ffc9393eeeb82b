"""What the voice model hears: the user's turns, and their words in order."""

from __future__ import annotations

from duologue.protocol.live.server import LiveReply, TranscribeUtterance
from duologue.protocol.server.commands import Detect
from tests.protocol.live.server._session import Session, encoded, quiet, sound


def test_an_utterance_is_transcribed_with_a_little_before_it() -> None:
    session = Session()
    session.speaks(quiet(1_000))
    session.says("Hello?", ms=800)
    (command,) = session.of(TranscribeUtterance)
    assert command.audio[: command.audio.index(b"\x10")] == quiet(300)
    assert command.audio.count(b"\x10") == len(sound(800))


def test_the_words_are_spread_over_the_span_in_which_they_were_said() -> None:
    session = Session()
    session.speaks(quiet(1_000))
    session.says("Where is my parcel?", ms=1_000)
    events = session.events("session.input_transcript.delta")
    assert "".join(event["delta"] for event in events) == "Where is my parcel?"
    assert events[0]["start_ms"] == 1_000
    assert all(1_000 <= event["start_ms"] < 2_000 and event["start_ms"] % 200 == 0 for event in events)
    assert all(event["end_ms"] == event["start_ms"] + 200 for event in events)


def test_transcripts_that_come_out_of_order_are_passed_on_in_order() -> None:
    session = Session()
    session.transcribes = False
    session.speaks((sound(400) + quiet(700)) * 2)
    first, second = session.of(TranscribeUtterance)
    session.protocol.transcript(second.utterance_id, "my parcel?", now=session.now)
    session.collect()
    assert session.transcript["user"] == ""
    session.protocol.transcript(first.utterance_id, "Where is", now=session.now)
    session.protocol.transcript(first.utterance_id, "twice", now=session.now)
    session.collect()
    assert session.transcript["user"] == "Where is my parcel?"
    (reply,) = session.of(LiveReply)
    assert [message.text for message in reply.messages] == ["Where is", "my parcel?"]


def test_nothing_is_answered_while_words_are_missing() -> None:
    session = Session()
    session.transcribes = False
    session.speaks((sound(400) + quiet(700)) * 2)
    first, second = session.of(TranscribeUtterance)
    session.protocol.transcript(first.utterance_id, "Where is", now=session.now)
    session.collect()
    assert session.of(LiveReply) == []
    session.protocol.transcription_failed(second.utterance_id, "it broke", now=session.now)
    session.protocol.transcription_failed(second.utterance_id, "it broke", now=session.now)
    session.collect()
    assert len(session.of(LiveReply)) == 1
    assert [event["error"]["message"] for event in session.events("error")] == ["it broke"]


def test_an_utterance_without_a_pause_is_cut_at_the_limit() -> None:
    session = Session(max_utterance_ms=2_000)
    session.speaks(sound(5_000) + quiet(800))
    commands = session.of(TranscribeUtterance)
    assert len(commands) == 3
    assert sum(command.audio.count(b"\x10") for command in commands) >= len(sound(5_000))


def test_a_transcriber_that_is_too_far_behind_is_reported() -> None:
    session = Session(max_untranscribed=1)
    session.transcribes = False
    session.speaks((sound(400) + quiet(700)) * 2)
    assert len(session.of(TranscribeUtterance)) == 1
    (error,) = session.events("error")
    assert error["error"]["code"] == "engine_failed"


def test_silence_and_a_detector_that_never_answers_are_not_kept() -> None:
    session = Session(max_utterance_ms=1_000)
    session.speaks(quiet(20_000), piece_ms=100)
    assert session.protocol.held["input"] <= len(quiet(1_000))
    session.protocol.detected = lambda *args, **more: None  # type: ignore[method-assign]
    session.speaks(sound(20_000), piece_ms=100)
    assert session.protocol.held["input"] <= len(quiet(3_000))


def test_input_that_comes_a_little_early_is_heard_at_once() -> None:
    session = Session()
    session.client("session.input_audio.append", audio=encoded(quiet(300)))
    session.speaks(sound(800) + quiet(520))
    (command,) = session.of(TranscribeUtterance)
    assert command.audio.count(b"\x10") == len(sound(800))
    assert session.protocol.position_ms < session.protocol.input_ms - 250
    assert session.events("session.input_transcript.delta")[0]["start_ms"] == 200
    detected = sum(len(detect.audio) for detect in session.of(Detect))
    assert detected == len(quiet(session.protocol.input_ms))


def test_input_that_comes_much_too_early_waits() -> None:
    session = Session()
    session.client("session.input_audio.append", audio=encoded(quiet(5_000)))
    assert sum(len(detect.audio) for detect in session.of(Detect)) == len(quiet(400))
