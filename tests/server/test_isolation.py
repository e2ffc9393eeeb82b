from __future__ import annotations

import asyncio
import logging

import pytest

from duologue.server.isolation import isolated


def test_a_fault_of_one_is_logged_with_its_traceback_and_goes_no_further(caplog: pytest.LogCaptureFixture) -> None:
    fault = AssertionError("not eof_sent")

    def fails() -> None:
        raise fault

    assert isolated(lambda: None, doing="shut down")
    assert not caplog.records
    assert not isolated(fails, doing="shut down")
    assert 'one of many failed doing="shut down" reason="not eof_sent"' in caplog.text
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "in fails" in caplog.text
    assert fault.__traceback__ is None, "its frames would keep the connection in memory"


def test_a_cancellation_goes_on() -> None:
    def cancelled() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        isolated(cancelled, doing="shut down")
