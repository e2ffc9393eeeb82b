"""The user talks over the model: what was not played is cut, on our server too, without an error."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from duologue.audio.formats import PCM
from duologue.client import Conversation, converse
from duologue.engines.registry import Engines
from duologue.events import ConversationItemTruncatedEvent
from duologue.notices import AudioDelta, ErrorReported, Interrupted, ResponseFinished
from duologue.server import RealtimeApp
from duologue.testing import scripted_app_engines, scripted_engines
from tests.client._waiting import following, no_task_left
from tests.server._engines import LOUD, QUIET, EndlessSynthesizer
from tests.server._listening import listening


def endless() -> Engines:
    """A model that speaks until it is stopped."""
    return replace(scripted_engines(), synthesizer=EndlessSynthesizer())


def talkative() -> Engines:
    """A model whose whole answer is there before any of it is played."""
    return scripted_engines(responses=["This is a rather long answer, and it will not be played to its end."])


async def barge_in(conversation: Conversation, heard_ms: int) -> str:
    """Play so much of an answer, talk over it, wait until the server has cut it; returns the item's id."""
    async with conversation.stream(AudioDelta, Interrupted, ConversationItemTruncatedEvent) as notices:
        answering = asyncio.ensure_future(conversation.respond(timeout=10))
        received, item_id = 0, ""
        while PCM.duration_ms(received) <= heard_ms:
            [piece] = await following(notices)
            assert isinstance(piece, AudioDelta)
            received, item_id = received + len(piece.audio), piece.item_id
        conversation.report_played(item_id, n_bytes=PCM.bytes_for_ms(heard_ms))
        await conversation.send_audio(LOUD * 400)
        await conversation.send_audio(QUIET * 800)
        last = ConversationItemTruncatedEvent if heard_ms else Interrupted
        while not isinstance((await following(notices))[0], last):
            pass
    async with asyncio.timeout(5):
        await answering
    return item_id


@pytest.mark.parametrize("heard_ms", [0, 1, 700, 2000])
@pytest.mark.parametrize(("make", "status"), [(talkative, "completed"), (endless, "cancelled")])
async def test_a_barge_in_cuts_on_the_server_exactly_what_was_not_played(
    make: Callable[[], Engines], status: str, heard_ms: int
) -> None:
    async with (
        no_task_left(),
        listening(RealtimeApp(engines=scripted_app_engines(make()))) as url,
        converse(url) as conversation,
    ):
        errors: list[ErrorReported] = []
        ends: list[ResponseFinished] = []
        cuts: list[ConversationItemTruncatedEvent] = []
        conversation.on(ErrorReported, errors.append)
        conversation.on(ResponseFinished, ends.append)
        conversation.on(ConversationItemTruncatedEvent, cuts.append)
        item_id = await barge_in(conversation, heard_ms)
        assert [cut.audio_end_ms for cut in cuts] == ([heard_ms] if heard_ms else [])
        item = conversation.core.store.get(item_id)
        assert item is not None
        assert item.truncated_at_ms == (heard_ms or None)
        assert errors == []
        assert ends[0].event.response.status == status
