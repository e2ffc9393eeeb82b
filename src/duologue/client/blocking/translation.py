"""A translation for threads: the asyncio one, on an event loop in a thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, overload

from msgspec import UNSET, UnsetType

from duologue.audio.formats import Encoding
from duologue.audio.input_stream import AudioInput
from duologue.client.auth import Auth
from duologue.client.blocking.live_block import live_block
from duologue.client.blocking.loop_thread import SLOW_SERVER
from duologue.client.blocking.notice_delivery import BlockingNoticeDelivery
from duologue.client.blocking.sound import BlockingListening, BlockingPlayback
from duologue.client.blocking.streams import BlockingNoticeStream
from duologue.client.dialect_detection import AUTO
from duologue.client.endpoint import Endpoint
from duologue.client.kinds import Kind
from duologue.client.messages import check_audio
from duologue.client.sound.loudspeaker import PullSink
from duologue.client.sound.playback import AnySink
from duologue.client.sound.sinks import AudioSink, InThread
from duologue.client.sound.sources import SourceLike, source_of
from duologue.client.translation.client_secrets import ask_translation_secret as translation_secret
from duologue.client.translation.kinds import TranslationKindFilter
from duologue.client.translation.session import UPDATE_S, SpeechTranslation
from duologue.client.translation.settings import TranslationConfigInput
from duologue.client.translation.translate import translate as translate_on_loop
from duologue.events import TranslationSession
from duologue.protocol.translation.client.core import TranslationCore
from duologue.protocol.translation.client.notices import (
    TranslatedAudio,
    TranslationEnded,
    TranslationLine,
    TranslationNotice,
)
from duologue.transports import Transport
from duologue.transports.socket_options import (
    ENVIRONMENT,
    MAX_MESSAGE_BYTES,
    OPEN_TIMEOUT_S,
    PING_INTERVAL_S,
    PING_TIMEOUT_S,
)

if TYPE_CHECKING:
    from ssl import SSLContext

__all__ = ["BlockingSpeechTranslation", "translate", "translation_secret"]

N = TypeVar("N")
N2 = TypeVar("N2")
N3 = TypeVar("N3")


class BlockingSpeechTranslation(BlockingNoticeDelivery[SpeechTranslation]):
    """A translation session. Made by `duologue.blocking.translate`; any number of threads may use it.

    Speech goes in as it is spoken, silence included; its translation comes as speech and text while the speaker goes
    on. It reports with notices (`duologue.notices`), by iterating, `stream` or `on`. A `timeout` bounds the whole call,
    in seconds; None: no limit.
    """

    def __repr__(self) -> str:
        return f"<Blocking{repr(self._conversation).removeprefix('<')}"

    # --- state

    @property
    def core(self) -> TranslationCore:
        """The state machine behind the session. It belongs to the loop's thread: do not use it before `close`."""
        return self._conversation.core

    @property
    def session(self) -> TranslationSession | None:
        """The session as the server last sent it."""
        return self._conversation.session

    @property
    def outcome(self) -> TranslationEnded | None:
        """How it ended; None while it runs."""
        return self._conversation.outcome

    # --- notices

    @overload
    def stream(
        self, kind: type[N], /, *, timeout: float | None = None
    ) -> AbstractContextManager[BlockingNoticeStream[N]]: ...

    @overload
    def stream(
        self, kind: type[N], kind_2: type[N2], /, *, timeout: float | None = None
    ) -> AbstractContextManager[BlockingNoticeStream[N | N2]]: ...

    @overload
    def stream(
        self, kind: type[N], kind_2: type[N2], kind_3: type[N3], /, *, timeout: float | None = None
    ) -> AbstractContextManager[BlockingNoticeStream[N | N2 | N3]]: ...

    @overload
    def stream(
        self, *kinds: Kind, timeout: float | None = None
    ) -> AbstractContextManager[BlockingNoticeStream[Any]]: ...

    def stream(self, *kinds: Kind, timeout: float | None = None) -> AbstractContextManager[BlockingNoticeStream[Any]]:
        """Notices of these kinds, from the beginning of the block to the end of it or of the translation.

        A kind is a class of `duologue.notices` or of the server's events, or the wire name of such an event. Events
        come as they are, each before the notices that it causes. Iterating waits for each of them, and raises
        TimeoutError when none comes within `timeout`.

        Raises:
            TypeError: a kind is none of these, or there is none.
            ValueError: no event of a translation server has this wire name.
        """
        return self._streaming(BlockingNoticeStream(TranslationKindFilter(kinds), timeout=timeout))

    def __iter__(self) -> Iterator[TranslationNotice]:
        """All notices, from the first `next` on, to the end; `TranslationEnded` is the last.

        Raises:
            ConnectionClosed: the connection was lost.
            StreamOverflow: the notices were not read for too long.
        """
        kinds = TranslationKindFilter((TranslationNotice,))  # type: ignore[arg-type]  # a union
        with self._streaming(BlockingNoticeStream[TranslationNotice](kinds)) as notices:
            yield from notices

    def lines(self, *, timeout: float | None = None) -> Iterator[TranslationLine]:
        """What is said and its translation, line by line, from the first `next` on."""
        with self.stream(TranslationLine, timeout=timeout) as notices:
            yield from notices

    def audio(self, *, timeout: float | None = None) -> Iterator[TranslatedAudio]:
        """Pieces of the translated speech, from the first `next` on."""
        with self.stream(TranslatedAudio, timeout=timeout) as notices:
            yield from notices

    @overload
    def on(self, kind: type[N], callback: Callable[[N], object]) -> Callable[[], None]: ...

    @overload
    def on(self, kind: str, callback: Callable[[Any], object]) -> Callable[[], None]: ...

    def on(self, kind: Kind, callback: Callable[[Any], object]) -> Callable[[], None]:
        """Call back for each notice or event of a kind, in order. Returns a function that ends this.

        All callbacks run in one thread of their own: one may block, and delays only the others. A callback that raises
        is logged, and called again for the next notice.

        Raises:
            TypeError: the kind is none, or the callback cannot be called.
            ValueError: no event of a translation server has this wire name.
        """
        return self._call_back(TranslationKindFilter((kind,)), callback)

    # --- verbs

    def send_audio(
        self,
        audio: AudioInput,
        *,
        encoding: Encoding | None = None,
        rate_hz: int | None = None,
        channels: int | None = None,
        timeout: float | None = None,
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
            TimeoutError: the server was too slow.
        """
        check_audio(audio, words="")
        send = partial(self._conversation.send_audio, audio, encoding=encoding, rate_hz=rate_hz, channels=channels)
        self._loop.call(send, timeout, late=SLOW_SERVER)

    def end_input_stream(self, *, timeout: float | None = None) -> None:
        """The source of the audio ends here: send what its resampler still holds, some 15 ms."""
        self._loop.call(self._conversation.end_input_stream, timeout, late=SLOW_SERVER)

    def update_session(
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
        update = partial(
            self._conversation.update_session,
            session,
            language=language,
            transcription=transcription,
            noise_reduction=noise_reduction,
            timeout=timeout,
        )
        return self._loop.call(update)

    def finish(self, *, timeout: float | None = None) -> TranslationEnded:
        """Say that no more audio comes, take the rest of the translation, and end the session. Returns how it ended.

        Waits while the server goes on translating, and 15 seconds for one that says nothing more. `finalised` tells
        whether the server has said that this was all. Finishing twice is fine.

        Raises:
            TimeoutError: it is not done in time; it goes on.
        """
        return self._loop.call(self._conversation.finish, timeout, late="the translation is not complete")

    # --- sound

    def listen(
        self,
        source: SourceLike,
        *,
        encoding: Encoding | None = None,
        rate_hz: int | None = None,
        channels: int | None = None,
    ) -> BlockingListening:
        """Send what a source hears: `with translation.listen(Microphone()):`, or `wait()` to send it to its end.

        A file is sent in real time. An iterator, or a function, may block: it has a thread of its own. The keywords,
        which are those of `send_audio`, say what its audio is.
        """
        known = source_of(source, encoding=encoding, rate_hz=rate_hz, channels=channels, in_thread=True)
        return BlockingListening(self._conversation.listen(known), self._loop, failed=self._fail_thread)

    def play(self, sink: AnySink, *, encoding: Encoding | None = None) -> BlockingPlayback:
        """Play the translated speech on a sink: `with translation.play(Loudspeaker()):`.

        A function, or what has a method `write`, may block: it has a thread of its own. `encoding` is what it takes, by
        default the session's.
        """
        known = sink if isinstance(sink, PullSink | AudioSink) else InThread(sink, encoding=encoding)
        playback = self._conversation.play(known, encoding=None if isinstance(known, InThread) else encoding)
        return BlockingPlayback(playback, self._loop, failed=self._fail_thread)

    # --- the end

    def close(self, *, at_once: bool = False) -> TranslationEnded:
        """End the session, and everything that runs for it. Returns how it ended; closing twice is fine.

        Takes the rest of the translation first, as `finish` does, unless `at_once`.

        Raises:
            RuntimeError: an async function of the session calls this.
        """
        try:
            if not at_once and self.outcome is None:
                self._loop.call(self._conversation.close, is_cleanup=True)
            self._loop.close(at_once=at_once)
        finally:
            self._join_application_threads({})
        assert self.outcome is not None, "a session that is closed has an outcome"
        return self.outcome


def translate(
    url: str | Endpoint = "",
    *,
    model: str | None = None,
    language: str | None = None,
    transcription: str | UnsetType | None = UNSET,
    noise_reduction: str | UnsetType | None = UNSET,
    session: TranslationConfigInput | None = None,
    api_key: str | None = None,
    dialect: str = AUTO,
    auth: Auth | None = None,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    ssl: SSLContext | None = None,
    proxy: str | None = ENVIRONMENT,
    max_message_bytes: int = MAX_MESSAGE_BYTES,
    open_timeout: float = OPEN_TIMEOUT_S,
    ping_interval: float | None = PING_INTERVAL_S,
    ping_timeout: float = PING_TIMEOUT_S,
    transport: Transport | None = None,
) -> AbstractContextManager[BlockingSpeechTranslation]:
    """A session that translates speech, with the server at `url`, for the length of a `with` block.

    The keywords are those of `duologue.translate`, without `loop_lag_ms`: the program does not run on the session's
    event loop, so it cannot block it. Leaving the block takes the rest of the translation and ends the session; at once
    if an exception leaves it. No thread is left behind.

    Raises:
        AuthenticationFailed: the server does not accept the key.
        ModelNotFound: the server has no such model.
        ConnectFailed: no session was opened for another reason; `.retryable` says whether another try can help.
        RequestRejected: the server refused the configuration; `.error` is its answer.
        LocalProtocolError: `session` is no configuration.
        TypeError: neither a URL nor a `transport`, or an `Endpoint` and another keyword of its parts.
    """
    make = partial(
        translate_on_loop,
        url,
        model=model,
        language=language,
        transcription=transcription,
        noise_reduction=noise_reduction,
        session=session,
        api_key=api_key,
        dialect=dialect,
        auth=auth,
        headers=headers,
        query=query,
        ssl=ssl,
        proxy=proxy,
        max_message_bytes=max_message_bytes,
        open_timeout=open_timeout,
        ping_interval=ping_interval,
        ping_timeout=ping_timeout,
        transport=transport,
    )
    return live_block(make, BlockingSpeechTranslation)
