"""What an answer is made of: the text of its responses, until no other follows."""

from __future__ import annotations

import logging

import pytest

from duologue.client import converse
from duologue.errors import RequestRejected
from duologue.testing import Expect, ScriptedServer, Send
from tests.client._frames import created, ended, greeting, taken
from tests.client._waiting import no_task_left


async def test_pain_09_a_response_that_failed_is_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    details = {"type": "failed", "error": {"type": "rate_limit_error", "code": "x", "message": "Too many tokens."}}
    server = ScriptedServer(
        [
            Send(greeting()),
            Expect("conversation.item.create"),
            Send(*taken("item_1")),
            Expect("response.create"),
            Send(created("resp_1"), ended("resp_1", status="failed", status_details=details)),
        ]
    )
    with caplog.at_level(logging.ERROR):
        async with no_task_left(), converse(open_connection=server.connect) as conversation:
            with pytest.raises(RequestRejected, match="Too many tokens"):
                await conversation.ask("hello", timeout=5)
    assert caplog.records == []
