"""What an answer is made of: the text of its responses, until no other follows."""

from __future__ import annotations

import logging

import pytest

from duologue.errors import RequestRejected
from tests.client._frames import created, creates_item, ended, replies, serving
from tests.client._waiting import talking


async def test_pain_09_a_response_that_failed_is_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    details = {"type": "failed", "error": {"type": "rate_limit_error", "code": "x", "message": "Too many tokens."}}
    server = serving(
        [
            *creates_item("item_1"),
            *replies("response.create", created("resp_1"), ended("resp_1", status="failed", status_details=details)),
        ]
    )
    with caplog.at_level(logging.ERROR):
        async with talking(server) as conversation:
            with pytest.raises(RequestRejected, match="Too many tokens"):
                await conversation.ask("hello", timeout=5)
    assert caplog.records == []
