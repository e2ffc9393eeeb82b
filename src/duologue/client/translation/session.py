"""A translation session on one connection: speech in one language out, speech in another in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Final, TypeVar

from msgspec import UNSET, UnsetType

from duologue.audio.formats import PCM, Encoding
from duologue.audio.input_stream import AudioInput, InputStream, pieces
from duologue.audio.wav import Sound
from duologue.client.asyncio.family_runner import FamilyRunner
from duologue.client.limits import APPEND_CLIP_MS
from duologue.client.logs.error_log import ErrorLog
from duologue.client.messages import check_audio, new_id
from duologue.client.refusals import close_refusal, config_refusal, session_refusal
from duologue.client.sound.listening import Listening
from duologue.client.sound.loudspeaker import PullSink
from duologue.client.sound.playback import AnySink
from duologue.client.sound.sinks import sink_of
from duologue.client.sound.sources import SourceLike, source_of
from duologue.client.translation.notice_hub import TranslationNoticeHub
from duologue.client.translation.opening import OpenTranslation, TranslationConnection
from duologue.client.translation.playback import TranslationPlayback
from duologue.client.translation.settings import TranslationConfigInput, translation_config
from duologue.clock import loop_time
from duologue.errors import (
    ConnectFailed,
    ConnectionClosedError,
    ConnectionClosedOK,
    DuologueError,
    RequestRejected,
)
from duologue.events import (
    AnyTranslationClientEvent,
    AnyTranslationEvent,
    ErrorEvent,
    TranslationErrorEvent,
    TranslationSession,
    TranslationSessionUpdate,
)
from duologue.printable import printable
from duologue.protocol.translation.client.core import TranslationCore, TranslationState
from duologue.protocol.translation.client.notices import (
    TranslationEnded,
    TranslationErrorReported,
    TranslationNotice,
    TranslationSessionChanged,
    TranslationUpdateEnded,
)
from duologue.tracebacks import anew

__all__ = ["UPDATE_S", "SpeechTranslation"]

_logger = logging.getLogger("duologue.client")

_GREETING_S: Final = 10.0
"""How long to wait for `session.created`, which the server sends at once."""

UPDATE_S: Final = 10.0
"""How long to wait for the answer to an update, where the caller sets no limit."""

T = TypeVar("T")


class SpeechTranslation(TranslationNoticeHub):
    """A translation session. Made by `duologue.translate`.

    Speech goes in as it is spoken, silence included; its translation comes as speech and text while the speaker goes
    on. There are no turns. It reports with notices (`duologue.notices`), by iterating, `stream` or `on`. A session
    whose connection is lost is over, and cannot be resumed.
    """

    def __init__(self, open_translation: OpenTranslation, *, clock: Callable[[], float] = loop_time) -> None:
        super().__init__()
        self.core: TranslationCore = TranslationCore(new_id=new_id)
        self.outcome: TranslationEnded | None = None
        """How it ended; None while it runs."""
        self._open_translation = open_translation
        self._now = clock
        self._runner = FamilyRunner[AnyTranslationEvent, AnyTranslationClientEvent](
            self.core, publish=self._publish_new, now=clock
        )
        self._input = InputStream()
        self._answers: dict[str, asyncio.Future[TranslationUpdateEnded]] = {}
        self._connection: TranslationConnection | None = None
        self._stack = AsyncExitStack()
        self._begun, self._over = asyncio.Event(), asyncio.Event()
        self._refused: TranslationErrorEvent | None = None
        self._errors = ErrorLog()
        self._ended: DuologueError | None = None
        self._shutting = asyncio.Lock()
        self._is_leaving = self._is_finishing = False

    def __repr__(self) -> str:
        name = self.session.id if self.session is not None else "none yet"
        return f"<{type(self).__name__}, {self.core.state.value}, session {name!r}>"

    @property
    def session(self) -> TranslationSession | None:
        """The session as the server last sent it."""
        return self.core.session

    # --- verbs

    async def send_audio(
        self,
        audio: AudioInput,
        *,
        encoding: Encoding | None = None,
        rate_hz: int | None = None,
        channels: int | None = None,
    ) -> None:
        """Append source speech: bytes, arrays of 16-bit integers or of floats, or a `Sound`.

        Without `rate_hz`, `encoding` or `channels` it is PCM16 at 24 kHz. What differs is converted, as one stream over
        all calls; a `Sound` is a stream of its own. Channels are interleaved, or the columns of an array, and are
        averaged. Sends at once: the caller paces; `listen` paces a file.

        Raises:
            TypeError: this is no audio; the message says what to pass.
            AudioError: audio that cannot be converted.
            MissingExtra: converting it needs the `audio` extra, which has numpy and soxr.
            LocalProtocolError: it ends in half a sample, or the session is being closed.
            ConnectionClosed: the session is over.
        """
        check_audio(audio, words="")
        for piece, own_rate_hz in pieces(audio, piece_ms=APPEND_CLIP_MS):
            await self.drain()
            rate = own_rate_hz if own_rate_hz is not None else rate_hz
            await self._append(self._input.push(piece, PCM, encoding=encoding, rate_hz=rate, channels=channels))
        if isinstance(audio, Sound):
            await self.end_input_stream()

    async def end_input_stream(self) -> None:
        """The source of the audio ends here: send what its resampler still holds, some 15 ms."""
        await self._append(self._input.flush())

    async def update_session(
        self,
        session: TranslationConfigInput | None = None,
        *,
        language: str | None = None,
        transcription: str | UnsetType | None = UNSET,
        noise_reduction: str | UnsetType | None = UNSET,
        timeout: float | None = UPDATE_S,
    ) -> TranslationSession:
        """Change the language, the source transcript or the noise reduction; returns the session as it is then.

        The keywords are those of `duologue.translate`: None switches a setting off, and what is not given stays.

        Raises:
            RequestRejected: the server refused it, and nothing has changed.
            LocalProtocolError: there is nothing to change, or it is no configuration.
            ConnectionClosed: the session is over.
            TimeoutError: there was no answer within `timeout` seconds.
        """
        config = translation_config(
            session, language=language, transcription=transcription, noise_reduction=noise_reduction
        )
        async with asyncio.timeout(timeout):
            await self.drain()
            return await self._update(config if config is not None else TranslationSessionUpdate())

    async def finish(self, *, timeout: float | None = None) -> TranslationEnded:
        """Say that no more audio comes, take the rest of the translation, and end the session. Returns how it ended.

        Waits while the server goes on translating, and 15 seconds for one that says nothing more. `finalised` tells
        whether the server has said that this was all. Finishing twice is fine.

        Raises:
            TimeoutError: it is not done within `timeout` seconds; it goes on.
        """
        async with asyncio.timeout(timeout):
            if self.outcome is None:
                self._is_finishing = True
                if self.core.state is TranslationState.OPEN:
                    await self.end_input_stream()
                self._act(lambda: self.core.close(now=self._now()))
                await self._over.wait()
        assert self.outcome is not None, "an end has an outcome"
        if not self.outcome.finalised:
            _logger.warning("the translation was not finalised: %s", printable(self.outcome.reason))
        return self.outcome

    async def drain(self) -> None:
        """Wait until what was to be sent before is on its way. Raises what the session ended with."""
        self._raise_if_ended()
        await self._runner.drain()
        self._raise_if_ended()

    # --- sound

    def listen(
        self,
        source: SourceLike,
        *,
        encoding: Encoding | None = None,
        rate_hz: int | None = None,
        channels: int | None = None,
    ) -> Listening:
        """Send what a source hears: `async with translation.listen(Microphone()):`, or `await` it to its end.

        A file is sent in real time. The keywords are those of `send_audio`, for an iterator or a function.
        """
        known = source_of(source, encoding=encoding, rate_hz=rate_hz, channels=channels)
        return Listening(self, known, encoding=lambda: PCM, name="translation.listen(…)")

    def play(self, sink: AnySink, *, encoding: Encoding | None = None) -> TranslationPlayback:
        """Play the translated speech on a sink: `async with translation.play(Loudspeaker()):`.

        A function that may be called from any thread, and what has a method `write`, is a sink too. `encoding` is what
        it takes, by default the session's, PCM16 at 24 kHz.
        """
        return TranslationPlayback(self, sink if isinstance(sink, PullSink) else sink_of(sink, encoding=encoding))

    # --- the begin and the end

    async def start(self, config: TranslationSessionUpdate | None) -> None:
        """Open the connection, wait for the greeting, and configure the session. `duologue.translate` does this.

        Raises:
            ConnectFailed: the connection could not be opened, or the server opens no session.
            RequestRejected: the server refused the configuration.
        """
        self._hold_notices()
        try:
            self._connection = await self._stack.enter_async_context(self._open_translation())
            self._runner.start(self._connection)
            try:
                async with asyncio.timeout(_GREETING_S):
                    await self._begun.wait()
            except TimeoutError:
                raise ConnectFailed(
                    f"the server has not greeted within {_GREETING_S:g} s: is this the path of its translations?",
                    retryable=True,
                ) from None
            if self.session is None:
                raise self._opening_failure()
            if config is not None:
                try:
                    async with asyncio.timeout(UPDATE_S):
                        await self._update(config)
                except TimeoutError:
                    told = f"the server has not answered the session's configuration within {UPDATE_S:g} s"
                    raise ConnectFailed(told, retryable=True) from None
                except ConnectionClosedError:
                    raise self._opening_failure(greeted=True) from None
        finally:
            # After what the application does first with the session: a server may speak at once.
            asyncio.get_running_loop().call_soon(self._release_notices)

    async def close(self, *, at_once: bool = False) -> TranslationEnded:
        """End the session, and everything that runs for it. Returns how it ended; closing twice is fine.

        Takes the rest of the translation first, as `finish` does, unless `at_once`.
        """
        self._is_leaving = True
        try:
            if not at_once and self.session is not None:
                await self.finish()
        finally:
            await self._shut(at_once=at_once)
        assert self.outcome is not None
        return self.outcome

    async def _shut(self, *, at_once: bool) -> None:
        async with self._shutting:
            try:
                await self._runner.stop()
            finally:
                try:
                    await self._stack.aclose()
                finally:
                    self.core.lost("this side has left it", now=self._now())
                    self._publish_new(None)
                    await self._close_callbacks(at_once=at_once)
            self._runner.forget()

    # --- between the core, the connection and the application

    async def _append(self, audio: bytes) -> None:
        size = PCM.bytes_for_ms(APPEND_CLIP_MS)
        for start in range(0, len(audio), size):
            await self.drain()
            piece = audio[start : start + size]
            self._act(lambda piece=piece: self.core.append(piece))  # type: ignore[misc]

    async def _update(self, config: TranslationSessionUpdate) -> TranslationSession:
        answered: asyncio.Future[TranslationUpdateEnded] = asyncio.get_running_loop().create_future()
        event_id = ""
        try:
            event_id = self.core.update(config)
            self._answers[event_id] = answered
            self._act(lambda: None)
            ended = await answered
        finally:
            self._answers.pop(event_id, None)
        if ended.error is not None:
            raise config_refusal(_as_error_event(ended.error))
        if ended.reason or self.session is None:
            self._raise_if_ended()
            raise RequestRejected(f"the update was not answered: {ended.reason}")
        return self.session

    def _act(self, act: Callable[[], T]) -> T:
        """Use the core, then publish its new notices and have its new events sent."""
        try:
            return act()
        finally:
            self._publish_new(None)
            self._runner.wake()

    def _publish_new(self, event: AnyTranslationEvent | None) -> None:
        """Publish an event that was read, and the notices that the core has by now."""
        if event is not None:
            self._publish(event)
        for notice in self.core.take_notices():
            self._publish(notice)
            self._follow(notice)

    def _follow(self, notice: TranslationNotice) -> None:
        match notice:
            case TranslationSessionChanged(session=session):
                if self._connection is not None:
                    self._connection.session_began(session.id)
                self._begun.set()
            case TranslationErrorReported(event=error) if self.session is None:
                # Before the greeting an error is the answer to the connection.
                self._refused = error
                self._begun.set()
            case TranslationErrorReported(event=error):
                self._errors.write(error.error, command=None, keeps_names=True, is_benign=False, now=self._now())
            case TranslationUpdateEnded(event_id=event_id) if event_id in self._answers:
                answered = self._answers.pop(event_id)
                if not answered.done():
                    answered.set_result(notice)
            case TranslationEnded():
                self.outcome = notice
                self._begun.set()
                self._end_with(self._fault_of(notice))
            case _:
                pass  # for the application only

    def _fault_of(self, ended: TranslationEnded) -> DuologueError:
        if ended.finalised or self._is_leaving or (self._is_finishing and not self._runner.has_failed):
            return ConnectionClosedOK(1000, ended.reason)
        code = self._runner.close_code
        told = _as_error_event(ended.error) if ended.error is not None else None
        return ConnectionClosedError(
            code, f"the translation is lost, and cannot be resumed: {ended.reason}", error=told
        )

    def _opening_failure(self, *, greeted: bool = False) -> ConnectFailed:
        error = self._refused or (self.outcome.error if self.outcome is not None else None)
        if error is not None:
            told = _as_error_event(error)
            refusal = session_refusal(told, greeted=greeted)
            return refusal or ConnectFailed(
                f"the server opens no session: {told.error.message}", retryable=False, error=told
            )
        if self._runner.closed is not None:
            return close_refusal(self._runner.closed, greeted=greeted)
        reason = self.outcome.reason if self.outcome is not None else "the server said nothing"
        return ConnectFailed(f"no translation session was opened: {reason}", retryable=True)

    def _raise_if_ended(self) -> None:
        if self._ended is not None:
            raise anew(self._ended)

    def _end_with(self, fault: DuologueError) -> None:
        if self._ended is None:
            self._ended = fault
            self._over.set()
            self._end_notices(fault)


def _as_error_event(event: TranslationErrorEvent) -> ErrorEvent:
    """The same error in the class that exceptions hold; the object in it is the same one."""
    return ErrorEvent(event_id=event.event_id, error=event.error)
