"""The session of a call, in the server's process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from duologue.engines.base import FunctionCall
from duologue.errors import ConnectFailed
from duologue.inspection import CallFold
from duologue.recording import Direction, Frame, Header, RecordingLine
from duologue.server import RealtimeApp, Upstream
from duologue.server.session_start import SessionStart
from duologue.telephony.codecs.leg_events import MarkCommand, PlayCommand
from duologue.testing.served.app_in_memory import AppInMemory
from duologue.transports import Transport
from tests.telephony._carrier import MemoryCarrier, speech_frames
from tests.telephony.serving._server import SILENCE, called, scripted_app


async def _until_answered(line: MemoryCarrier) -> None:
    await line.say(*speech_frames(500), *SILENCE)
    await line.until(PlayCommand)


def _n_played(line: MemoryCarrier) -> int:
    return len([each for each in line.commands if isinstance(each, PlayCommand)])


async def _over(serving: asyncio.Task[None]) -> None:
    async with asyncio.timeout(5):
        await serving


async def test_a_drained_server_lets_the_caller_hear_the_answer_and_hangs_up(idle_clock: Any) -> None:
    app = scripted_app("Hello, this is an answer of some length.")
    async with app.running(), called(app) as (line, serving):
        await _until_answered(line)
        draining = asyncio.ensure_future(app.drain(within_s=30))
        await line.until_closed()
        await draining
        assert not app.sessions_open
        assert serving.done()


async def test_a_server_that_ends_at_once_ends_calls() -> None:
    app = scripted_app("Hello.")
    async with app.running(), called(app) as (line, serving):
        await _until_answered(line)
        await app.drain(manner="now")
        assert serving.done()
        await line.until_closed()


async def test_the_model_can_hang_up() -> None:
    app = scripted_app(FunctionCall(name="hang_up", arguments="{}"), "Bye.")
    async with app.running(), called(app, hang_up=True) as (line, serving):
        await line.say(*speech_frames(500), *SILENCE)
        await line.until(PlayCommand)
        await line.echo_marks()
        await line.until_closed()
        await _over(serving)


class _Line:
    """A connection to the upstream, which keeps what was sent."""

    def __init__(self, transport: Transport) -> None:
        self.sent: list[str] = []
        self.restored = asyncio.Event()
        """Set when an item of the history is confirmed."""
        self._transport = transport
        self.close = transport.close

    async def send(self, message: str | bytes, /) -> None:
        self.sent.append(str(message))
        await self._transport.send(message)

    async def receive(self) -> str | bytes:
        message = await self._transport.receive()
        if "conversation.item.done" in str(message):
            self.restored.set()
        return message


class _Upstream:
    """Another server in this process, whose connections can be killed."""

    def __init__(self, *responses: Any) -> None:
        self.memory = AppInMemory(scripted_app(*responses))
        self.is_down = False
        self.open: list[_Line] = []
        self.reopened = asyncio.Event()
        self.starts: list[SessionStart] = []
        self._held = AsyncExitStack()

    @asynccontextmanager
    async def relayed(self) -> AsyncGenerator[RealtimeApp, None]:
        """The server in front, which runs."""
        app = RealtimeApp(upstream=Upstream(open=self._open))
        async with self._held, app.running():
            yield app

    async def _open(self, start: SessionStart) -> Transport:
        self.starts.append(start)
        if self.is_down:
            raise ConnectFailed("nothing listens there", retryable=True)
        transport = await self._held.enter_async_context(self.memory.transport(model=start.model))
        self.open.append(_Line(transport))
        if len(self.open) == 2:
            self.reopened.set()
        return self.open[-1]

    async def until_restored(self) -> None:
        """There is another session, and it has the history; waits 5 s at most."""
        async with asyncio.timeout(5):
            await self.reopened.wait()
            await self.open[-1].restored.wait()

    async def kill(self, *, for_good: bool = False) -> None:
        """The newest connection breaks."""
        self.is_down = for_good
        await self.open[-1].close(1011, "killed")


async def test_a_caller_is_answered_again_with_the_history_when_the_upstream_was_killed(idle_clock: None) -> None:
    upstream = _Upstream("First.", "Second.")
    async with upstream.relayed() as app, called(app) as (line, _):
        await _until_answered(line)
        began = asyncio.get_running_loop().time()
        await upstream.kill()
        await upstream.until_restored()
        n_before = _n_played(line)
        await line.say(*speech_frames(500), *SILENCE)
        await line.until(PlayCommand, n_before + 1)
        assert asyncio.get_running_loop().time() - began <= 5
        assert app.sessions_open == 1  # one call, whatever its sessions
        history = [text for text in upstream.open[1].sent if "conversation.item.create" in text]
        assert any("First." in text for text in history)


async def test_a_caller_whose_upstream_stays_dead_hears_ten_seconds_of_silence_at_most(
    idle_clock: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    upstream = _Upstream("First.")
    async with upstream.relayed() as app, called(app) as (line, serving):
        await _until_answered(line)
        began = asyncio.get_running_loop().time()
        await upstream.kill(for_good=True)
        async with asyncio.timeout(15):
            await serving
        assert 9 <= asyncio.get_running_loop().time() - began <= 12
    assert "not restored within 10 s" in caplog.text


async def test_an_upstream_that_dies_twice_within_ten_seconds_ends_the_call(
    idle_clock: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    upstream = _Upstream("First.", "Second.")
    async with upstream.relayed() as app, called(app) as (line, serving):
        await _until_answered(line)
        await upstream.kill()
        await upstream.until_restored()
        await upstream.kill()
        await line.until_closed()
        await _over(serving)
    assert "lost twice within 10 s" in caplog.text
    assert "1011" in caplog.text


async def test_without_an_upstream_the_call_ends_and_the_log_says_why(caplog: pytest.LogCaptureFixture) -> None:
    upstream = _Upstream()
    upstream.is_down = True
    async with upstream.relayed() as app, called(app) as (line, serving):
        await line.until_closed()
        await _over(serving)
    assert "no session for a call" in caplog.text


async def test_an_upstream_is_told_the_instructions_of_calls() -> None:
    upstream = _Upstream("Hi.")
    session = {"type": "realtime", "instructions": "Be brief."}
    async with upstream.relayed() as app, called(app, session=session) as (line, _):
        await _until_answered(line)
        assert "Be brief." in upstream.open[0].sent[0]


async def test_nothing_is_opened_upstream_before_the_call_has_started() -> None:
    upstream = _Upstream("Hi.")
    async with upstream.relayed() as app, called(app, starts=False) as (line, serving):
        await line.transport.close(1000)
        await _over(serving)
    assert upstream.starts == []


async def test_sessions_that_break_end_the_call_and_are_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, idle_clock: None
) -> None:
    class Broken:
        async def run(self) -> None:
            raise RuntimeError("a fault of ours")

    app = scripted_app()
    monkeypatch.setattr(app.realtime, "serve", lambda *_, **__: Broken())
    async with app.running(), called(app) as (line, serving):
        async with asyncio.timeout(25):
            await serving
        await line.until_closed()
    assert "a fault of ours" in caplog.text


async def test_an_upstream_that_never_answers_ends_the_call_after_ten_seconds(
    idle_clock: None, caplog: pytest.LogCaptureFixture
) -> None:
    async def never(start: SessionStart) -> Transport:
        await asyncio.Event().wait()
        raise AssertionError

    app = RealtimeApp(upstream=Upstream(open=never))
    async with app.running(), called(app) as (line, serving):
        async with asyncio.timeout(12):
            await serving
        await line.until_closed()
    assert "none within 10 s" in caplog.text


class _Tap:
    """Folds what it is told of the one session."""

    def __init__(self) -> None:
        self.fold = CallFold()

    def opened(self, session_id: str, header: Header, /) -> _Tap:
        self.fold = CallFold(header)
        return self

    def passed(self, at_s: float, direction: Direction, message: str | bytes, /) -> None:
        self.fold.push(Frame(at_s=at_s, direction=direction, message=message))

    def told(self, line: RecordingLine, /) -> None:
        self.fold.push(line)

    def ended(self) -> None:
        pass


async def test_taps_are_told_the_leg_of_a_call_beside_its_session() -> None:
    tap = _Tap()
    app = scripted_app("Hello.", taps=[tap])
    async with app.running(), called(app) as (line, _):
        await _until_answered(line)
        await line.until(MarkCommand)
        await line.echo_marks()
        await app.drain(manner="now")
    kinds = [each.kind for each in tap.fold.view.leg]
    assert kinds[0] == "started"
    assert {"mark", "returned"} <= {*kinds}
