"""Metrics for Prometheus, in a registry of their own."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from duologue.clock import loop_time
from duologue.errors import MissingExtra
from duologue.events import (
    ErrorEvent,
    InputAudioBufferCommittedEvent,
    InputAudioTranscriptionCompletedEvent,
    ResponseAudioDeltaEvent,
    ResponseAudioTranscriptDeltaEvent,
    ResponseCreatedEvent,
    ResponseDoneEvent,
    ResponseTextDeltaEvent,
    TranslationErrorEvent,
)
from duologue.events.live import LiveErrorEvent
from duologue.server.budget import Budget
from duologue.server.telemetry.observer import NullSessionObserver, ObservedEvent, Stage
from duologue.server.telemetry.owner_figures import OWNER_METRICS, OwnerFigures
from duologue.transports.webrtc.peer import PeerFigures

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Metric

__all__ = ["METRICS", "Metrics"]

METRICS: Final[dict[str, tuple[str, tuple[str, ...], str]]] = {
    "duologue_sessions_open": ("gauge", (), "Sessions that are open."),
    "duologue_sessions": ("counter", ("kind",), "Sessions that were opened."),
    "duologue_sessions_closed": ("counter", ("code",), "Sessions that ended, by the WebSocket's close code."),
    "duologue_turned_away": (
        "counter",
        ("reason",),
        "Clients that were turned away, and connections that a limit has ended.",
    ),
    "duologue_responses": ("counter", ("status",), "Responses that ended."),
    "duologue_errors": ("counter", ("code",), "Error events that were sent."),
    "duologue_received_bytes": ("total", (), "Messages from clients."),
    "duologue_sent_bytes": ("total", (), "Messages to clients."),
    "duologue_audio_in_seconds": ("total", (), "Audio that clients sent."),
    "duologue_audio_out_seconds": ("total", (), "Speech that was made for clients."),
    "duologue_calls": (
        "counter",
        ("connected",),
        "Calls over WebRTC that ended; those that never connected were answered, and no media came.",
    ),
    "duologue_call_packets": (
        "counter",
        ("fate",),
        "Packets of callers' sound, received and lost.",
    ),
    "duologue_call_concealed_seconds": ("counter", (), "Sound that was invented for packets that were lost or late."),
    "duologue_call_round_trip_seconds": ("histogram", (), "To callers and back, as measured at the end of a call."),
    "duologue_held_bytes": (
        "held gauge",
        ("kind",),
        "Memory that sessions and client secrets hold, by what it is for.",
    ),
    "duologue_over_budget": ("held counter", ("reason",), "What was not taken because it would be too much memory."),
    "duologue_latency_seconds": (
        "histogram",
        ("stage",),
        "From the end of the user's turn to the transcript, the first text and the first audio.",
    ),
    "duologue_engine_calls": ("gauge", ("stage",), "Calls of engines that run or wait for a thread: the queue."),
    "duologue_engine_seconds": ("histogram", ("stage",), "Length of an engine's calls."),
    "duologue_engine_failures": ("counter", ("stage",), "Calls of engines that failed."),
    **OWNER_METRICS,
    "duologue_illegal_transitions": (
        "counter",
        ("table",),
        "Transitions that the protocol's tables do not have: faults of duologue, to be reported.",
    ),
}
"""Every metric: its kind, its labels, and what it counts. Counters end in `_total` in `/metrics`.

A "total" is a counter that changes with every message; the library's own counters take a lock each time. "held" metrics
are read from the server's budget at each scrape.
"""

_CONCEALED_HZ: Final = 48_000

_BUCKETS_S: Final = (0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.2, 2.0, 5.0, 15.0, 60.0)
"""Finest between 0.2 s, a pause of people, and 0.8 s, a pause that disturbs a conversation."""

_ANSWERED: Final = frozenset({"text", "audio"})
_SPOKEN: Final = _ANSWERED | {"transcript"}
"""Stages that are measured after a turn without speech, and after one with speech."""

_REPORTED: Final = frozenset(
    {
        ErrorEvent,
        InputAudioBufferCommittedEvent,
        InputAudioTranscriptionCompletedEvent,
        LiveErrorEvent,
        ResponseAudioDeltaEvent,
        ResponseAudioTranscriptDeltaEvent,
        ResponseCreatedEvent,
        ResponseDoneEvent,
        ResponseTextDeltaEvent,
        TranslationErrorEvent,
    }
)
"""Events that change a metric."""


class Metrics:
    """Counts the events of all sessions.

    Raises:
        MissingExtra: prometheus-client is not installed.
    """

    def __init__(self, *, clock: Callable[[], float] = loop_time, budget: Budget | None = None) -> None:
        try:
            from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
        except ImportError as fault:
            raise MissingExtra("prometheus-client", extra="server") from fault
        self.registry: CollectorRegistry = CollectorRegistry()
        self.clock = clock
        self.counters: dict[str, Counter] = {}
        self.gauges: dict[str, Gauge] = {}
        self.histograms: dict[str, Histogram] = {}
        self.totals: _Totals = _Totals()
        self.registry.register(self.totals)
        self.owners: OwnerFigures = OwnerFigures()
        self.registry.register(self.owners)
        self.registry.register(_Held(budget or Budget(max_bytes=0, max_owner_bytes=0)))
        for name, (kind, labels, meaning) in METRICS.items():
            short = name.removeprefix("duologue_")
            match kind:
                case "counter":
                    self.counters[short] = Counter(name, meaning, labels, registry=self.registry)
                case "gauge":
                    self.gauges[short] = Gauge(name, meaning, labels, registry=self.registry)
                case "histogram":
                    buckets = _BUCKETS_S
                    self.histograms[short] = Histogram(name, meaning, labels, buckets=buckets, registry=self.registry)
                case "total":
                    assert hasattr(self.totals, short), short
                case _:
                    pass  # read from the budget, or the figures of callers, at each scrape

    def opened(self, session_id: str, *, kind: str) -> _Session:
        """Counts a session and its events."""
        self.gauges["sessions_open"].inc()
        self.counters["sessions"].labels(kind).inc()
        return _Session(self)

    def turned_away(self, reason: str) -> None:
        """Counts a rejected client, or a connection that a limit has ended."""
        self.counters["turned_away"].labels(reason).inc()

    def call_ended(self, figures: PeerFigures | None) -> None:
        """Counts a call over WebRTC, whose session is counted like all; None: it never connected."""
        self.counters["calls"].labels("no" if figures is None else "yes").inc()
        if figures is None:
            return
        for fate, packets in (("received", figures.received_packets), ("lost", figures.lost_packets)):
            # Packets that came twice make the count of lost ones negative: RFC 3550, section 6.4.1.
            self.counters["call_packets"].labels(fate).inc(max(0, packets or 0))
        self.counters["call_concealed_seconds"].inc((figures.concealed_samples or 0) / _CONCEALED_HZ)
        if figures.round_trip_ms is not None:
            self.histograms["call_round_trip_seconds"].observe(figures.round_trip_ms / 1000)

    def page(self) -> tuple[bytes, str]:
        """All metrics in the text format of Prometheus, and its content type."""
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        return generate_latest(self.registry), CONTENT_TYPE_LATEST


class _Totals:
    """Sums that change with every message, on one thread."""

    __slots__ = ("audio_in_seconds", "audio_out_seconds", "received_bytes", "sent_bytes")

    def __init__(self) -> None:
        self.received_bytes: int = 0
        self.sent_bytes: int = 0
        self.audio_in_seconds: float = 0.0
        self.audio_out_seconds: float = 0.0

    def collect(self) -> Iterable[Metric]:
        """The sums as counters of the library."""
        from prometheus_client.core import CounterMetricFamily

        for name, (kind, _, meaning) in METRICS.items():
            if kind == "total":
                yield CounterMetricFamily(name, meaning, value=getattr(self, name.removeprefix("duologue_")))


class _Held:
    """The memory of all sessions, as metrics of the library."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget

    def collect(self) -> Iterable[Metric]:
        """Bytes by kind, and rejections by reason."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        for name, (kind, labels, meaning) in METRICS.items():
            if kind == "held gauge":
                held = GaugeMetricFamily(name, meaning, labels=labels)
                for what, n_bytes in self._budget.held.items():
                    held.add_metric([what], n_bytes)
                yield held
            elif kind == "held counter":
                rejected = CounterMetricFamily(name, meaning, labels=labels)
                for reason, count in self._budget.rejected.items():
                    rejected.add_metric([reason], count)
                yield rejected


class _Session(NullSessionObserver):
    """Counts one session."""

    __slots__ = ("_input_ms", "_metrics", "_turn", "_turn_item_id", "_waited_for")

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._input_ms = 0
        self._turn = 0.0
        self._turn_item_id = ""
        self._waited_for: frozenset[str] = frozenset()

    def received(self, n_bytes: int, input_ms: int) -> None:
        """Counts bytes and audio. `input_ms` starts again at 0 with a new input format."""
        totals = self._metrics.totals
        totals.received_bytes += n_bytes
        if input_ms != self._input_ms:
            totals.audio_in_seconds += max(0, input_ms - self._input_ms) / 1000
            self._input_ms = input_ms

    def sent(self, event: ObservedEvent, n_bytes: int) -> None:
        """Counts bytes, responses and errors, and measures latencies."""
        self._metrics.totals.sent_bytes += n_bytes
        if type(event) in _REPORTED:
            self._record(event)

    def _record(self, event: ObservedEvent) -> None:
        counters = self._metrics.counters
        match event:
            case ResponseAudioDeltaEvent():
                self._reached("audio")
            case ResponseTextDeltaEvent() | ResponseAudioTranscriptDeltaEvent():
                self._reached("text")
            case InputAudioTranscriptionCompletedEvent():
                if event.item_id == self._turn_item_id:
                    self._reached("transcript")
            case InputAudioBufferCommittedEvent():
                self._turn, self._turn_item_id = self._metrics.clock(), event.item_id
                self._waited_for = _SPOKEN
            case ResponseCreatedEvent():
                if not self._waited_for & _ANSWERED:
                    # A turn without speech: typed, or requested by the client.
                    self._turn, self._turn_item_id = self._metrics.clock(), ""
                    self._waited_for = _ANSWERED
            case ResponseDoneEvent():
                counters["responses"].labels(str(event.response.status)).inc()
                self._waited_for -= _ANSWERED
            case ErrorEvent() | LiveErrorEvent() | TranslationErrorEvent():
                counters["errors"].labels(str(event.error.code or event.error.type)).inc()
            case _:
                return

    def _reached(self, stage: str) -> None:
        if stage in self._waited_for:
            self._waited_for -= {stage}
            self._metrics.histograms["latency_seconds"].labels(stage).observe(self._metrics.clock() - self._turn)

    def spoke(self, audio_s: float) -> None:
        """Counts synthesized speech."""
        self._metrics.totals.audio_out_seconds += audio_s

    def illegal_transition(self, table: str) -> None:
        """Counts a fault of this library."""
        self._metrics.counters["illegal_transitions"].labels(table).inc()

    @contextmanager
    def engine_call(self, stage: Stage) -> Generator[None, None, None]:
        """Counts a call, its duration and its failure."""
        metrics = self._metrics
        waiting = metrics.gauges["engine_calls"].labels(stage)
        waiting.inc()
        began = metrics.clock()
        try:
            yield
        except Exception:
            metrics.counters["engine_failures"].labels(stage).inc()
            raise
        finally:
            waiting.dec()
            metrics.histograms["engine_seconds"].labels(stage).observe(metrics.clock() - began)

    def closed(self, code: int) -> None:
        """Counts the end of the session."""
        self._metrics.gauges["sessions_open"].dec()
        self._metrics.counters["sessions_closed"].labels(str(code)).inc()
