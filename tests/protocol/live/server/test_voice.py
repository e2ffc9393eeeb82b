"""What the voice says and when: answers, interruptions, commentaries, and what the history keeps of them."""

from __future__ import annotations

from typing import Any

from duologue.protocol.live.server import DELEGATE, LiveReply
from duologue.protocol.live.server.delegation.client import OPEN_DELEGATION
from tests.protocol.live.server._session import MS_BYTES, Session, quiet, sound

TOOL = {"type": "function", "name": "track", "parameters": {"type": "object"}}
RESPONSES: dict[str, Any] = {
    "model": "gpt-live-1",
    "delegation": {
        "type": "responses",
        "responses": {"model": "text-1", "instructions": "Use tools.", "tools": [TOOL]},
    },
}


def sounding(session: Session, from_ms: int = 0) -> list[int]:
    """The begins of all pieces of output that are not silent."""
    output, n_bytes = session.output, 100 * MS_BYTES
    return [at // MS_BYTES for at in range(from_ms * MS_BYTES, len(output), n_bytes) if any(output[at : at + n_bytes])]


def history(session: Session) -> list[tuple[str, str]]:
    """The messages of the last reply."""
    return [(message.role, message.text) for message in session.of(LiveReply)[-1].messages]


# --- answers


def test_what_the_user_says_is_answered_when_they_stop() -> None:
    session = Session(config={"model": "gpt-live-1", "instructions": "Be brief."})
    session.says("Where is my parcel?")
    (reply,) = session.of(LiveReply)
    assert [(message.role, message.text) for message in reply.messages] == [("user", "Where is my parcel?")]
    assert (reply.instructions, reply.model, reply.voice, reply.text) == ("Be brief.", "gpt-live-1", "marin", None)
    assert reply.functions == (DELEGATE,)


def test_speech_without_words_is_not_answered() -> None:
    session = Session()
    session.says("")
    assert session.of(LiveReply) == []


def test_a_reply_is_heard_from_the_next_piece_on() -> None:
    session = Session()
    session.says("Hello?")
    at_ms = session.protocol.position_ms
    session.reply("Hello to you.", ms=500)
    session.speaks(quiet(1_000))
    assert sounding(session) == [*range(at_ms, at_ms + 500, 100)]


def test_speech_that_comes_slowly_has_no_gap_inside_of_a_piece() -> None:
    session = Session()
    session.says("Hello?")
    reply_id = session.of(LiveReply)[0].reply_id
    for _ in range(10):
        session.protocol.reply_audio(reply_id, sound(30), now=session.now)
        session.speaks(quiet(100), piece_ms=100)
    session.protocol.reply_finished(reply_id, now=session.now)
    session.speaks(quiet(500))
    assert [session.output[at * MS_BYTES :][: 100 * MS_BYTES].count(b"\x10") for at in sounding(session)] == [4_800] * 3


def test_the_words_of_the_voice_come_on_the_grid_and_before_their_sound() -> None:
    session = Session()
    session.says("Hello?")
    at_ms = session.protocol.position_ms
    session.reply("It is on its way, and it will be with you on Tuesday.", ms=4_000)
    session.speaks(quiet(5_000))
    events = session.events("session.output_transcript.delta")
    assert session.transcript["assistant"] == "It is on its way, and it will be with you on Tuesday."
    starts = [event["start_ms"] for event in events]
    assert starts == sorted(set(starts))
    assert all(start % 200 == 0 and start >= at_ms // 200 * 200 for start in starts)
    text = session.transcript["assistant"]
    last_word_ms = at_ms + text.index(" Tuesday") * 4_000 / len(text)
    assert 600 <= last_word_ms - starts[-1] < 800


def test_a_second_reply_is_separated_from_the_first_by_a_space() -> None:
    session = Session()
    for answer in ("Yes.", "No."):
        session.says("Is it?")
        session.reply(answer, ms=200)
        session.speaks(quiet(1_000))
    assert session.transcript == {"user": "Is it? Is it?", "assistant": "Yes. No."}


def test_text_without_clauses_is_placed_with_its_first_sound() -> None:
    session = Session()
    session.says("Hello?")
    reply_id = session.of(LiveReply)[0].reply_id
    session.protocol.reply_text(reply_id, "Hello.", now=session.now)
    session.protocol.reply_audio(reply_id, sound(300), now=session.now)
    session.protocol.reply_text(reply_id, " Well.", now=session.now)
    session.protocol.reply_finished(reply_id, now=session.now)
    session.speaks(quiet(1_000))
    assert session.transcript["assistant"] == "Hello. Well."


def test_a_reply_that_fails_is_reported_and_what_was_said_is_heard() -> None:
    session = Session()
    session.says("Hello?")
    reply_id = session.of(LiveReply)[0].reply_id
    session.protocol.reply_text(reply_id, "Hel", now=session.now)
    session.protocol.reply_audio(reply_id, sound(300), now=session.now)
    session.protocol.reply_failed(reply_id, "the synthesizer broke", now=session.now)
    session.speaks(quiet(1_000))
    (error,) = session.events("error")
    assert (error["error"]["type"], error["error"]["message"]) == ("server_error", "the synthesizer broke")
    assert len(sounding(session)) == 3


def test_a_reply_has_bounds() -> None:
    bounds: list[tuple[dict[str, Any], str]] = [
        ({"max_reply_chars": 10}, "x" * 11),
        ({"max_voice_ahead_ms": 100}, ""),
    ]
    for limits, piece in bounds:
        session = Session(**limits)
        session.says("Hello?")
        reply_id = session.of(LiveReply)[0].reply_id
        session.protocol.reply_text(reply_id, piece, now=session.now)
        session.protocol.reply_audio(reply_id, sound(200), now=session.now)
        session.collect()
        assert len(session.events("error")) == 1


def test_half_a_sample_of_speech_fails_the_reply() -> None:
    session = Session()
    session.says("Hello?")
    session.protocol.reply_audio(session.of(LiveReply)[0].reply_id, b"\x01", now=session.now)
    session.collect()
    assert len(session.events("error")) == 1


# --- interruptions


def test_the_voice_falls_silent_within_300_ms_of_the_users_words() -> None:
    session = Session()
    session.says("Tell me a story.")
    session.reply("Once upon a time there was a king who had three sons.", ms=4_000)
    session.speaks(quiet(1_050), piece_ms=50)
    words_begin_ms = session.protocol.position_ms
    assert sounding(session)
    session.speaks(sound(700) + quiet(700), piece_ms=100)
    assert sounding(session, 0)[-1] + 100 <= words_begin_ms + 300


def test_the_history_keeps_the_words_that_were_heard() -> None:
    session = Session()
    session.says("Tell me a story.")
    session.reply("Once upon a time there was a king who had three sons.", ms=4_000)
    session.speaks(quiet(1_000))
    session.says("Stop.")
    session.speaks(quiet(4_000))
    assert history(session)[:2] == [("user", "Tell me a story."), ("assistant", "Once upon a")]
    assert history(session)[2] == ("user", "Stop.")
    assert session.transcript["assistant"].startswith("Once upon a time")
    assert "sons" not in session.transcript["assistant"]


def test_a_reply_that_is_being_made_is_stopped() -> None:
    session = Session()
    session.says("Where is")
    (first,) = session.of(LiveReply)
    session.says("my parcel?")
    assert session.stopped == [first.reply_id]
    assert history(session) == [("user", "Where is"), ("user", "my parcel?")]
    session.protocol.reply_text(first.reply_id, "Stale.", now=session.now)
    session.speaks(quiet(500))
    assert session.transcript["assistant"] == ""


def test_a_cough_before_the_answer_does_not_lose_the_question() -> None:
    session = Session()
    session.says("Where is it?")
    session.says("")
    assert len(session.of(LiveReply)) == 2
    assert history(session) == [("user", "Where is it?")]


def test_a_click_does_not_interrupt() -> None:
    session = Session()
    session.says("Tell me a story.")
    session.reply("Once upon a time.", ms=1_000)
    session.speaks(quiet(200) + sound(60) + quiet(1_500))
    assert len(sounding(session)) == 10


# --- appends


def test_commentary_is_spoken_in_the_next_pause() -> None:
    session = Session()
    session.says("Where is it?")
    session.reply("One moment.", ms=2_000)
    session.client("session.commentary.append", delegation_id=None, content="It comes on Tuesday.")
    session.speaks(quiet(1_500))
    assert len(session.of(LiveReply)) == 1
    session.speaks(quiet(1_000))
    reply = session.of(LiveReply)[1]
    assert (reply.text, reply.functions) == ("It comes on Tuesday.", ())
    session.answer(reply, "It comes on Tuesday.", ms=500)
    session.speaks(quiet(1_000))
    session.says("Thanks.")
    assert ("assistant", "It comes on Tuesday.") in history(session)


def test_commentary_waits_while_the_user_speaks_and_is_said_again_if_nothing_of_it_was_heard() -> None:
    session = Session()
    session.client("session.commentary.append", delegation_id=None, content="It comes on Tuesday.")
    session.speaks(quiet(800))
    (first,) = session.of(LiveReply)
    session.says("Hello?")
    assert session.stopped == [first.reply_id]
    session.reply("Hello.", ms=200)
    session.speaks(quiet(1_000))
    assert session.of(LiveReply)[-1].text == "It comes on Tuesday."


def test_commentaries_keep_their_order_and_one_that_was_heard_in_part_is_not_said_again() -> None:
    session = Session()
    for content in ("It comes on Tuesday.", "Somebody must be there."):
        session.client("session.commentary.append", delegation_id=None, content=content)
    session.speaks(quiet(1_500))
    session.says("Hello?")
    session.reply("Hello.", ms=200)
    session.speaks(quiet(1_000))
    assert session.of(LiveReply)[-1].text == "It comes on Tuesday."
    session.reply("It comes on Tuesday.", ms=2_000)
    session.speaks(quiet(1_000))
    session.says("When?")
    session.reply("On Tuesday.", ms=200)
    session.speaks(quiet(1_000))
    assert session.of(LiveReply)[-1].text == "Somebody must be there."


def test_thinking_and_instructions_reach_the_next_reply_in_silence() -> None:
    session = Session(config={"model": "gpt-live-1", "instructions": "Be brief."})
    session.client("session.thinking.append", delegation_id=None, content="The order has shipped.")
    session.client("session.instructions.append", delegation_id=None, content="Speak French.")
    session.speaks(quiet(2_000))
    session.says("Where is it?")
    (reply,) = session.of(LiveReply)
    assert reply.instructions == "Be brief.\n\nSpeak French."
    assert history(session) == [("system", "The order has shipped."), ("user", "Where is it?")]


# --- delegation to the client


def test_a_delegation_is_announced_and_answered_by_commentary() -> None:
    session = Session()
    session.says("Where is my parcel?", ms=1_000)
    session.reply("One moment.", ms=300, calls=((DELEGATE.name, "{}"),))
    (created,) = session.events("session.delegation.created")
    assert created["delegation"]["target"] == "client"
    assert created["delegation"]["id"].startswith("item_")
    assert created["offset_ms"] == 1_000
    session.says("Hurry up.")
    assert OPEN_DELEGATION in session.of(LiveReply)[-1].instructions
    session.reply("Yes.", ms=100)
    delegation_id = created["delegation"]["id"]
    session.client("session.commentary.append", delegation_id=delegation_id, content="Tuesday.", event_id="c5")
    session.speaks(quiet(2_000))
    (appended,) = session.events("session.commentary.appended")
    assert appended["client_event_id"] == "c5"
    reply = session.of(LiveReply)[-1]
    assert reply.text == "Tuesday."
    assert OPEN_DELEGATION not in reply.instructions


def test_a_function_that_the_session_does_not_have_is_reported() -> None:
    session = Session()
    session.says("Where is it?")
    session.reply(calls=(("no_such", "{}"),))
    (error,) = session.events("error")
    assert error["error"]["code"] == "engine_failed"


# --- with the Responses model


def test_a_call_hands_the_work_to_the_responses_model_and_its_answer_is_spoken() -> None:
    session = Session(config=RESPONSES)
    session.says("Where is it?")
    (first,) = session.of(LiveReply)
    assert (first.backend_model, first.instructions) == ("text-1", "Use tools.")
    assert [function.name for function in first.functions] == ["track"]
    session.reply("One moment.", ms=300, calls=(("track", '{"id": 7}'),))
    (created,) = session.events("session.delegation.created")
    assert created["delegation"]["target"] == "responses"
    call = session.events("response.event")[-2]["event"]["item"]
    assert (call["name"], call["arguments"]) == ("track", '{"id": 7}')
    item = {"type": "function_call_output", "call_id": call["call_id"], "output": "Tuesday"}
    session.client("response.item.create", item=item)
    session.client("response.create")
    session.speaks(quiet(20))
    second = session.of(LiveReply)[-1]
    assert second.returned == {call["call_id"]}
    assert [(message.role, message.text) for message in second.messages] == [
        ("user", "Where is it?"),
        ("assistant", "One moment."),
        ("tool", "Tuesday"),
    ]
    assert second.messages[1].calls[0].call_id == second.messages[2].call_id == call["call_id"]
    session.reply("It comes on Tuesday.", ms=1_000)
    session.speaks(quiet(2_000))
    assert session.transcript["assistant"] == "One moment. It comes on Tuesday."
    message = session.events("response.event")[-2]["event"]["item"]
    assert message["content"][0]["text"] == "It comes on Tuesday."
    assert {event["delegation_id"] for event in session.events("response.event")} == {created["delegation"]["id"]}


def test_new_speech_waits_while_a_call_is_pending() -> None:
    session = Session(config=RESPONSES)
    session.says("Where is it?")
    session.reply(calls=(("track", "{}"),))
    call_id = session.events("response.event")[-2]["event"]["item"]["call_id"]
    session.says("Hello?")
    assert len(session.of(LiveReply)) == 1
    session.client("response.item.create", item={"type": "function_call_output", "call_id": call_id, "output": "x"})
    session.client("response.create")
    session.speaks(quiet(20))
    roles = [message.role for message in session.of(LiveReply)[-1].messages]
    assert roles == ["user", "assistant", "tool", "user"]


def test_a_response_goes_on_when_the_user_talks_over_it_and_is_not_heard() -> None:
    session = Session(config=RESPONSES)
    session.says("Where is it?")
    reply_id = session.of(LiveReply)[0].reply_id
    session.protocol.reply_text(reply_id, "Let me look for it right now.", now=session.now)
    session.protocol.reply_audio(reply_id, sound(3_000), now=session.now)
    session.protocol.reply_call(reply_id, "track", "{}", now=session.now)
    session.speaks(quiet(500))
    session.speaks(sound(500) + quiet(700))
    assert session.stopped == []
    heard = len(sounding(session))
    session.protocol.reply_text(reply_id, " I have it.", now=session.now)
    session.protocol.reply_audio(reply_id, sound(3_000), now=session.now)
    session.protocol.reply_finished(reply_id, now=session.now)
    session.speaks(quiet(500))
    assert len(sounding(session)) == heard < 10
    written = [event["event"] for event in session.events("response.event")]
    assert written[-1]["type"] == "response.completed"
    assert written[-2]["item"]["content"][0]["text"] == " I have it."
    calls = [event["item"]["call_id"] for event in written if "call_id" in event.get("item", {})]
    session.client("response.item.create", item={"type": "function_call_output", "call_id": calls[-1], "output": "x"})
    session.client("response.create")
    assert history(session)[1] == ("assistant", "Let")


def test_typed_input_opens_a_delegation_and_the_voice_speaks() -> None:
    session = Session(config=RESPONSES)
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Where is it?"}]}
    session.client("response.item.create", item=item)
    session.client("response.create")
    session.speaks(quiet(20))
    assert session.types()[-3:] == ["session.delegation.created", "response.event", "response.event"]
    assert history(session) == [("user", "Where is it?")]
    session.reply("On Tuesday.", ms=300)
    session.speaks(quiet(500))
    assert session.transcript["assistant"] == "On Tuesday."


def test_a_model_that_must_call_a_function_may_speak_when_it_has_the_output() -> None:
    config = {
        **RESPONSES,
        "delegation": {"type": "responses", "responses": {"model": "t", "tools": [TOOL], "tool_choice": "required"}},
    }
    session = Session(config=config)
    session.says("Where is it?")
    assert session.of(LiveReply)[0].function_choice == "required"
    session.reply(calls=(("track", "{}"),))
    call_id = session.events("response.event")[-2]["event"]["item"]["call_id"]
    session.client("response.item.create", item={"type": "function_call_output", "call_id": call_id, "output": "x"})
    session.client("response.create")
    assert session.of(LiveReply)[-1].function_choice == "auto"


# --- engines and clients without measure


def test_a_reply_whose_text_is_too_long_is_stopped() -> None:
    session = Session(max_reply_chars=100)
    session.says("Tell me a story.")
    (reply,) = session.of(LiveReply)
    session.protocol.reply_text(reply.reply_id, "x" * 101, now=session.now)
    session.collect()
    assert session.stopped == [reply.reply_id]
    assert [frame["error"]["code"] for frame in session.events("error")] == ["engine_failed"]


def test_a_reply_whose_speech_is_wrong_or_too_long_is_stopped() -> None:
    for speech in (b"\0", bytes(2_000 * MS_BYTES)):
        session = Session(max_voice_ahead_ms=1_000)
        session.says("Tell me a story.")
        (reply,) = session.of(LiveReply)
        session.protocol.reply_audio(reply.reply_id, speech, now=session.now)
        session.collect()
        assert session.stopped == [reply.reply_id]


def test_replies_do_not_pile_up_while_no_input_comes() -> None:
    session = Session(config=RESPONSES)
    session.speaks(quiet(500))
    session.on_reply = lambda command: session.answer(command, "\U0001f600" * 1_000)
    for _ in range(60):
        session.client("response.create")
    begun = len(session.of(LiveReply))
    assert begun <= 8
    assert session.events("error")[-1]["error"]["code"] == "rate_limit_exceeded"
    session.speaks(quiet(3_000))
    assert len(session.of(LiveReply)) > begun
    assert session.transcript["assistant"].count("\U0001f600") == 1_000 * len(session.of(LiveReply))
