"""How a server is doing, from two looks at its metrics: what is, what was counted, and how fast it grows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from duologue.cli.status.exposition import Samples
from duologue.cli.status.histogram import CountedDelays, histogram_of

__all__ = ["CallStatus", "EngineStatus", "Look", "MemoryStatus", "OwnerStatus", "ServerStatus", "SessionCounts"]

_READY = "ok"


class Look(Struct, frozen=True, kw_only=True):
    """What a server said at one moment; `at_s` is on any clock that goes on, `unix_s` the time of day."""

    at_s: float
    unix_s: float
    samples: Samples
    state: str = _READY
    """Of `/readyz`: `ok`, `loading`, `draining`, or `engines`, of which some cannot be reached."""
    engines_down: Sequence[str] = ()
    is_alive: bool = True
    """Of `/healthz`."""


class SessionCounts(Struct, frozen=True, kw_only=True):
    """Sessions, and clients that got none."""

    open: int
    opened: Mapping[str, int]
    closed: Mapping[str, int]
    turned_away: Mapping[str, int]


class EngineStatus(Struct, frozen=True, kw_only=True):
    """The calls of one kind of engine."""

    running: int
    failures: int
    calls: CountedDelays
    recent: CountedDelays


class MemoryStatus(Struct, frozen=True, kw_only=True):
    """What sessions and client secrets hold, and how often something was refused."""

    held_bytes: Mapping[str, int]
    refused: Mapping[str, int]


class CallStatus(Struct, frozen=True, kw_only=True):
    """Calls over WebRTC that have ended."""

    connected: int
    never_connected: int
    lost_packets: float | None
    """The share that was lost; None: no packet came."""
    concealed_s: float
    round_trip: CountedDelays


class OwnerStatus(Struct, frozen=True, kw_only=True):
    """One caller that has a name or a key."""

    open: int
    opened: int
    turned_away: int
    responses: int


class ServerStatus(Struct, frozen=True, kw_only=True):
    """All of it. Rates are per second, over the last `over_s` seconds, and so are what is called recent."""

    url: str
    state: str
    """`ok`, or why it takes no sessions: see `Look`."""
    is_alive: bool
    engines_down: Sequence[str]
    counting_s: float | None
    """For how long the figures have been counted: since the start of the server."""
    workers_ready: int | None
    """None: the server is one process."""
    worker_restarts: int | None
    over_s: float
    sessions: SessionCounts
    responses: Mapping[str, int]
    errors: Mapping[str, int]
    illegal_transitions: int
    rates: Mapping[str, float]
    latency: Mapping[str, CountedDelays]
    latency_recent: Mapping[str, CountedDelays]
    engines: Mapping[str, EngineStatus]
    memory: MemoryStatus
    calls: CallStatus
    owners: Mapping[str, OwnerStatus]

    @property
    def is_ready(self) -> bool:
        """Whether it takes sessions."""
        return self.state == _READY

    @classmethod
    def between(cls, before: Look, now: Look, *, url: str) -> ServerStatus:
        """The status now. Raises ValueError: a histogram is none."""
        samples, over_s = now.samples, max(0.0, now.at_s - before.at_s)
        packets = _counts(samples, "duologue_call_packets_total", "fate")
        calls = _counts(samples, "duologue_calls_total", "connected")
        n_packets = sum(packets.values())
        return cls(
            url=url,
            state=now.state,
            is_alive=now.is_alive,
            engines_down=tuple(now.engines_down),
            counting_s=_counting_s(now),
            workers_ready=_optional(samples, "duologue_workers"),
            worker_restarts=_optional(samples, "duologue_worker_restarts_total"),
            over_s=round(over_s, 3),
            sessions=SessionCounts(
                open=int(_total(samples, "duologue_sessions_open")),
                opened=_counts(samples, "duologue_sessions_total", "kind"),
                closed=_counts(samples, "duologue_sessions_closed_total", "code"),
                turned_away=_counts(samples, "duologue_turned_away_total", "reason"),
            ),
            responses=_counts(samples, "duologue_responses_total", "status"),
            errors=_counts(samples, "duologue_errors_total", "code"),
            illegal_transitions=int(_total(samples, "duologue_illegal_transitions_total")),
            rates={name: _rate(before.samples, samples, metric, over_s) for name, metric in _RATES.items()},
            latency=_delays(samples, {}, "duologue_latency_seconds"),
            latency_recent=_delays(samples, before.samples, "duologue_latency_seconds"),
            engines=_engines(samples, before.samples),
            memory=MemoryStatus(
                held_bytes=_counts(samples, "duologue_held_bytes", "kind"),
                refused=_counts(samples, "duologue_over_budget_total", "reason"),
            ),
            calls=CallStatus(
                connected=calls.get("yes", 0),
                never_connected=calls.get("no", 0),
                lost_packets=packets.get("lost", 0) / n_packets if n_packets else None,
                concealed_s=_total(samples, "duologue_call_concealed_seconds_total"),
                round_trip=histogram_of(samples, "duologue_call_round_trip_seconds").delays(),
            ),
            owners=_owners(samples),
        )


_RATES: Mapping[str, str] = {
    "sessions": "duologue_sessions_total",
    "turned_away": "duologue_turned_away_total",
    "responses": "duologue_responses_total",
    "errors": "duologue_errors_total",
    "received_bytes": "duologue_received_bytes_total",
    "sent_bytes": "duologue_sent_bytes_total",
    "audio_in_seconds": "duologue_audio_in_seconds_total",
    "audio_out_seconds": "duologue_audio_out_seconds_total",
}


def _total(samples: Samples, name: str) -> float:
    return sum(samples.get(name, {}).values())


def _optional(samples: Samples, name: str) -> int | None:
    return int(_total(samples, name)) if name in samples else None


def _counts(samples: Samples, name: str, label: str) -> dict[str, int]:
    """By the value of a label, the largest first."""
    counts: dict[str, int] = {}
    for labels, value in samples.get(name, {}).items():
        key = dict(labels).get(label, "")
        counts[key] = counts.get(key, 0) + int(value)
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def _rate(before: Samples, now: Samples, name: str, over_s: float) -> float:
    past, value = _total(before, name), _total(now, name)
    grown = value - past if value >= past else value  # it has begun to count anew
    return round(grown / over_s, 4) if over_s else 0.0


def _counting_s(now: Look) -> float | None:
    created = [value for name in now.samples if name.endswith("_created") for value in now.samples[name].values()]
    return round(max(0.0, now.unix_s - min(created)), 1) if created else None


def _delays(samples: Samples, before: Samples, name: str) -> dict[str, CountedDelays]:
    stages = sorted({dict(labels).get("stage", "") for labels in samples.get(f"{name}_count", {})})
    return {
        stage: histogram_of(samples, name, stage=stage).since(histogram_of(before, name, stage=stage)).delays()
        for stage in stages
    }


def _engines(samples: Samples, before: Samples) -> dict[str, EngineStatus]:
    running = _counts(samples, "duologue_engine_calls", "stage")
    failures = _counts(samples, "duologue_engine_failures_total", "stage")
    recent = _delays(samples, before, "duologue_engine_seconds")
    return {
        stage: EngineStatus(
            running=running.get(stage, 0), failures=failures.get(stage, 0), calls=calls, recent=recent[stage]
        )
        for stage, calls in _delays(samples, {}, "duologue_engine_seconds").items()
    }


def _owners(samples: Samples) -> dict[str, OwnerStatus]:
    """Those with most open sessions first."""
    open_now = _counts(samples, "duologue_owner_sessions_open", "owner")
    opened = _counts(samples, "duologue_owner_sessions_total", "owner")
    turned_away = _counts(samples, "duologue_owner_turned_away_total", "owner")
    responses = _counts(samples, "duologue_owner_responses_total", "owner")
    return {
        owner: OwnerStatus(
            open=count,
            opened=opened.get(owner, 0),
            turned_away=turned_away.get(owner, 0),
            responses=responses.get(owner, 0),
        )
        for owner, count in open_now.items()
    }
