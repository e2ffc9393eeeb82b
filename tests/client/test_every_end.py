"""Every way in which a session of a client ends, or is not opened, leaves nothing for the garbage collector.

A server that carries telephone calls is such a client, and collects seldom: what is left by each call adds up.
"""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

import pytest
from websockets.client import ClientProtocol

import duologue
from duologue import blocking
from duologue.client import Connection, Conversation
from duologue.client.asyncio.family_runner import FamilyRunner
from duologue.client.asyncio.managed_connection import ManagedConnection
from duologue.client.asyncio.supervisor import ConnectionSupervisor
from duologue.client.asyncio.tool_runner import ToolRunner
from duologue.client.blocking import BlockingConversation
from duologue.client.blocking.loop_thread import LoopThread
from duologue.client.live.shell import LiveShell
from duologue.client.sound.player import Player
from duologue.client.translation.session import SpeechTranslation
from duologue.engines.base import FunctionCall
from duologue.errors import DuologueError
from duologue.notices import RequestEnded, ResponseStarted, SessionRestored, TextDelta
from duologue.server import Limits, RealtimeApp, loop_factory
from duologue.testing import scripted_engines
from duologue.testing.sounds import tone
from duologue.transports.library.handshake_trace import TracedConnection
from duologue.transports.websocket import WebSocketTransport
from tests._memory import all_freed, no_cycles_of_ours
from tests.server._listening import listening, scripted_app

pytestmark = pytest.mark.timeout(60)

KEPT = (
    Conversation,
    ConnectionSupervisor,
    ManagedConnection,
    Connection,
    ToolRunner,
    LiveShell,
    SpeechTranslation,
    FamilyRunner,
    BlockingConversation,
    LoopThread,
    Player,
    WebSocketTransport,
    TracedConnection,
    ClientProtocol,
)

Way = Callable[[str], Awaitable[None]]

_ONCE = duologue.ReconnectPolicy(max_attempts=0)


@pytest.fixture(autouse=True)
def _no_log(caplog: pytest.LogCaptureFixture) -> None:
    """What is logged is kept by the test's recorder, with the frames of its exceptions."""
    caplog.set_level(logging.CRITICAL, logger="duologue")


def ends_without_a_trace(way: Way, loop: str) -> None:
    """Go this way a few times, with a server in this process; the first time is for what is made once."""

    async def go() -> None:
        app = scripted_app(
            scripted_engines(responses=[FunctionCall(name="later", arguments="{}"), *["Hi."] * 99]),
            limits=Limits(max_sessions_per_owner=None),
        )
        async with asyncio.timeout(50), listening(app) as url:
            await way(url)
            with no_cycles_of_ours(), all_freed(*KEPT) as all_gone:
                for _ in range(3):
                    await way(url)
                await all_gone()

    if loop == "uvloop" and loop_factory() is None:
        pytest.skip("uvloop is not installed")
    with asyncio.Runner(loop_factory=loop_factory() if loop == "uvloop" else None) as runner:
        runner.run(go())


def cut(session: Any) -> None:
    """Break the connection of a session, without a word."""
    if isinstance(session, Conversation):
        connection: Any = session._supervisor.connection
    else:
        connection = session._runner._connection if isinstance(session, LiveShell) else session._connection
    connection._transport._socket.transport.abort()


def live(url: str) -> AbstractAsyncContextManager[Any]:
    return duologue.live(url.replace("/v1/realtime", "/v1/live/sessions"), model="gpt-live-1")


def translate(url: str) -> AbstractAsyncContextManager[Any]:
    return duologue.translate(url.replace("/v1/realtime", "/v1/realtime/translations"), language="de")


def converse(url: str) -> AbstractAsyncContextManager[Any]:
    return duologue.converse(url, reconnect=_ONCE)


def raw(url: str) -> AbstractAsyncContextManager[Any]:
    return duologue.connect(url)


OPENINGS = {"converse": converse, "connect": raw, "live": live, "translate": translate}


async def closed(opened: AbstractAsyncContextManager[Any]) -> None:
    async with opened:
        pass


async def failed(opened: AbstractAsyncContextManager[Any]) -> None:
    with suppress(ZeroDivisionError):
        async with opened:
            raise ZeroDivisionError


async def cancelled(opened: AbstractAsyncContextManager[Any]) -> None:
    ready = asyncio.Event()

    async def stay() -> None:
        async with opened:
            ready.set()
            await asyncio.Event().wait()

    staying = asyncio.ensure_future(stay())
    await ready.wait()
    staying.cancel()
    await asyncio.wait([staying])


async def lost(opened: AbstractAsyncContextManager[Any]) -> None:
    with suppress(DuologueError):
        async with opened as session:
            cut(session)
            async for _ in read(session):
                pass


async def read(session: Any) -> AsyncGenerator[object, None]:
    """All that comes, to the end of the session."""
    if isinstance(session, Conversation):
        async with session.stream(object) as notices:
            async for notice in notices:
                yield notice
    else:
        async for notice in session:
            yield notice


ENDS = {"closed": closed, "failed": failed, "cancelled": cancelled, "lost": lost}


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("opening", OPENINGS)
@pytest.mark.parametrize("end", ENDS)
def test_a_session_leaves_nothing(end: str, opening: str, loop: str) -> None:
    if (end, opening) == ("lost", "connect"):
        pytest.skip("its `_transport` is its own")

    async def way(url: str) -> None:
        await ENDS[end](OPENINGS[opening](url))

    ends_without_a_trace(way, loop)


async def lost_connection(url: str) -> None:
    with suppress(DuologueError):
        async with duologue.connect(url) as connection:
            connection._transport._socket.transport.abort()  # type: ignore[attr-defined]
            while True:
                await connection.receive()


_ENDED_APPS: list[RealtimeApp] = []
"""A server that ends all sessions is at its own end, too. It is kept here: it is not what is looked for."""


async def ended_by_the_server(_: str) -> None:
    app = scripted_app()
    _ENDED_APPS.append(app)
    with suppress(DuologueError):
        async with listening(app) as url, converse(url) as conversation:
            await app.drain(within_s=0)
            async for _notice in read(conversation):
                pass


async def restored(url: str) -> None:
    async with duologue.converse(url) as conversation, conversation.stream(SessionRestored) as notices:
        cut(conversation)
        await notices.receive()


async def refused(url: str) -> None:
    for opening in OPENINGS.values():
        with suppress(DuologueError):
            await closed(opening(url.replace("/v1/", "/v1/nowhere/")))


async def unreachable(_: str) -> None:
    for opening in OPENINGS.values():
        with suppress(DuologueError):
            await closed(opening("ws://127.0.0.1:9/v1/realtime"))


async def rejected_configuration(url: str) -> None:
    session = {"type": "realtime", "audio": {"output": {"speed": 77}}}
    with suppress(DuologueError):
        await closed(duologue.converse(url, session=session))


async def a_transport_that_breaks(_: str) -> None:
    with suppress(DuologueError):
        async with duologue.connect(transport=_Broken()) as connection:
            await connection.receive()


class _Broken:
    """Fails where it is read."""

    async def send(self, message: str | bytes, /) -> None:
        pass

    async def receive(self) -> str | bytes:
        raise ValueError("broken")

    async def close(self, code: int = 1000, reason: str = "") -> None:
        pass


async def an_opening_that_fails(_: str) -> None:
    with suppress(ValueError):
        await closed(duologue.converse(open_connection=_opening))


@asynccontextmanager
async def _opening() -> AsyncGenerator[Connection, None]:
    yield await _no_connection()


async def _no_connection() -> Connection:
    raise ValueError("none")


async def used_after_its_end(url: str) -> None:
    async with duologue.converse(url) as conversation, conversation.stream(object) as notices:
        await conversation.close()
    for _ in range(2):
        with suppress(DuologueError):
            await conversation.send_text("Hello.")
        with suppress(DuologueError):
            while True:
                await notices.receive()


async def read_after_its_end(url: str) -> None:
    async with duologue.connect(url) as connection:
        await connection.close()
        for _ in range(2):
            with suppress(DuologueError):
                await connection.append(b"\0\0")
            with suppress(DuologueError):
                while True:
                    await connection.receive()


async def lost_while_callers_wait(url: str) -> None:
    async with converse(url) as conversation:
        waiting = [asyncio.ensure_future(conversation.respond()), asyncio.ensure_future(conversation.ask("Hello."))]
        await asyncio.sleep(0)
        cut(conversation)
        done, _ = await asyncio.wait(waiting)
        assert all(isinstance(each.exception(), DuologueError) for each in done)
        del waiting, done


async def with_functions_and_callbacks(url: str) -> None:
    async def later() -> str:
        return "Now."

    async with duologue.converse(url, tools=[later]) as conversation:
        conversation.on(TextDelta, lambda _: conversation)
        conversation.on(ResponseStarted, lambda _: asyncio.Event().wait())
        conversation.on(RequestEnded, lambda _: conversation.transcript())
        await conversation.ask("Hello.")


async def with_sound(url: str) -> None:
    heard: list[bytes] = []
    async with duologue.converse(url) as conversation, conversation.play(heard.append):
        await conversation.listen([tone(100, rate_hz=24_000)])
        await conversation.ask("Hello.")


async def recorded(url: str) -> None:
    async with duologue.converse(url, record=io.BytesIO()) as conversation:
        await conversation.ask("Hello.")


WAYS: dict[str, Way] = {
    "a connection that is lost": lost_connection,
    "by the server": ended_by_the_server,
    "reconnected": restored,
    "refused": refused,
    "unreachable": unreachable,
    "a configuration that is rejected": rejected_configuration,
    "a transport that breaks": a_transport_that_breaks,
    "an opening that fails": an_opening_that_fails,
    "used after its end": used_after_its_end,
    "read after its end": read_after_its_end,
    "lost while callers wait": lost_while_callers_wait,
    "with functions and callbacks": with_functions_and_callbacks,
    "with sound": with_sound,
    "recorded": recorded,
}


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("way", WAYS)
def test_whatever_became_of_it_a_session_leaves_nothing(way: str, loop: str) -> None:
    ends_without_a_trace(WAYS[way], loop)


# --- blocking


def asked(url: str) -> None:
    def later() -> str:
        return "Now."

    with blocking.converse(url, tools=[later]) as conversation:
        conversation.on(TextDelta, lambda _: conversation)
        with conversation.stream(RequestEnded):
            conversation.ask("Hello.")


def raised(url: str) -> None:
    with suppress(ZeroDivisionError), blocking.converse(url):
        raise ZeroDivisionError


def not_opened(url: str) -> None:
    with suppress(DuologueError), blocking.converse(url.replace("/v1/", "/v1/nowhere/")):
        pass


def a_call_that_raises(url: str) -> None:
    with blocking.converse(url) as conversation:
        conversation.close()
        with suppress(DuologueError):
            conversation.ask("Hello.")


def a_call_that_is_too_slow(url: str) -> None:
    with blocking.connect(url) as connection, suppress(TimeoutError):
        while True:
            connection.receive(timeout=0)


def blocking_live(url: str) -> None:
    with blocking.live(url.replace("/v1/realtime", "/v1/live/sessions"), model="gpt-live-1"):
        pass


def blocking_translation(url: str) -> None:
    with blocking.translate(url.replace("/v1/realtime", "/v1/realtime/translations"), language="de"):
        pass


@pytest.mark.parametrize(
    "way",
    [asked, raised, not_opened, a_call_that_raises, a_call_that_is_too_slow, blocking_live, blocking_translation],
)
def test_a_session_of_a_thread_leaves_nothing(way: Callable[[str], None]) -> None:
    ends_without_a_trace(lambda url: asyncio.to_thread(way, url), "asyncio")
