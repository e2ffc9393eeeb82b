"""What an idle session costs in memory: the server in a process of its own, its clients in this one.

Scripted engines; every session is opened over loopback, has got its `session.created`, and waits. A second figure is
that of sessions which have had one short spoken turn each. `--sessions N` opens another number.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from base64 import b64encode
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from websockets.asyncio.client import ClientConnection, connect

from bench._rounds import report, wants_json

WARM: Final = 20
"""Sessions that are opened before measuring: the first ones load what all others share."""

AT_ONCE: Final = 50
"""Handshakes under way; more than that would wait in the listener's queue."""

LOUD: Final = b64encode(b"\x00\x40" * 4800).decode()
QUIET: Final = b64encode(bytes(24_000 * 2)).decode()

_COMMAND: Final = [
    sys.executable, "-m", "duologue", "serve", "--port", "0", "--limit", "sessions=100000",
    "--limit", "max_sessions_per_owner=none", "--limit", "max_connections=200000", "--until-eof",
    "--detector=scripted", "--transcriber=scripted", "--responder=scripted", "--synthesizer=scripted",
]  # fmt: skip


def resident_kb(pid: int) -> int:
    """The resident memory of the process, as Linux counts it."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


async def open_sessions(url: str, count: int) -> list[ClientConnection]:
    """Sessions that have got `session.created`."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def open_one() -> ClientConnection:
        async with turn:
            socket = await connect(url, compression=None, ping_interval=None)
            assert "session.created" in str(await socket.recv())
            return socket

    return await asyncio.gather(*(open_one() for _ in range(count)))


async def hold_turns(sockets: list[ClientConnection]) -> None:
    """One turn in each: 200 ms of speech, a second of silence, an answer read to its end."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def hold(socket: ClientConnection) -> None:
        async with turn:
            for audio in (LOUD, QUIET):
                await socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))
            while "response.done" not in str(await socket.recv()):
                pass

    await asyncio.gather(*map(hold, sockets))


async def measure(url: str, pid: int, count: int) -> dict[str, float | int | str]:
    """Opens them, and counts."""
    await hold_turns(await open_sessions(url, WARM))
    before_kb = resident_kb(pid)
    sockets = await open_sessions(url, count)
    idle_kb = resident_kb(pid)
    await hold_turns(sockets)
    used_kb = resident_kb(pid)
    await asyncio.gather(*(socket.close() for socket in sockets))
    return {
        "sessions": count,
        "server_kb": before_kb,
        "idle_session_kb": round((idle_kb - before_kb) / count, 1),
        "used_session_kb": round((used_kb - before_kb) / count, 1),
    }


def main() -> None:
    """Run, and print."""
    count = int(sys.argv[sys.argv.index("--sessions") + 1]) if "--sessions" in sys.argv else 500
    with subprocess.Popen(_COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            url = server.stdout.readline().removeprefix("listening on ").strip()
            figures = asyncio.run(measure(url, server.pid, count))
        finally:
            server.stdin.close()
    lines = [
        f"{count} sessions in addition to a server of {figures['server_kb']} kB",
        f"  idle                {figures['idle_session_kb']:>8} kB each",
        f"  after a short turn  {figures['used_session_kb']:>8} kB each",
    ]
    report(figures, "\n".join(lines))


if __name__ == "__main__":
    if not wants_json():
        sys.stdout.write("opening sessions ...\n")
    main()
