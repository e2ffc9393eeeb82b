"""A spoken turn through the shipped engines, in real time, and where its time goes."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from importlib.resources import files
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from bench._rounds import report, wants_json
from duologue.audio.levels import level_dbfs
from duologue.audio.wav import parse_wav
from duologue.client import Connection, connect
from duologue.engines.registry import Engines, load_default
from duologue.events import (
    AudioConfig,
    AudioInputConfig,
    AudioTranscription,
    InputAudioBufferAppendEvent,
    InputAudioBufferSpeechStoppedEvent,
    InputAudioTranscriptionCompletedEvent,
    InputAudioTranscriptionDeltaEvent,
    RealtimeEvent,
    RealtimeSessionConfig,
    ResponseAudioDeltaEvent,
    ResponseAudioTranscriptDeltaEvent,
    ResponseDoneEvent,
    ServerVad,
    SessionUpdateEvent,
)
from duologue.server import ServerSession
from duologue.transports import memory_pair

TURNS = 5
RATE_HZ = 24_000
CHUNK_MS = 20
CHUNK_BYTES = RATE_HZ * 2 * CHUNK_MS // 1000
SILENCE_MS = 500
SPEECH_DBFS = -45
"""Quieter than speech, louder than the pauses of the recordings."""

STAGES: dict[type[RealtimeEvent], str] = {
    InputAudioBufferSpeechStoppedEvent: "speech_stopped",
    InputAudioTranscriptionDeltaEvent: "first_transcript",
    InputAudioTranscriptionCompletedEvent: "transcript_done",
    ResponseAudioTranscriptDeltaEvent: "first_text",
    ResponseAudioDeltaEvent: "first_audio",
    ResponseDoneEvent: "response_done",
}


async def turn(connection: Connection, pcm16: bytes) -> dict[str, float]:
    """Speak one utterance in real time; milliseconds from its last audible sample to each stage."""
    chunks = [pcm16[start : start + CHUNK_BYTES] for start in range(0, len(pcm16), CHUNK_BYTES)]
    last_audible = max(index for index, chunk in enumerate(chunks) if level_dbfs(chunk) > SPEECH_DBFS)
    chunks += [bytes(CHUNK_BYTES)] * 150
    ended_at = 0.0
    stages: dict[str, float] = {}

    async def speak() -> None:
        nonlocal ended_at
        begin = time.perf_counter()
        for index, chunk in enumerate(chunks):
            await asyncio.sleep(max(0.0, begin + index * CHUNK_MS / 1000 - time.perf_counter()))
            await connection.send(InputAudioBufferAppendEvent.from_audio(chunk))
            if index == last_audible:
                ended_at = time.perf_counter()

    speaking = asyncio.ensure_future(speak())
    async for event in connection:
        stage = STAGES.get(type(event))
        if stage is not None:
            stages.setdefault(stage, (time.perf_counter() - ended_at) * 1000)
        if isinstance(event, ResponseDoneEvent):
            break
    speaking.cancel()
    return stages


async def measure(engines: Engines, pcm16: bytes) -> list[dict[str, float]]:
    """The stages of several turns of one session."""
    near, far = memory_pair()
    session = asyncio.ensure_future(ServerSession(far, engines).run())
    async with connect(transport=near) as connection:
        audio = AudioInputConfig(
            transcription=AudioTranscription(model="moonshine"),
            turn_detection=ServerVad(silence_duration_ms=SILENCE_MS),
        )
        await connection.send(SessionUpdateEvent(session=RealtimeSessionConfig(audio=AudioConfig(input=audio))))
        turns = [await turn(connection, pcm16) for _ in range(TURNS)]
    await session
    return turns


async def run() -> None:
    """Measure, and print."""
    source = next(entry for entry in files("duologue.cli").joinpath("speech").iterdir() if "0880" in entry.name)
    sound = parse_wav(source.read_bytes(), name=source.name).at(RATE_HZ)
    begin = time.perf_counter()
    async with load_default() as engines:
        load_s = time.perf_counter() - begin
        turns = await measure(engines, sound.pcm16)
    figures: dict[str, float] = {"silence_ms": SILENCE_MS, "load_s": round(load_s, 2), "turns": TURNS}
    lines = [f"from the last audible sample, {TURNS} turns of {sound.duration_ms / 1000:.1f} s, ms", ""]
    for stage in STAGES.values():
        values = [stages[stage] for stages in turns]
        figures[f"{stage}_ms"] = round(statistics.median(values), 1)
        figures[f"{stage}_worst_ms"] = round(max(values), 1)
        lines.append(f"{stage:18}{statistics.median(values):8.0f}   worst {max(values):6.0f}")
    beyond = figures["first_audio_ms"] - SILENCE_MS
    figures["first_audio_beyond_silence_ms"] = round(beyond, 1)
    lines += [
        "",
        f"first audio: the configured silence of {SILENCE_MS} ms and {beyond:.0f} ms; engines loaded in {load_s:.1f} s",
    ]
    report(figures, "\n".join(lines))


if __name__ == "__main__":
    if not wants_json():
        sys.stdout.write(f"speaking {TURNS} turns in real time ...\n")
    asyncio.run(run())
