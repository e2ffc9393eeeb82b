"""Two workers behind one socket, with kills and reloads in between: what is lost that was promised?

    python bench/soak_workers.py [--minutes 2] [--callers 20]        `make soak` runs half an hour

`duologue serve --workers 2` with scripted engines; the first half of the time with `--drain turn`, the second half with
`--drain end`. Callers speak, ask, and come back; again and again a worker is killed, and the workers are replaced.
Linux only.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import signal
import statistics
import sys
import time
from collections import Counter, deque
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

import httpx

from bench._rounds import report, wants_json
from bench.calls import sound
from bench.workers import pss_mib
from duologue import Conversation, connect, converse
from duologue.client import client_secret
from duologue.errors import ConnectFailed, ConnectionClosed, LocalProtocolError, NotConnected, RequestRejected
from duologue.notices import ConnectionLost, SessionRestored

KEY: Final = "k-soak"
WORKERS: Final = 2
DRAIN_S: Final = 120
LONGEST_CALL_S: Final = 60.0
"""Below `DRAIN_S`: with `--drain end` every call ends by itself."""
DISTURBANCES: Final = 9
"""In each half, at the same distances; kills and reloads take turns."""
KILL_SHOWS_S: Final = 5.0
"""What is lost within so long of a kill is lost by it; a client is back by then."""
ANSWER_S: Final = 20.0
SECRET_KEPT_S: Final = 10.0
"""From a client secret to its use: many outlive the worker that made them."""
EVERY_S: Final = 2.0
FRAME_MS: Final = 100
SPEECH: Final = [sound(FRAME_MS, 9000) for _ in range(8)]
MANUAL: Final = {
    "type": "realtime",
    "audio": {"input": {"turn_detection": None, "transcription": {"model": "scripted"}}},
}
"""Speech comes back to a new session as its transcript."""


class Server:
    """The running server, and what was done to it."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, drain: str) -> None:
        self.url = url
        self.drain = drain
        self.http = url.replace("ws://", "http://").removesuffix("/v1/realtime")
        self.pid = process.pid
        self._killed_at = self._reloaded_at = -1e9

    @property
    def workers(self) -> list[int]:
        """Processes of the workers, with those that drain."""
        return [
            int(each) for each in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii").split()
        ]

    @property
    def descriptors(self) -> int:
        """Of the parent."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def kill(self, chance: random.Random) -> None:
        """Kill one of the workers."""
        os.kill(chance.choice(self.workers), signal.SIGKILL)
        self._killed_at = time.monotonic()

    def reload(self) -> None:
        """Have all workers replaced."""
        os.kill(self.pid, signal.SIGHUP)
        self._reloaded_at = time.monotonic()

    def cause(self) -> str:
        """Why a connection may be lost now."""
        now = time.monotonic()
        if now - self._killed_at <= KILL_SHOWS_S:
            return "kill"
        if now - self._reloaded_at <= DRAIN_S:
            return "reload"
        return "nothing"


class Seen:
    """What all callers saw."""

    def __init__(self) -> None:
        self.count: Counter[str] = Counter()
        self.back_s: list[float] = []
        """From the loss of a connection to the next answer."""
        self.parent_mib: list[tuple[float, float]] = []
        self.workers_mib: list[tuple[float, float]] = []
        """Of all together, with those that drain."""
        self.descriptors: list[int] = []


@contextlib.asynccontextmanager
async def served(drain: str) -> AsyncGenerator[Server, None]:
    """`duologue serve --workers`, until the end of the block."""
    kinds = ("detector", "transcriber", "responder", "synthesizer")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "duologue", "serve", "--port", "0", "--no-webrtc", "--no-talk"),
        *("--workers", f"{WORKERS}", "--drain", drain, "--limit", f"drain_s={DRAIN_S}", "--log-level", "error"),
        *(each for kind in kinds for each in (f"--{kind}", "scripted")),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "DUOLOGUE_API_KEY": KEY},
    )
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().strip().rpartition(" ")[2]
    try:
        yield Server(process, url, drain)
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(DRAIN_S + 10):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


# --- callers


async def caller(server: Server, seen: Seen, chance: random.Random, until: float) -> None:
    """Call again and again."""
    await asyncio.sleep(chance.random() * 3)
    while time.monotonic() < until:
        ends_at, verb = min(until, time.monotonic() + chance.uniform(10, LONGEST_CALL_S)), "not opened"
        try:
            async with converse(server.url, api_key=KEY, session=MANUAL) as call:
                verb = "broken"
                watching = asyncio.ensure_future(watch(call, server, seen))
                try:
                    await talk(call, server, seen, chance, ends_at)
                finally:
                    watching.cancel()
                    await asyncio.wait({watching})
            seen.count["calls"] += 1
        except (ConnectFailed, ConnectionClosed, NotConnected, RequestRejected):
            seen.count[f"calls {verb} by {server.cause()}"] += 1
            await asyncio.sleep(0.1)


async def watch(call: Conversation, server: Server, seen: Seen) -> None:
    """Count what a call loses, until it ends."""
    with contextlib.suppress(ConnectionClosed):
        async with call.stream(ConnectionLost, SessionRestored) as notices:
            async for notice in notices:
                if isinstance(notice, ConnectionLost):
                    seen.count[f"connections lost by {server.cause()}"] += 1
                else:
                    seen.count["sessions restored"] += 1
                    for missing in notice.not_restored:
                        seen.count[f"not restored: {missing.reason}"] += 1


async def talk(call: Conversation, server: Server, seen: Seen, chance: random.Random, ends_at: float) -> None:
    """Speak and ask until the call's end."""
    asked: list[str] = []
    while time.monotonic() < ends_at:
        asked.append(f"Question {len(asked) + 1}?")
        began = time.monotonic()
        while not await turn(call, asked[-1], server, seen, chance):
            if time.monotonic() - began > ANSWER_S:
                seen.count["not answered"] += 1
                return
        if time.monotonic() - began > KILL_SHOWS_S:
            seen.count["answered late"] += 1
        seen.back_s.append(time.monotonic() - began)
        texts = " ".join(str(item) for item in call.items)
        seen.count["items lost"] += sum(question not in texts for question in asked)


async def turn(call: Conversation, question: str, server: Server, seen: Seen, chance: random.Random) -> bool:
    """Speak for a second, ask, and look for a question at the server. Whether there was an answer."""
    try:
        async with asyncio.timeout(ANSWER_S):
            for piece in SPEECH:
                await call.send_audio(piece)
                await asyncio.sleep(FRAME_MS / 1000)
            await call.commit()
            answer = await call.ask(question)
            seen.count["answers"] += 1
            seen.count["answers incomplete"] += answer.status != "completed"
            known = chance.choice([item for item in call.items if item.text.startswith("Question")])
            async with call.stream("conversation.item.retrieved", "error", ConnectionLost) as events:
                await call.send({"type": "conversation.item.retrieve", "item_id": known.item_id})
                event = await events.receive()
            if isinstance(event, ConnectionLost):
                return True
            seen.count["items at the server" if "retrieved" in event.type else "items not at the server"] += 1
            return True
    except (NotConnected, RequestRejected, LocalProtocolError):
        # The last one: what was said is gone with the old session, so that there is nothing to commit.
        seen.count[f"asked again by {server.cause()}"] += 1
        await asyncio.sleep(0.05)
        return False
    except TimeoutError:
        return False


async def secrets(server: Server, seen: Seen, until: float) -> None:
    """Make client secrets, and use each a while later."""
    kept: deque[tuple[float, str]] = deque()
    while time.monotonic() < until:
        try:
            kept.append((time.monotonic(), (await client_secret(server.url, api_key=KEY)).value))
            seen.count["secrets"] += 1
        except ConnectFailed:
            seen.count[f"secrets not made by {server.cause()}"] += 1
        while kept and kept[0][0] < time.monotonic() - SECRET_KEPT_S:
            await use(kept.popleft()[1], server, seen)
        await asyncio.sleep(EVERY_S / 2)


async def use(secret: str, server: Server, seen: Seen) -> None:
    """Open a session by a client secret. A second try is for a worker that was killed at that moment."""
    for _ in range(2):
        try:
            async with connect(server.url, api_key=secret) as connection:
                await connection.receive()
            seen.count["secrets served"] += 1
            return
        except ConnectionClosed:
            seen.count["secrets tried again"] += 1
        except ConnectFailed:
            seen.count["secrets tried again"] += 1
    seen.count["secrets refused"] += 1


# --- figures


async def look(server: Server, seen: Seen, until: float) -> None:
    """Watch counters and memory."""
    before: dict[str, float] = {}
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {KEY}"}, timeout=5) as client:
        while (now := time.monotonic()) < until:
            with contextlib.suppress(httpx.HTTPError):
                page = await client.get(f"{server.http}/metrics")
                figures = counters(page.text) if page.status_code == 200 else before
                fallen = [name for name, value in before.items() if figures.get(name, -1.0) < value]
                for name in fallen:
                    print(f"fallen: {name} {before[name]} {figures.get(name)}", file=sys.stderr)
                seen.count["counters fallen"] += len(fallen)
                before = figures
            seen.parent_mib.append((now, pss_mib(server.pid)))
            seen.descriptors.append(server.descriptors)
            seen.workers_mib.append((now, sum(map(pss_mib, server.workers))))
            await asyncio.sleep(EVERY_S)


def counters(page: str) -> dict[str, float]:
    """What never falls, of a page of metrics."""
    pairs = (line.rsplit(" ", 1) for line in page.splitlines() if line and not line.startswith("#"))
    ends = ("_total", "_count", "_sum", "_bucket")
    return {name: float(value) for name, value in pairs if name.partition("{")[0].endswith(ends)}


async def open_sessions(server: Server) -> float:
    """How many the server counts."""
    value = -1.0
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {KEY}"}) as client:
        for _ in range(50):
            page = (await client.get(f"{server.http}/metrics")).text
            values = [
                line.rsplit(" ", 1)[1] for line in page.splitlines() if line.startswith("duologue_sessions_open ")
            ]
            value = float(values[0])
            if not value:
                break
            await asyncio.sleep(0.1)
    return value


async def disturb(server: Server, seen: Seen, half_s: float, chance: random.Random) -> None:
    """Kill and reload, at the same distances."""
    for number in range(DISTURBANCES):
        await asyncio.sleep(half_s / (DISTURBANCES + 1))
        if number % 2:
            server.reload()
            seen.count["reloads"] += 1
        else:
            server.kill(chance)
            seen.count["kills"] += 1
        if not wants_json():
            print(f"  {server.drain}: {dict(sorted(seen.count.items()))}", flush=True)


async def run_half(drain: str, half_s: float, n_callers: int) -> dict[str, float | int | str]:
    """Figures of one server."""
    seen, chance = Seen(), random.Random(drain)
    async with served(drain) as server:
        until = time.monotonic() + half_s
        callers = (caller(server, seen, random.Random(f"{drain}{each}"), until) for each in range(n_callers))
        await asyncio.gather(
            *callers,
            secrets(server, seen, until),
            look(server, seen, until),
            disturb(server, seen, half_s, chance),
        )
        left = await open_sessions(server)
    count = seen.count
    parent_mib, workers_mib = warm_and_last(seen.parent_mib), warm_and_last(seen.workers_mib)
    broken = {
        "not_answered": count["not answered"],
        "answers_incomplete": count["answers incomplete"],
        "items_lost": count["items lost"] + count["items not at the server"],
        "secrets_refused": count["secrets refused"],
        "counters_fallen": count["counters fallen"],
        "lost_by_nothing": count["connections lost by nothing"] + count["asked again by nothing"],
        # A worker that is killed while it opens a session takes the attempt along; clients try again.
        "calls_broken": sum(
            number
            for name, number in count.items()
            if name.startswith("calls ") and not name.startswith("calls not opened by kill")
        ),
        "lost_by_reload": count["connections lost by reload"] if drain == "end" else 0,
        "sessions_left": int(left),
    }
    return {
        **broken,
        "answers": count["answers"],
        "calls": count["calls"],
        "kills": count["kills"],
        "reloads": count["reloads"],
        "connections_lost": sum(number for name, number in count.items() if name.startswith("connections lost")),
        "longest_turn_s": round(max(seen.back_s, default=0.0), 2),
        "late": count["answered late"],
        "secrets_served": count["secrets served"],
        "parent_warm_mib": parent_mib[0],
        "parent_last_mib": parent_mib[1],
        "parent_descriptors": max(seen.descriptors[-5:]),
        "workers_warm_mib": workers_mib[0],
        "workers_last_mib": workers_mib[1],
        "ways": ", ".join(f"{number} {name}" for name, number in sorted(count.items())),
    }


def warm_and_last(samples: list[tuple[float, float]]) -> tuple[float, float]:
    """Medians of the second and of the last fifth: every worker is replaced in between."""
    fifth = len(samples) // 5
    parts = samples[fifth : 2 * fifth], samples[4 * fifth :]
    warm, last = (round(statistics.median([mib for _, mib in part] or [0.0]), 1) for part in parts)
    return warm, last


def main() -> int:
    """Run, and print; 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description="What two workers keep of what they promise, over kills and reloads.")
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--callers", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures: dict[str, float | int | str] = {"minutes": options.minutes}
    for drain in ("turn", "end"):
        half = asyncio.run(run_half(drain, options.minutes * 30, options.callers))
        figures |= {f"{drain}_{name}": value for name, value in half.items()}
    report(figures, "\n".join(f"{name:24} {value}" for name, value in figures.items()))
    broken = ("answered", "incomplete", "items_lost", "refused", "fallen", "nothing", "broken", "reload", "left")
    return any(bool(value) for name, value in figures.items() if name.endswith(broken))


if __name__ == "__main__":
    sys.exit(main())
