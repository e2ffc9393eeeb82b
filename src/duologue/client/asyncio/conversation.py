"""A conversation over as many connections as it takes: text, audio, responses, notices, function calls."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from duologue.audio.formats import Encoding
from duologue.audio.input_stream import AudioInput, pieces
from duologue.audio.wav import Sound
from duologue.client.answers import Answer, AnswerCollector, response_of
from duologue.client.asyncio.finishing import finish_input
from duologue.client.asyncio.managed_connection import OpenConnection
from duologue.client.asyncio.notice_hub import NoticeHub
from duologue.client.asyncio.outcomes import Outcomes
from duologue.client.asyncio.recording.markable import Markable
from duologue.client.asyncio.session_opening import SessionOpening
from duologue.client.asyncio.supervisor import ConnectionSupervisor, log_illegal_transition
from duologue.client.asyncio.tool_runner import ToolRunner
from duologue.client.input_progress_sink import InputProgressSink
from duologue.client.limits import APPEND_CLIP_MS, FINISH_S, TOOL_TIMEOUT_S
from duologue.client.logs.connection_log import log_restored
from duologue.client.mappings import EventInput, ResponseInput, SessionInput, to_event, to_response, to_session
from duologue.client.messages import check_audio, new_id, text_message
from duologue.client.sound.listening import Listening
from duologue.client.sound.loudspeaker import PullSink
from duologue.client.sound.playback import AnySink, Playback
from duologue.client.sound.sinks import sink_of
from duologue.client.sound.sources import SourceLike, source_of
from duologue.client.tool_context import InjectedValues
from duologue.clock import loop_time
from duologue.errors import ConnectFailed, ConnectionClosedOK, DuologueError
from duologue.events import (
    AnySession,
    AnySessionConfig,
    InputAudioBufferCommitEvent,
    RealtimeEvent,
    ResponseCreateEvent,
    ResponseDoneEvent,
)
from duologue.protocol.client.core import ConversationCore
from duologue.protocol.client.history.export import export_of
from duologue.protocol.client.history.item_builder import StoredItem
from duologue.protocol.client.history.transcript import ConversationTranscript, transcript_of
from duologue.protocol.client.notices import (
    CallsAnswered,
    ConnectionLost,
    IllegalTransition,
    RequestEnded,
    RunTool,
    StopTool,
)
from duologue.protocol.client.options import CoreOptions
from duologue.protocol.client.recovery.reconnect import ReconnectPolicy
from duologue.protocol.client.recovery.session_replay import SessionRestored
from duologue.protocol.client.responses.requests import RequestPolicy
from duologue.protocol.client.tools.injection import Injectable
from duologue.protocol.client.tools.toolbox import Toolbox
from duologue.protocol.client.usage import UsageSnapshot
from duologue.tracebacks import anew

__all__ = ["Conversation"]

_logger = logging.getLogger("duologue.client")

N = TypeVar("N")


class Conversation(NoticeHub, Markable, Injectable):
    """A conversation with a realtime server. Made by `duologue.converse`.

    Any number of tasks may use it. It reports with notices (`duologue.notices`), through `stream` or `on`. After a lost
    connection it opens another one and restores configuration and items there; requests under way fail at once.

    A method that sends waits first while the server is slow: cancelled then, it has sent nothing. `asyncio.timeout`
    bounds that wait; `ask` and `respond`, which wait for the model, have a `timeout` in seconds.
    """

    def __init__(
        self,
        open_connection: OpenConnection,
        *,
        tools: Toolbox | None = None,
        tool_timeout: float = TOOL_TIMEOUT_S,
        options: CoreOptions | None = None,
        reconnect: ReconnectPolicy | None = None,
    ) -> None:
        super().__init__()
        self.core: ConversationCore = ConversationCore(new_id=new_id, options=options, toolbox=tools)
        self._supervisor = ConnectionSupervisor(
            open_connection, core=self.core, policy=reconnect, publish=self._publish_new, ended=self._end
        )
        self.injected: InjectedValues = InjectedValues(self)
        """What functions of the model get from their conversation."""
        self._tools = ToolRunner(
            timeout=tool_timeout,
            answered=self._tool_answered,
            failed=self._tool_failed,
            injected=self.injected.of,
        )
        self._outcomes = Outcomes()
        self._asking, self._asking_in_functions = asyncio.Lock(), asyncio.Lock()
        self._ended: DuologueError | None = None
        self.input_progress: InputProgressSink = InputProgressSink()
        """What of the user's speech has not been told."""
        self.attach(self.input_progress)

    def __repr__(self) -> str:
        is_open = self._supervisor.connection is not None and self.core.is_open
        state = "over" if self._ended is not None else "open" if is_open else "not connected"
        session = self._supervisor.session_id or "none yet"
        return f"<Conversation with {self._supervisor.place}, {state}, session {session!r}>"

    # --- state

    @property
    def items(self) -> tuple[StoredItem, ...]:
        """The items so far, in order; a snapshot."""
        return self.core.store.items

    def transcript(self) -> ConversationTranscript:
        """What was said so far: role, text and item id of each message. `str` of it is one line for each."""
        return transcript_of(self.items)

    def to_json(self, *, audio: bool = False) -> dict[str, Any]:
        """Items and usage as JSON-ready data (docs/howto/transcripts.md). `audio` adds the speech that is kept."""
        kept = self.core.store.audio if audio else None
        return export_of(self.items, usage=self.usage, session=self.session, audio=kept)

    @property
    def usage(self) -> UsageSnapshot:
        """Tokens and audio so far."""
        return self.core.usage.snapshot()

    @property
    def session(self) -> AnySession | None:
        """The session as the server last reported it; None while there is no connection."""
        return self._supervisor.session

    @property
    def call_id(self) -> str | None:
        """The server's id of the call that this is, or that it has joined; None over a WebSocket of its own."""
        return self._supervisor.call_id

    # --- verbs

    async def send_text(self, text: str, *, role: str = "user") -> None:
        """Add a text message. The model answers it only after `respond`. Raises as `send` does."""
        await self.send(text_message(text, role=role))

    async def ask(self, text: str, *, timeout: float | None = None) -> Answer:
        """Send text, wait for the answer, return its text. Functions that the model calls belong to the answer.

        The text is an `Answer`: look at its `status` where a part of an answer must not pass as the whole. Of several
        `ask` at once, each is sent when the one before has its answer; responses that `respond` or the server's turn
        detection starts meanwhile are no part of it.

        Cancelling the wait leaves the response running; cancelled before its turn, it has sent nothing.

        Raises:
            RequestRejected: there was no response, it failed, or the connection was lost before its end.
            NotConnected: the connection is lost, and another one is being opened.
            ConnectionClosed: the conversation is over.
            TimeoutError: it is not done within `timeout` seconds; a response that has begun goes on.
        """
        # A function that asks is itself part of an answer, which waits for it.
        turn = self._asking_in_functions if self._tools.is_called_from_function else self._asking
        async with asyncio.timeout(timeout), turn, self.stream(RequestEnded, CallsAnswered, ConnectionLost) as notices:
            await self.send_text(text)
            answer = AnswerCollector(self.core, await self._respond())
            while not answer.is_complete:
                answer.add(await notices.receive())
            return answer.answer

    async def send_audio(
        self,
        audio: AudioInput,
        *,
        encoding: Encoding | None = None,
        rate_hz: int | None = None,
        channels: int | None = None,
    ) -> bool:
        """Append input audio: bytes, arrays of 16-bit integers or of floats, or a `Sound`.

        Without `rate_hz`, `encoding` or `channels` it is in the session's format. What differs is converted, as one
        stream over all calls, which ends at `commit`; a `Sound` is a stream of its own. Bytes are PCM16, unless
        `encoding` says otherwise; channels are interleaved, or the columns of an array, and are averaged.

        False while a lost connection is being restored: the audio is dropped, because a microphone cannot wait and late
        speech is of no use.

        Raises:
            TypeError: this is no audio; the message says what to pass.
            AudioError: audio that cannot be converted.
            MissingExtra: converting it needs the `audio` extra, which has numpy and soxr.
            LocalProtocolError: it ends in half a sample, or is too much for one event.
            ConnectionClosed: the conversation is over.
        """
        check_audio(audio)
        for piece, own_rate_hz in pieces(audio, piece_ms=APPEND_CLIP_MS):
            await self.drain()
            if not self.core.is_open:
                return False
            self._supervisor.check_can_speak()
            rate = own_rate_hz if own_rate_hz is not None else rate_hz
            self._act(partial(self.core.append, piece, encoding=encoding, rate_hz=rate, channels=channels))
        if isinstance(audio, Sound):
            await self.end_input_stream()
        return True

    async def end_input_stream(self) -> None:
        """The source of the audio ends here: send what its resampler still holds, some 15 ms. `commit` does it too."""
        await self.drain()
        self._act(self.core.end_input_stream)

    async def commit(self) -> None:
        """Make an item of the appended audio, where the application decides on turns.

        Raises:
            NotConnected: the connection is lost, and another one is being opened.
            LocalProtocolError: it is too short.
        """
        await self.send(InputAudioBufferCommitEvent())

    async def finish(self, *, timeout: float | None = FINISH_S) -> None:
        """Say that no more audio comes, and wait until what was said is transcribed; then close, or go on.

        What is sent depends on the server's dialect: the command for it, where there is one (`session.finish`,
        `session.close`), which ends the session; elsewhere the end of an utterance that is open.

        Raises:
            RequestRejected: the server rejects it, or ends the session before it has told everything.
            NotConnected: there is no connection now.
            ConnectionClosed: the conversation is over.
            TimeoutError: not everything is told within `timeout` seconds.
        """
        async with asyncio.timeout(timeout):
            await self.drain()
            await finish_input(self, self._supervisor.connection)

    async def respond(
        self,
        event: ResponseInput | None = None,
        *,
        policy: RequestPolicy = "wait",
        timeout: float | None = None,
    ) -> ResponseDoneEvent:
        """Have the model respond, and wait for the end of it. If another response runs, this one waits its turn.

        Settings of the response, and mappings, are taken in the place of the event. Cancelling the wait leaves the
        response running.

        Raises:
            RequestRejected: there was no response: rejected, superseded, or the connection was lost.
            NotConnected: the connection is lost, and another one is being opened.
            LocalProtocolError: the server would reject it, audio is appended and not committed, or the policy is
                "refuse" and another response runs.
            TimeoutError: it is not done within `timeout` seconds; it goes on.
        """
        async with asyncio.timeout(timeout):
            return response_of((await self._respond(to_response(event), policy)).resolution)

    async def _respond(self, event: ResponseCreateEvent | None = None, policy: RequestPolicy = "wait") -> RequestEnded:
        self._supervisor.check_can_respond()
        ended: asyncio.Future[RequestEnded] = asyncio.get_running_loop().create_future()

        def ask() -> str:
            request_id = self.core.respond(event, policy=policy, now=loop_time()).request_id
            self._outcomes.expect(request_id, ended)
            return request_id

        await self.drain()
        request_id = self._act(ask)
        try:
            return await ended
        finally:
            self._outcomes.forget(request_id)

    async def cancel(self) -> bool:
        """Stop the running response. False if there is none."""
        return self._act(lambda: self.core.cancel(now=loop_time()))

    async def interrupt(self) -> None:
        """Stop the response and the functions because the user speaks, and cut from the item what was not played."""

        def interrupt() -> None:
            self.core.interrupt(now=loop_time())
            self.core.cancel_tools(now=loop_time())

        self._act(interrupt)

    async def send(self, event: EventInput) -> None:
        """Send any client event, or a mapping of one.

        Raises:
            NotConnected: the connection is lost, and another one is being opened.
            LocalProtocolError: the server would reject it, or only servers send it.
            ConnectionClosed: the conversation is over.
        """
        checked = to_event(event)
        await self.drain()
        self._act(lambda: self.core.send(checked, now=loop_time()))

    async def update_session(self, config: SessionInput, *, timeout: float | None = None) -> None:
        """Change the session's configuration, and wait for the server's answer: absent fields stay, null switches off.

        While a lost connection is being restored, it is part of what the next session is sent. Some servers never
        answer: without a `timeout` they are waited for two seconds, once, and the log says so. Cancelling takes nothing
        back.

        Raises:
            RequestRejected: the server refused it, and nothing has changed.
            LocalProtocolError: the server would reject it.
            ConnectionClosed: the conversation is over.
            TimeoutError: there was no answer within `timeout` seconds.
            TypeError: this is no configuration.
        """
        session = to_session(config)
        async with asyncio.timeout(timeout):
            await self.drain()
            event_id = self._act(lambda: self.core.update_session(session))
            if event_id is not None and self._supervisor.acknowledges_updates:
                await self._outcomes.updates.wait(event_id, timeout=timeout)
                self._raise_if_ended()

    async def restored(self, *, timeout: float | None = None) -> None:
        """Wait until there is a connection: returns at once if it is not lost. Requests then work again.

        Raises:
            ConnectionClosed: the conversation is over: there was no other connection.
            TimeoutError: there was none within `timeout` seconds; the attempts go on.
        """
        async with asyncio.timeout(timeout), self.stream(SessionRestored) as notices:
            self._raise_if_ended()
            while not self.core.is_open:
                await notices.receive()

    def report_played(self, item_id: str, content_index: int = 0, *, n_bytes: int) -> None:
        """Report that the player has played `n_bytes` more of a part: an interruption cuts what was not played."""
        self.core.report_played(item_id, content_index, n_bytes=n_bytes)

    # --- sound

    def play(self, sink: AnySink, *, encoding: Encoding | None = None) -> Playback:
        """Play the model's speech on a sink: `async with conversation.play(Loudspeaker()):`, see `Playback`.

        It is dropped when the user interrupts, and what was heard of it is reported. `encoding` is that of a sink which
        is a function or has a method `write`; without it, that is the encoding of the session's output.
        """
        return Playback(self, sink if isinstance(sink, PullSink) else sink_of(sink, encoding=encoding))

    def listen(
        self,
        source: SourceLike,
        *,
        encoding: Encoding | None = None,
        rate_hz: int | None = None,
        channels: int | None = None,
    ) -> Listening:
        """Send what a source hears: `async with conversation.listen(Microphone()):`, or `await` it to its end.

        The keywords are those of `send_audio`, for an iterator or a function.
        """
        known = source_of(source, encoding=encoding, rate_hz=rate_hz, channels=channels)
        return Listening(self, known, encoding=lambda: self.core.checks.input_encoding)

    @property
    def function_threads(self) -> Mapping[threading.Thread, str]:
        """Threads in which sync functions run, with their names; includes those that were given up."""
        return self._tools.threads.copy()

    # --- between the core, the connection and the application

    async def start(self, config: AnySessionConfig | None = None) -> None:
        """Open the first connection, send the configuration, wait for the server's word on both. `converse` does this.

        Servers that say nothing are waited for two seconds at most, and those that greet without an answer to their
        configuration for two more.

        Raises:
            ConnectFailed: the connection could not be opened, or the server opened no session.
            RequestRejected: the server refused the configuration.
            LocalProtocolError: the server would reject it.
        """
        opening = self._outcomes.opening = SessionOpening(configures=config is not None)
        self._hold_notices()
        try:
            await self._supervisor.start()
            configure = partial(self._act, partial(self.core.update_session, config)) if config is not None else None
            if not await opening.settled(self._supervisor, configure):
                self._outcomes.updates.unanswered()
            self._supervisor.session_opened()
        except ConnectFailed as fault:
            raise fault.with_traceback(None) from None  # what the operating system and other libraries say is in it
        finally:
            self._outcomes.opening = None
            # After what the application does first with the conversation: a server may speak at once.
            asyncio.get_running_loop().call_soon(self._release_notices)

    async def close(self, *, at_once: bool = False) -> None:
        """End the conversation, and everything that runs for it, within some eight seconds; `converse` does this.

        Sends what is waiting, unless `at_once`. Closing twice is fine.
        """
        try:
            await self._tools.close()
        finally:
            try:
                await self._supervisor.close(at_once=at_once)
            finally:
                self._end(ConnectionClosedOK(1000))
                await self._close_callbacks(at_once=at_once)
        for part in (self._tools, self._supervisor, self.injected):
            part.forget()

    # --- the parts of `send_audio`, for callers on other threads

    @property
    def can_put_audio(self) -> bool:
        """Whether `put_audio` may be called. Safe on any thread."""
        return self.core.is_open and self._ended is None and self._supervisor.takes_audio

    def put_audio(self, audio: bytes) -> None:
        """Append checked input audio without waiting. Drops it if the connection is lost by now."""
        if self.core.is_open and self._ended is None:
            self.core.append(audio, send_now=self._supervisor.append_now)
            self._supervisor.wake()

    async def drain(self) -> None:
        """Wait until what was to be sent before is on its way. Raises what the conversation ended with."""
        self._raise_if_ended()
        await self._supervisor.drain()
        self._raise_if_ended()

    def _act(self, act: Callable[[], N]) -> N:
        """Use the core, then publish its new notices and have its new events sent."""
        try:
            return act()
        finally:
            self._flush()

    def _flush(self) -> None:
        try:
            self._publish_new()
        except Exception as fault:  # what it had to tell is lost, and its receivers would wait for ever
            self._supervisor.give_up(fault)
            raise
        self._supervisor.wake()

    def _publish_new(self, event: RealtimeEvent | None = None) -> None:
        """Publish an event that was read, and the notices that the core has by now."""
        if self._outcomes.opening is None:
            self._release_notices()
        if event is not None:
            self._publish(event)
            self._outcomes.received(event)
        for notice in self.core.take_notices():
            match notice:
                case RunTool(call=call) if self._ended is None:
                    self._tools.start(call)
                case StopTool(call_id=call_id):
                    self._tools.stop(call_id)
                case SessionRestored():
                    log_restored(self._supervisor.place)
                case IllegalTransition():
                    log_illegal_transition(notice)
                case _:
                    pass  # for the application only
            self._publish(notice)
            self._outcomes.add(notice)
        self._outcomes.log(now=loop_time())

    def _tool_answered(self, call_id: str, result: object) -> None:
        self._tool_ended(lambda: self.core.tool_answered(call_id, result, now=loop_time()))

    def _tool_failed(self, call_id: str, reason: str) -> None:
        self._tool_ended(lambda: self.core.tool_failed(call_id, reason, now=loop_time()))

    def _tool_ended(self, report: Callable[[], None]) -> None:
        try:
            self._act(report)
        except Exception as fault:  # the model, and who has asked it, would wait for ever for this call
            self._supervisor.give_up(fault)

    def _raise_if_ended(self) -> None:
        if self._ended is not None:
            raise anew(self._ended)

    def _end(self, fault: DuologueError) -> None:
        if self._ended is not None:
            return
        self._ended = fault
        try:
            self._outcomes.end(fault)
        finally:  # whatever fails there, streams must end
            self._end_notices(fault)
