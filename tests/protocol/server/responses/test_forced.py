"""Messages that a client has spoken word for word, and what waits behind them."""

from __future__ import annotations

import pytest

from duologue.protocol import ForcedMessage, Respond, StopResponse
from duologue.testing import Pair
from tests.protocol._wire import by_hand, client_event, invalid, respond, turn_detection, types

ASKED = client_event("conversation.item.create", item={"type": "force_message"}, event_id="mine")


@pytest.fixture
def pair() -> Pair:
    pair = Pair()
    pair.connect()
    return pair


def say(pair: Pair, text: str = "Welcome.", **settings: object) -> list[str | None]:
    """The types of the events that answer a forced message."""
    pair.server.speak(ForcedMessage(text=text, **settings), ASKED, now=pair.now)  # type: ignore[arg-type]
    return types(pair.send(client_event("input_audio_buffer.clear")))[:-1]


def test_it_is_a_response_whose_text_is_given(pair: Pair) -> None:
    assert say(pair, voice="leo") == ["response.created"]
    command = pair.take(Respond)
    assert (command.text, command.voice, command.context) == ("Welcome.", "leo", ())
    events = [*pair.responds("Welcome."), *pair.synthesizes(bytes(4800)), *pair.finishes()]
    assert types(events)[0] == "response.output_item.added"
    assert types(events)[-1] == "response.done"


def test_a_response_that_the_client_asks_for_behind_it_waits_for_its_end(pair: Pair) -> None:
    say(pair)
    assert types(pair.send(respond(instructions="Greet."))) == []
    assert pair.take(Respond).text == "Welcome."
    assert types(pair.finishes())[-1] == "response.created"
    assert pair.take(Respond).instructions == "Greet."


def test_several_are_spoken_in_their_order_and_behind_a_response_that_runs(pair: Pair) -> None:
    pair.send(respond())
    assert say(pair, "One.") == say(pair, "Two.") == []
    spoken = []
    for _ in range(3):
        spoken.append(pair.take(Respond).text)
        pair.finishes()
    assert spoken == [None, "One.", "Two."]


def test_the_user_s_speech_stops_it_and_what_waits(pair: Pair) -> None:
    say(pair, "One.")
    say(pair, "Two.")
    assert "response.done" in types(pair.speak(300))
    assert pair.take(StopResponse).response_id == "resp_1"
    pair.pause(600)
    assert [command.text for command in pair.commands if isinstance(command, Respond)] == ["One."]


def test_what_may_not_be_interrupted_is_spoken_to_its_end(pair: Pair) -> None:
    say(pair, interruptible=False)
    assert types(pair.speak(300)) == ["input_audio_buffer.speech_started"]


def test_a_cancel_ends_it(pair: Pair) -> None:
    say(pair)
    assert types(pair.send(client_event("response.cancel")))[-1] == "response.done"


def test_without_words_and_in_a_session_that_transcribes_it_is_refused(pair: Pair) -> None:
    pair.server.speak(ForcedMessage(text=""), ASKED, now=0.0)
    error = invalid(pair.send(by_hand())[:1])
    assert (error["code"], error["event_id"]) == ("missing_required_parameter", "mine")
    scribe = Pair(kind="transcription")
    scribe.connect()
    scribe.server.speak(ForcedMessage(text="Hi."), ASKED, now=0.0)
    assert invalid(scribe.send(client_event("input_audio_buffer.clear"))[:1])["code"] == "invalid_value"


def test_no_more_wait_than_are_of_use_and_their_memory_is_counted(pair: Pair) -> None:
    say(pair)
    held = pair.server.held["responses"]
    for _ in range(16):
        assert say(pair, "x" * 1000) == []
    assert pair.server.held["responses"] > held + 16_000
    assert say(pair) == ["error"]
    pair.send(turn_detection(), client_event("response.cancel"))
    assert pair.server.held["responses"] == 0
