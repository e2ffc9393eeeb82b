from __future__ import annotations

import asyncio
import logging

import pytest

from duologue.errors import EngineError
from duologue.server.session.engine_failures import attempt, client_message


async def works() -> None:
    await asyncio.sleep(0)


async def fails() -> None:
    raise EngineError("out of order", engine="broken")


async def breaks() -> None:
    raise RuntimeError("the user said: my password is 1234")


async def is_cancelled() -> None:
    raise asyncio.CancelledError


async def test_work_that_succeeds_has_no_message() -> None:
    assert await attempt(works, session_id="live_1", work_id="reply_1") is None


async def test_a_failure_that_the_engine_explains_is_told_to_the_client() -> None:
    assert "out of order" in str(await attempt(fails, session_id="live_1", work_id="reply_1"))


async def test_a_fault_is_logged_and_its_words_are_not_told_to_the_client(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, logger="duologue.server"):
        message = await attempt(breaks, session_id="live_1", work_id="reply_1")
    assert message == client_message(RuntimeError()) == "a speech engine broke; the server's log says how"
    assert "session=live_1 work=reply_1" in caplog.text


async def test_a_cancellation_is_no_failure() -> None:
    with pytest.raises(asyncio.CancelledError):
        await attempt(is_cancelled, session_id="live_1", work_id="reply_1")
