"""What is printed of a server's status."""

from __future__ import annotations

from io import StringIO

from msgspec.structs import replace
from rich.console import Console

from duologue.cli.status.server_status import ServerStatus
from duologue.cli.views.status import status_json, status_lines
from duologue.server.telemetry.metrics import Metrics
from duologue.transports.webrtc.peer import PeerFigures
from tests.cli.status._looks import WORKERS, look, status_between


def printed(status: ServerStatus, *, recent: bool = False) -> list[str]:
    console = Console(file=StringIO(), width=160, highlight=False)
    console.print(status_lines(status, recent=recent))
    assert isinstance(console.file, StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


async def busy() -> Metrics:
    """Of a server that has done something of each kind."""
    times = iter((0.0, 0.25))
    metrics = Metrics(clock=lambda: next(times))
    session = metrics.opened("s1", kind="realtime")
    metrics.opened("s2", kind="live").closed(1001)
    with session.engine_call("transcribe"):
        pass
    metrics.turned_away("full")
    metrics.call_ended(PeerFigures(round_trip_ms=60.0, lost_packets=1, received_packets=99, concealed_samples=4800))
    metrics.call_ended(None)
    session.illegal_transition("turn")
    owner = metrics.owners.of("[b]a\x1b[2J")
    assert owner is not None
    owner.opened("s1", kind="realtime")
    return metrics


async def test_all_of_it_on_a_screen() -> None:
    metrics = await busy()
    created = "duologue_x_created 1000\n"
    before = look(Metrics())
    now = look(metrics, at_s=2.0, unix_s=12_000.0, more=WORKERS + created)
    assert printed(status_between(before, now)) == [
        "http://host:8000  ready · up 3 h 3 min · 2 workers · 1 restart of workers",
        "sessions     1 open · 2 (live 1, realtime 1) opened · 1/s",
        "ended        1 (1001 1)",
        "turned away  1 (full 1) · 0.5/s",
        "responses    0 · 0/s",
        "errors       0 · 0/s",
        "in           0 B/s · 0.0 s of sound a second",
        "out          0 B/s · 0.0 s of sound a second",
        "memory       0 B held by sessions",
        "webrtc       1 call ended · 1 never connected · 1.0% of packets lost · 0.1 s concealed · "
        "round trip 75 ms (p50)",
        "faults       1 transition that the protocol does not have: to be reported",
        "",
        "calls of engines, ms (since the start)",
        "engine         count     p50     p95     p99  running  failed",
        "transcribe         1     250     295     299        0       0",
        "",
        "callers",
        "caller          open  opened  responses  turned away",
        r"[b]a\x1b[2J        1       1          0            0",
    ]


async def test_a_server_that_is_not_ready_says_why() -> None:
    metrics = Metrics()
    now = look(metrics)
    for said, words in (
        (replace(now, state="engines", engines_down=["synthesizer"]), "engines cannot be reached (synthesizer)"),
        (replace(now, state="draining"), "draining: it takes no more sessions"),
        (replace(now, state="odd"), "it says: odd"),
        (replace(now, is_alive=False), "ready · /healthz does not answer ok"),
    ):
        assert words in printed(status_between(now, said))[0]


async def test_recent_delays_are_those_between_the_looks() -> None:
    metrics = await busy()
    lines = printed(status_between(look(metrics), look(metrics, at_s=60.0)), recent=True)
    assert "calls of engines, ms (last 1 min)" in lines
    assert "transcribe         0       –       –       –        0       0" in lines


async def test_a_thousand_callers_and_kinds_take_a_few_lines() -> None:
    metrics = Metrics()
    for number in range(1000):
        metrics.owners.of(f"key {number}")
        metrics.turned_away(f"reason {number}")
    lines = printed(status_between(look(metrics), look(metrics)))
    assert len(lines) < 30
    assert "callers, and 990 more" in lines
    [away] = [line for line in lines if line.startswith("turned away")]
    assert away.startswith("turned away  1000 (reason 0 1, reason 1 1, ")
    assert away.endswith(", others 994) · 0/s")


async def test_json_has_all_of_it() -> None:
    metrics = await busy()
    shown = status_json(status_between(look(metrics), look(metrics, at_s=1.0)))
    assert (shown["ready"], shown["sessions"]["open"], shown["calls"]["lost_packets"]) == (True, 1, 0.01)
    assert shown["engines"]["transcribe"]["calls"]["p50_ms"] == 250.0
