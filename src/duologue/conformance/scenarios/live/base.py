"""What scenarios of Live are made of: a started session with a feed, commands, and the sound that comes back."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from msgspec import Struct

from duologue.conformance.outcomes import Violation
from duologue.conformance.rulebook.any_session import pcm_of
from duologue.conformance.scenario_context import ScenarioContext
from duologue.conformance.wire.audio_feed import AudioFeed
from duologue.conformance.wire.connector import ConnectOptions
from duologue.conformance.wire.raw_connection import RawConnection
from duologue.conformance.wire.speech_sample import BYTES_PER_MS, append_of
from duologue.conformance.wire.trace import Json, WireMessage

__all__ = [
    "APPEND",
    "LONG_COMMENTARY",
    "OUTPUT",
    "LiveCall",
    "append",
    "fixture",
    "is_speech",
    "live_call",
    "sound_ms",
    "spoken",
    "start",
    "tone",
]

APPEND: Final = "session.input_audio.append"
OUTPUT: Final = "session.output_audio.delta"

LONG_COMMENTARY: Final = ", ".join(
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen".split()
)
"""Takes long enough to be interrupted: about six seconds."""

_PLAIN: Final = ConnectOptions()


class LiveCall(Struct, frozen=True):
    """A session that was started, and the feed that keeps its timeline going."""

    connection: RawConnection
    feed: AudioFeed
    started: WireMessage

    @property
    def id(self) -> str:
        """Id of the session."""
        return str(self.started.get("session.id"))


def start(context: ScenarioContext, **session: Any) -> Json:
    """The event that starts a session with these settings."""
    return {"type": "session.start", "session": {"model": context.settings.model, **session}}


def append(kind: str, content: str, delegation_id: str | None = None) -> Json:
    """The event that puts something into the voice's context: instructions, thinking or commentary."""
    return {"type": f"session.{kind}.append", "content": content, "delegation_id": delegation_id}


@asynccontextmanager
async def live_call(
    context: ScenarioContext, options: ConnectOptions = _PLAIN, **session: Any
) -> AsyncGenerator[LiveCall, None]:
    """A session for the length of a block, and closed at its end, as a client should. Raises Violation."""
    async with context.open(options) as connection:
        begin = {"type": "session.start", "session": session} if options.fork else start(context, **session)
        started = await connection.answer(begin, "session.started")
        async with AudioFeed.on(connection, append=APPEND) as feed:
            yield LiveCall(connection, feed, started)
            if connection.trace.closed is None and not any(connection.trace.received("session.closed")):
                with suppress(Violation):  # a rule of its own is about the close
                    await connection.answer({"type": "session.close"}, "session.closed")


def tone(duration_ms: int) -> bytes:
    """A square wave of 200 Hz, PCM16 at 24 kHz: a clip that is no speech, and that is heard."""
    half_ms = 2.5
    low, high = (-4000).to_bytes(2, "little", signed=True), (4000).to_bytes(2, "little", signed=True)
    period = high * int(half_ms * BYTES_PER_MS / 2) + low * int(half_ms * BYTES_PER_MS / 2)
    return (period * (duration_ms // int(2 * half_ms) + 1))[: duration_ms * BYTES_PER_MS]


def is_speech(message: WireMessage) -> bool:
    """Whether an output audio delta holds sound: silence is exact zeros."""
    return message.type == OUTPUT and any(pcm_of(message) or b"")


def sound_ms(messages: Iterable[WireMessage]) -> float:
    """The length of the output audio among these messages, PCM16 at 24 kHz."""
    return sum(len(pcm_of(each) or b"") for each in messages if each.type == OUTPUT) / BYTES_PER_MS


async def spoken(connection: RawConnection) -> WireMessage:
    """The next output audio that holds sound. Raises Violation if none comes."""
    try:
        return await connection.until(OUTPUT, where=is_speech)
    except Violation as fault:
        raise Violation(f"the assistant does not speak: {fault}") from fault


def fixture(pcm16: bytes) -> Json:
    """The event that plays a clip."""
    return append_of(pcm16, "session.output_audio.fixture.play")
