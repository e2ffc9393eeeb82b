"""What Ray Serve's ingress costs in front of the server: CPU and latency, against the server by itself.

`duologue serve` with scripted engines in one process, and `python -m duologue.deploy.ray --replicas 2` with the same
engines, side by side; 60 calls append 20 ms of sound at the pace of a microphone, in turns, now to the one and now to
the other. Figures are medians of the rounds. The clients are this process, on the same cores: p99 is an upper bound,
CPU seconds are the servers' own. `ray_cores` are Ray Serve's processes: `replica_cores`, `haproxy_cores`, and
`control_cores` of the controller and the proxies, with or without calls. `ray_rest_cores` is what Ray takes beside them
(raylet, dashboard, agents). `balance` is the share of a replica's calls that the emptier one has.
Linux only. Needs `ray[serve]`, which no group brings: `.venv/bin/pip install -c constraints.txt 'ray[serve]>=2.55'`.
"""

from __future__ import annotations

import asyncio
import os
import socket
import statistics
import sys
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from bench._rounds import report
from bench.calls import MEASURE_S, SETTLE_S, Crowd, Measured, Server, at_share
from bench.workers import CALLS, FRAME_MS, Processes, cpu_s, served, sockets

ROUNDS: Final = 3
REPLICAS: Final = 2

START_S: Final = 180.0
"""A dozen processes that import much, on a machine that does other work."""

BALANCED_S: Final = 3.0
"""After the first replica can be reached, for HAProxy to learn of the other one."""

QUIET: Final = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60"}
"""Of Ray, which would give up after 5 s on a machine that does other work."""

RATE: Final = ("--engine-option=detector.sample_rate_hz=24000", "--engine-option=transcriber.sample_rate_hz=24000")
"""That of the sound: to convert it would hold speech back for longer than what is measured."""

ROLES: Final = {
    "replica": ("ray::ServeReplica", "ray::SERVE_REPLICA"),
    "control": ("ray::ServeController", "ray::ProxyActor", "ray::HAProxy"),
}
"""How the processes of Ray Serve call themselves; HAProxy is a child of one of the last."""


class Cluster(Server):
    """Ray with the server in its replicas."""

    @property
    def pids(self) -> dict[int, str]:
        """All processes that it has started, by id, and the role of each."""
        found = dict[int, str]()
        waiting = [(self._process.pid, "rest")]
        while waiting:
            pid, parent = waiting.pop()
            title = _title(pid)
            named = (role for role, names in ROLES.items() if title.startswith(names))
            found[pid] = next(named, "rest" if parent == "rest" else "haproxy")
            waiting += [(child, found[pid]) for child in _children(pid)]
        return found

    @property
    def replicas(self) -> list[int]:
        """The processes that hold sessions."""
        return [pid for pid, role in self.pids.items() if role == "replica"]


def _children(pid: int) -> list[int]:
    """Of all threads of a process; none if it has ended."""
    try:
        lists = [each.read_text(encoding="ascii") for each in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return []
    return [int(child) for line in lists for child in line.split()]


def _title(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@asynccontextmanager
async def under_ray() -> AsyncGenerator[Cluster, None]:
    """Two replicas with scripted engines, behind HAProxy."""
    port = _free_port()
    engines = [f"--engine={kind}=scripted" for kind in ("detector", "transcriber", "responder", "synthesizer")]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "duologue.deploy.ray", f"--replicas={REPLICAS}", f"--port={port}", *engines, *RATE),
        env={**os.environ, "RAY_SERVE_ENABLE_HA_PROXY": "1", **QUIET},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    drained: asyncio.Task[bytes] | None = None
    try:
        async with asyncio.timeout(START_S):
            while not (line := await process.stdout.readline()).startswith(b"listening on "):
                if not line:
                    raise SystemExit("Ray did not start: run python -m duologue.deploy.ray to see why")
        drained = asyncio.create_task(process.stdout.read())  # Ray prints what its processes log
        await asyncio.sleep(BALANCED_S)
        yield Cluster(process, port)
    finally:
        process.terminate()
        if drained is not None:
            await drained
        await process.wait()


async def measured(server: Processes | Cluster) -> dict[str, float]:
    """Figures of one server with its calls."""
    seen = Measured()
    crowd = Crowd(server, FRAME_MS, seen)
    await crowd.become(CALLS)
    await asyncio.sleep(SETTLE_S + MEASURE_S)  # the first turn of each call is not measured
    seen.reset()
    pids: Mapping[int, str] = server.pids if isinstance(server, Cluster) else dict.fromkeys(server.pids, "replica")
    before, began = {pid: cpu_s(pid) for pid in pids}, time.monotonic()
    await asyncio.sleep(MEASURE_S)
    took_s = time.monotonic() - began
    shares: dict[str, float] = dict.fromkeys(("replica", "haproxy", "control", "rest"), 0.0)
    for pid, role in pids.items():
        shares[role] += (cpu_s(pid) - before[pid]) / took_s
    held = [sockets(pid) for pid in server.replicas] if isinstance(server, Cluster) else [1]
    await crowd.become(0)
    if seen.fault is not None:
        raise SystemExit(f"a call broke: {seen.fault}")
    added = sorted(seen.started + seen.answered)
    return {
        "p50_ms": at_share(added, 0.5),
        "p99_ms": at_share(added, 0.99),
        "cores": sum(shares.values()) - shares["rest"],
        **{f"{role}_cores": share for role, share in shares.items()},
        "balance": min(held) / max(held),
    }


async def run() -> None:
    """Measure, and print."""
    if find_spec("ray") is None:  # no failure: no group brings it, and all others of `make bench` are to run
        report({}, "Ray is not installed; run: .venv/bin/pip install -c constraints.txt 'ray[serve]>=2.55'")
        return
    async with served(*RATE) as alone, under_ray() as cluster:
        rounds = [(await measured(alone), await measured(cluster)) for _ in range(ROUNDS)]
    direct, ray = (
        {name: statistics.median(each[name] for each in side) for name in side[0]} for side in zip(*rounds, strict=True)
    )
    figures = {
        "calls": CALLS,
        "direct_p50_ms": round(direct["p50_ms"], 2),
        "direct_p99_ms": round(direct["p99_ms"], 2),
        "ray_p50_ms": round(ray["p50_ms"], 2),
        "ray_p99_ms": round(ray["p99_ms"], 2),
        "direct_cores": round(direct["cores"], 3),
        "ray_cores": round(ray["cores"], 3),
        "replica_cores": round(ray["replica_cores"], 3),
        "haproxy_cores": round(ray["haproxy_cores"], 3),
        "control_cores": round(ray["control_cores"], 3),
        "ray_rest_cores": round(ray["rest_cores"], 3),
        "of_direct": round(statistics.median(two["cores"] / one["cores"] for one, two in rounds), 2),
        "balance": round(ray["balance"], 2),
    }
    report(figures, "\n".join(f"{name:16} {value:g}" for name, value in figures.items()))


if __name__ == "__main__":
    asyncio.run(run())
