"""Errors as sentences and exit codes."""

from __future__ import annotations

import pytest

from duologue.cli.errors import TurnFailed, UsageError, exit_code_of, sentence_of
from duologue.errors import ConnectionClosedError


@pytest.mark.parametrize(
    ("fault", "sentence", "code"),
    [
        (UsageError("name a file"), "name a file", 2),
        (TurnFailed("no answer within 3 s"), "no answer within 3 s", 1),
        (FileNotFoundError(2, "No such file", "a.wav"), "a.wav: No such file", 1),
        (OSError(28, "No space left"), "No space left", 1),
        (
            ConnectionClosedError(1011, "down\x1b[2J"),
            "the server ended the session: connection closed with code 1011",
            1,
        ),
        (LookupError("gone"), "LookupError: gone", 1),
    ],
)
def test_an_error_is_one_printable_sentence_and_a_code(fault: Exception, sentence: str, code: int) -> None:
    assert sentence_of(fault).startswith(sentence)
    assert sentence_of(fault).isprintable()
    assert exit_code_of(fault) == code
