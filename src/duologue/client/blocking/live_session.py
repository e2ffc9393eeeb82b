"""A Live session for threads: over its primary connection, and over a sideband."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, suppress
from functools import partial
from typing import Any, TypeVar

from duologue.audio.formats import Encoding
from duologue.audio.input_stream import AudioInput
from duologue.client.blocking.live_block import live_block
from duologue.client.blocking.live_hub import BlockingLiveHub
from duologue.client.blocking.loop_thread import SLOW_SERVER, LoopThread
from duologue.client.blocking.sound import BlockingListening, BlockingPlayback
from duologue.client.limits import TOOL_TIMEOUT_S
from duologue.client.live.config import LiveEventInput, LiveSessionInput, LiveUpdateInput
from duologue.client.live.control import APPEND_WORDS, LiveControl
from duologue.client.live.functions import Delegate
from duologue.client.live.session import Live, LiveSideband
from duologue.client.live.shell import DELEGATION_TIMEOUT_S
from duologue.client.messages import check_audio
from duologue.client.sound.loudspeaker import PullSink
from duologue.client.sound.playback import AnySink
from duologue.client.sound.sinks import AudioSink, InThread
from duologue.client.sound.sources import SourceLike, source_of
from duologue.errors import ConnectionClosedOK
from duologue.events.live import LiveServerEvent, LiveSession, LiveSessionUsage
from duologue.protocol.client.tools.injection import Injectable
from duologue.protocol.client.tools.toolbox import Toolbox, ToolInput
from duologue.protocol.live.client.core import LiveCore
from duologue.protocol.live.client.notices import DelegationStarted, SessionEnded
from duologue.protocol.live.client.options import LiveOptions
from duologue.protocol.live.client.transcript import LiveTranscript

__all__ = ["BlockingDelegation", "BlockingLive", "BlockingLiveControl", "BlockingLiveSideband"]

L = TypeVar("L", bound=LiveControl)
"""The session on its event loop."""

_NO_ANSWER = "the server has not answered"


class BlockingLiveControl(BlockingLiveHub[L], Injectable):
    """The common part of `BlockingLive` and `BlockingLiveSideband`. Any number of threads may use it.

    The session runs on an event loop in a thread of its own. A `timeout` bounds the whole call, in seconds; None: no
    limit. After the end of the session each method that sends raises `SessionLost`, or ConnectionClosedOK if it ended
    as agreed.
    """

    def __init__(self, session: L, loop: LoopThread[L]) -> None:
        super().__init__(session, loop)
        session.injected.add(self)
        session.sync_delegation = self._delegation

    def __repr__(self) -> str:
        return f"<Blocking{repr(self._conversation).removeprefix('<')}"

    def _delegation(self, notice: DelegationStarted) -> BlockingDelegation:
        return BlockingDelegation(notice, self)

    # --- state

    @property
    def core(self) -> LiveCore:
        """The state machine behind the session. It belongs to the loop's thread: do not use it before `close`."""
        return self._conversation.core

    @property
    def session(self) -> LiveSession | None:
        """The session as the server last sent it."""
        return self._conversation.session

    @property
    def usage(self) -> LiveSessionUsage | None:
        """What the session has cost since its start, as the server last said it; None before that."""
        return self._conversation.usage

    @property
    def outcome(self) -> SessionEnded | None:
        """How the session ended; None while it runs."""
        return self._conversation.outcome

    @property
    def is_working(self) -> bool:
        """Whether a function of the model, or `on_delegation`, runs."""
        return self._conversation.is_working

    def transcript(self) -> LiveTranscript:
        """What was said so far, as utterances. `str` of it is one line for each."""
        return self._loop.do(self._conversation.transcript)

    # --- what the voice model knows

    def append_instructions(self, text: str, *, timeout: float | None = None) -> str:
        """Add a rule that stays. Returns the command's id, for `answered`. Raises as `append_commentary` does."""
        return self._loop.call(partial(self._conversation.append_instructions, text), timeout, late=SLOW_SERVER)

    def append_thinking(self, text: str, *, delegation_id: str | None = None, timeout: float | None = None) -> str:
        """Add what the model should know and not say. Returns the command's id. Raises as `append_commentary` does."""
        append = partial(self._conversation.append_thinking, text, delegation_id=delegation_id)
        return self._loop.call(append, timeout, late=SLOW_SERVER)

    def append_commentary(self, text: str, *, delegation_id: str | None = None, timeout: float | None = None) -> str:
        """Add what the model may say, in its own words. Returns the command's id, for `answered`.

        With a `delegation_id` it answers that delegation. Servers take 500 tokens: for a text of more than 2,000
        characters the log warns, once.

        Raises:
            LocalProtocolError: a clip is being played, or the Responses model answers this delegation.
            SessionLost, ConnectionClosed: the session is over.
            TimeoutError: the server was too slow; nothing was sent.
        """
        append = partial(self._conversation.append_commentary, text, delegation_id=delegation_id)
        return self._loop.call(append, timeout, late=SLOW_SERVER)

    # --- commands

    def send(self, event: LiveEventInput, *, timeout: float | None = None) -> str:
        """Send any command, or a mapping of one. Returns its id, for `answered`.

        Raises:
            LocalProtocolError: a method of its own sends it, or only servers do.
            TypeError: this is neither an event of Live nor a mapping.
            SessionLost, ConnectionClosed: the session is over.
            TimeoutError: the server was too slow; nothing was sent.
        """
        return self._loop.call(partial(self._conversation.send, event), timeout, late=SLOW_SERVER)

    def answered(self, command_id: str, *, timeout: float | None = None) -> LiveServerEvent:
        """Wait for the answer to a command that was sent, and return it.

        An append is answered when the session's time has come to its place: a second later while audio is sent, and
        never without.

        Raises:
            RequestRejected: the server refused it, or has not answered within `LiveOptions.answer_within_s` or before
                the session ended.
            LocalProtocolError: nothing answers this command, or its answer came long ago.
            TimeoutError: there was no answer in time.
        """
        return self._loop.call(partial(self._conversation.answered, command_id), timeout, late=_NO_ANSWER)

    def update_session(self, update: LiveUpdateInput, *, timeout: float | None = None) -> None:
        """Change settings of the delegation, or the triggers, and wait for the answer. Send `delegation` in full:
        servers differ in what an absent setting means.

        Raises:
            RequestRejected: the server refused it, and nothing has changed; or the session ended before its answer.
            LocalProtocolError: a setting has a value that it does not allow.
            TypeError: this is no change of a session.
            TimeoutError: there was no answer in time.
            SessionLost, ConnectionClosed: the session is over.
        """
        self._loop.call(partial(self._conversation.update_session, update), timeout, late=_NO_ANSWER)

    def mute(self, *, timeout: float | None = None) -> None:
        """Have the model hear silence, and wait for the answer. Go on sending audio. Raises as `update_session`."""
        self._loop.call(self._conversation.mute, timeout, late=_NO_ANSWER)

    def unmute(self, *, timeout: float | None = None) -> None:
        """Have the model hear the user again, and wait for the answer. Raises as `update_session` does."""
        self._loop.call(self._conversation.unmute, timeout, late=_NO_ANSWER)

    def play_fixture(self, clip: AudioInput, *, rate_hz: int | None = None, timeout: float | None = None) -> bool:
        """Have the server play a clip in place of the model, and wait for its end. False if it was not played to it.

        Bytes are mono PCM16 at 24 kHz, in every session; what has another rate is converted. At most 30 s, and one
        clip at a time; what the user says meanwhile is dropped. Tell the model afterwards what was said, with
        `append_instructions`.

        Raises:
            LocalProtocolError: it is too long or empty, or another one is being played.
            RequestRejected: the server refused it.
            MissingExtra: converting it needs the `audio` extra.
            TimeoutError: it was not over in time; it goes on.
            SessionLost, ConnectionClosed: the session is over.
        """
        play = partial(self._conversation.play_fixture, clip, rate_hz=rate_hz)
        return self._loop.call(play, timeout, late="the clip is not over")

    def create_response(
        self, text: str | None = None, *, items: Iterable[Mapping[str, Any]] = (), timeout: float | None = None
    ) -> None:
        """Have the Responses model answer: `text` as the user's, and input items of the Responses API, come first.

        For a session whose delegation has the type `responses`. The voice says the answer; its events come as
        `ResponsesEvent`.

        Raises:
            LocalProtocolError: no Responses model belongs to this session.
            SessionLost, ConnectionClosed: the session is over.
            TimeoutError: the server was too slow.
        """
        create = partial(self._conversation.create_response, text, items=items)
        self._loop.call(create, timeout, late=SLOW_SERVER)

    def answer_function(self, call_id: str, output: str, *, timeout: float | None = None) -> None:
        """Answer a call of a function that is not among `tools`. When all calls have their outputs, the model goes on.

        Raises:
            SessionLost, ConnectionClosed: the session is over.
            TimeoutError: the server was too slow; nothing was sent.
        """
        answer = partial(self._conversation.answer_function, call_id, output)
        self._loop.call(answer, timeout, late=SLOW_SERVER)

    # --- sound

    def play(self, sink: AnySink, *, encoding: Encoding | None = None) -> BlockingPlayback:
        """Play the model's sound on a sink: `with live.play(Loudspeaker()):`, see `LivePlayback`.

        A function, or what has a method `write`, may block: it has a thread of its own. `encoding` is what it takes, by
        default the session's.
        """
        known = sink if isinstance(sink, PullSink | AudioSink) else InThread(sink, encoding=encoding)
        playback = self._conversation.play(known, encoding=None if isinstance(known, InThread) else encoding)
        return BlockingPlayback(playback, self._loop, failed=self._fail_thread)

    # --- the end

    def close(self, *, at_once: bool = False) -> SessionEnded:
        """End the session, and everything that runs for it. Returns how it ended.

        Asks the server for the end and waits for it, some 15 s at most; `finalised` says whether it came. `at_once`
        closes the connection without that. Closing twice is fine. A sideband only leaves the session, which goes on.

        Raises:
            RuntimeError: an async function of the session calls this.
        """
        try:
            if not at_once:
                with suppress(ConnectionClosedOK):  # the loop is over: it is closed
                    self._loop.call(self._conversation.close, is_cleanup=True)
            self._loop.close(at_once=at_once)
        finally:
            self._join_application_threads(self._conversation.function_threads)
        assert self.outcome is not None
        return self.outcome


class BlockingLive(BlockingLiveControl[Live]):
    """A Live session with the connection that carries its audio. Made by `duologue.blocking.live` and `fork_live`.

    Live is full duplex: sound goes in and comes out without a break, on one timeline in milliseconds that advances with
    the input alone. So send audio all the time, silence too; `listen` does. It reports with notices
    (`duologue.notices`), by iterating, `stream` or `on`. A session whose connection is lost is over: there is no
    resume, and the iteration raises `SessionLost`, which says how to go on.
    """

    def send_audio(
        self,
        audio: AudioInput,
        *,
        encoding: Encoding | None = None,
        rate_hz: int | None = None,
        channels: int | None = None,
        timeout: float | None = None,
    ) -> None:
        """Append input audio: bytes, arrays of 16-bit integers or of floats, or a `Sound`.

        Without `rate_hz`, `encoding` or `channels` it is in the session's format. What differs is converted, as one
        stream over all calls; a `Sound` is a stream of its own. Bytes are PCM16, unless `encoding` says otherwise;
        channels are interleaved, or the columns of an array, and are averaged.

        Sends at once: the caller paces. Audio that is ahead of real time waits at the server, and what is further ahead
        than that keeps is refused there; `listen` paces a file.

        Raises:
            TypeError: this is no audio; the message says what to pass.
            AudioError: audio that cannot be converted.
            MissingExtra: converting it needs the `audio` extra, which has numpy and soxr.
            LocalProtocolError: it ends in half a sample.
            SessionLost, ConnectionClosed: the session is over.
            TimeoutError: the server was too slow.
        """
        check_audio(audio, words=APPEND_WORDS)
        send = partial(self._conversation.send_audio, audio, encoding=encoding, rate_hz=rate_hz, channels=channels)
        self._loop.call(send, timeout, late=SLOW_SERVER)

    def end_input_stream(self, *, timeout: float | None = None) -> None:
        """The source of the audio ends here: send what its resampler still holds, some 15 ms."""
        self._loop.call(self._conversation.end_input_stream, timeout, late=SLOW_SERVER)

    def listen(
        self,
        source: SourceLike,
        *,
        encoding: Encoding | None = None,
        rate_hz: int | None = None,
        channels: int | None = None,
    ) -> BlockingListening:
        """Send what a source hears: `with live.listen(Microphone()):`, or `wait()` to send it to its end.

        A file is sent in real time. An iterator, or a function, may block: it has a thread of its own. The keywords,
        which are those of `send_audio`, say what its audio is.
        """
        known = source_of(source, encoding=encoding, rate_hz=rate_hz, channels=channels, in_thread=True)
        return BlockingListening(self._conversation.listen(known), self._loop, failed=self._fail_thread)

    # --- other connections

    def sideband(self, *, graceful_close: bool = False) -> AbstractContextManager[BlockingLiveSideband]:
        """A second connection to this session, for a `with` block: see `duologue.blocking.attach_live`."""
        make = partial(self._conversation.sideband, graceful_close=graceful_close)
        return live_block(make, BlockingLiveSideband)

    def fork(
        self,
        session: LiveSessionInput | None = None,
        *,
        tools: Toolbox | Iterable[ToolInput] = (),
        tool_timeout: float = TOOL_TIMEOUT_S,
        on_delegation: Delegate | None = None,
        delegation_timeout: float = DELEGATION_TIMEOUT_S,
        options: LiveOptions | None = None,
    ) -> AbstractContextManager[BlockingLive]:
        """Another session that goes on where this one is or was, for a `with` block: see `blocking.fork_live`.

        This one must have been started with `store`. Also after it has ended, or was lost.
        """
        make = partial(
            self._conversation.fork,
            session,
            tools=tools,
            tool_timeout=tool_timeout,
            on_delegation=on_delegation,
            delegation_timeout=delegation_timeout,
            options=options,
        )
        return live_block(make, BlockingLive)


class BlockingLiveSideband(BlockingLiveControl[LiveSideband]):
    """A second connection to a session whose audio runs over WebRTC, a telephone line or another WebSocket.

    Made by `duologue.blocking.attach_live`. It sees what the primary connection sees, gets a copy of both directions of
    the sound as 24 kHz PCM (`InputAudioCopy`, `LiveAudioPiece`), and may do all but send audio. Leaving it leaves the
    session running.
    """

    def end_session(self, *, timeout: float | None = None) -> SessionEnded:
        """End the session itself, for all of its connections. Returns how it ended; some 15 s at most."""
        return self._loop.call(self._conversation.end_session, timeout, late="the session is not over")


class BlockingDelegation:
    """A piece of work that the model handed to this program: what a sync `on_delegation` of a blocking session gets.

    It has no text of its own: what to do is known from the transcript. Any number of `say` and `think` answer it, also
    after the function has returned.
    """

    __slots__ = ("id", "live", "offset_ms")

    def __init__(self, notice: DelegationStarted, live: BlockingLiveControl[Any]) -> None:
        self.id: str = notice.delegation.id
        self.offset_ms: int = notice.offset_ms
        """Where in the session's time the work was handed over; it may be past."""
        self.live: BlockingLiveControl[Any] = live
        """The session."""

    def __repr__(self) -> str:
        return f"BlockingDelegation({self.id!r})"

    def transcript(self) -> LiveTranscript:
        """What was said so far; its last utterances say what to do."""
        return self.live.transcript()

    def say(self, text: str, *, timeout: float | None = None) -> str:
        """Answer with what the model may say, in its own words. Raises as `append_commentary` does."""
        return self.live.append_commentary(text, delegation_id=self.id, timeout=timeout)

    def think(self, text: str, *, timeout: float | None = None) -> str:
        """Answer with what the model should know and not say, such as progress. Raises as `append_thinking` does."""
        return self.live.append_thinking(text, delegation_id=self.id, timeout=timeout)
