"""Serves many short calls over libwebrtc, and prints what is left: run as a program, so that nothing else is counted.

The server is in this process, and its callers are in another one. Each call is posted, connects, has its session
updated, hears an answer begin, and closes.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import threading
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Final

from duologue.server import Limits
from duologue.transports.http_exchange import exchange
from duologue.transports.webrtc.peer import FRAME_BYTES, PeerSettings, Stack
from duologue.transports.webrtc.stacks import load_stack
from tests.server._listening import listening, scripted_app

_AT_ONCE: Final = 5
_SETTLE_S: Final = 3.0
"""For the last calls to end on the server's side; a call that is left shows as a task."""

_WARM: Final = 200
"""Calls before counting: for what is made once."""


async def _call(stack: Stack, url: str) -> None:
    peer = stack.new_peer(PeerSettings())
    async with asyncio.timeout(30):
        offer = (await peer.offer()).encode()
        answer = await exchange(url, method="POST", headers={"Content-Type": "application/sdp"}, body=offer)
        assert answer.status == 201, answer.body
        await peer.connect(answer.body.decode())
        await peer.send('{"type":"session.update","session":{"type":"realtime","instructions":"Be brief."}}')
        await peer.send('{"type":"response.create"}')
        for _ in range(5):
            peer.play(bytes(FRAME_BYTES))
            await peer.hear()
        while "output_audio_buffer.started" not in str(await peer.receive()):
            pass
        await peer.close()


async def _callers(url: str) -> None:
    """So many calls as each line that is read says; then a line is written."""
    stack, loop = load_stack("wrtc"), asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        for _ in range(int(line) // _AT_ONCE):
            await asyncio.gather(*(_call(stack, url) for _ in range(_AT_ONCE)))
        print("done", flush=True)


def _held() -> dict[str, float]:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return {
        "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": len(os.listdir("/proc/self/task")),
        "python_threads": threading.active_count(),
        "tasks": len(asyncio.all_tasks()),
        "rss_mb": pages * os.sysconf("SC_PAGE_SIZE") / 1e6,
    }


async def _churn(number: int) -> None:
    app = scripted_app(limits=Limits(max_sessions_per_owner=None))
    async with listening(app) as url:
        callers = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.server.calls._churn", f"{url.replace('ws', 'http', 1)}/calls",
            stdin=PIPE, stdout=PIPE,
        )  # fmt: skip
        assert callers.stdin is not None
        assert callers.stdout is not None
        held: list[dict[str, float]] = []
        try:
            for each in (_WARM, number):
                callers.stdin.write(f"{each}\n".encode())
                assert await callers.stdout.readline() == b"done\n"
                await asyncio.sleep(_SETTLE_S)
                held.append(_held())
        finally:
            callers.stdin.close()
            await callers.wait()
    print(json.dumps({"before": held[0], "behind": held[1]}))


if __name__ == "__main__":
    asyncio.run(_callers(sys.argv[1]) if "://" in sys.argv[1] else _churn(int(sys.argv[1])))
