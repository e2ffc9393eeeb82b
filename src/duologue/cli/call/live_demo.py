"""The demo's exchange over Live: a question, work that is handed over, and an interruption."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Final

from msgspec import Struct

from duologue.audio.wav import Sound, WavWriter
from duologue.cli.call.live_exchange import LiveExchange
from duologue.cli.errors import TurnFailed, exit_code_of, sentence_of
from duologue.cli.local_server import LocalServer, local_server
from duologue.client.live import Delegation, Live, live
from duologue.client.live.connection import LiveConnection
from duologue.client.live.opening import LiveTarget, OpenLive
from duologue.client.live.urls import primary_url
from duologue.errors import DuologueError
from duologue.printable import printable
from duologue.protocol.live.client.notices import SessionEnded
from duologue.recording import RecordingTransport, RecordingWriter
from duologue.transports.websocket import open_websocket

__all__ = ["LiveDemoFiles", "hold_live_demo"]

_TIMEOUT_S: Final = 30.0
"""For each step of the exchange, as for a turn of `talk`."""

_HEARD_MS: Final = 1500
"""How much of the long answer is heard before the interruption."""

_HANDED_OVER: Final = (
    "That is how Jane Austen introduces John Dashwood, in the first chapter of Sense and Sensibility. The sentence goes"
    " on: unless to be rather cold hearted, and rather selfish, is to be ill disposed. But he was, in general, well"
    " respected; for he conducted himself with propriety in the discharge of his ordinary duties."
)
"""What the demo answers to the work that the model hands over: long enough to be interrupted."""

_SPEAKERS: Final[Mapping[str, str]] = {"user": "you", "assistant": "model"}


class LiveDemoFiles(Struct, frozen=True, kw_only=True):
    """What the demo writes."""

    voice: Path
    """The model's sound, from the begin of the session to its end, silence included."""
    recording: Path
    replace: bool


async def hold_live_demo(clips: Sequence[Sound], files: LiveDemoFiles) -> int:
    """Hold the exchange with a local server, and show it. `clips`: a question, a statement, another question.

    Prints errors on standard error. Returns the exit code.
    """
    try:
        _show("starting a local server …")
        async with AsyncExitStack() as stack:
            server = await stack.enter_async_context(local_server())
            recording = stack.enter_context(
                closing(RecordingWriter(files.recording, replace=files.replace, url=server.url, family="live"))
            )
            voice = stack.enter_context(closing(WavWriter(files.voice, rate_hz=24_000, replace=files.replace)))
            ended = await _exchange(server, recording, voice, clips)
    except (DuologueError, OSError) as fault:
        print(f"duologue: {sentence_of(fault)}", file=sys.stderr)
        return exit_code_of(fault)
    if ended.usage is not None:
        _show(f"session      {ended.usage.seconds:.0f} s, {ended.reason}")
    _show(f"model's sound {files.voice}")
    _show(f"recording    {files.recording}")
    return 0


async def _exchange(
    server: LocalServer, recording: RecordingWriter, voice: WavWriter, clips: Sequence[Sound]
) -> SessionEnded:
    question, statement, interruption = clips

    async def take(delegation: Delegation) -> str:
        _show(f"{'':10}  the model hands over work, as {delegation.id}: this program answers")
        return _HANDED_OVER

    opened = _recorded(server, recording)
    async with live(model="gpt-live-1", on_delegation=take, open_connection=opened) as session:
        _show(f"session      {session.session.id if session.session is not None else ''}")
        async with LiveExchange(session, voice, show=_show_utterance, timeout_s=_TIMEOUT_S) as exchange:
            await exchange.ask(question)
            await exchange.ask_and_hear(statement, for_ms=_HEARD_MS)
            went_on_ms = await exchange.interrupt(interruption)
            _show(f"{'':10}  interrupted: the model fell silent {went_on_ms} ms after the words began")
            await exchange.hear_rest()
        ended = await session.close()
    _check(session, ended)
    return ended


def _check(session: Live, ended: SessionEnded) -> None:
    """Raise TurnFailed unless both have talked, and the server has ended the session."""
    speakers = [utterance.speaker for utterance in session.transcript()]
    if speakers.count("user") < 2 or speakers.count("assistant") < 2:
        raise TurnFailed("not all of what was said was transcribed")
    if not ended.finalised:
        raise TurnFailed(f"the session did not end as it should: {ended.reason}")


def _recorded(server: LocalServer, recording: RecordingWriter) -> OpenLive:
    @asynccontextmanager
    async def open_recorded(target: LiveTarget) -> AsyncGenerator[LiveConnection, None]:
        headers = {"Authorization": f"Bearer {server.api_key}"}
        transport = await open_websocket(primary_url(server.url.removesuffix("/realtime")), headers=headers)
        connection = LiveConnection(RecordingTransport(transport, recording))
        try:
            yield connection
        finally:
            await connection.close()

    return open_recorded


def _show_utterance(start_ms: int, speaker: str, text: str) -> None:
    _show(f"{start_ms / 1000:8.1f} s  {_SPEAKERS.get(speaker, speaker)}: {text}")


def _show(text: str) -> None:
    print(printable(text), flush=True)
