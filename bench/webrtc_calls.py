"""What a call over WebRTC costs, and what packet loss leaves of speech.

`--only peers` measures calls between two processes, for each stack: offer to answer, processor time and memory of the
answering side. `--only server` measures the whole of `duologue serve` with scripted engines, first while all users
talk, then while both sides do. `--only loss` sends recorded speech over a way that loses RTP, and counts the words that
the transcriber gets wrong. `--stack NAME` measures one stack only; `--calls N`, `--seconds S` and `--runs N` change the
size.

The file is not called webrtc.py: the folder of a script comes first where Python looks for packages.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import sys
import time
from asyncio.subprocess import PIPE
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from bench._lossy import lossy_way
from bench._rounds import report
from bench._served_calls import whole_server
from bench._words import words_of, wrong_words
from duologue.audio.resampling import resample
from duologue.audio.wav import read_wav
from duologue.errors import ConnectionClosed
from duologue.transports.webrtc.peer import FRAME_BYTES, FRAME_MS, RATE_HZ, Peer, PeerSettings, Stack
from duologue.transports.webrtc.stacks import STACKS, load_stack

CALLS: Final = 16
SECONDS: Final = 10.0
LOSSES: Final = (0.0, 0.05, 0.15)
RUNS: Final = 3

_ROOT: Final = Path(__file__).parent.parent
_CLIPS: Final = ("tests/speech/librivox_0870.wav", "tests/speech/librivox_0920.wav")
_SILENCE: Final = bytes(FRAME_BYTES)

Figures = dict[str, float]


# --- calls


def _sound() -> list[bytes]:
    """Speech, which an encoder works more for than for silence."""
    return _frames(_clip(_CLIPS[0]))


async def _play(peer: Peer, frames: list[bytes]) -> None:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for number in range(sys.maxsize):
        await asyncio.sleep(begun + number * FRAME_MS / 1000 - loop.time())
        peer.play(frames[number % len(frames)])


async def _hear(peer: Peer, heard: Counter[Peer]) -> None:
    with suppress(ConnectionClosed):
        while True:
            heard[peer] += len(await peer.hear()) // FRAME_BYTES


async def _callers(name: str) -> None:
    """The other side of the calls: a process of its own, which offers a call for each line that it reads."""
    stack, frames = load_stack(name), _sound()
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with asyncio.TaskGroup() as tasks:
        while await lines.readline():
            peer = stack.new_peer(PeerSettings())
            print(json.dumps(await peer.offer()), flush=True)
            await peer.connect(json.loads(await lines.readline()))
            await peer.send("here")
            tasks.create_task(_play(peer, frames))
            tasks.create_task(_hear(peer, Counter()))


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def _calls(name: str, number: int, seconds: float) -> Figures:
    """The answering side of `number` calls: this process."""
    begun, rss_mb = time.perf_counter(), _rss_mb()
    stack = load_stack(name)
    figures: Figures = {"import_ms": (time.perf_counter() - begun) * 1000, "import_rss_mb": _rss_mb() - rss_mb}
    # `wrtc` calls from either side: what answers is measured, and the calling side is to be the same for all.
    callers = await asyncio.create_subprocess_exec(
        sys.executable, __file__, "--callers", "wrtc", stdin=PIPE, stdout=PIPE
    )
    try:
        peers, answers_ms = await _answered(callers, stack, number)
        rss_mb = _rss_mb()
        figures["answer_ms"] = statistics.median(answers_ms)
        async with asyncio.TaskGroup() as tasks:
            heard = Counter[Peer]()
            hearing = [tasks.create_task(_hear(peer, heard)) for peer in peers]
            await asyncio.sleep(2)
            figures["cpu_percent_hearing"] = await _cpu_percent(number, seconds)
            frames = _sound()
            playing = [tasks.create_task(_play(peer, frames)) for peer in peers]
            await asyncio.sleep(2)
            heard.clear()
            figures["cpu_percent_both_ways"] = await _cpu_percent(number, seconds)
            figures["heard_share"] = heard.total() * FRAME_MS / 1000 / seconds / number
            figures["threads"] = len(os.listdir("/proc/self/task"))
            for task in (*hearing, *playing):
                task.cancel()
        figures["rss_mb_of_call"] = (_rss_mb() - rss_mb) / number
        await asyncio.gather(*(peer.close() for peer in peers))
    finally:
        with suppress(ProcessLookupError):
            callers.kill()
        await callers.wait()
    return figures


async def _answered(callers: asyncio.subprocess.Process, stack: Stack, number: int) -> tuple[list[Peer], list[float]]:
    assert callers.stdin is not None
    assert callers.stdout is not None
    peers, answers_ms = list[Peer](), list[float]()
    for _ in range(number):
        callers.stdin.write(b"\n")
        offer = json.loads(await callers.stdout.readline())
        peer = stack.new_peer(PeerSettings())
        begun = time.perf_counter()
        answer = await peer.answer(offer)
        answers_ms.append((time.perf_counter() - begun) * 1000)
        callers.stdin.write(json.dumps(answer).encode() + b"\n")
        await peer.receive()
        peers.append(peer)
    return peers, answers_ms


async def _cpu_percent(calls: int, seconds: float) -> float:
    """Of a core, for each call."""
    cpu_s, begun = _cpu_s(), time.perf_counter()
    await asyncio.sleep(seconds)
    return 100 * (_cpu_s() - cpu_s) / (time.perf_counter() - begun) / calls


# --- loss


def _clip(path: str) -> bytes:
    sound = read_wav(_ROOT / path)
    return resample(sound.pcm16, sound.rate_hz, RATE_HZ)


def _frames(pcm16: bytes) -> list[bytes]:
    return [pcm16[at : at + FRAME_BYTES].ljust(FRAME_BYTES, b"\0") for at in range(0, len(pcm16), FRAME_BYTES)]


async def _heard_over(stack: Stack, pcm16: bytes, loss: float, seed: int) -> bytes:
    """What the answering end hears of 1.5 s of silence, the speech, and 1.5 s more, from a caller on libwebrtc."""
    caller, answerer = load_stack("wrtc").new_peer(PeerSettings()), stack.new_peer(PeerSettings())
    pause = [_SILENCE] * 75
    frames, heard = [*pause, *_frames(pcm16), *pause], list[bytes]()

    async def hear() -> None:
        while True:
            heard.append(await answerer.hear())

    loop = asyncio.get_running_loop()
    async with lossy_way(await answerer.answer(await caller.offer()), loss=loss, seed=seed) as (answer, _):
        await caller.connect(answer)
        await caller.send("here")
        await answerer.receive()
        async with asyncio.TaskGroup() as tasks:
            hearing = tasks.create_task(hear())
            begun = loop.time()
            for number, frame in enumerate(frames):
                await asyncio.sleep(begun + number * FRAME_MS / 1000 - loop.time())
                caller.play(frame)
            await asyncio.sleep(0.6)
            hearing.cancel()
        await asyncio.gather(caller.close(), answerer.close())
    return b"".join(heard)


async def _losses(name: str, runs: int) -> Figures:
    """Words wrong of all words, and runs without a wrong word, for each share of lost packets."""
    from duologue.engines.speech.moonshine import MoonshineTranscriber
    from duologue.engines.worker import Worker

    transcriber = MoonshineTranscriber(Worker())

    async def words(pcm16: bytes) -> list[str]:
        pieces = transcriber.transcribe(resample(pcm16, RATE_HZ, transcriber.sample_rate_hz))
        return words_of("".join([str(getattr(piece, "text", piece)) async for piece in pieces]))

    stack, figures = load_stack(name), Figures()
    clips = [_clip(path) for path in _CLIPS]
    expected = [await words(clip) for clip in clips]
    for loss in LOSSES:
        wrong: list[int] = []
        for number, clip in enumerate(clips):
            heard = await asyncio.gather(*(_heard_over(stack, clip, loss, seed) for seed in range(runs)))
            wrong += [wrong_words(expected[number], await words(pcm16)) for pcm16 in heard]
        cell = f"loss_{round(loss * 100)}_percent"
        figures[f"{cell}_wrong_words_share"] = sum(wrong) / (runs * sum(map(len, expected)))
        figures[f"{cell}_right_runs_share"] = wrong.count(0) / len(wrong)
    return figures


# --- the program


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("peers", "server", "loss"))
    parser.add_argument("--stack", choices=STACKS)
    parser.add_argument("--calls", type=int, default=CALLS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--callers", choices=STACKS, help=argparse.SUPPRESS)
    parser.add_argument("--one", choices=STACKS, help=argparse.SUPPRESS)
    return parser.parse_args()


def _measured(name: str, options: argparse.Namespace) -> Figures:
    """In a process of its own, so that no stack counts the memory and the threads of another."""
    import subprocess

    arguments = [f"--{key}={getattr(options, key)}" for key in ("calls", "seconds", "runs")]
    if options.only:
        arguments.append(f"--only={options.only}")
    done = subprocess.run(
        [sys.executable, __file__, f"--one={name}", *arguments], stdout=subprocess.PIPE, check=True, text=True
    )
    return dict(json.loads(done.stdout))


async def _one(name: str, options: argparse.Namespace) -> Figures:
    figures = Figures()
    if options.only in (None, "peers"):
        figures |= await _calls(name, options.calls, options.seconds)
    if options.only in (None, "server"):
        figures |= await whole_server(options.calls, options.seconds / 5, 5, stack=name)
    if options.only in (None, "loss"):
        figures |= await _losses(name, options.runs)
    return figures


def main() -> None:
    """Measure what the command line asks for."""
    options = _options()
    if options.callers:
        asyncio.run(_callers(options.callers))
    elif options.one:
        print(json.dumps(asyncio.run(_one(options.one, options))))
    else:
        figures: dict[str, Any] = {}
        for name in [options.stack] if options.stack else STACKS:
            figures |= {f"{name}_{key}": round(value, 3) for key, value in _measured(name, options).items()}
        report(figures, "\n".join(f"{key:44} {value:10.3f}" for key, value in figures.items()))


if __name__ == "__main__":
    main()
