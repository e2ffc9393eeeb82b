"""How long an hour's call takes in virtual time, over real sockets, and whether two runs are the same to the byte.

A server as `duologue serve` runs it and a conversation are on one event loop and talk over 127.0.0.1. The microphone is
always open: turns of 4.5 s, of which 1.2 s are speech. Every fifth answer is interrupted, and every twentieth turn
calls a function. That runs in a thread, as the transcriber does. What is compared is the conversation's recording: each
frame both ways with its time, what was heard, and when.

    python bench/virtual_hour.py [MINUTES [MILLISECONDS OF AN APPEND]]
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from msgspec import Struct

from bench._rounds import report
from duologue import Conversation, converse
from duologue.engines.base import FunctionCall, Transcriber
from duologue.engines.registry import Engines
from duologue.engines.scripted import ScriptedSynthesizer
from duologue.events import InputAudioBufferCommittedEvent, RealtimeEvent
from duologue.server import RealtimeApp, serve
from duologue.testing import scripted_app_engines, scripted_engines
from duologue.testing.virtual_time import run_in_virtual_time, running_clock

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

TURN_MS: Final = 4500
SPEECH_MS: Final = 1200
RUNS: Final = 2

INTERRUPTED_MS: Final = 700
"""Of speech that falls into an answer, which begins half a second after the speech before it."""


class Call(Struct, frozen=True):
    """What one call was, and what it took."""

    events: int
    """Received by the client."""
    turns: int
    jumps: int
    real_s: float
    cpu_s: float
    """Of this process: on a machine that is busy with other things, `real_s` says little."""
    digest: str


class Digest(io.BytesIO):
    """Takes a recording and keeps its hash, without the server's address: the port is another one each time."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address.encode()
        self._hash = hashlib.sha256()

    def write(self, data: ReadableBuffer, /) -> int:
        """Add whole lines."""
        self._hash.update(bytes(data).replace(self._address, b"address"))
        return memoryview(data).nbytes

    @property
    def hex(self) -> str:
        """The hash so far."""
        return self._hash.hexdigest()


class InThread:
    """A transcriber that takes a moment of a thread's time for each utterance, as a real one does."""

    name = "in_thread"

    def __init__(self, transcriber: Transcriber) -> None:
        self.sample_rate_hz = transcriber.sample_rate_hz
        self._transcriber = transcriber

    async def transcribe(
        self, pcm16: bytes, /, *, language: str | None = None, prompt: str | None = None
    ) -> AsyncGenerator[str, None]:
        """What the transcriber hears."""
        await asyncio.to_thread(hashlib.sha256, pcm16)
        async for piece in self._transcriber.transcribe(pcm16, language=language, prompt=prompt):
            yield piece


def engines() -> Engines:
    """Engines that follow a script."""
    answers: list[str | FunctionCall] = ["It is a quarter past nine now."] * 19
    scripted = scripted_engines(
        transcripts=["what time is it", "and when does the train leave", "thank you"],
        responses=[*answers, FunctionCall(name="departures", arguments='{"station":"Ulm"}')],
    )
    return replace(scripted, transcriber=InThread(scripted.transcriber))


def departures(station: str) -> str:
    """The next trains."""
    return f"from {station} at 9:21"


@asynccontextmanager
async def served(application: RealtimeApp) -> AsyncGenerator[str, None]:
    """The URL of the application, under uvicorn on this event loop."""
    listening = asyncio.get_running_loop().create_future()
    server = asyncio.ensure_future(serve(application, port=0, on_listening=listening.set_result))
    try:
        yield await listening
    finally:
        server.cancel()
        with suppress(asyncio.CancelledError):
            await server


async def talk(conversation: Conversation, *, seconds: float, piece_ms: int) -> None:
    """Send speech and silence, at the pace of a microphone."""
    clock, began = running_clock(), running_clock().now
    silence = bytes(48 * piece_ms)
    tone = b"".join([piece async for piece in ScriptedSynthesizer().synthesize("a" * 40, voice="tone")])[: len(silence)]
    for number in range(round(seconds * 1000 / piece_ms)):
        turn, at_ms = divmod(number * piece_ms, TURN_MS)
        speaks = at_ms < SPEECH_MS or (turn % 5 == 4 and 2 * SPEECH_MS <= at_ms < 2 * SPEECH_MS + INTERRUPTED_MS)
        await conversation.send_audio(tone if speaks else silence)
        await asyncio.sleep(began + (number + 1) * piece_ms / 1000 - clock.now)


async def hold(seconds: float, piece_ms: int) -> Call:
    """Hold the call."""
    began_s, began_cpu_s, counts = time.perf_counter(), time.process_time(), Counter[type[RealtimeEvent]]()
    application = RealtimeApp(engines=scripted_app_engines(engines()))
    async with served(application) as url:
        digest = Digest(url.removesuffix("/v1/realtime"))
        async with (
            converse(url, tools=[departures], record=digest) as conversation,
            conversation.play(lambda _: None),
        ):
            conversation.on(RealtimeEvent, lambda event: counts.update([type(event)]))
            await talk(conversation, seconds=seconds, piece_ms=piece_ms)
    real_s = time.perf_counter() - began_s
    return Call(
        events=counts.total(),
        turns=counts[InputAudioBufferCommittedEvent],
        jumps=running_clock().jumps,
        real_s=real_s,
        cpu_s=time.process_time() - began_cpu_s,
        digest=digest.hex,
    )


def call(*, minutes: float = 60, piece_ms: int = 100) -> Call:
    """Hold one call in virtual time. The audio of an append lasts `piece_ms`."""
    return run_in_virtual_time(hold(60 * minutes, piece_ms))


def main() -> None:
    """Hold the call twice, and compare."""
    arguments = [each for each in sys.argv[1:] if each != "--json"]
    minutes, piece_ms = float(arguments[0]) if arguments else 60.0, int(arguments[1]) if arguments[1:] else 100
    calls = [call(minutes=minutes, piece_ms=piece_ms) for _ in range(RUNS)]
    equal = len({each.digest for each in calls}) == 1
    real_s = min(each.real_s for each in calls)
    figures: dict[str, float | int | str] = {
        "virtual_s": 60 * minutes,
        "real_s": round(real_s, 2),
        "cpu_s": round(min(each.cpu_s for each in calls), 2),
        "speedup": round(60 * minutes / real_s, 1),
        "events": calls[0].events,
        "turns": calls[0].turns,
        "jumps": calls[0].jumps,
        "runs_equal": int(equal),
        "digest": calls[0].digest[:16],
    }
    report(figures, "\n".join(f"{name:12} {value}" for name, value in figures.items()))
    if not equal:
        sys.exit("two runs differ: something is left to chance, or the clock moved while something was under way")


if __name__ == "__main__":
    main()
