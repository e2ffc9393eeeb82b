"""The metrics of all workers as one page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from duologue.server.workers.messages import Family

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Metric

__all__ = ["MergedFigures", "families_of"]

_CLOSED: Final = "duologue_sessions_closed"
_RESTARTS: Final = "duologue_worker_restarts"
_WORKERS: Final = "duologue_workers"
_ABNORMAL: Final = (("code", "1006"),)
"""The code of a connection that ended without a close frame: RFC 6455, section 7.1.5."""

_Labels = tuple[tuple[str, str], ...]


def families_of(registry: CollectorRegistry) -> tuple[Family, ...]:
    """The metrics of a process, as they are sent."""
    return tuple(
        (
            metric.name,
            metric.type,
            metric.documentation,
            tuple((each.name, tuple(sorted(each.labels.items())), float(each.value)) for each in metric.samples),
        )
        for metric in registry.collect()
    )


class MergedFigures:
    """Sums the metrics of workers. Counters and histograms of a worker that has died stay in the sum as they were last
    reported, so that none falls; its gauges end with it."""

    def __init__(self) -> None:
        self._reported: dict[int, tuple[Family, ...]] = {}
        self._past: dict[tuple[str, _Labels], float] = {}
        self._kinds: dict[str, tuple[str, str]] = {}
        self._restarts = 0
        self.workers_ready = 0

    def report(self, worker: int, families: tuple[Family, ...]) -> None:
        """The metrics of a worker."""
        self._reported[worker] = families
        for name, kind, meaning, _ in families:
            self._kinds[name] = kind, meaning

    def restarted(self) -> None:
        """A worker is started in place of one that has died."""
        self._restarts += 1

    def gone(self, worker: int, *, cut_sessions: int) -> None:
        """A worker has ended, and with it so many sessions that were open: counted as closed with 1006."""
        for _, kind, _, samples in self._reported.pop(worker, ()):
            if kind == "gauge":
                continue
            for sample, labels, value in samples:
                _add(self._past, sample, labels, value)
        if cut_sessions:
            self._kinds.setdefault(_CLOSED, ("counter", "Sessions that ended, by the WebSocket's close code."))
            _add(self._past, f"{_CLOSED}_total", _ABNORMAL, cut_sessions)

    def page(self) -> tuple[bytes, str]:
        """All metrics in the text format of Prometheus, and its content type."""
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

        registry = CollectorRegistry()
        registry.register(self)
        return generate_latest(registry), CONTENT_TYPE_LATEST

    def collect(self) -> Iterable[Metric]:
        """The sums, as metrics of the library."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
        from prometheus_client.metrics_core import Metric

        sums = dict(self._past)
        for families in self._reported.values():
            for _, _, _, samples in families:
                for sample, labels, value in samples:
                    _add(sums, sample, labels, value)
        by_family: dict[str, list[tuple[str, _Labels, float]]] = {name: [] for name in self._kinds}
        for (sample, labels), value in sums.items():
            by_family[self._family_of(sample)].append((sample, labels, value))
        for name, lines in by_family.items():
            kind, meaning = self._kinds[name]
            metric = Metric(name, meaning, kind)
            for sample, labels, value in lines:
                metric.add_sample(sample, dict(labels), value)
            yield metric
        restarts = "Workers that were started in place of one that had died."
        yield CounterMetricFamily(_RESTARTS, restarts, value=self._restarts)
        yield GaugeMetricFamily(_WORKERS, "Workers that take new connections.", value=self.workers_ready)

    def _family_of(self, sample: str) -> str:
        """The metric of a sample: its name without the ending that the text format gives it."""
        name = sample
        while name not in self._kinds:
            name, mark, _ = name.rpartition("_")
            if not mark:
                raise KeyError(sample)
        return name


def _add(sums: dict[tuple[str, _Labels], float], sample: str, labels: _Labels, value: float) -> None:
    before = sums.get((sample, labels))
    if before is None:
        sums[sample, labels] = value
    elif sample.endswith("_created"):
        sums[sample, labels] = min(before, value)  # when a counter began, in Unix seconds
    else:
        sums[sample, labels] = before + value
