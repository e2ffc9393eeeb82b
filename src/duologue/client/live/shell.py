"""A Live session on one connection: starts it, runs what belongs to it, and ends it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from typing import Final, TypeVar

from duologue.audio.formats import PCM, Encoding
from duologue.client.asyncio.family_runner import FamilyRunner
from duologue.client.asyncio.supervisor import log_illegal_transition
from duologue.client.live.connection import LiveConnection
from duologue.client.live.functions import Delegate, DelegatedWork, LiveFunctions
from duologue.client.live.notice_hub import LiveNoticeHub
from duologue.client.live.opening import LiveTarget, OpenLive
from duologue.client.live.outcomes import CommandOutcomes
from duologue.client.live.refusals import start_refusal
from duologue.client.messages import new_id
from duologue.client.refusals import close_refusal
from duologue.client.tool_context import InjectedValues
from duologue.clock import loop_time
from duologue.dialects import LIVE_PROFILES
from duologue.dialects.live import LiveProfile
from duologue.errors import (
    ConnectFailed,
    ConnectionClosed,
    ConnectionClosedError,
    ConnectionClosedOK,
    DuologueError,
    LocalProtocolError,
    RequestRejected,
    SessionLost,
)
from duologue.events import is_set
from duologue.events.live import (
    AnyLiveEvent,
    LiveEvent,
    LiveOutputAudioFixturePlayEvent,
    LiveSession,
    LiveSessionUsage,
)
from duologue.printable import printable
from duologue.protocol.client.tools.injection import Injectable
from duologue.protocol.client.tools.toolbox import Toolbox
from duologue.protocol.live.client.core import LiveCore
from duologue.protocol.live.client.notices import (
    CommandEnded,
    DelegationStarted,
    FixtureEnded,
    IllegalTransition,
    LiveErrorReported,
    LiveNotice,
    RunFunction,
    SessionEnded,
    SessionStarted,
    StopFunction,
)
from duologue.protocol.live.client.options import LiveOptions
from duologue.protocol.live.client.transcript import LiveTranscript
from duologue.protocol.states import LiveState
from duologue.tracebacks import anew

__all__ = ["DELEGATION_TIMEOUT_S", "LiveShell"]

_logger = logging.getLogger("duologue.client")

T = TypeVar("T")

_MAX_UNTOLD: Final = 64
"""Results of delegated work that may wait for the end of a clip, which lasts half a minute."""

DELEGATION_TIMEOUT_S: Final = 90.0
"""How long delegated work may take: answers that late are still taken by the hosted service."""


class LiveShell(LiveNoticeHub, Injectable):
    """What runs for a session on one connection: its core, its tasks, its functions, those that wait and listen."""

    def __init__(
        self,
        open_live: OpenLive,
        target: LiveTarget,
        *,
        tools: Toolbox | None = None,
        tool_timeout: float,
        on_delegation: Delegate | None = None,
        delegation_timeout: float = DELEGATION_TIMEOUT_S,
        options: LiveOptions | None = None,
        clock: Callable[[], float] = loop_time,
    ) -> None:
        super().__init__()
        if options is not None and not isinstance(options, LiveOptions):
            raise TypeError(f"options= is a LiveOptions, not {type(options).__name__}")
        self.core: LiveCore = LiveCore(
            new_id=new_id,
            options=options,
            sideband=target.kind == "attach",
            encodings=_usual_encodings(LIVE_PROFILES[target.dialect]),
        )
        self._outcome: SessionEnded | None = None
        self.injected: InjectedValues = InjectedValues(self)
        """What functions of the model get from their session."""
        self._open_live = open_live
        self._target = target
        self._now = clock
        self._functions = LiveFunctions(
            tools, timeout=tool_timeout, injected=self.injected, answered=self._function_answered
        )
        self._work = DelegatedWork(on_delegation, timeout=delegation_timeout, said=self._work_said)
        self._runner: FamilyRunner[AnyLiveEvent, LiveEvent] = FamilyRunner(
            self.core, publish=self._publish_new, now=clock
        )
        self._outcomes = CommandOutcomes()
        self._untold: list[tuple[str, str]] = []
        """What is to be said of delegated work once the clip that is being played is over."""
        self._early: list[LiveNotice] = []
        """Work that came before the application had the session, which is what its functions get."""
        self._stack = AsyncExitStack()
        self._closing = asyncio.Lock()
        self._over = asyncio.Event()
        self._begun = asyncio.Event()
        self._ended: DuologueError | None = None
        self._is_leaving = self._is_started = self._is_handed_over = False

    def __repr__(self) -> str:
        name = self.session.id if self.session is not None else "none yet"
        return f"<{type(self).__name__}, {self.core.state.value}, session {name!r}>"

    # --- state

    @property
    def session(self) -> LiveSession | None:
        """The session as the server last sent it."""
        return self.core.session

    @property
    def outcome(self) -> SessionEnded | None:
        """How the session ended; None while it runs."""
        return self._outcome

    @property
    def usage(self) -> LiveSessionUsage | None:
        """What the session has cost since its start, as the server last said it; None before that."""
        return self.core.usage

    @property
    def is_working(self) -> bool:
        """Whether a function of the model, or `on_delegation`, runs."""
        return self._functions.is_running or self._work.is_running

    def transcript(self) -> LiveTranscript:
        """What was said so far, as utterances. `str` of it is one line for each."""
        return self.core.transcript.utterances

    @property
    def function_threads(self) -> Mapping[threading.Thread, str]:
        """Threads in which sync functions run, with their names; includes those that were given up."""
        return {**self._functions.threads, **self._work.threads}

    # --- the end

    async def close(self, *, at_once: bool = False) -> SessionEnded:
        """End the session, and everything that runs for it. Returns how it ended.

        Asks the server for the end and waits for it, some 15 s at most; `finalised` says whether it came. `at_once`
        closes the connection without that. Closing twice is fine. A sideband only leaves the session, which goes on.
        """
        self._is_leaving = True
        try:
            if not at_once and self._is_started:
                await self._finish()
        finally:
            await self._shut(at_once=at_once)
        assert self.outcome is not None
        return self.outcome

    async def _finish(self) -> None:
        self._act(lambda: self.core.close(now=self._now()))
        await self._over.wait()
        if self.outcome is not None and not self.outcome.finalised:
            # Without the reason, which may quote the server.
            _logger.warning("the Live session was not finalised: its usage is not known; `outcome` says why")

    async def _shut(self, *, at_once: bool) -> None:
        try:
            async with self._closing:
                await self._end_tasks()
        finally:
            self._end_with(ConnectionClosedOK(1000))
            # Not under the lock: a callback may wait for it, to close the session too.
            await self._close_callbacks(at_once=at_once)
        self._forget()

    def _forget(self) -> None:
        """Let go of what refers back to this object, as everything has ended."""
        for part in (self._functions, self._work, self._runner, self.injected):
            part.forget()

    async def _end_tasks(self) -> None:
        try:
            await self._functions.close()
            await self._work.close()
        finally:
            try:
                await self._runner.stop()
            finally:
                try:
                    await self._stack.aclose()
                finally:
                    self.core.lost("this side has left it", now=self._now())
                    self._publish_new(None)

    # --- between the core, the connection and the application

    async def _start(self, begin: Callable[[], object]) -> None:
        """Open the connection and begin; `begin` has the core do it.

        Raises:
            ConnectFailed: the connection could not be opened, or the server starts no session.
            RequestRejected: the server refused the configuration.
        """
        self._hold_notices()
        try:
            connection = await self._stack.enter_async_context(self._open_live(self._target))
            await self._greeted(connection)
            self._runner.start(connection)
            self._act(begin)
            await self._begun.wait()
            if self.outcome is not None and not self._is_started:
                raise self._start_failure(self.outcome)
            self._is_handed_over = True
        except ConnectFailed as fault:
            raise fault.with_traceback(None) from None
        finally:
            # After what the application does first with the session: a server may speak at once.
            asyncio.get_running_loop().call_soon(self._hand_over)

    async def _greeted(self, connection: LiveConnection) -> None:
        try:
            async with asyncio.timeout(self.core.options.start_within_s):
                await connection.greeted()
        except ConnectionClosed as closed:
            raise close_refusal(closed, greeted=False) from None
        except TimeoutError:
            raise ConnectFailed("no session was started: the server says nothing", retryable=True) from None

    def _start_failure(self, outcome: SessionEnded) -> ConnectFailed | RequestRejected:
        if outcome.error is not None:
            return start_refusal(outcome.error)
        if self._runner.closed is not None:
            return close_refusal(self._runner.closed, greeted=False)
        return ConnectFailed(f"no session was started: {outcome.reason}", retryable=True)

    @contextmanager
    def silence_filled(self) -> Generator[None, None, None]:
        """For a block, send silence where the application sends no audio: a model that is to speak needs the time."""
        self._act(lambda: self.core.fill_silence(True, now=self._now()))
        try:
            yield
        finally:
            self._act(lambda: self.core.fill_silence(False, now=self._now()))

    async def drain(self) -> None:
        """Wait until what was to be sent before is on its way. Raises what the session ended with."""
        self._raise_if_ended()
        await self._runner.drain()
        self._raise_if_ended()

    def _act(self, act: Callable[[], T]) -> T:
        """Use the core, then publish its new notices and have its new events sent."""
        try:
            return act()
        finally:
            self._publish_new(None)
            self._runner.wake()

    def _publish_new(self, event: LiveEvent | None) -> None:
        """Publish an event that was read, and the notices that the core has by now."""
        if self._is_handed_over:
            self._release_notices()
        if event is not None:
            self._publish(event)
        for notice in self.core.take_notices():
            self._publish(notice)
            if self._is_started or not isinstance(notice, LiveErrorReported):  # the caller of the start gets that
                self._outcomes.add(notice, now=self._now())
            self._follow(notice)

    def _follow(self, notice: LiveNotice) -> None:
        match notice:
            case RunFunction() | StopFunction() | DelegationStarted() if self._held is not None:
                self._early.append(notice)
            case RunFunction(call=call) if not self._is_leaving:
                self._functions.run(call)
            case StopFunction(call_id=call_id):
                self._functions.stop(call_id)
            case DelegationStarted() if not self._is_leaving and notice.delegation.target == "client":
                self._take_work(notice)
            case SessionStarted():
                self._is_started = True
                self._begun.set()
            case SessionEnded():
                self._outcome = notice
                self._begun.set()
                self._over.set()
                self._end_with(self._fault_of(notice))
            case FixtureEnded() | CommandEnded(command=LiveOutputAudioFixturePlayEvent()):
                untold, self._untold = self._untold, []
                for delegation_id, text in untold:
                    self._work_said(delegation_id, text)
            case IllegalTransition():
                log_illegal_transition(notice)
            case _:
                pass  # for the application only

    def _release_notices(self) -> None:
        super()._release_notices()
        early, self._early = self._early, []
        for notice in early:
            # Of work that nothing takes the log says nothing here: the application may only be about to listen.
            if self._ended is None and (self._work.is_taken or not isinstance(notice, DelegationStarted)):
                self._follow(notice)

    def _take_work(self, notice: DelegationStarted) -> None:
        if self._work.is_taken:
            self._work.start(notice.delegation.id, self._delegation(notice))
        elif not self.core.is_sideband and not self._is_heard(notice):
            _logger.warning(
                "the model handed work to this program, and nothing takes it: pass on_delegation=, or use"
                " live.on(DelegationStarted, …)"
            )

    def _delegation(self, notice: DelegationStarted) -> object:
        """What `on_delegation` gets."""
        raise NotImplementedError

    def _function_answered(self, call_id: str, output: str) -> None:
        self._act(lambda: self.core.function_answered(call_id, output, now=self._now()))

    def _work_said(self, delegation_id: str, text: str) -> None:
        try:
            self._act(lambda: self.core.append("commentary", text, delegation_id=delegation_id, now=self._now()))
        except LocalProtocolError as fault:  # the session ended meanwhile, or a clip is being played
            if self.core.state is LiveState.RUNNING and len(self._untold) < _MAX_UNTOLD:
                self._untold.append((delegation_id, text))
                return
            _logger.warning("the result of delegated work is not told: %s", printable(str(fault)))

    def _fault_of(self, ended: SessionEnded) -> DuologueError:
        if ended.finalised or self._is_leaving:
            return ConnectionClosedOK(1000, ended.reason)
        if ended.error is not None:
            return start_refusal(ended.error)
        if self.core.is_sideband:
            told = f"the sideband is lost; the session may go on: attach another one to it ({ended.reason})"
            return ConnectionClosedError(self._runner.close_code, told)
        session = self.session
        return SessionLost(
            ended.reason,
            code=self._runner.close_code,
            session_id=session.id if session is not None else None,
            can_fork=session is not None and is_set(session.store) and session.store,
        )

    def _raise_if_ended(self) -> None:
        if self._ended is not None:
            raise anew(self._ended)

    def _end_with(self, fault: DuologueError) -> None:
        if self._ended is None:
            self._ended = fault
            self._over.set()
            self._outcomes.end(fault)
            if self._held is None or not self._is_started:
                self._end_notices(fault)  # else the application gets what is held before the end

    def _hand_over(self) -> None:
        """The application has the session: it gets what came before that."""
        self._release_notices()
        if self._ended is not None:
            self._end_notices(self._ended)


def _usual_encodings(profile: LiveProfile) -> tuple[Encoding, Encoding]:
    """Of input and output, where sessions do not say them: 24 kHz, or the only rate that the vendor has."""
    rates_hz = (profile.input_rates_hz, profile.output_rates_hz)
    one, other = (replace(PCM, rate_hz=each[0]) if len(each) == 1 else PCM for each in rates_hz)
    return one, other
