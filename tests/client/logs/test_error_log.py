"""Errors that reach no caller are logged: once, with what is needed to act, and without what users say."""

from __future__ import annotations

import logging
from collections.abc import Generator
from typing import Any

import pytest

from duologue.client.logs.error_log import MAX_LINES, REPEAT_AFTER_S, ErrorLog
from duologue.events import ClientEvent, ErrorEvent
from duologue.protocol.client.error_kinds import classify
from duologue.protocol.client.notices import ErrorReported
from tests.protocol._wire import command, server_event

UPDATE = command("session.update", event_id="e", session={"type": "realtime"})
ITEM = command("conversation.item.create", event_id="e", item={"type": "message", "role": "user", "content": []})
CREATE = command("response.create", event_id="e")


def reported(message: str, *, answers: ClientEvent | None = None, **fields: Any) -> ErrorReported:
    error = {"type": "invalid_request_error", "code": "invalid_value", **fields, "message": message}
    event = server_event("error", error=error)
    assert isinstance(event, ErrorEvent)
    return ErrorReported(event=event, kind=classify(event), command=answers)


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Generator[list[str], None, None]:
    """What is logged at ERROR."""
    found: list[str] = []

    class Collecting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            assert record.name == "duologue.client"
            if record.levelno == logging.ERROR:
                found.append(record.getMessage())

    caplog.set_level(logging.DEBUG, "duologue.client")
    handler = Collecting()
    logging.getLogger("duologue.client").addHandler(handler)
    yield found
    logging.getLogger("duologue.client").removeHandler(handler)


def log(*notices: ErrorReported, now: float = 0.0) -> None:
    ErrorLog().report(list(notices), now=now)


def test_an_error_is_logged_with_code_param_and_the_command_that_it_answers(lines: list[str]) -> None:
    log(reported("Invalid value: 'sometimes'.", answers=UPDATE, param="session.tool_choice"))
    assert lines == [
        "the server reports an error in answer to session.update: "
        "Invalid value: 'sometimes'. (invalid_value, session.tool_choice)"
    ]


def test_an_error_that_answers_nothing_and_has_no_code_is_logged_with_its_type(lines: list[str]) -> None:
    log(reported("Content blocked.", type="guardrail_violation", code=None))
    assert lines == ["the server reports an error: Content blocked. (guardrail_violation)"]


def test_an_error_that_a_caller_gets_is_not_logged(lines: list[str]) -> None:
    errors, notice = ErrorLog(), reported("no", answers=CREATE)
    errors.claim(notice.event)
    errors.claim(None)
    errors.report([notice, reported("yes")], now=0.0)
    assert lines == ["the server reports an error: yes (invalid_value)"]


@pytest.mark.parametrize(
    "notice",
    [
        pytest.param(reported("nothing runs", code="response_cancel_not_active"), id="benign"),
        pytest.param(
            reported("busy", code="conversation_already_has_active_response", answers=CREATE), id="asked again"
        ),
    ],
)
def test_an_error_after_which_nothing_is_to_be_done_is_not_logged_as_one(
    notice: ErrorReported, lines: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    log(notice)
    assert lines == []
    assert [record.levelname for record in caplog.records] == ["DEBUG"]


def test_a_request_that_is_not_sent_again_is_logged(lines: list[str]) -> None:
    errors = ErrorLog()
    notice = reported("busy", code="conversation_already_has_active_response", answers=CREATE)
    errors.ended(notice.event)
    errors.ended(None)
    errors.report([notice], now=0.0)
    assert len(lines) == 1


def test_errors_that_differ_in_ids_and_numbers_alone_are_logged_once_and_counted(lines: list[str]) -> None:
    errors = ErrorLog()
    for number in range(50):
        errors.report([reported(f"Item item_{number} is not there.")], now=1.0)
    errors.report([reported("Something else.")], now=2.0)
    assert len(lines) == 2
    errors.report([reported("Item item_51 is not there.")], now=2.0 + REPEAT_AFTER_S)
    assert lines[2:] == [
        "the server has reported 49 more errors like those before",
        "the server reports an error: Item item_51 is not there. (invalid_value)",
    ]


def test_a_server_that_fails_in_ever_new_words_does_not_fill_the_log(lines: list[str]) -> None:
    errors = ErrorLog()
    for first in "abcdefghijklmnopqrstuvwxyz":
        errors.report([reported(f"{first} is wrong")], now=1.0)
    assert len(lines) == MAX_LINES


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("Invalid value: 'my mother is ill'. Use 'a' or 'b'.", "Invalid value: '…'. Use 'a' or 'b'."),
        ("Invalid value: 'it's my secret'. Stop.", "Invalid value: '…'. Stop."),
        ("The model `gpt-x` can't do that.", "The model `gpt-x` can't do that."),
        ('Unknown parameter: "session.fields[0]".', 'Unknown parameter: "session.fields[0]".'),
        ("Incorrect API key provided: sk-abc-12**.", "Incorrect API key provided: …"),
        ("No token 5f3e2a1b9c8d7e6f5a4b3c2d here.", "No token … here."),
        ("one\nline \x1b[31m only", r"one line \x1b[31m only"),
        ("a" * 1000, "a" * 400 + "…"),
        (f"'{'my words ' * 100}'", "'…'"),
    ],
)
def test_what_a_message_quotes_is_left_out_unless_it_is_a_name(message: str, shown: str, lines: list[str]) -> None:
    log(reported(message, answers=UPDATE))
    assert lines == [f"the server reports an error in answer to session.update: {shown} (invalid_value)"]


def test_nothing_that_is_quoted_of_an_item_stays_because_it_may_be_what_the_user_said(lines: list[str]) -> None:
    log(reported("Invalid value: 'divorce'.", answers=ITEM))
    assert lines == [
        "the server reports an error in answer to conversation.item.create: Invalid value: '…'. (invalid_value)"
    ]


def test_an_error_that_may_answer_a_request_is_logged_when_it_turns_out_that_it_does_not(lines: list[str]) -> None:
    errors, notice, other = ErrorLog(), reported("no", answers=CREATE), reported("other")
    errors.report([notice, other], now=0.0, decided=False)
    assert lines == ["the server reports an error: other (invalid_value)"]
    errors.report([], now=0.5, decided=False)
    errors.report([], now=1.0)
    assert lines[1:] == ["the server reports an error in answer to response.create: no (invalid_value)"]


def test_an_error_that_turns_out_to_answer_a_request_is_not_logged(lines: list[str]) -> None:
    errors, notice = ErrorLog(), reported("no", answers=CREATE)
    errors.report([notice], now=0.0, decided=False)
    errors.claim(notice.event)
    errors.report([], now=1.0)
    assert lines == []
