"""The server that `server.py` attacks: the application under uvicorn, in a process of its own.

Its arguments are the addresses of MCP servers that sessions may use. Its responder repeats the user's
text, so that an answer shows whose text it is. A line on standard input is answered with figures; its log goes to
standard error.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import resource
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import nullcontext
from pathlib import Path

from duologue.engines.base import FunctionCall, ResponderRequest
from duologue.engines.registry import Engines
from duologue.engines.scripted import ScriptedSynthesizer, ScriptedTranscriber, detectors
from duologue.server import McpAccess, RealtimeApp, serve, tune_process


class EchoResponder:
    """Repeats the user's last text a word at a time, and lets other tasks run in between. At "Call" it calls the tools
    that are offered, two at most."""

    name = "echo"

    async def respond(self, request: ResponderRequest, /) -> AsyncGenerator[str | FunctionCall, None]:
        texts = [message.text for message in request.messages if message.role == "user"]
        if texts and texts[-1].startswith("Call") and request.functions and not request.returned:
            for function in request.functions[:2]:
                yield FunctionCall(name=function.name, arguments="{}")
            return
        for word in (texts[-1] if texts else "Nothing.")[:400].split(" "):
            yield f"{word} "
            await asyncio.sleep(0)


class Stalls:
    """How long no session was served at a time, in CPU time: a machine that is busy elsewhere stalls all clocks."""

    def __init__(self) -> None:
        self.longest_ms = 0.0

    async def watch(self) -> None:
        """Measure for ever."""
        while True:
            before = time.process_time()
            # Called in the next iteration of the loop: the time between is one iteration's work.
            await asyncio.sleep(0.005)
            self.longest_ms = max(self.longest_ms, (time.process_time() - before) * 1000)


class MallocInfo(ctypes.Structure):
    """glibc's `struct mallinfo2`: https://man7.org/linux/man-pages/man3/mallinfo.3.html."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split(" ")
    )


def malloc_bytes() -> int:
    """What was allocated with malloc and not freed: from heaps, and mapped by itself. 0 without glibc 2.33."""
    mallinfo = getattr(ctypes.CDLL(None), "mallinfo2", None) if sys.platform == "linux" else None
    if mallinfo is None:
        return 0
    mallinfo.restype = MallocInfo
    info = mallinfo()
    return int(info.uordblks + info.hblkhd)


def figures(stalls: Stalls) -> str:
    """What the process keeps: blocks of Python's own allocator, bytes of malloc's; resident bytes now and at most;
    tasks; the longest stall in milliseconds."""
    longest_ms = round(stalls.longest_ms)
    gc.collect()
    # glibc returns freed memory only on demand: without it, a run would show its largest messages.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
    statm = Path("/proc/self/statm")
    resident = int(statm.read_text(encoding="ascii").split()[1]) * resource.getpagesize() if statm.exists() else 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    tasks = len(asyncio.all_tasks())
    return f"{sys.getallocatedblocks()} {malloc_bytes()} {resident} {most} {tasks} {longest_ms}\n"


async def run() -> None:
    """Serve until standard input ends."""
    engines = Engines(
        new_detector=detectors(sample_rate_hz=24_000),
        transcriber=ScriptedTranscriber(("the spoken words",), sample_rate_hz=24_000),
        responder=EchoResponder(),
        synthesizer=ScriptedSynthesizer(),
    )

    def say_where(url: str) -> None:
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()

    tune_process()  # as `duologue serve` does: memory is measured here
    mcp = McpAccess(*sys.argv[1:]) if sys.argv[1:] else None
    application = RealtimeApp(engines=lambda: nullcontext(engines), mcp=mcp)
    serving = asyncio.ensure_future(serve(application, port=0, on_listening=say_where))
    stalls = Stalls()
    watching = asyncio.ensure_future(stalls.watch())
    while await asyncio.to_thread(sys.stdin.readline):
        sys.stdout.write(figures(stalls))
        sys.stdout.flush()
    watching.cancel()
    serving.cancel()
    await asyncio.wait({serving, watching})


if __name__ == "__main__":
    logging.basicConfig(level="WARNING", format="%(levelname)s %(name)s: %(message)s")
    asyncio.run(run())
