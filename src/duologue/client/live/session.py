"""A Live session over its primary connection, and a sideband of one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Literal

from msgspec.structs import replace

from duologue.audio.formats import Encoding
from duologue.audio.input_stream import AudioInput, InputStream, pieces
from duologue.audio.wav import Sound
from duologue.client.limits import APPEND_CLIP_MS, FLUSH_S, TOOL_TIMEOUT_S
from duologue.client.live.config import LiveSessionInput, fork_config
from duologue.client.live.control import APPEND_WORDS, LiveControl
from duologue.client.live.functions import Delegate
from duologue.client.live.opening import LiveTarget
from duologue.client.live.shell import DELEGATION_TIMEOUT_S
from duologue.client.messages import check_audio
from duologue.client.sound.listening import Listening
from duologue.client.sound.sources import SourceLike, source_of
from duologue.errors import LocalProtocolError
from duologue.events.live import LiveSessionConfig
from duologue.protocol.client.tools.toolbox import Toolbox, ToolInput, toolbox_of
from duologue.protocol.live.client.notices import SessionEnded
from duologue.protocol.live.client.options import LiveOptions

__all__ = ["Live", "LiveSideband", "entered", "entered_sideband"]


class Live(LiveControl):
    """A Live session with the connection that carries its audio. Made by `duologue.live` and `duologue.fork_live`.

    Live is full duplex: sound goes in and comes out without a break, on one timeline in milliseconds that advances with
    the input alone. So send audio all the time, silence too; `listen` does. It reports with notices
    (`duologue.notices`), by iterating, `stream` or `on`. A session whose connection is lost is over: there is no
    resume, and the iteration raises `SessionLost`, which says how to go on.
    """

    _input: InputStream | None = None
    """Of the audio that `send_audio` converts."""

    async def send_audio(
        self,
        audio: AudioInput,
        *,
        encoding: Encoding | None = None,
        rate_hz: int | None = None,
        channels: int | None = None,
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
        """
        check_audio(audio, words=APPEND_WORDS)
        stream = self._input = self._input if self._input is not None else InputStream()
        for piece, own_rate_hz in pieces(audio, piece_ms=APPEND_CLIP_MS):
            rate = own_rate_hz if own_rate_hz is not None else rate_hz
            await self.drain()
            await self._append_audio(
                stream.push(piece, self.core.encoding, encoding=encoding, rate_hz=rate, channels=channels)
            )
        if isinstance(audio, Sound):
            await self.end_input_stream()

    async def end_input_stream(self) -> None:
        """The source of the audio ends here: send what its resampler still holds, some 15 ms."""
        if self._input is not None:
            await self._append_audio(self._input.flush())

    async def _append_audio(self, audio: bytes) -> None:
        encoding = self.core.encoding
        if len(audio) % encoding.bytes_per_sample:  # before the first piece is sent
            raise LocalProtocolError(f"cannot send {len(audio)} bytes of {encoding.type}: the last sample is cut")
        size = encoding.bytes_for_ms(APPEND_CLIP_MS)
        for at in range(0, len(audio), size):
            await self.drain()
            piece = audio[at : at + size]
            self._act(lambda piece=piece: self.core.append_audio(piece, now=self._now()))  # type: ignore[misc]

    def listen(
        self,
        source: SourceLike,
        *,
        encoding: Encoding | None = None,
        rate_hz: int | None = None,
        channels: int | None = None,
    ) -> Listening:
        """Send what a source hears: `async with live.listen(Microphone()):`, or `await` it to its end.

        A file is sent in real time. The keywords are those of `send_audio`, for an iterator or a function.
        """
        known = source_of(source, encoding=encoding, rate_hz=rate_hz, channels=channels)
        return Listening(self, known, encoding=lambda: self.core.encoding, name="live.listen(…)")

    # --- other connections

    def sideband(self, *, graceful_close: bool = False) -> AbstractAsyncContextManager[LiveSideband]:
        """A second connection to this session, for an `async with` block: see `duologue.attach_live`."""
        target = replace(self._of_this("attach"), graceful_close=graceful_close)
        return entered_sideband(LiveSideband(self._open_live, target, tool_timeout=TOOL_TIMEOUT_S))

    def fork(
        self,
        session: LiveSessionInput | None = None,
        *,
        tools: Toolbox | Iterable[ToolInput] = (),
        tool_timeout: float = TOOL_TIMEOUT_S,
        on_delegation: Delegate | None = None,
        delegation_timeout: float = DELEGATION_TIMEOUT_S,
        options: LiveOptions | None = None,
    ) -> AbstractAsyncContextManager[Live]:
        """Another session that goes on where this one is or was, for an `async with` block: see `duologue.fork_live`.

        This one must have been started with `store`. Also after it has ended, or was lost.
        """
        toolbox = toolbox_of(tools)
        config = fork_config(session, toolbox=toolbox)
        fork = Live(
            self._open_live,
            self._of_this("fork"),
            tools=toolbox if len(toolbox) else None,
            tool_timeout=tool_timeout,
            on_delegation=on_delegation,
            delegation_timeout=delegation_timeout,
            options=options,
        )
        return entered(fork, config)

    def _of_this(self, kind: Literal["attach", "fork"]) -> LiveTarget:
        if self.session is None:
            raise LocalProtocolError("the session has no id: it was never started")
        return LiveTarget(kind=kind, session_id=self.session.id, dialect=self._target.dialect)

    async def start(self, config: LiveSessionConfig) -> None:
        """Open the connection, start the session, and wait for it. `duologue.live` does this.

        Raises:
            ConnectFailed: the connection could not be opened, or the server starts no session.
            RequestRejected: the server refused the configuration.
        """
        await self._start(lambda: self.core.start(config, now=self._now()))


class LiveSideband(LiveControl):
    """A second connection to a session whose audio runs over WebRTC, a telephone line or another WebSocket.

    Made by `duologue.attach_live`. It sees what the primary connection sees, gets a copy of both directions of the
    sound as 24 kHz PCM (`InputAudioCopy`, `LiveAudioPiece`), and may do all but send audio. Leaving it leaves the
    session running.
    """

    async def start(self) -> None:
        """Open the connection, and wait for the session. `duologue.attach_live` does this.

        Raises:
            ConnectFailed: the connection could not be opened, or there is no such session.
            RequestRejected: the server refused it.
        """
        await self._start(lambda: self.core.attach(now=self._now()))

    async def end_session(self) -> SessionEnded:
        """End the session itself, for all of its connections. Returns how it ended; some 15 s at most."""
        await self._finish()
        return await self.close()

    async def close(self, *, at_once: bool = False) -> SessionEnded:
        """Leave the session, which goes on. Sends what is waiting, unless `at_once`. Closing twice is fine."""
        if not at_once:
            with suppress(TimeoutError):  # a server that reads nothing gets the close without the rest
                async with asyncio.timeout(FLUSH_S):
                    await self._runner.drain()
        return await super().close(at_once=True)


@asynccontextmanager
async def entered(live: Live, config: LiveSessionConfig) -> AsyncGenerator[Live, None]:
    """Start a session for a block, and end it: at once if an exception leaves the block."""
    try:
        await live.start(config)
        yield live
        await live.close()
    finally:
        await live.close(at_once=True)


@asynccontextmanager
async def entered_sideband(sideband: LiveSideband) -> AsyncGenerator[LiveSideband, None]:
    """Attach a sideband for a block."""
    try:
        await sideband.start()
        yield sideband
        await sideband.close()
    finally:
        await sideband.close(at_once=True)
