"""Spoken turns over a real socket, through the shipped engines: transcript errors, and times of each stage.

Recorded speech is sent at the pace of a microphone. Times run from the end of the speech, its last loud sample.
"""

from __future__ import annotations

import asyncio
import re
import statistics
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from msgspec import Struct, field

from bench._rounds import report, wants_json
from duologue.audio.levels import level_dbfs
from duologue.audio.wav import Sound, parse_wav
from duologue.client import Connection, connect
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
    SessionUpdatedEvent,
    SessionUpdateEvent,
)
from duologue.server import RealtimeApp, serve

ROUNDS: Final = 2
RATE_HZ: Final = 24_000
CHUNK_MS: Final = 20
CHUNK_BYTES: Final = RATE_HZ * 2 * CHUNK_MS // 1000
SILENCE_MS: Final = 500
TAIL_MS: Final = 4000
"""Silence behind each utterance: the longest that an answer may take to begin."""

SPEECH_DBFS: Final = -45
"""Quieter than speech, louder than the pauses of the recordings."""

WORDS: Final = {
    "librivox_0870": "and mister john dashwood had then leisure to consider how much there might be prudently in his"
    " power to do for them",
    "librivox_0880": "he was not an ill disposed young man",
    "librivox_0890": "unless to be rather cold hearted and rather selfish is to be ill disposed",
    "librivox_0920": "had he married a more amiable woman he might have been made still more respectable than he was",
    "librivox_0930": "he might even have been made amiable himself",
}

STAGES: Final[dict[type[RealtimeEvent], str]] = {
    InputAudioBufferSpeechStoppedEvent: "speech_stopped",
    InputAudioTranscriptionCompletedEvent: "transcript_done",
    ResponseAudioTranscriptDeltaEvent: "first_text",
    ResponseAudioDeltaEvent: "first_audio",
    ResponseDoneEvent: "response_done",
}


class Turn(Struct):
    """The results of one utterance."""

    stages_ms: dict[str, float] = field(default_factory=dict[str, float])
    """From the end of the speech to the first event of each stage."""
    first_partial_ms: float | None = None
    """From the begin of the speech to the first words of the transcript."""
    partial_characters: int = 0
    """Characters of the transcript that were sent before the speech was over."""
    deltas: str = ""
    transcript: str = ""


async def speak(connection: Connection, sound: Sound) -> Turn:
    """Send one utterance in real time, and measure until the answer is complete."""
    pcm16 = sound.pcm16
    chunks = [pcm16[start : start + CHUNK_BYTES] for start in range(0, len(pcm16), CHUNK_BYTES)]
    loud = [index for index, chunk in enumerate(chunks) if level_dbfs(chunk) > SPEECH_DBFS]
    chunks += [bytes(CHUNK_BYTES)] * (TAIL_MS // CHUNK_MS)
    begin_s = time.perf_counter()
    started_s, ended_s = (begin_s + (index + 1) * CHUNK_MS / 1000 for index in (loud[0], loud[-1]))
    turn = Turn()

    async def send() -> None:
        for index, chunk in enumerate(chunks):
            # A microphone gives a chunk when it is full.
            await asyncio.sleep(max(0.0, begin_s + (index + 1) * CHUNK_MS / 1000 - time.perf_counter()))
            await connection.send(InputAudioBufferAppendEvent.from_audio(chunk))

    sending = asyncio.ensure_future(send())
    async for event in connection:
        now_s = time.perf_counter()
        if isinstance(event, InputAudioTranscriptionDeltaEvent):
            turn.deltas += str(event.delta)
            if now_s < ended_s:
                turn.partial_characters = len(turn.deltas)
            if turn.first_partial_ms is None:
                turn.first_partial_ms = (now_s - started_s) * 1000
        elif isinstance(event, InputAudioTranscriptionCompletedEvent):
            # A sentence with a long pause in it is several turns: the last one counts for time, all of them for words.
            turn.transcript += f" {event.transcript}"
        if (stage := STAGES.get(type(event))) is not None and now_s >= ended_s:
            turn.stages_ms.setdefault(stage, (now_s - ended_s) * 1000)
        if isinstance(event, ResponseDoneEvent) and "first_audio" in turn.stages_ms:
            break
    sending.cancel()
    return turn


@asynccontextmanager
async def serving() -> AsyncGenerator[str, None]:
    """The server on a free port of this machine, in this process; yields its URL."""
    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    running = asyncio.ensure_future(serve(RealtimeApp(), port=0, on_listening=url.set_result))
    try:
        waiting: set[asyncio.Future[Any]] = {running, url}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        yield url.result()
    finally:
        running.cancel()
        await asyncio.wait({running})


def plain(text: str) -> list[str]:
    """Words as a listener would compare them."""
    return re.sub(r"[^a-z ]", "", text.lower().replace("-", " ").replace("mr.", "mister")).split()


def edits(expected: Sequence[str], found: Sequence[str]) -> int:
    """How many words must be put in, taken out or replaced."""
    row = list(range(len(found) + 1))
    for place, word in enumerate(expected, 1):
        diagonal, row[0] = row[0], place
        for column, other in enumerate(found, 1):
            diagonal, row[column] = row[column], min(diagonal + (word != other), row[column] + 1, row[column - 1] + 1)
    return row[-1]


def sounds() -> dict[str, Sound]:
    """The recorded sentences, by name."""
    folders = (files("duologue.cli").joinpath("speech"), Path(__file__).parent.parent / "tests" / "speech")
    entries = {entry.name.removesuffix(".wav"): entry for folder in folders for entry in folder.iterdir()}
    return {name: parse_wav(entries[name].read_bytes(), name=name).at(RATE_HZ) for name in sorted(WORDS)}


async def measure() -> tuple[float, list[tuple[str, Turn]], list[float], float]:
    """One session: seconds of loading, turns by the names of recordings, how busy the machine was, CPU seconds."""
    begin_s = time.perf_counter()
    async with serving() as url, connect(url) as connection:
        load_s = time.perf_counter() - begin_s
        audio = AudioInputConfig(
            transcription=AudioTranscription(model="moonshine"),
            turn_detection=ServerVad(silence_duration_ms=SILENCE_MS),
        )
        await connection.send(SessionUpdateEvent(session=RealtimeSessionConfig(audio=AudioConfig(input=audio))))
        async for event in connection:
            if isinstance(event, SessionUpdatedEvent):
                break
        spoken = sounds()
        turns: list[tuple[str, Turn]] = []
        slowdowns: list[float] = []
        begin_cpu_s = time.process_time()
        for name in sorted(spoken) * ROUNDS:
            slowdowns.append(slowdown())
            turns.append((name, await speak(connection, spoken[name])))
        cpu_s = time.process_time() - begin_cpu_s
    return load_s, turns, slowdowns, cpu_s


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of the values does not pass."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def slowdown() -> float:
    """How much longer work takes than it would alone on its core: 1 on an idle machine."""
    begin_s, begin_cpu_s = time.perf_counter(), time.process_time()
    while time.process_time() < begin_cpu_s + 0.02:
        pass
    return (time.perf_counter() - begin_s) / (time.process_time() - begin_cpu_s)


async def run() -> None:
    """Measure, and print."""
    load_s, turns, slowdowns, cpu_s = await measure()
    contention = statistics.median(slowdowns)
    wrong = sum(edits(WORDS[name].split(), plain(turn.transcript)) for name, turn in turns)
    figures: dict[str, float] = {
        "silence_ms": SILENCE_MS,
        "turns": len(turns),
        "load_s": round(load_s, 2),
        "word_error_rate": round(wrong / sum(len(WORDS[name].split()) for name, _ in turns), 4),
    }
    lines = [f"from the end of the speech, {len(turns)} turns over a socket, ms", "", f"{'':24}{'median':>8}{'p95':>8}"]

    def add(stage: str, values: Sequence[float]) -> None:
        median, p95 = statistics.median(values), percentile(values, 0.95)
        figures.update({f"{stage}_ms": round(median, 1), f"{stage}_p95_ms": round(p95, 1)})
        lines.append(f"{stage:24}{median:8.0f}{p95:8.0f}")

    for stage in STAGES.values():
        add(stage, [turn.stages_ms[stage] for _, turn in turns if stage in turn.stages_ms])
    first_partials = [turn.first_partial_ms for _, turn in turns if turn.first_partial_ms is not None]
    add("speech_to_first_words", first_partials)
    partial = sum(turn.partial_characters for _, turn in turns) / sum(len(turn.transcript) for _, turn in turns)
    kept = statistics.mean(turn.deltas == turn.transcript.strip() for _, turn in turns)
    figures |= {
        "first_audio_beyond_silence_ms": round(figures["first_audio_ms"] - SILENCE_MS, 1),
        "first_audio_beyond_silence_p95_ms": round(figures["first_audio_p95_ms"] - SILENCE_MS, 1),
        "partial_share": round(partial, 3),
        "deltas_equal_transcript_share": round(kept, 3),
        "cpu_s_per_turn": round(cpu_s / len(turns), 2),
        "machine_slowdown": round(contention, 2),
    }
    lines += [
        "",
        f"first audio: the configured silence of {SILENCE_MS} ms and {figures['first_audio_beyond_silence_ms']:.0f} ms,"
        f" p95 {figures['first_audio_beyond_silence_p95_ms']:.0f} ms",
        f"{figures['word_error_rate']:.1%} of the words are wrong; {partial:.0%} of the transcript came while it was",
        f"spoken, and in {kept:.0%} of the turns the deltas are the transcript; the server was ready in {load_s:.1f} s",
        f"each turn took {cpu_s / len(turns):.2f} s of a core; work took {contention:.1f} times as long as alone",
    ]
    report(figures, "\n".join(lines))


if __name__ == "__main__":
    if not wants_json():
        sys.stdout.write(f"speaking {ROUNDS * len(WORDS)} turns in real time ...\n")
    asyncio.run(run())
