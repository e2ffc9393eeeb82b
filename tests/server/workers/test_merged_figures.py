from __future__ import annotations

from itertools import pairwise

from prometheus_client.parser import text_string_to_metric_families

from duologue.server.telemetry.metrics import Metrics
from duologue.server.workers.merged_figures import MergedFigures, families_of


def values(merged: MergedFigures) -> dict[tuple[str, str], float]:
    """By the name of a line and its labels."""
    page, _ = merged.page()
    return {
        (each.name, ",".join(f"{name}={value}" for name, value in sorted(each.labels.items()))): each.value
        for family in text_string_to_metric_families(page.decode())
        for each in family.samples
    }


def worker(*, opened: int, closed: int = 0, latency_s: float | None = None) -> Metrics:
    metrics = Metrics()
    sessions = [metrics.opened(f"sess_{number}", kind="realtime") for number in range(opened)]
    for each in sessions[:closed]:
        each.closed(1000)
    metrics.totals.received_bytes += 10 * opened
    if latency_s is not None:
        metrics.histograms["latency_seconds"].labels("audio").observe(latency_s)
    return metrics


def test_counters_gauges_and_histograms_are_summed() -> None:
    merged = MergedFigures()
    merged.report(1, families_of(worker(opened=3, closed=1, latency_s=0.02).registry))
    merged.report(2, families_of(worker(opened=4, latency_s=0.3).registry))
    found = values(merged)
    assert found["duologue_sessions_open", ""] == 6
    assert found["duologue_sessions_total", "kind=realtime"] == 7
    assert found["duologue_sessions_closed_total", "code=1000"] == 1
    assert found["duologue_received_bytes_total", ""] == 70
    assert found["duologue_latency_seconds_count", "stage=audio"] == 2
    assert found["duologue_latency_seconds_bucket", "le=0.025,stage=audio"] == 1
    assert found["duologue_latency_seconds_bucket", "le=+Inf,stage=audio"] == 2


def test_when_a_worker_dies_no_counter_falls_and_its_sessions_are_closed_with_1006() -> None:
    merged = MergedFigures()
    merged.report(1, families_of(worker(opened=3, closed=1, latency_s=0.02).registry))
    merged.report(2, families_of(worker(opened=4).registry))
    pages = [values(merged)]
    merged.gone(1, cut_sessions=2)
    merged.restarted()
    pages.append(values(merged))
    merged.report(3, families_of(worker(opened=1).registry))
    pages.append(values(merged))
    merged.gone(3, cut_sessions=1)
    pages.append(values(merged))
    for before, after in pairwise(pages):
        for line, value in before.items():
            is_gauge = line[0] in ("duologue_sessions_open", "duologue_held_bytes", "duologue_workers")
            assert is_gauge or line[0].endswith("_created") or after[line] >= value, line
    last = pages[-1]
    assert last["duologue_sessions_open", ""] == 4
    assert last["duologue_sessions_total", "kind=realtime"] == 8
    assert last["duologue_sessions_closed_total", "code=1006"] == 3
    assert last["duologue_worker_restarts_total", ""] == 1


def test_before_any_worker_has_reported_there_is_a_page_all_the_same() -> None:
    merged = MergedFigures()
    merged.workers_ready = 2
    merged.gone(1, cut_sessions=1)
    found = values(merged)
    assert (found["duologue_workers", ""], found["duologue_sessions_closed_total", "code=1006"]) == (2, 1)
