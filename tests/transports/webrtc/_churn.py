"""Holds many short calls, and prints what is left of them: run as a program, so that nothing else is counted."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from duologue.transports.webrtc.peer import FRAME_BYTES, PeerSettings, Stack
from duologue.transports.webrtc.stacks import load_stack

_AT_ONCE: Final = 5
_FRAMES: Final = 5


async def _call(stack: Stack) -> None:
    offerer, answerer = stack.new_peer(PeerSettings()), stack.new_peer(PeerSettings())
    async with asyncio.timeout(20):
        await offerer.connect(await answerer.answer(await offerer.offer()))
        await offerer.send("here")
        await answerer.receive()
        for _ in range(_FRAMES):
            offerer.play(bytes(FRAME_BYTES))
            await answerer.hear()
        await offerer.close()
        await answerer.close()


async def _calls(stack: Stack, number: int) -> None:
    for _ in range(number // _AT_ONCE):
        await asyncio.gather(*(_call(stack) for _ in range(_AT_ONCE)))


def _held() -> dict[str, float]:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return {
        "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": len(os.listdir("/proc/self/task")),
        "python_threads": threading.active_count(),
        "tasks": len(asyncio.all_tasks()) - 1,
        "rss_mb": pages * os.sysconf("SC_PAGE_SIZE") / 1e6,
    }


async def churn(name: str, number: int) -> Mapping[str, Mapping[str, float]]:
    """What the process holds before and behind the calls; 200 others come first, for what is made once."""
    stack = load_stack(name)
    await _calls(stack, 200)
    await asyncio.sleep(1)
    before = _held()
    await _calls(stack, number)
    await asyncio.sleep(1)
    return {"before": before, "behind": _held()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(churn(sys.argv[1], int(sys.argv[2])))) + "\n")
