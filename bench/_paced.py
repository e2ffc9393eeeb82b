"""The server of `calls.py`: scripted engines whose speech comes in real time, with the due time of each piece."""

from __future__ import annotations

import asyncio
import resource
import struct
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from bench._bare import BareApp
from duologue.engines.registry import DEFAULTS, Engines, load, load_default
from duologue.engines.scripted import ScriptedResponder, ScriptedTranscriber, detectors
from duologue.engines.worker import Worker
from duologue.server import Inspector, Limits, RealtimeApp, loop_factory, serve, tune_process

__all__ = ["ANSWER", "DUE", "LIMITS", "PIECES", "PIECE_MS", "serve_calls"]

PIECE_MS: Final = 100
PIECES: Final = 20
"""An answer of two seconds."""

DUE: Final = struct.Struct("<d8x")
"""At the head of each piece of speech: when it was due, on the monotonic clock that all processes share."""

MAX_CALLS: Final = 2000

LIMITS: Final = Limits(
    sessions=2 * MAX_CALLS,
    max_sessions_per_owner=None,
    max_connections=4 * MAX_CALLS,
    max_connections_per_address=None,
    max_unread_bytes=None,
    max_unread_bytes_per_owner=None,
    max_memory_bytes=1 << 40,
    max_owner_bytes=1 << 40,
)
"""All callers come from this machine, and without a key: what one address may have is not what is measured."""

ANSWER: Final = "That would be a pleasure."


class PacedSynthesizer:
    """Speaks 100 ms of sound every 100 ms, as a hosted voice is played; each piece carries when it was due."""

    name = "paced"
    sample_rate_hz = 24_000
    voices: tuple[str, ...] = ("tone",)

    async def synthesize(self, text: str, /, *, voice: str, speed: float = 1.0) -> AsyncGenerator[bytes, None]:
        """Two seconds, whatever the text."""
        due = time.monotonic()
        for _ in range(PIECES):
            await asyncio.sleep(due - time.monotonic())
            yield DUE.pack(due) + _SOUND
            due += PIECE_MS / 1000


_SOUND: Final = b"\x10\x27\x20\x4e" * (24 * PIECE_MS // 2 - DUE.size // 4)


def _usage() -> str:
    """CPU seconds and resident bytes of this process, and its tasks."""
    try:
        resident = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    except OSError:
        resident = 0
    return f"{time.process_time()} {resident} {len(asyncio.all_tasks())}\n"


def _argument(name: str) -> str | None:
    """What stands behind this option."""
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else None


async def _answer_questions() -> None:
    """A line of figures for each line on standard input, until that ends."""
    while await asyncio.to_thread(sys.stdin.readline):
        sys.stdout.write(_usage())
        sys.stdout.flush()


@asynccontextmanager
async def _paced_engines(kind: str | None) -> AsyncGenerator[Engines, None]:
    """Scripted engines; with `kind` "detector" the shipped voice detector among them, with "shipped" all shipped."""
    if kind == "shipped":
        async with load_default() as shipped:
            yield shipped
        return
    engines = Engines(
        new_detector=detectors(sample_rate_hz=24_000),
        transcriber=ScriptedTranscriber(("how are you",), sample_rate_hz=24_000),
        responder=ScriptedResponder((ANSWER,)),
        synthesizer=PacedSynthesizer(),
    )
    async with Worker() as worker:
        if kind == "detector":
            engines = replace(engines, new_detector=await load("detector", DEFAULTS["detector"], worker))
        yield engines


async def serve_calls() -> None:
    """Serve until standard input ends; prints the URL on the first line."""
    bare = _argument("--bare")
    application = (RealtimeApp if bare is None else BareApp)(
        engines=partial(_paced_engines, _argument("--engines")),
        limits=LIMITS,
        taps=(Inspector(keep=MAX_CALLS),) if "--inspect" in sys.argv else (),
        record=_argument("--record"),
    )
    if isinstance(application, BareApp) and bare is not None:
        begins, ends = map(int, bare.split(","))
        application.bare(begins=begins, ends=ends, speak=partial(PacedSynthesizer().synthesize, "", voice="tone"))

    def say_where(url: str) -> None:
        tune_process()  # as `duologue serve` does
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()

    serving = asyncio.ensure_future(serve(application, port=0, on_listening=say_where))
    await _answer_questions()
    serving.cancel()
    await asyncio.wait({serving})


if __name__ == "__main__":
    with asyncio.Runner(
        loop_factory=None if "--asyncio" in sys.argv else loop_factory()
    ) as runner:  # as `duologue serve`
        runner.run(serve_calls())
