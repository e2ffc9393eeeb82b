"""Who waits for something gets it once, and the rest is for the log."""

from __future__ import annotations

import asyncio

import pytest

from duologue.client.asyncio.outcomes import Outcomes
from duologue.errors import ConnectionClosedOK, RequestRejected
from duologue.protocol.client.notices import AudioNotCommitted, RequestEnded
from duologue.protocol.client.responses.sequencer import ResponseSequencer
from duologue.testing import CountedIds


def ends_of(*reasons: str) -> list[RequestEnded]:
    """Requests that end without a response."""
    sequencer = ResponseSequencer(new_id=CountedIds())
    found: list[RequestEnded] = []
    for reason in reasons:
        sequencer.request(now=0.0)
        sequencer.lost(reason)
        found += [RequestEnded(resolution) for resolution in sequencer.take_resolutions()]
    return found


async def test_each_caller_gets_the_end_of_its_own_request_until_it_is_forgotten() -> None:
    outcomes = Outcomes()
    first, second, third = ends_of("one", "two", "three")
    loop = asyncio.get_running_loop()
    waiting: list[asyncio.Future[RequestEnded]] = [loop.create_future() for _ in range(3)]
    for end, future in zip((first, second, third), waiting, strict=True):
        outcomes.expect(end.resolution.request.request_id, future)
    outcomes.forget(third.resolution.request.request_id)
    outcomes.forget(third.resolution.request.request_id)
    for end in (second, third, second):
        outcomes.add(end)
    assert await waiting[1] is second
    assert not waiting[2].done()
    outcomes.end(ConnectionClosedOK(1000))
    with pytest.raises(RequestRejected, match="the conversation is over"):
        await waiting[0]


def test_audio_that_is_not_heard_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    Outcomes().add(AudioNotCommitted(250))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "the 250 ms of audio" in caplog.text
