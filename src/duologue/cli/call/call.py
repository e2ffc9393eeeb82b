"""One call: server, connection, talker, view and files, closed properly however the call ends."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from duologue.audio.formats import Encoding
from duologue.audio.wav import Sound
from duologue.cli.call.heard_whole import HeardWhole
from duologue.cli.call.microphone import MicrophoneTalk
from duologue.cli.call.reply_file import ReplyFile
from duologue.cli.call.sound_device import SoundDevice
from duologue.cli.call.talker import SessionSettings, Talker
from duologue.cli.errors import TurnFailed, UsageError, check_recording, exit_code_of, sentence_of
from duologue.cli.local_server import LocalServer, local_server
from duologue.cli.run import background
from duologue.cli.turns.observations import Observation, Observer
from duologue.cli.turns.turn import Turn
from duologue.cli.views.summary import SummaryBuilder
from duologue.cli.views.views import JsonView, PlainView, View
from duologue.client.asyncio.connect import connect, open_endpoint
from duologue.client.dialect_detection import AUTO
from duologue.client.endpoint import Endpoint
from duologue.client.session_urls import split_session_url
from duologue.errors import ConnectFailed, DuologueError
from duologue.events import RealtimeEvent, ResponseAudioDeltaEvent
from duologue.printable import printable_name
from duologue.protocol.client.playback import PlaybackWatch
from duologue.recording import RecordingTransport, RecordingWriter
from duologue.recording.playback_notes import PlaybackNotes
from duologue.transports import Transport
from duologue.transports.addresses import without_secrets
from duologue.transports.socket_options import SocketOptions

__all__ = ["Call", "CallFiles", "CallOptions", "Talk", "check_url", "hold_call", "view_for"]

_TICK_S: Final = 0.1
_OPEN_S: Final = 10.0
_DEFAULT_SETTINGS: Final = SessionSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOptions:
    """Options of a call."""

    url: str | None = None
    """None: a local server is started."""
    api_key: str | None = None
    model: str | None = None
    dialect: str = AUTO
    settings: SessionSettings = _DEFAULT_SETTINGS
    reply_file: Path | None = None
    recording_file: Path | None = None
    replace_files: bool = False
    """Whether reply and recording may replace existing files."""
    paced: bool = True
    timeout_s: float = 30.0
    open_ended: bool = False
    """Whether the user ends the call: Ctrl-C is no failure then."""
    server_arguments: Sequence[str] = ()
    """Arguments for the local server."""


class Call:
    """An open call, on which a command holds its turns."""

    def __init__(
        self,
        talker: Talker,
        view: View,
        builder: SummaryBuilder,
        *,
        paced: bool,
        observers: list[Observer],
        heard: PlaybackWatch | None = None,
    ) -> None:
        self._talker = talker
        self._view = view
        self._builder = builder
        self._paced = paced
        self._observers = observers
        self._heard = heard

    async def spoken_turn(self, sound: Sound, *, caption: str) -> Turn:
        """Hold a spoken turn. Raises as `Talker.spoken_turn` does, and TurnFailed if the response did not complete."""
        return await self._hold_turn(self._talker.spoken_turn(sound, paced=self._paced), caption)

    async def typed_turn(self, text: str, *, caption: str) -> Turn:
        """Hold a typed turn. Raises as `spoken_turn` does."""
        return await self._hold_turn(self._talker.typed_turn(text), caption)

    async def converse(self, device: SoundDevice, *, caption: str) -> None:
        """Talk freely until the session is over. Raises as `MicrophoneTalk.run` does."""
        self._view.caption(caption)
        talk = MicrophoneTalk(self._talker, device, turn_began=self._builder.turns.append, heard=self._heard)
        self._observers.append(talk.observe)
        await talk.run()

    async def _hold_turn(self, turn: Awaitable[Turn], caption: str) -> Turn:
        self._view.caption(caption)
        try:
            held = await turn
        finally:
            # The summary has a failed turn too.
            if self._talker.turn is not None:
                self._builder.turns.append(self._talker.turn)
        if held.failure is not None:
            raise TurnFailed(f"the response did not complete: {held.failure}")
        return held


class CallFiles:
    """The files that a call writes. Closed, they are valid however the call ended.

    None is made, and none that is there is replaced, before there is a connection.
    """

    def __init__(self, options: CallOptions) -> None:
        self._options = options
        self.reply: ReplyFile | None = None
        self.recording: RecordingWriter | None = None
        self._heard_whole: HeardWhole | None = None

    def check(self) -> None:
        """Raises DuologueError for one that could not be created."""
        options = self._options
        if options.reply_file is not None:
            self.reply = ReplyFile(options.reply_file, replace=options.replace_files)
        if options.recording_file is not None:
            check_recording(options.recording_file, replace=options.replace_files)

    async def recorded(self, transport: Transport, endpoint: Endpoint) -> Transport:
        """The transport of the call, which is recorded if that was asked for. Raises as `check` does, and closes it."""
        if self._options.recording_file is None:
            return transport
        detector = endpoint.dialect_detector()
        try:
            self.recording = RecordingWriter(
                self._options.recording_file,
                replace=self._options.replace_files,
                url=endpoint.session_url(),
                model=endpoint.session_model,
                dialect=detector.dialect if detector.is_settled else None,
                family="realtime",
                medium="webrtc" if endpoint.is_call else None,
            )
        except DuologueError:
            await transport.close()
            raise
        if not self._options.open_ended:
            self._heard_whole = HeardWhole(PlaybackNotes(self.recording.note).heard)
        return RecordingTransport(transport, self.recording)

    @property
    def heard(self) -> PlaybackWatch | None:
        """What is to be told what was heard; None while nothing is recorded."""
        return PlaybackNotes(self.recording.note).heard if self.recording is not None else None

    def take_reply(self, event: RealtimeEvent, encoding: Encoding) -> None:
        """Keep what an event has of the answer's speech. Without a loudspeaker all of it counts as heard."""
        if isinstance(event, ResponseAudioDeltaEvent) and self.reply is not None:
            self.reply.take(event, encoding)
        if self._heard_whole is not None:
            self._heard_whole.take(event, encoding)

    @property
    def failures(self) -> list[DuologueError]:
        """What stopped the writing of a file."""
        return [file.failure for file in (self.reply, self.recording) if file is not None and file.failure]

    @property
    def paths(self) -> dict[str, str]:
        """Paths of what was written: "reply", "recording"."""
        paths: dict[str, str] = {}
        if self.reply is not None and self.reply.duration_ms:
            paths["reply"] = str(self.reply.path)
        if self.recording is not None:
            paths["recording"] = self.recording.path
        return paths

    def close(self) -> None:
        """Close those that were created."""
        for file in (self.reply, self.recording):
            if file is not None:
                file.close()


Talk: TypeAlias = Callable[[Call], Awaitable[None]]


def view_for(*, json: bool) -> View:
    """A JSON view if asked for, else a live view on a terminal and plain lines elsewhere."""
    if json:
        return JsonView()
    if sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        from duologue.cli.views.live import LiveView

        return LiveView()
    return PlainView()


def check_url(url: str) -> str:
    """Return the URL. Raises UsageError for one that is no address of a session."""
    try:
        split_session_url(url)
    except ConnectFailed as fault:
        raise UsageError(f"{printable_name(without_secrets(url))}: {fault}") from None
    return url


async def hold_call(options: CallOptions, view: View, talk: Talk) -> int:
    """Make a call, show it, write its files, and print errors on standard error. Returns the exit code.

    When cancelled: closes everything and shows the summary of the events so far.
    """
    builder = SummaryBuilder()
    files = CallFiles(options)
    faults: list[DuologueError | OSError] = []
    try:
        with view, closing(files):
            await _hold_call(options, view, files, builder, talk)
    except (DuologueError, OSError) as fault:
        faults.append(fault)
    except asyncio.CancelledError:
        builder.failure = None if options.open_ended else "interrupted"
        raise
    finally:
        faults += files.failures
        builder.files = files.paths
        if faults:
            builder.failure = "; ".join(map(sentence_of, faults))
        view.conclude(builder.summary())
    for each in faults:
        print(f"duologue: {sentence_of(each)}", file=sys.stderr)
    return max(map(exit_code_of, faults), default=0)


async def _hold_call(options: CallOptions, view: View, files: CallFiles, builder: SummaryBuilder, talk: Talk) -> None:
    files.check()
    async with background(_tick(view)), _server(options, view) as server:
        socket = SocketOptions(open_timeout=min(_OPEN_S, options.timeout_s))
        endpoint = Endpoint(
            url=server.url,
            model=options.model,
            api_key=server.api_key or None,
            dialect=options.dialect,
            socket=socket,
        )
        transport = await files.recorded(await open_endpoint(endpoint), endpoint)

        def observe(observation: Observation) -> None:
            builder.add(observation)
            files.take_reply(observation.event, talker.audio.output)
            view.observe(observation)
            for observer in observers:
                observer(observation)

        observers: list[Observer] = []
        async with connect(endpoint, transport=transport) as connection:
            talker = Talker(connection, observe=observe, watch=view.show_progress, timeout_s=options.timeout_s)
            async with talker:
                await talker.start(options.settings)
                await talk(Call(talker, view, builder, paced=options.paced, observers=observers, heard=files.heard))


@asynccontextmanager
async def _server(options: CallOptions, view: View) -> AsyncGenerator[LocalServer, None]:
    if options.url is not None:
        yield LocalServer(options.url, options.api_key or "")
        return
    view.caption("starting a local server …")
    async with local_server(options.server_arguments) as server:
        yield server


async def _tick(view: View) -> None:
    while True:
        view.tick()
        await asyncio.sleep(_TICK_S)
