from __future__ import annotations

import asyncio
import os

import pytest

from duologue.cli.serving import standard_input


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """A pipe whose reading end is standard input."""
    reading, writing = os.pipe()
    read = os.read
    monkeypatch.setattr("os.read", lambda _, size: read(reading, size))
    return reading, writing


async def wait_for_ever() -> int:
    await asyncio.Event().wait()
    return 5


async def test_the_end_of_standard_input_ends_the_work_and_that_is_no_failure(pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b"what comes before does not matter")
    os.close(pipe[1])
    assert await asyncio.wait_for(standard_input.until_eof(wait_for_ever()), 5) == 0
    os.close(pipe[0])


async def test_work_that_is_cancelled_otherwise_is_cancelled(pipe: tuple[int, int]) -> None:
    serving = asyncio.ensure_future(standard_input.until_eof(wait_for_ever()))
    await asyncio.sleep(0)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    os.close(pipe[1])
