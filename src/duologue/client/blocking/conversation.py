"""A conversation for threads, over as many connections as it takes: text, audio, responses, notices, function calls."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from duologue.audio.formats import Encoding
from duologue.audio.input_stream import AudioInput
from duologue.client.answers import Answer
from duologue.client.asyncio.conversation import Conversation
from duologue.client.blocking.loop_thread import SLOW_SERVER, LoopThread
from duologue.client.blocking.notice_hub import BlockingNoticeHub
from duologue.client.blocking.sound import BlockingListening, BlockingPlayback
from duologue.client.limits import FINISH_S
from duologue.client.mappings import EventInput, ResponseInput, SessionInput
from duologue.client.messages import check_audio
from duologue.client.sound.loudspeaker import PullSink
from duologue.client.sound.playback import AnySink
from duologue.client.sound.sinks import AudioSink, InThread
from duologue.client.sound.sources import SourceLike, source_of
from duologue.events import AnySession, ResponseDoneEvent
from duologue.protocol.client.core import ConversationCore
from duologue.protocol.client.history.item_builder import StoredItem
from duologue.protocol.client.history.transcript import ConversationTranscript
from duologue.protocol.client.responses.requests import RequestPolicy
from duologue.protocol.client.tools.injection import Injectable
from duologue.protocol.client.usage import UsageSnapshot

__all__ = ["BlockingConversation"]

N = TypeVar("N")


class BlockingConversation(BlockingNoticeHub, Injectable):
    """A conversation with a realtime server. Made by `duologue.blocking.converse`.

    A `Conversation` runs on an event loop in a thread of its own; any number of threads may use this object. It reports
    with notices (`duologue.notices`), through `stream` or `on`. After a lost connection it opens another one and
    restores configuration and items there; requests under way fail at once.

    A `timeout` bounds the whole call, in seconds; None: no limit. After TimeoutError or KeyboardInterrupt nothing is
    sent, except that `ask` and `respond` have sent their request already, and it goes on.
    """

    def __init__(self, conversation: Conversation, loop: LoopThread[Conversation]) -> None:
        super().__init__(conversation, loop)
        conversation.injected.add(self)

    def __repr__(self) -> str:
        return f"<Blocking{repr(self._conversation).removeprefix('<')}"

    # --- state

    @property
    def core(self) -> ConversationCore:
        """The state machine behind the conversation. It belongs to the loop's thread: do not use it before `close`."""
        return self._conversation.core

    @property
    def items(self) -> tuple[StoredItem, ...]:
        """The items so far, in order; a snapshot."""
        return self._loop.do(lambda: self._conversation.items)

    def transcript(self) -> ConversationTranscript:
        """What was said so far: role, text and item id of each message. `str` of it is one line for each."""
        return self._loop.do(self._conversation.transcript)

    def to_json(self, *, audio: bool = False) -> dict[str, Any]:
        """Items and usage as JSON-ready data (docs/howto/transcripts.md). `audio` adds the speech that is kept."""
        return self._loop.do(partial(self._conversation.to_json, audio=audio))

    @property
    def usage(self) -> UsageSnapshot:
        """Tokens and audio so far."""
        return self._loop.do(lambda: self._conversation.usage)

    @property
    def call_id(self) -> str | None:
        """The server's id of the call that this is, or that it has joined; None over a WebSocket of its own."""
        return self._conversation.call_id

    @property
    def session(self) -> AnySession | None:
        """The session as the server last reported it; None while there is no connection."""
        return self._conversation.session

    # --- verbs

    def send_text(self, text: str, *, role: str = "user", timeout: float | None = None) -> None:
        """Add a text message. The model answers it only after `respond`. Raises as `send` does."""
        self._send(partial(self._conversation.send_text, text, role=role), timeout)

    def ask(self, text: str, *, timeout: float | None = None) -> Answer:
        """Send text, wait for the answer, return its text. Functions that the model calls belong to the answer.

        The text is an `Answer`: look at its `status` where a part of an answer must not pass as the whole. Of several
        `ask` at once, each is sent when the one before has its answer; responses that `respond` or the server's turn
        detection starts meanwhile are no part of it.

        Raises:
            RequestRejected: there was no response, it failed, or the connection was lost before its end.
            NotConnected: the connection is lost, and another one is being opened.
            ConnectionClosed: the conversation is over.
            TimeoutError: it is not done in time; a response that has begun goes on.
        """
        return self._loop.call(partial(self._conversation.ask, text), timeout, late="the answer is not complete")

    def send_audio(
        self,
        audio: AudioInput,
        *,
        encoding: Encoding | None = None,
        rate_hz: int | None = None,
        channels: int | None = None,
        timeout: float | None = None,
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
            TimeoutError: the server was too slow.
        """
        check_audio(audio)
        conversation, checks = self._conversation, self._conversation.core.checks
        is_ready = checks.takes_as_it_is(audio, encoding=encoding, rate_hz=rate_hz, channels=channels)
        if is_ready and isinstance(audio, bytes) and conversation.can_put_audio:
            # Only without a free slot does the caller wait for the loop: with one, queueing cannot fail.
            checks.check_audio(len(audio))
            if self._loop.hand_over(partial(conversation.put_audio, audio)):
                return True
        send = partial(conversation.send_audio, audio, encoding=encoding, rate_hz=rate_hz, channels=channels)
        return self._send(send, timeout)

    def end_input_stream(self, *, timeout: float | None = None) -> None:
        """The source of the audio ends here: send what its resampler still holds, some 15 ms. `commit` does it too."""
        self._send(self._conversation.end_input_stream, timeout)

    def commit(self, *, timeout: float | None = None) -> None:
        """Make an item of the appended audio, where the application decides on turns. Raises as `send` does."""
        self._send(self._conversation.commit, timeout)

    def finish(self, *, timeout: float | None = FINISH_S) -> None:
        """Say that no more audio comes, and wait until what was said is transcribed; then close, or go on.

        What is sent depends on the server's dialect: the command for it, where there is one (`session.finish`,
        `session.close`), which ends the session; elsewhere the end of an utterance that is open.

        Raises:
            RequestRejected: the server rejects it, or ends the session before it has told everything.
            NotConnected: there is no connection now.
            ConnectionClosed: the conversation is over.
            TimeoutError: not everything is told in time.
        """
        self._loop.call(partial(self._conversation.finish, timeout=None), timeout, late="not everything is told")

    def respond(
        self,
        event: ResponseInput | None = None,
        *,
        policy: RequestPolicy = "wait",
        timeout: float | None = None,
    ) -> ResponseDoneEvent:
        """Have the model respond, and wait for the end of it. If another response runs, this one waits its turn.

        Settings of the response, and mappings, are taken in the place of the event.

        Raises:
            RequestRejected: there was no response: rejected, superseded, or the connection was lost.
            NotConnected: the connection is lost, and another one is being opened.
            LocalProtocolError: the server would reject it, audio is appended and not committed, or the policy is
                "refuse" and another response runs.
            ConnectionClosed: the conversation is over.
            TimeoutError: it is not done in time; it goes on.
        """
        respond = partial(self._conversation.respond, event, policy=policy)
        return self._loop.call(respond, timeout, late="the response is not done")

    def cancel(self) -> bool:
        """Stop the running response. False if there is none."""
        return self._loop.call(self._conversation.cancel)

    def interrupt(self) -> None:
        """Stop the response and the functions because the user speaks, and cut from the item what was not played."""
        self._loop.call(self._conversation.interrupt)

    def send(self, event: EventInput, *, timeout: float | None = None) -> None:
        """Send any client event, or a mapping of one; waits while the server is slow.

        Raises:
            NotConnected: the connection is lost, and another one is being opened.
            LocalProtocolError: the server would reject it, or only servers send it.
            ConnectionClosed: the conversation is over.
            TimeoutError: the server was too slow.
        """
        self._send(partial(self._conversation.send, event), timeout)

    def update_session(self, config: SessionInput, *, timeout: float | None = None) -> None:
        """Change the session's configuration, and wait for the server's answer: absent fields stay, null switches off.

        While a lost connection is being restored, it is part of what the next session is sent. Some servers never
        answer: without a `timeout` they are waited for two seconds, once, and the log says so.

        Raises:
            RequestRejected: the server refused it, and nothing has changed.
            LocalProtocolError: the server would reject it.
            ConnectionClosed: the conversation is over.
            TimeoutError: there was no answer in time.
            TypeError: this is no configuration.
        """
        self._loop.call(partial(self._conversation.update_session, config, timeout=timeout))

    def restored(self, *, timeout: float | None = None) -> None:
        """Wait until there is a connection: returns at once if it is not lost. Requests then work again.

        Raises:
            ConnectionClosed: the conversation is over: there was no other connection.
            TimeoutError: there was none in time; the attempts go on.
        """
        self._loop.call(self._conversation.restored, timeout, late="there is no connection")

    def mark(self, text: str) -> None:
        """Note this moment, in the application's words, in the recording that `converse(record=…)` writes, if any."""
        self._loop.do(partial(self._conversation.mark, text))

    def report_played(self, item_id: str, content_index: int = 0, *, n_bytes: int) -> None:
        """Report that the player has played `n_bytes` more of a part: an interruption cuts what was not played."""
        self._loop.do(partial(self._conversation.report_played, item_id, content_index, n_bytes=n_bytes))

    # --- sound

    def play(self, sink: AnySink, *, encoding: Encoding | None = None) -> BlockingPlayback:
        """Play the model's speech on a sink: `with conversation.play(Loudspeaker()):`, see `BlockingPlayback`.

        It is dropped when the user interrupts, and what was heard of it is reported. A function, or what has a method
        `write`, may block: it has a thread of its own. `encoding` is what it takes, by default the session's output.
        """
        known = sink if isinstance(sink, PullSink | AudioSink) else InThread(sink, encoding=encoding)
        playback = self._conversation.play(known, encoding=None if isinstance(known, InThread) else encoding)
        return BlockingPlayback(playback, self._loop, failed=self._fail_thread)

    def listen(
        self,
        source: SourceLike,
        *,
        encoding: Encoding | None = None,
        rate_hz: int | None = None,
        channels: int | None = None,
    ) -> BlockingListening:
        """Send what a source hears: `with conversation.listen(Microphone()):`, or `wait()` to send it to its end.

        An iterator, or a function, may block: it has a thread of its own. The keywords, which are those of
        `send_audio`, say what its audio is.
        """
        known = source_of(source, encoding=encoding, rate_hz=rate_hz, channels=channels, in_thread=True)
        return BlockingListening(self._conversation.listen(known), self._loop, failed=self._fail_thread)

    # --- the end

    def close(self, *, at_once: bool = False) -> None:
        """End the conversation, and everything that runs for it. `converse` does this at the end of its block.

        Sends what is waiting, unless `at_once`. Takes some nine seconds at most. Sync functions and callbacks that do
        not return go on, and are logged. Closing twice is fine.

        Raises:
            RuntimeError: an async function of the conversation calls this.
        """
        try:
            self._loop.close(at_once=at_once)
        finally:
            self._join_application_threads(self._conversation.function_threads)

    def _send(self, send: Callable[[], Coroutine[Any, Any, N]], timeout: float | None) -> N:
        return self._loop.call(send, timeout, late=SLOW_SERVER)
