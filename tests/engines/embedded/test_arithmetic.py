"""Arithmetic is understood as it is said, computed exactly, and not confused with other text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.engines.embedded.arithmetic import calculate, number


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What is seven times eight?", "7 times 8 is 56."),
        ("What's 7 × 8?", "7 times 8 is 56."),
        ("what is 12x12", "12 times 12 is 144."),
        ("12 plus 30", "12 plus 30 is 42."),
        ("Okay, could you please tell me what is 2 plus 3 times 4?", "2 plus 3 times 4 is 14."),
        ("What is half of 90?", "Half of 90 is 45."),
        ("A third of 10", "A third of 10 is about 3.33."),
        ("a quarter plus a half", "0.25 plus 0.5 is 0.75."),
        ("two and a half times four", "2.5 times 4 is 10."),
        ("What is 15 percent of 80?", "15 percent of 80 is 12."),
        ("15% of 80 =", "15 percent of 80 is 12."),
        ("How much is a hundred divided by three?", "100 divided by 3 is about 33.33."),
        ("one hundred and five minus twenty-one", "105 minus 21 is 84."),
        ("three point one four times two", "3.14 times 2 is 6.28."),
        ("1,000 times 1,000", "1000 times 1000 is 1000000."),
        ("5 million times 2", "5000000 times 2 is 10000000."),
        ("two dozen plus a dozen", "24 plus 12 is 36."),
        ("Add five and seven", "5 plus 7 is 12."),
        ("Subtract 5 from nine.", "9 minus 5 is 4."),
        ("Divide ten by 4", "10 divided by 4 is 2.5."),
        ("What is minus five plus three?", "Minus 5 plus 3 is minus 2."),
        ("What is nine squared?", "9 to the power of 2 is 81."),
        ("two to the power of ten", "2 to the power of 10 is 1024."),
        ("9 to the power of minus 2", "9 to the power of minus 2 is about 0.0123."),
        ("What's the square root of 144?", "The square root of 144 is 12."),
        ("square root of two", "The square root of 2 is about 1.41."),
        ("twice 21", "2 times 21 is 42."),
        ("(2 + 3) * 4", "( 2 plus 3 ) times 4 is 20."),
        ("What does 2 plus 2 equal?", "2 plus 2 is 4."),
        ("What is 5 divided by 0?", "5 divided by 0 has no value that I could say."),
        ("10 to the power of 30", "10 to the power of 30 has no value that I could say."),
        ("2 to the power of 1000", "2 to the power of 1000 has no value that I could say."),
        ("the square root of minus 1", "The square root of minus 1 has no value that I could say."),
        ("2 ^ 0.5", "2 to the power of 0.5 has no value that I could say."),
    ],
)
def test_a_calculation_is_answered_in_one_sentence(question: str, answer: str) -> None:
    calculation = calculate(question)
    assert calculation is not None
    assert calculation.answer == answer


@pytest.mark.parametrize(
    "text",
    ["", "what is", "What is your name?", "what is seven", "What is seven times", "times of the year", "(2 plus 3",
     "x", "-", "half", "three point times two",
     "two and many", "6 times 9 is 54", "the end of the world", "What time is it?",
     "-" * 5000 + "1", "9" * 5000 + " plus 1", "²"],
)  # fmt: skip
def test_anything_else_is_no_calculation(text: str) -> None:
    assert calculate(text) is None


@given(st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    calculation = calculate(text)
    assert calculation is None or calculation.answer


@given(st.text("0123456789+-*/^%() .x", max_size=30))
def test_no_formula_breaks_the_parser(text: str) -> None:
    calculation = calculate(text)
    assert calculation is None or calculation.answer


@pytest.mark.parametrize(
    ("words", "value"),
    [("twelve", 12), ("12", 12), ("three hundred and five", 305), ("two thousand", 2_000), ("a hundred", 100),
     ("1.5", None), ("half", None), ("many", None), ("two three x", None), ("", None)],
)  # fmt: skip
def test_a_number_is_read_in_words_and_digits(words: str, value: int | None) -> None:
    assert number(words) == value
