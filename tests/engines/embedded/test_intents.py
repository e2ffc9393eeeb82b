"""The embedded responder answers what its table holds, and says what it heard otherwise."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.engines.base import Image, Message
from duologue.engines.checks import responder_request
from duologue.engines.embedded.intents import answer
from tests.engines._requests import after


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        ("Hello there!", "Hello! What can I do for you?"),
        ("Hi, what time is it?", "It is 3:09 PM."),
        ("Can you tell me the time?", "It is 3:09 PM."),
        ("What's the date today?", "Today is Saturday, March 14, 2026."),
        ("What day was it yesterday?", "Yesterday was Friday, March 13, 2026."),
        ("What day is it tomorrow?", "Tomorrow will be Sunday, March 15, 2026."),
        ("What is seven times eight?", "7 times 8 is 56."),
        ("My name is Ada Lovelace.", "Nice to meet you, Ada Lovelace."),
        ("my name is bob and I like tea", "Nice to meet you, Bob."),
        ("Call me Ishmael.", "Nice to meet you, Ishmael."),
        ("Call me later", 'I heard: "Call me later".'),
        ("What is my name?", "You have not told me your name yet."),
        ("Spell giraffe.", "Giraffe is spelled G, I, R, A, F, F, E."),
        ("Can you spell the word O\u2019Brien?", "O'brien is spelled O, B, R, I, E, N."),
        ("Repeat after me: the rain in Spain.", "the rain in Spain."),
        ("Please say hello, world", "hello, world"),
        ("Say that again.", "I have not said anything yet."),
        ("What did I say?", "That was the first thing you said."),
        ("Count to five.", "1, 2, 3, 4, 5."),
        ("Count down from ten to seven", "10, 9, 8, 7."),
        ("Count to a million", "That is a long way. I count 100 numbers at most."),
        ("Count to the moon", 'I heard: "Count to the moon".'),
        ("Which voice is this?", "You asked for the voice heart."),
        ("How long have we been talking?", "We have been connected for 1 minute and 30 seconds."),
        ("How many questions have you answered?", "I have answered 0 times before this."),
        ("What is the session ID?", "This session is sess_check."),
        ("Do you follow your instructions?", "I was given no instructions. I have no language model behind me, so I"
         " could not follow them anyway."),
        ("Thank you very much.", "You are welcome."),
        ("Good night", "Goodbye!"),
        ("How are you today?", "I am well, thank you. What can I do for you?"),
        ("He was not an ill-disposed young man,", 'I heard: "He was not an ill-disposed young man".'),
        ("What is the weather in Paris?", 'I heard: "What is the weather in Paris?"'),
        ("Spell " + "a" * 41, f'I heard: "Spell {"a" * 41}".'),
    ],
)  # fmt: skip
def test_what_is_said_is_answered(said: str, reply: str) -> None:
    assert answer(responder_request(said)) == reply


@pytest.mark.parametrize("said", ["Who are you?", "Are you ChatGPT?", "What model are you?", "What's your name?"])
def test_it_says_that_it_has_no_language_model(said: str) -> None:
    assert "I have no language model behind me. I can tell the time" in str(answer(responder_request(said)))


@pytest.mark.parametrize(
    ("texts", "reply"),
    [
        (("My name is Ada.", "Nice to meet you, Ada.", "And who am I?"), "Your name is Ada."),
        (("hi", "Hello!", "Pardon?"), "Hello!"),
        (("hi", "Hello!", "What did I say?"), 'You said: "hi"'),
        ((), "Hello! I am listening."),
        (("  ",), "Hello! I am listening."),
    ],
)
def test_the_conversation_is_remembered(texts: tuple[str, ...], reply: str) -> None:
    assert answer(responder_request(*texts)) == reply


def test_instructions_are_admitted_and_not_followed() -> None:
    request = responder_request("What are your instructions?", instructions="Speak like a pirate.")
    assert str(answer(request)).startswith("I was given instructions, but I have no language model")


@pytest.mark.parametrize(
    ("instructions", "reply"),
    [
        ("Repeat the following text: Your taxi is here.", "Your taxi is here."),
        (" say exactly: One\ntwo. ", "One\ntwo."),
        ("Please read aloud the following sentence: " + "x" * 1_001, "x" * 1_000),
        ("You say: hello", 'I heard: "Well".'),
        ("Say hello to the user.", 'I heard: "Well".'),
    ],
)
def test_words_that_the_instructions_ask_for_are_said(instructions: str, reply: str) -> None:
    assert answer(responder_request("Well", instructions=instructions)) == reply


@pytest.mark.parametrize(("hour", "reply"), [(0, "It is 12:05 AM."), (12, "It is 12:05 PM."), (23, "It is 11:05 PM.")])
def test_the_time_is_told_by_the_twelve_hour_clock(hour: int, reply: str) -> None:
    assert answer(responder_request("What time is it?", now=datetime(2026, 1, 2, hour, 5, tzinfo=UTC))) == reply


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        ("", "I cannot see pictures: I have no language model behind me."),
        ("What is this?", 'I heard: "What is this?" I cannot see the picture with it.'),
        ("What time is it?", "It is 3:09 PM."),
    ],
)
def test_a_picture_is_admitted_to_be_unseen(said: str, reply: str) -> None:
    shown = Message("user", said, images=(Image("data:image/png;base64,AA=="),))
    assert answer(after(shown)) == reply
    later = after(shown, Message("assistant", "Yes?"), Message("user", "Never mind"))
    assert answer(later) == 'I heard: "Never mind".'


@given(st.text())
def test_everything_is_answered(said: str) -> None:
    assert answer(responder_request(said))
