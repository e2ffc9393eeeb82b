"""One session with a manual transcriber, which waits for its text, and a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from duologue.codec import encode
from duologue.engines.fair_queue import FairQueue
from duologue.engines.registry import Engines
from duologue.errors import EngineError
from duologue.events import InputAudioBufferAppendEvent, RealtimeEvent
from duologue.protocol import Detect, DiscardAhead, ServerProtocol, Transcribe, TranscribeAhead, TranscribePartial
from duologue.server.session.transcription import TranscriptionPipeline
from duologue.testing import CountedIds, scripted_engines

FRAME_MS = 20
LOUD, QUIET = b"\1\0" * 480, bytes(960)


class ManualTranscriber:
    """Reads the audio that it is given when the test says what it says."""

    name = "manual"
    sample_rate_hz = 24_000
    repeatable = True

    def __init__(self) -> None:
        self.readings: list[tuple[int, asyncio.Future[str]]] = []
        """Milliseconds of audio and the text to come of each reading that is under way."""

    async def transcribe(
        self, pcm16: bytes, /, *, language: str | None = None, prompt: str | None = None
    ) -> AsyncGenerator[str, None]:
        reading = (len(pcm16) // 48, asyncio.get_running_loop().create_future())
        self.readings.append(reading)
        try:
            text = await reading[1]
        finally:
            self.readings.remove(reading)
        for place, word in enumerate(text.split()):
            yield word if place == 0 else f" {word}"


class ManualSession:
    """One session's transcribing between a real protocol and a manual engine. Time is the test's."""

    def __init__(
        self, tasks: asyncio.TaskGroup, engines: Engines, transcriber: ManualTranscriber, name: str = "one"
    ) -> None:
        self.transcriber = transcriber
        self.received: list[dict[str, Any]] = []
        self.naps_s: list[float] = []
        self.now_s = 0.0
        self.faults: list[Exception] = []
        self._tasks = tasks
        self._running: set[asyncio.Task[Any]] = set()
        self._wake = asyncio.Event()
        ids = CountedIds()
        self._protocol = ServerProtocol(new_id=lambda kind: f"{name}_{ids(kind)}", now=0.0, started_at=0.0)
        self._transcription = TranscriptionPipeline(
            engines,
            self._protocol,
            start=self._start,
            flush=self._pass_on,
            sleep=self._sleep,
            clock=lambda: self.now_s,
        )

    async def update(self, **audio_input: Any) -> None:
        """A `session.update` of the input."""
        audio = {"input": {"transcription": {"model": "m"}, **audio_input}}
        await self.send("session.update", session={"type": "realtime", "audio": audio})

    async def send(self, name: str, **fields: Any) -> None:
        """The client sends an event."""
        self._protocol.receive_text(
            encode(RealtimeEvent.from_json({"type": name, **fields})).decode("utf-8"), now=self.now_s
        )
        await self.settle()

    async def say(self, ms: int, *, frame: bytes = LOUD) -> None:
        """The user speaks, and every frame is heard before the next comes."""
        for _ in range(ms // FRAME_MS):
            self.now_s += FRAME_MS / 1000
            self._protocol.receive_text(
                encode(InputAudioBufferAppendEvent.from_audio(frame)).decode("utf-8"), now=self.now_s
            )
            await self.settle(turns=2)
        await self.settle()

    async def pause(self, ms: int) -> None:
        """The user is silent."""
        await self.say(ms, frame=QUIET)

    async def nap(self) -> None:
        """What sleeps wakes up."""
        self._wake.set()
        await self.settle()

    async def reads(self, text: str, *, ms: int | None = None, cost_s: float = 0.1) -> None:
        """The oldest reading says this; `ms` is how much audio it must be about."""
        length_ms, reading = self.transcriber.readings[0]
        assert ms is None or length_ms == ms
        self.now_s += cost_s
        reading.set_result(text)
        await self.settle()

    async def fails(self, fault: Exception) -> None:
        """The oldest reading fails."""
        self.transcriber.readings[0][1].set_exception(fault)
        await self.settle()

    def readings_ms(self) -> list[int]:
        """How much audio is being read, by reading."""
        return [length_ms for length_ms, _ in self.transcriber.readings]

    def reported(self, name: str, field: str) -> list[str]:
        """A field of all events whose name ends so."""
        return [event[field] for event in self.received if event["type"].endswith(name)]

    def stop(self) -> None:
        """End all that runs."""
        for task in self._running:
            task.cancel()

    async def settle(self, turns: int = 20) -> None:
        """Let every task run until it waits for something."""
        await self._pass_on()
        for _ in range(turns):
            await asyncio.sleep(0)

    async def _sleep(self, seconds: float) -> None:
        self.naps_s.append(seconds)
        self._wake.clear()
        await self._wake.wait()

    def _start(self, name: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = self._tasks.create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def _pass_on(self) -> None:
        self.received += [event.to_json() for event in self._protocol.take_events()]
        for command in self._protocol.take_commands():
            match command:
                case Detect():
                    self._protocol.detected([float(command.audio[0])], FRAME_MS, now=self.now_s)
                    await self._pass_on()
                case TranscribePartial():
                    self._transcription.transcribe_partial(command)
                case TranscribeAhead():
                    self._transcription.transcribe_ahead(command)
                case DiscardAhead():
                    self._transcription.discard_ahead(command)
                case Transcribe():
                    self._start(f"transcribe {command.item_id}", self._transcribe(command))
                case _:
                    pass

    async def _transcribe(self, command: Transcribe) -> None:
        try:
            await self._transcription.transcribe(command)
        except EngineError as fault:
            self.faults.append(fault)
        await self._pass_on()


@asynccontextmanager
async def manual_session(**engines: Any) -> AsyncGenerator[ManualSession, None]:
    """A session whose client wants transcripts, ended with the block."""
    transcriber = ManualTranscriber()
    chosen = replace(scripted_engines(), transcriber=transcriber, **{"fair_queue": FairQueue(2), **engines})
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        made = ManualSession(tasks, chosen, transcriber)
        await made.update()
        yield made
        made.stop()
