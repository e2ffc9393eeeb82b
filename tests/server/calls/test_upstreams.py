"""A gateway: calls of an application whose sessions an upstream holds, in several dialects, and upstreams that fail."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from duologue.errors import ConnectFailed
from duologue.server import SessionStart, Upstream
from duologue.testing import scripted_engines
from duologue.testing.served.app_in_memory import AppInMemory
from duologue.transports import MemoryTransport, Transport, memory_pair
from tests.server._engines import LOUD, QUIET
from tests.server._listening import listening, scripted_app
from tests.server._relays import created, upstream_at
from tests.server.calls._calls import CALLS, calling, closed, error_of, event

pytestmark = pytest.mark.timeout(30)


def failing(fault: Callable[[], Exception]) -> Upstream:
    """An upstream that cannot be opened."""

    async def open_upstream(_: SessionStart) -> Transport:
        raise fault()

    return Upstream(open=open_upstream)


def in_memory() -> tuple[Upstream, MemoryTransport]:
    """An upstream that the test plays, and its end."""
    ours, theirs = memory_pair()

    async def open_upstream(_: SessionStart) -> Transport:
        return ours

    return Upstream(open=open_upstream), theirs


@pytest.mark.parametrize("dialect", ["openai", "openai-beta", "localai"])
async def test_a_typed_turn_passes_to_an_upstream_of_another_dialect_and_back(dialect: str) -> None:
    behind = scripted_app(scripted_engines(responses=("Two words.",)), dialect=dialect)
    async with listening(behind) as url, calling(upstream=upstream_at(url, dialect)) as caller:
        session = {"type": "realtime", "model": "m-1", "output_modalities": ["text"], "instructions": "Be brief."}
        async with caller.call(session=session) as (peer, _):
            shown = (await event(peer, "session.created"))["session"]
            assert shown["instructions"] == "Be brief."
            content = [{"type": "input_text", "text": "Well?"}]
            item = {"type": "message", "role": "user", "content": content}
            await peer.send(json.dumps({"type": "conversation.item.create", "item": item}))
            await peer.send(json.dumps({"type": "response.create"}))
            done = await event(peer, "response.done")
            assert done["response"]["output"][0]["content"][0]["text"] == "Two words."


@pytest.mark.usefixtures("idle_clock")
@pytest.mark.parametrize("dialect", ["openai", "openai-beta", "qwen", "glm", "localai"])
async def test_a_spoken_turn_passes_to_an_upstream_of_another_dialect_and_back(dialect: str) -> None:
    engines = scripted_engines(transcripts=("A question.",), responses=("Two words.",))
    async with AsyncExitStack() as upstreams:
        behind = AppInMemory(scripted_app(engines, dialect=dialect))

        async def open_upstream(start: SessionStart) -> Transport:
            return await upstreams.enter_async_context(behind.transport(model=start.model))

        upstream = Upstream(open=open_upstream, dialect=dialect)
        async with calling(upstream=upstream) as caller, caller.call(model="m-1") as (peer, _):
            await event(peer, "session.created")
            for frame in (*[LOUD * 20] * 25, *[QUIET * 20] * 40):
                peer.play(frame)
            await event(peer, "input_audio_buffer.speech_stopped")
            await event(peer, "output_audio_buffer.started")
            await event(peer, "output_audio_buffer.stopped")
            heard = [await peer.hear() for _ in range(10)]
            assert any(any(frame) for frame in heard)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (lambda: ConnectFailed("no", retryable=True), (503, "upstream_unavailable")),
        (lambda: ConnectFailed("no", retryable=True, status=429), (503, "upstream_unavailable")),
        (lambda: ConnectFailed("no", retryable=False, status=401), (502, "upstream_unavailable")),
        (lambda: ConnectFailed("ws://secret.example", retryable=False), (502, "upstream_unavailable")),
        (lambda: OSError("odd"), (500, None)),
    ],
)
async def test_an_upstream_that_fails_before_the_call_is_a_status(
    fault: Callable[[], Exception], expected: tuple[int, str | None]
) -> None:
    async with calling(upstream=failing(fault)) as caller:
        answer = await caller.post()
        assert error_of(answer) == expected
        assert "secret" not in answer.text
        assert caller.app.sessions_open == 0


async def test_no_upstream_is_opened_for_what_is_no_offer() -> None:
    def opened() -> Exception:
        raise AssertionError("opened")

    async with calling(upstream=failing(opened)) as caller:
        assert error_of(await caller.post(offer="v=0")) == (400, "invalid_offer")


async def test_an_upstream_that_breaks_in_mid_call_ends_it() -> None:
    upstream, theirs = in_memory()
    async with calling(upstream=upstream) as caller, caller.call() as (peer, _):
        await theirs.send(created(id="sess_1"))
        await event(peer, "session.created")
        await theirs.close(1011, "it broke")
        await closed(peer)


async def test_an_upstream_that_refuses_the_session_is_an_error_on_the_channel() -> None:
    upstream, theirs = in_memory()
    async with calling(upstream=upstream) as caller, caller.call() as (peer, _):
        await theirs.close(4000, "no such model")
        assert (await event(peer, "error"))["error"]["code"] == "upstream_unavailable"
        await closed(peer)


async def test_a_call_that_is_hung_up_leaves_the_upstream() -> None:
    upstream, theirs = in_memory()
    async with calling(upstream=upstream) as caller, caller.call() as (peer, call_id):
        await theirs.send(created(id="sess_1"))
        await event(peer, "session.created")
        assert (await caller.http.post(f"{CALLS}/{call_id}/hangup")).status_code == 200
        with pytest.raises(Exception, match="1000"):
            await asyncio.wait_for(theirs.receive(), 5)


async def test_messages_of_the_channel_reach_the_upstream_as_they_are() -> None:
    upstream, theirs = in_memory()
    async with calling(upstream=upstream) as caller, caller.call() as (peer, _):
        sent: dict[str, Any] = {"type": "vendor.special", "x": 1}
        await peer.send(json.dumps(sent))
        assert json.loads(await asyncio.wait_for(theirs.receive(), 5)) == sent
